#!/usr/bin/env bash
# A point that takes too long, needs too much memory, cannot run, or is still running when the sweep has to stop is a row with its
# state, the reason and its attempt; the sweep ends with 1, or with 75 where it was stopped, and goes on with --resume.
. "$(dirname "$0")/lib.sh"

spec=$SPEC_DIR/states.json

# row JOB FILE: state, attempt and reason of a job.
row() {
    "$WATTSWEEP" export "$2" --columns job,state,attempt,error | sed -n "s/^$1,//p"
}

# has_row JOB FILE PATTERN
has_row() {
    row "$1" "$2" | grep -Eq "$3" || fail "job $1 of $2: expected $3, found: $(row "$1" "$2")"
}

# job 1 takes some 0.4 GB a second on a fast machine: its time is over before its memory is
expect 1 on_ranks 2 run "$spec" -o s.h5 --job-timeout 1500ms --job-memory 1100 2>log
grep -q "done=1 failed=4" log || fail "expected 1 done and 4 failed: $(cat log)"
expect 1 "$WATTSWEEP" status s.h5
has_row 0 s.h5 '^done,1,$'
has_row 1 s.h5 '^timed_out,1,.*longer than its time budget of 1.5 s: stopped after [0-9]+ steps'
has_row 2 s.h5 '^failed,1,.*needs at least [0-9.]+ MB, its memory budget is 1100.0 MB'
has_row 3 s.h5 '^infeasible,1,.*GiB of weights'
has_row 4 s.h5 '^(timed_out|failed),1,.*(time|memory) budget' # whichever is first
# they stay as they are, unless asked for; a larger budget does not help the one that hangs
expect 1 "$WATTSWEEP" run "$spec" -o s.h5 --resume --job-timeout 2s 2>log
grep -q " 0 jobs to run" log || fail "expected nothing to run: $(cat log)"
expect 1 "$WATTSWEEP" run "$spec" -o s.h5 --resume --retry-failed --job-timeout 1s --job-memory 1000 2>log
has_row 0 s.h5 '^done,1,$'
has_row 1 s.h5 '^timed_out,2,.*time budget of 1 s'
has_row 2 s.h5 '^failed,2,.*budget is 1000.0 MB'
has_row 3 s.h5 '^infeasible,2,'
# retrying loses nothing where it is stopped before their turn comes: they keep their state and reason until they have a new row
cp s.h5 r.h5
expect 75 "$WATTSWEEP" run "$spec" -o r.h5 --resume --retry-failed --time-limit 1ms -q
has_row 1 r.h5 '^interrupted,3,' # handed out before anything else
for job in 0 2 3; do
    [ "$(row "$job" r.h5)" = "$(row "$job" s.h5)" ] || fail "job $job was $(row "$job" s.h5), is $(row "$job" r.h5)"
done
expect 75 "$WATTSWEEP" status r.h5
expect 1 "$WATTSWEEP" run "$spec" -o r.h5 --resume --retry-failed --job-timeout 1s --job-memory 1000 2>log
has_row 1 r.h5 '^timed_out,4,'
has_row 2 r.h5 '^failed,3,'
# a time budget holds while a long wait is sampled, too
"$WATTSWEEP" export s.h5 --columns job,wall_s | awk -F, '$1 == 4 && $2 > 10 { exit 1 }' || fail "job 4 took long"

# without --job-memory, a job takes no more than a share of what the host, or this shell, may still take
run_limited() {
    (
        ulimit -v 1500000
        "$WATTSWEEP" run "$spec" -o limited.h5 --slice 4/5 -q
    )
}
if (ulimit -v 1500000 && "$WATTSWEEP" --version >/dev/null 2>&1); then # sanitizers reserve more than that
    expect 1 run_limited
    has_row 4 limited.h5 '^failed,1,.*memory budget is [0-9]{2,3}\.[0-9] MB; its series have [0-9]+ intervals of 1e-09 s'
fi

# a signal while a long job runs: it is left after ten seconds
start_ranks 2 run "$spec" -o i.h5 --slice 1/5 --rank0-works no --job-memory 20000 2>/dev/null &
mpirun_pid=$!
until [ -e i.h5 ]; do sleep 0.02; done
# the worker computes once it has its job, which it is sent when rank 0 has packed five million requests
until [ "$(awk '{ print $14 }' "/proc/$(rank_pid "$mpirun_pid" 1)/stat")" -ge 100 ]; do sleep 0.1; done
kill -USR1 "$(rank_pid "$mpirun_pid" 0)"
await_end "$mpirun_pid" 60
expect 75 "$WATTSWEEP" status i.h5
has_row 1 i.h5 '^interrupted,1,.*sweep had to stop: stopped after [0-9]+ steps'
expect 1 "$WATTSWEEP" run "$spec" -o i.h5 --slice 1/5 --resume --job-timeout 1s 2>/dev/null
has_row 1 i.h5 '^timed_out,2,'
