#!/usr/bin/env bash
# A killed worker: the sweep goes on without it, its jobs are redone, the file is complete and the same.
. "$(dirname "$0")/lib.sh"

total_ms=$(wall_ms on_ranks 3 run "$SPEC_DIR/kill.json" -o whole.h5 -q)
for trial in $(seq "${TRIALS:-2}"); do
    rm -f k.h5*
    start_ranks_recovering 3 run "$SPEC_DIR/kill.json" -o k.h5 2>log &
    mpirun_pid=$!
    until [ -e k.h5.lock ]; do sleep 0.02; done # all ranks are in MPI then: test_kill_setup.sh is about the time before
    sleep_ms "$(random_ms "$total_ms")"
    victim=$(rank_pid "$mpirun_pid" "$((1 + trial % 2))") && kill -KILL "$victim" || true
    wait "$mpirun_pid" || true
    expect 0 "$WATTSWEEP" status k.h5
    same whole.h5 k.h5
done
