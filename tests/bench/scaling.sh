#!/usr/bin/env bash
# The numbers of docs/scaling.md in the order of the page; run it on an idle machine with two cores or more.
#
#   tests/bench/scaling.sh [BUILD_DIR]      default: build/release
#
# Wall times and, where other load would spoil those, processor times. Under ten minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build/release}")
wattsweep=$build/bin/wattsweep
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
launch=(mpirun --allow-run-as-root --bind-to none --oversubscribe --enable-recovery)

# timed NAME COMMAND...: its wall and processor time, and what rank 0 says about itself with -v.
timed() {
    local name=$1
    shift
    /usr/bin/time -f "$name wall_s=%e user_s=%U sys_s=%S max_rss_kb=%M" "$@" 2>"$work/err" >"$work/out" || {
        cat "$work/err"
        exit 1
    }
    grep -E "messages_per_job|coordinator_cpu_s" "$work/err" || true
    tail -n 1 "$work/err"
}

# one_and_two SPEC [OPTION...]: a sweep on one rank and on two, how much faster two are, and what rank 0's coordinator and
# writer took of that, a job and as a share of the time of both ranks.
one_and_two() {
    timed one_rank "$wattsweep" run "$@" -o "$work/one.h5" --overwrite -v | tee "$work/one.txt"
    timed two_ranks "${launch[@]}" -n 2 "$wattsweep" run "$@" -o "$work/two.h5" --overwrite -v | tee "$work/two.txt"
    "$wattsweep" diff "$work/one.h5" "$work/two.h5"
    local n_jobs
    n_jobs=$("$wattsweep" export "$work/one.h5" --columns job | tail -n +2 | wc -l)
    awk -v n="$n_jobs" '
        { for (i = 1; i <= NF; i++) if (split($i, a, "=") == 2) v[FILENAME == ARGV[1] ? 1 : 2, a[1]] = a[2] }
        END {
            cpu_s = v[2, "coordinator_cpu_s"] + v[2, "writer_cpu_s"]
            printf "speedup=%.3f speedup_without_finish=%.3f ms_per_job=%.2f ms_of_rank_0_per_job=%.3f share_of_rank_0=%.4f\n",
                v[1, "wall_s"] / v[2, "wall_s"],
                (v[1, "wall_s"] - v[1, "finish_wall_s"]) / (v[2, "wall_s"] - v[2, "finish_wall_s"]),
                1e3 * (v[1, "wall_s"] - v[1, "finish_wall_s"]) / n, 1e3 * cpu_s / n,
                cpu_s / (2 * (v[2, "wall_s"] - v[2, "finish_wall_s"]))
        }' "$work/one.txt" "$work/two.txt"
}

# utilisation COORDINATOR_US_PER_MESSAGE NS_PER_BYTE WRITER_US_PER_ROW_WITH_SERIES WRITER_US_PER_ROW: the table for many
# ranks, from the formula of the page; rows of 10 and 0.7 kB.
utilisation() {
    awk -v message_s="$1e-6" -v byte_s="$2e-9" -v series_s="$3e-6" -v plain_s="$4e-6" '
        function share(ranks, job_s, row_s, row_bytes,    coordinator, writer, most) {
            coordinator = ranks * (2 * message_s / (job_s > 0.02 ? job_s : 0.02) + byte_s * row_bytes / job_s + 2 * message_s)
            writer = ranks * row_s / job_s
            most = coordinator > writer ? coordinator : writer
            return 100 / (most > 1 ? most : 1)
        }
        BEGIN {
            n = split("0.005 0.05 0.5 5", job_s)
            for (i = 1; i <= n; i++) {
                printf "job_s=%s", job_s[i]
                for (ranks = 100; ranks <= 10000; ranks *= 10)
                    printf "  ranks=%d %.0f%% / %.0f%%", ranks, share(ranks, job_s[i], series_s, 10000), share(ranks, job_s[i], plain_s, 700)
                printf "\n"
            }
        }'
}

# value NAME FILE: of the last name=value in a file.
value() {
    grep -oE "(^| )$1=[0-9.]+" "$2" | tail -n 1 | cut -d= -f2
}

echo "== What one rank 0 does"
echo "-- empty jobs through rank 0 into the file"
for n_jobs in 10000 100000 1000000; do
    "$build/tests/bench_dispatch" "$n_jobs" "$work/dispatch.h5" | tee "$work/dispatch.$n_jobs"
done
echo "-- planning a million points"
cat >"$work/million.json" <<JSON
{ "cluster": "$PWD/configs/cluster/single_node_power_instance.json",
  "parameters": { "max_num_seqs": { "range": [1, 1000, 1] }, "max_num_batched_tokens": { "range": [1024, 2023, 1] } },
  "constraints": ["max_num_batched_tokens >= max_num_seqs"] }
JSON
timed plan_1000000 "$wattsweep" plan "$work/million.json"
echo "-- rows with 20 and 60 samples of every series through the store"
"$build/tests/bench_store" 50000 20 "$work/store.h5"
"$build/tests/bench_store" 50000 60 "$work/store.h5"
echo "-- messages: every job one of its own; then batches of 30 ms"
for n_ranks in 5 17 65; do
    "${launch[@]}" -n "$n_ranks" "$build/tests/bench_dispatch" 20000 "$work/dispatch.h5" 1e-9 | grep n_messages |
        tee "$work/messages.$n_ranks"
done
"${launch[@]}" -n 5 "$build/tests/bench_dispatch" 1000000 "$work/dispatch.h5" | grep n_messages | tee "$work/batches"
rm -f "$work/dispatch.h5"

echo "== Two ranks against one"
echo "-- 100,000 jobs of a millisecond"
one_and_two tests/bench/hundred_thousand.json
writer_us_per_row=$(awk -v s="$(value writer_cpu_s "$work/two.txt")" 'BEGIN { print 1e6 * s / 100000 }')
echo "-- 4,000 jobs of some five milliseconds"
one_and_two tests/bench/five_milliseconds.json
echo "-- the repack alone, of 25,000 rows, on one core and on those there are"
"$wattsweep" run tests/bench/hundred_thousand.json -o "$work/live.h5" --no-repack -q --slice 1/4
for cores in 0 "0-$(($(nproc) - 1))"; do
    cp "$work/live.h5" "$work/repacked.h5"
    timed "repack_on_cores_$cores" taskset -c "$cores" "$wattsweep" recover "$work/repacked.h5"
done

echo "== Memory"
"$build/tests/bench_dispatch" 3000000 "$work/dispatch.h5"
rm -f "$work/dispatch.h5"
echo "-- of the ranks of a node, with 13 MB of requests"
tests/bench/rank_memory.py --wattsweep "$wattsweep" --ranks 2,16,64 --requests 3000

echo "== 10,000 ranks"
message_us=$(value coordinator_us_per_message "$work/messages.17")
byte_ns=$(awk -v all="$(value coordinator_us_per_message "$work/batches")" -v one="$message_us" \
    -v bytes="$(value bytes_per_message "$work/batches")" 'BEGIN { printf "%.2f", 1e3 * (all - one) / bytes }')
row_us=$(value cpu_us_per_job "$work/dispatch.100000")
echo "message_us=$message_us byte_ns=$byte_ns writer_us_per_row=$writer_us_per_row row_us=$row_us"
utilisation "$message_us" "$byte_ns" "$writer_us_per_row" "$row_us"
