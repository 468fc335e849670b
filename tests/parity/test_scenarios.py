#!/usr/bin/env python3
"""Every recorded scenario is reproduced: requests to the byte; clock, tokens, blocks and hits exactly; energies and
series to the rounding they were recorded with. Scenarios are found by themselves: a folder under expected/scenarios."""
import json

from shared_data import Bench, differences, rows

# The reference prints energies with two decimals of a joule, power with two of a watt, throughput with one.
ENERGY_TOLERANCE_J = 0.011
POWER_TOLERANCE_W = 0.011  # a node: the recorded series adds nodes rounded one by one
THROUGHPUT_TOLERANCE_TOK_S = 0.06

# the reference's parts of a node's energy, as sums of our components
ENERGY_PARTS = {
    "base_node_j": ["base"],
    "npu_j": ["npu_active", "npu_standby", "npu_idle"],
    "cpu_j": ["cpu"],
    "memory_j": ["dram", "cxl", "pim"],
    "link_j": ["link"],
    "nic_j": ["nic"],
    "storage_j": ["storage"],
}


def expect(what, got, expected):
    return [] if got == expected else [f"{what}: {got}, expected {expected}"]


def uncounted_tokens(cluster, n_requests):
    """With prefill and decode apart, the reference leaves out the first token of each request; we count it."""
    is_apart = any(i.get("pd_type") == "prefill" for node in cluster["nodes"] for i in node["instances"])
    return n_requests if is_apart else 0


def compare_totals(table, summary, recorded, cluster):
    requests, metrics = rows(table), summary["metrics"]
    n_generated = round(metrics["decode_tok_s"] * metrics["duration_s"]) - uncounted_tokens(cluster, len(requests))
    problems = expect("requests", len(requests), recorded["total_requests"])
    problems += expect("clock, ns", round(summary["sim_duration_s"] * 1e9), recorded["total_clock_ns"])
    problems += expect("prompt tokens", sum(int(r["input"]) for r in requests), recorded["input_tokens"])
    problems += expect("generated tokens", n_generated, recorded["generated_tokens"])
    problems += expect("preemptions", metrics["n_preemptions"], recorded["preemptions"])
    problems += expect("recomputed tokens", metrics["recomputed_tokens"], recorded["recomputed_tokens"])
    problems += expect("KV blocks", [i["kv_blocks"] for i in summary["scenario"]["instances"]],
                       [cache["blocks"] for cache in recorded["kv_cache"]])
    requested = recorded["prefix_requested_tokens"] or 0
    for ours, theirs in (("prefix_hit_share", "npu_prefix_hit_tokens"), ("lower_tier_hit_share", "lower_tier_hit_tokens")):
        problems += expect(theirs, round(metrics[ours] * requested, 6), recorded[theirs] or 0)
    return problems


def compare_energy(summary, recorded):
    nodes = summary.get("energy", {}).get("nodes", [])
    problems = expect("nodes with power", len(nodes), len(recorded.get("nodes", [])))
    for node, expected in zip(nodes, recorded.get("nodes", [])):
        for part, components in ENERGY_PARTS.items():
            got_j = sum(node["components"][c] for c in components)
            if abs(got_j - expected[part]) > ENERGY_TOLERANCE_J:
                problems.append(f"node {node['node']}, {part}: {got_j:.3f}, expected {expected[part]}")
    return problems


def compare_column(what, got, expected, tolerance):
    """Our last interval may be a partial one, which the reference does not print."""
    problems = [] if len(got) - len(expected) in (0, 1) else [f"{what}: {len(got)} intervals, expected {len(expected)}"]
    far = [i for i, (a, b) in enumerate(zip(got, expected)) if abs(a - b) > tolerance]
    if far:
        problems.append(f"{what}: {len(far)} of {len(expected)} differ, first at interval {far[0]}: "
                        f"{got[far[0]]}, expected {expected[far[0]]}")
    return problems


def compare_series(summary, recorded):
    series, pairs = summary["timeseries"], recorded["throughput_prompt_generated_tok_s"]
    problems = compare_column("prompt tok/s", series["prompt_tok_s"], [p for p, _ in pairs], THROUGHPUT_TOLERANCE_TOK_S)
    problems += compare_column("generated tok/s", series["decode_tok_s"], [g for _, g in pairs],
                               THROUGHPUT_TOLERANCE_TOK_S)
    if recorded.get("power_w"):
        problems += compare_column("power, W", series["power_w"], recorded["power_w"],
                                   POWER_TOLERANCE_W * len(recorded["nodes"]))
    return problems


def compare(bench, folder):
    options = json.loads((folder / "args.json").read_text())
    if "--log-interval" not in options:
        options += ["--log-interval", "0.1"]
    recorded = json.loads((folder / "summary.json").read_text())
    cluster = json.loads((folder / "cluster.json").read_text())
    table, summary = bench.run(folder / "cluster.json", folder / "workload.jsonl", "--fidelity", "reference", *options)
    return (differences(table, (folder / "expected.csv").read_bytes()) + compare_totals(table, summary, recorded, cluster)
            + compare_energy(summary, recorded) + compare_series(summary, recorded))


def main():
    bench = Bench()
    for folder in sorted((bench.data / "expected/scenarios").iterdir()):
        try:
            bench.case(folder.name, compare(bench, folder))
        except RuntimeError as error:
            bench.case(folder.name, [str(error)])
    bench.finish()


main()
