#!/usr/bin/env python3
"""Every request table the reference recorded is reproduced to the byte: its examples and its two benchmarks."""
from shared_data import Bench, differences

SHARED_CPU = ["--enable-prefix-sharing", "--prefix-storage", "CPU"]
# recording: (cluster config, options beyond the common ones)
EXAMPLES = {
    "single_run": ("single_node_single_instance", []),
    "multi_run": ("single_node_multi_instance", []),
    "pd_run": ("single_node_pd_instance", []),
    "cxl_run": ("single_node_cxl_instance", []),
    "prefix_cpu_mem_pool_run": ("single_node_multi_instance", SHARED_CPU),
    "dual_prefix_cpu_mem_pool_run": ("dual_node_multi_instance", SHARED_CPU),
    "power_run": ("single_node_power_instance", ["--log-interval", "0.1"]),
    "pim_run": ("single_node_pim_instance", ["--enable-attn-offloading"]),
    "pim_sub_batch_run": ("single_node_pim_instance", ["--enable-attn-offloading", "--enable-sub-batch-interleaving"]),
    "pp_run": ("single_node_pp_instance", []),
    "tp_pp_run": ("single_node_tp_pp_instance", []),
    "moe_run": ("single_node_moe_single_instance", []),
    "moe_pp_run": ("single_node_moe_pp_instance", []),
    "dp_run": ("single_node_dp_instance", []),
    "moe_dp_tp_run": ("single_node_moe_dp_tp_instance", []),
    "moe_dp_pp_run": ("single_node_moe_dp_pp_instance", []),
    "moe_dp_tp_pp_run": ("single_node_moe_dp_tp_pp_instance", []),
    "dual_moe_dp_ep_run": ("dual_node_moe_dp_ep_intra_inter_instance", []),
}
NOT_RUNNABLE = {"moe_dp_ep_run": "its agentic trace was not published with the recording"}
BENCHMARKS = {"Llama-3.1-8B": "sharegpt-llama-3.1-8b-300-sps10", "Qwen3-32B": "sharegpt-qwen3-32b-300-sps10"}
COMMON = ["--fidelity", "reference", "--standby-unit", "s", "--dtype", "bfloat16", "--block-size", "16"]


def compare(bench, name, expected, cluster, dataset, options):
    try:
        table, _ = bench.run(cluster, dataset, *COMMON, *options)
        bench.case(name, differences(table, expected.read_bytes()))
    except RuntimeError as error:
        bench.case(name, [str(error)])


def main():
    bench = Bench()
    for path in sorted((bench.data / "expected/examples").glob("example_*.csv")):
        name = path.stem.removeprefix("example_")
        if name in NOT_RUNNABLE:
            print(f"{'':7}{name}  not runnable: {NOT_RUNNABLE[name]}")
        elif name not in EXAMPLES:
            bench.case(name, ["no command line is known for this recording"])
        else:
            cluster, options = EXAMPLES[name]
            compare(bench, name, path, bench.data / f"cluster/{cluster}.json",
                    bench.data / "workloads/example_trace.jsonl", ["--num-reqs", "10", *options])
    for model, trace in BENCHMARKS.items():
        folder = bench.data / "expected/bench/RTXPRO6000" / model
        compare(bench, f"bench {model}", folder / "sim.csv", folder / "cluster.json",
                bench.data / f"workloads/{trace}.jsonl", ["--max-num-seqs", "128", "--max-num-batched-tokens", "2048"])
    bench.finish()


main()
