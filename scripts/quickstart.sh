#!/usr/bin/env bash
# From a fresh clone to results: install what is missing, build, simulate one cluster, sweep over its settings on all
# cores, and show the best points. Can be run again; each run starts with fresh outputs.
#
# usage: scripts/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."

sweep_file=outputs/power_tradeoff.h5

run() {
    printf '\n+ %s\n' "$*"
    "$@"
}

scripts/bootstrap.sh
run cmake --preset release
run cmake --build --preset release --target wattsim wattsweep wattprof # not the tests, which are most of what can be built

run build/release/bin/wattsim --cluster-config configs/cluster/single_node_power_instance.json --dtype float16 \
    --block-size 16 --dataset workloads/example_trace.jsonl --output outputs/power_run.csv --log-interval 1.0

# --bind-to none: rank 0 runs several threads.
# --oversubscribe: nproc counts hardware threads, Open MPI counts cores.
launch=(mpirun -n "$(nproc)" --bind-to none --oversubscribe)
if [ "$(id -u)" -eq 0 ]; then
    launch+=(--allow-run-as-root)
fi
run "${launch[@]}" build/release/bin/wattsweep run configs/sweeps/power_tradeoff.json -o "$sweep_file" --overwrite
run build/release/bin/wattsweep top "$sweep_file"

printf '\nThe sweep is in %s\n' "$PWD/$sweep_file"
