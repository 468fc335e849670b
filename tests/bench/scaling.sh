#!/usr/bin/env bash
# The numbers of docs/scaling.md, one after the other; run it on an idle machine with two cores or more.
#
#   tests/bench/scaling.sh [BUILD_DIR]      default: build/release
#
# Wall times and, where other load would spoil those, processor times. About five minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build/release}")
wattsweep=$build/bin/wattsweep
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
launch=(mpirun --allow-run-as-root --bind-to none --oversubscribe --enable-recovery)
spec=tests/bench/hundred_thousand.json

# timed NAME COMMAND...: its wall and processor time.
timed() {
    local name=$1
    shift
    /usr/bin/time -f "$name wall_s=%e user_s=%U sys_s=%S max_rss_kb=%M" "$@" 2>"$work/err" >"$work/out" || {
        cat "$work/err"
        exit 1
    }
    grep -E "messages_per_job" "$work/err" || true
    tail -n 1 "$work/err"
}

echo "== empty jobs through rank 0 into the file"
for n_jobs in 10000 100000 1000000; do
    "$build/tests/bench_dispatch" "$n_jobs" "$work/dispatch.h5"
    rm -f "$work/dispatch.h5"
done
echo "== rows with 20 samples of every series through the store"
"$build/tests/bench_store" 50000 20 "$work/store.h5"
echo "== planning a million points"
cat >"$work/million.json" <<JSON
{ "cluster": "$PWD/configs/cluster/single_node_power_instance.json",
  "parameters": { "max_num_seqs": { "range": [1, 1000, 1] }, "max_num_batched_tokens": { "range": [1024, 2023, 1] } },
  "constraints": ["max_num_batched_tokens >= max_num_seqs"] }
JSON
timed plan_1000000 "$wattsweep" plan "$work/million.json"
echo "== 4,000 real points on one rank and on two, three times in turn"
for _ in 1 2 3; do
    timed one_rank "$wattsweep" run "$spec" -o "$work/one.h5" --overwrite --slice 1/25
    timed two_ranks "${launch[@]}" -n 2 "$wattsweep" run "$spec" -o "$work/two.h5" --overwrite --slice 1/25 -v
done
echo "== 64 ranks on this machine"
timed many_ranks "${launch[@]}" -n 64 "$wattsweep" run "$spec" -o "$work/many.h5" --overwrite --slice 1/50 -v
echo "== memory of the ranks of a node"
tests/bench/rank_memory.py --wattsweep "$wattsweep" --ranks 2,16,64
