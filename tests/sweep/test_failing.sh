#!/usr/bin/env bash
# A point that fails is a row with its state and reason; the others run, the sweep ends with 1, status says the same.
. "$(dirname "$0")/lib.sh"

expect 1 on_ranks 2 run "$SPEC_DIR/failing.json" -o f.h5
expect 1 "$WATTSWEEP" status f.h5
# 2 of 3 tags work with 96 GiB; 8 GiB hold no 16 GB of weights; nobody has an ABACUS
[ "$(rows_in_state f.h5 "done")" -eq 4 ] || fail "expected 4 rows done"
[ "$(rows_in_state f.h5 infeasible)" -eq 4 ] || fail "expected 4 rows infeasible"
[ "$(rows_in_state f.h5 failed)" -eq 4 ] || fail "expected 4 rows failed"
"$WATTSWEEP" export f.h5 --columns state,hardware,error | grep '^failed' | grep -q ABACUS || fail "the reason names no ABACUS"
# resuming leaves them alone, retrying runs them again
expect 1 "$WATTSWEEP" run "$SPEC_DIR/failing.json" -o f.h5 --resume 2>log
grep -q " 0 jobs to run" log || fail "expected nothing to run: $(cat log)"
expect 1 "$WATTSWEEP" run "$SPEC_DIR/failing.json" -o f.h5 --resume --retry-failed 2>log
grep -q " 8 jobs to run, 8 of them again" log || fail "expected 8 jobs to run: $(cat log)"
[ "$("$WATTSWEEP" export f.h5 --columns attempt | grep -c '^2$')" -eq 8 ] || fail "expected 8 second attempts"
# a patch takes away what a parameter changes: a failed row, found again although there is no config to hash
sed 's/"hardware".*/"mix": {"fine": {}, "none": {"nodes": null}},/; s/\[96, 8\]/[96]/' "$SPEC_DIR/failing.json" >broken.json
expect 1 "$WATTSWEEP" run broken.json -o b.h5 -q
[ "$(rows_in_state b.h5 failed)" -eq 2 ] || fail "expected 2 rows failed"
expect 1 "$WATTSWEEP" run broken.json -o b.h5 --resume 2>log
grep -q " 4 rows kept (2 done), 0 jobs to run" log || fail "broken jobs ran again: $(cat log)"
expect 1 "$WATTSWEEP" run broken.json -o b.h5 --resume --retry-failed 2>log
grep -q " 2 jobs to run, 2 of them again" log || fail "expected 2 jobs to run: $(cat log)"
# a model that does not fit: a failure, unless a constraint expects it
sed 's/"hardware".*/"hardware": ["RTXPRO6000"],/' "$SPEC_DIR/failing.json" >tight.json
expect 1 "$WATTSWEEP" run tight.json -o i.h5 -q
expect 1 "$WATTSWEEP" status i.h5 >log
grep -q "2 done, 2 infeasible of 4 jobs" log || fail "status: $(cat log)"
sed 's/"options"/"constraints": ["weights_gb < npu_mem_gb"], "options"/' tight.json >expected.json
expect 0 "$WATTSWEEP" run expected.json -o e.h5 -q --keep-infeasible
expect 0 "$WATTSWEEP" status e.h5 >log
grep -q "2 infeasible (2 by constraints)" log || fail "status: $(cat log)"
# a time budget nobody meets: rows, not the end
expect 1 "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o t.h5 --slice 0/300 --job-timeout 1us
[ "$(rows_in_state t.h5 timed_out)" -gt 0 ] || fail "expected rows timed out"
