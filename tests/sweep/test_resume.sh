#!/usr/bin/env bash
# Resuming with a spec that grew keeps the rows it shares, whatever their numbers are now; one that lost finished rows is
# refused unless told to drop them; a second writer is refused.
. "$(dirname "$0")/lib.sh"

expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o grown.h5 -q
sed 's/\[4, 8, 16\]/[2, 4, 8, 16]/; s/\["18ns", "1s"\]/["1s", "18ns", "2s"]/' "$SPEC_DIR/small.json" >grown.json
expect 0 on_ranks 2 run grown.json -o grown.h5 --resume 2>log
grep -q "with another spec: 40 rows kept (40 done), [1-9][0-9]* jobs to run, 0 of them again, 0 finished" log ||
    fail "expected 40 rows kept: $(cat log)"
expect 0 "$WATTSWEEP" run grown.json -o fresh.h5 -q
same fresh.h5 grown.h5
# the same spec again has nothing to do, and says so
expect 0 "$WATTSWEEP" run grown.json -o grown.h5 --resume 2>log
grep -q "with the same spec: .* 0 jobs to run" log || fail "expected nothing to run: $(cat log)"
same fresh.h5 grown.h5
expect 2 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o grown.h5 --resume 2>log
grep -q -- "--drop-rows" log || fail "no hint: $(cat log)"
same fresh.h5 grown.h5
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o grown.h5 --resume --drop-rows -q
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o small.h5 -q
same small.h5 grown.h5

make_long long.json
"$WATTSWEEP" run long.json -o two.h5 -q &
pid=$!
hold "$pid" two.h5
for options in --overwrite --resume "--resume --no-live"; do
    # shellcheck disable=SC2086
    expect 3 "$WATTSWEEP" run long.json -o two.h5 $options 2>log
    grep -q "another sweep is writing this file (pid $pid on " log || fail "expected to be told who writes: $(cat log)"
done
expect 3 "$WATTSWEEP" recover two.h5 2>log
grep -q "another sweep is writing this file (pid $pid on " log || fail "expected to be told who writes: $(cat log)"
kill -TERM "$pid"
kill -CONT "$pid"
expect 75 wait "$pid"

# points that constraints leave out, as rows: nothing went wrong
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o kept.h5 --keep-infeasible -q
[ "$(rows_in_state kept.h5 infeasible)" -eq 8 ] || fail "expected 8 rows infeasible"
expect 0 "$WATTSWEEP" status kept.h5
# without the constraint they are jobs like any other, though the file has a final row of each
sed '/"constraints"/d' "$SPEC_DIR/small.json" >free.json
expect 0 "$WATTSWEEP" run free.json -o kept.h5 --resume 2>log
grep -q " 40 rows kept.* 8 jobs to run" log || fail "expected 8 jobs to run: $(cat log)"
[ "$(rows_in_state kept.h5 "done")" -eq 48 ] || fail "expected 48 rows done"

# a changed option makes other jobs of all points: it says what may be the reason
sed 's/"log_interval"/"block_size": 32, "log_interval"/' "$SPEC_DIR/small.json" >changed.json
expect 2 "$WATTSWEEP" run changed.json -o small.h5 --resume 2>log
grep -q "40 finished rows are no jobs of changed.json any more, nor is any other: .*option.*workload.*seed.*changed" log ||
    fail "no hint: $(cat log)"
# rows that are kept have what was asked for when they ran: it says what they lack
sed 's/"timeseries": true, "requests": true/"timeseries": true/' "$SPEC_DIR/small.json" >series.json
expect 0 "$WATTSWEEP" run series.json -o series.h5 -q
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o series.h5 --resume 2>log
grep -q "series.h5: the rows kept have no requests: .* --overwrite runs them again" log || fail "no warning: $(cat log)"
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o small.h5 --resume 2>log
! grep "rows kept have" log || fail "they lack nothing"
# and keep it where new rows are to have less
expect 0 "$WATTSWEEP" run series.json -o small.h5 --resume 2>log
grep -q "small.h5: the rows kept have requests, and keep them" log || fail "no note: $(cat log)"
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o again.h5 -q
same again.h5 small.h5

# what is no result file is left alone
echo "not HDF5" >other.h5
expect 3 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o other.h5 --resume -q 2>log
[ "$(cat other.h5)" = "not HDF5" ] || fail "a foreign file was replaced"

# "best so far" knows the rows that were kept: a sweep that grew by worse points has the best of the earlier run
best_spec() {
    cat >best.json <<END
{ "name": "best", "cluster": "configs/cluster/single_node_power_instance.json", "options": {"dtype": "bfloat16"},
  "workload": {"generator": "poisson", "rate": 50, "num_reqs": 40, "seed": 1, "input": 64, "output": 16},
  "parameters": {"max_num_seqs": [$1]}, "slo": {"latency_p99_ms": 1e9} }
END
}
best_of() {
    grep -o 'best_j_per_token=[^)]*)' "$1" | tail -n 1
}
best_spec "64, 32"
"$WATTSWEEP" run best.json -o best.h5 2>first.log
best_spec "64, 32, 2, 1"
"$WATTSWEEP" run best.json -o best.h5 --resume 2>grown.log
"$WATTSWEEP" run best.json -o fresh_best.h5 2>fresh.log
grep -q "2 rows kept (2 done), 2 jobs to run" grown.log || fail "expected two rows kept: $(cat grown.log)"
[ -n "$(best_of fresh.log)" ] && [ "$(best_of grown.log)" = "$(best_of fresh.log)" ] ||
    fail "expected $(best_of fresh.log), found $(best_of grown.log)"
