#!/usr/bin/env bash
# SIGUSR1 and SIGTERM: running jobs are finished, the file is closed, exit 75; --resume finishes the sweep.
. "$(dirname "$0")/lib.sh"

make_long long.json
"$WATTSWEEP" run long.json -o whole.h5 -q
# one rank: the process itself gets the signal
"$WATTSWEEP" run long.json -o one.h5 -q &
pid=$!
hold_with_rows "$pid" one.h5
kill -TERM "$pid"
kill -CONT "$pid"
expect 75 wait "$pid"
expect 75 "$WATTSWEEP" status one.h5
[ "$(n_done one.h5)" -gt 0 ] || fail "no row was kept"
expect 0 "$WATTSWEEP" run long.json -o one.h5 --resume -q
same whole.h5 one.h5
# what is held once there is a file needs no long sweep
cp "$SPEC_DIR/kill.json" .
expect 0 "$WATTSWEEP" run kill.json -o whole.h5 --overwrite -q
# several ranks: rank 0, then a worker
for rank in 0 1; do
    start_ranks 3 run kill.json -o "r$rank.h5" 2>/dev/null &
    mpirun_pid=$!
    rank0_pid=$(rank0_of "$mpirun_pid" "r$rank.h5")
    hold "$rank0_pid" "r$rank.h5"
    kill -USR1 "$(rank_pid "$mpirun_pid" "$rank")"
    sleep 0.3 # a worker passes it on
    kill -CONT "$rank0_pid"
    expect 75 wait "$mpirun_pid"
    expect 75 "$WATTSWEEP" status "r$rank.h5"
    expect 0 on_ranks 2 run kill.json -o "r$rank.h5" --resume -q
    same whole.h5 "r$rank.h5"
done
# the end of an allocation is known: no work is handed out after it
expect 75 "$WATTSWEEP" run kill.json -o limit.h5 --time-limit 10ms -q
expect 0 "$WATTSWEEP" run kill.json -o limit.h5 --resume -q
same whole.h5 limit.h5
