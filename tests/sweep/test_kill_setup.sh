#!/usr/bin/env bash
# A rank that dies or falls silent before there is any job, in MPI_Init or while rank 0 reads its inputs, leaves nobody waiting:
# the others go on without it, or end soon; --resume finishes the sweep.
. "$(dirname "$0")/lib.sh"

# start_dying RANK MS -> mpirun_pid
start_dying() {
    "$MPIEXEC" -n 3 --enable-recovery "$SPEC_DIR/dying_rank.sh" "$1" "$2" "$WATTSWEEP" run "$SPEC_DIR/slow_start.json" \
        -o k.h5 --start-timeout 8s --silence-timeout 4s >log 2>&1 &
    mpirun_pid=$!
}

total_ms=$(wall_ms "$WATTSWEEP" run "$SPEC_DIR/slow_start.json" -o whole.h5 -q)
for trial in $(seq "${TRIALS:-3}"); do
    rm -f k.h5*
    random_ms "$((total_ms + 500))"
    start_dying "$((trial % 3))" "$random"
    await_end "$mpirun_pid" 60
    if ! "$WATTSWEEP" status k.h5 >/dev/null 2>&1; then
        expect 0 on_ranks 2 run "$SPEC_DIR/slow_start.json" -o k.h5 --resume -q
    fi
    same whole.h5 k.h5
done
# a worker that is stopped as soon as it is there: taken for dead; woken, it finds rank 0 gone
rm -f k.h5*
"$MPIEXEC" -n 3 --enable-recovery "$WATTSWEEP" run "$SPEC_DIR/slow_start.json" -o k.h5 --silence-timeout 2s >log 2>&1 &
mpirun_pid=$!
until [ -e k.h5.lock ]; do sleep 0.02; done
victim=$(rank_pid "$mpirun_pid" 1)
kill -STOP "$victim"
until [ -e k.h5 ] && [ ! -e k.h5.lock ]; do
    kill -0 "$mpirun_pid" || fail "the sweep ended without a file: $(cat log)"
    sleep 0.1
done
kill -CONT "$victim"
await_end "$mpirun_pid" 30
same whole.h5 k.h5
