#!/usr/bin/python3
"""Memory of the ranks of a running sweep, and how long it takes to set up.

    tests/bench/rank_memory.py [--ranks 2,16,64] [--wattsweep PROGRAM] [--requests N] [-- OPTION ...]

Writes a dataset with token ids (N requests; 4 kB of text each) and a sweep over it to a scratch folder, runs it on so many
ranks of this machine and, while it runs, reads /proc/PID/smaps_rollup of every rank. PSS counts a page that k processes
share as 1/k in each, so the sum over ranks is what the node pays. first_done_s: from the
start of mpirun until the progress file tells of a finished job. Options after -- go to `wattsweep run`.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KB_PER_MB = 1024.0


def write_inputs(folder, n_requests):
    draw = random.Random(1)
    with open(os.path.join(folder, "ids.jsonl"), "w") as out:
        for i in range(n_requests):
            ids = [draw.randrange(128000) for _ in range(600)]
            out.write(json.dumps({"input_toks": 500, "output_toks": 100, "arrival_time_ns": i * 50_000_000,
                                  "input_tok_ids": ids[:500], "output_tok_ids": ids[500:]}) + "\n")
    spec = {"cluster": os.path.join(ROOT, "configs/cluster/single_node_power_instance.json"),
            "workload": {"dataset": "ids.jsonl"},
            "options": {"dtype": "bfloat16", "block_size": 16},
            "parameters": {"max_num_seqs": {"range": [1, 100000, 1]}},
            "outputs": {"timeseries": False}}
    path = os.path.join(folder, "memory.json")
    with open(path, "w") as out:
        json.dump(spec, out)
    return path


def rank_pids(mpirun_pid):
    """PIDs of all ranks: children of mpirun, whichever of its threads started them."""
    pids = []
    for task in os.listdir(f"/proc/{mpirun_pid}/task"):
        with open(f"/proc/{mpirun_pid}/task/{task}/children") as children:
            pids += [int(pid) for pid in children.read().split()]
    return sorted(pids)


def rollup_mb(pid):
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            found = re.match(r"(\w+):\s+(\d+) kB", line)
            if found:
                fields[found.group(1)] = int(found.group(2)) / KB_PER_MB
    return fields


def wait_until_running(mpirun, progress_path, limit_s):
    """Until the progress file, written twice a second, tells of a finished job."""
    begin = time.monotonic()
    while time.monotonic() - begin < limit_s:
        if mpirun.poll() is not None:
            sys.exit(f"the sweep ended early: exit {mpirun.returncode}")
        if os.path.exists(progress_path):
            with open(progress_path) as progress:
                if json.load(progress)["n_done"] > 0:
                    return time.monotonic() - begin
        time.sleep(0.02)
    sys.exit("no job was done in time")


def measure(args, spec, folder, n_ranks):
    progress = os.path.join(folder, f"progress{n_ranks}.jsonl")
    command = ["mpirun", "--allow-run-as-root", "-n", str(n_ranks), "--bind-to", "none", "--oversubscribe",
               "--enable-recovery", args.wattsweep, "run", spec, "-o", os.path.join(folder, f"m{n_ranks}.h5"),
               "--overwrite", "--quiet", "--progress-json", progress] + args.options
    mpirun = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    setup_s = wait_until_running(mpirun, progress, 600.0)
    time.sleep(args.settle)
    rows = [rollup_mb(pid) for pid in rank_pids(mpirun.pid)]
    mpirun.terminate()
    mpirun.wait()
    pss = [row["Pss"] for row in rows]
    print(f"ranks={len(rows)} first_done_s={setup_s:.2f} rank0_pss_mb={pss[0]:.1f} "
          f"worker_pss_mb={sum(pss[1:]) / max(1, len(pss) - 1):.1f} "
          f"worker_rss_mb={sum(row['Rss'] for row in rows[1:]) / max(1, len(rows) - 1):.1f} "
          f"node_mb={sum(pss):.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="2,16,64")
    parser.add_argument("--wattsweep", default=os.path.join(ROOT, "build/release/bin/wattsweep"))
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--settle", type=float, default=2.0, help="seconds between the first job done and the reading")
    parser.add_argument("options", nargs="*")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="wattsweep-memory-")
    try:
        spec = write_inputs(folder, args.requests)
        print(f"dataset_mb={os.path.getsize(os.path.join(folder, 'ids.jsonl')) / 1e6:.1f}")
        for n_ranks in args.ranks.split(","):
            measure(args, spec, folder, int(n_ranks))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
