#!/usr/bin/env bash
# SIGKILL of rank 0, or of all ranks, at a random moment: what the file says is done is right, --resume finishes it, and the
# content is that of an uninterrupted run.
. "$(dirname "$0")/lib.sh"

total_ms=$(wall_ms on_ranks 2 run "$SPEC_DIR/kill.json" -o whole.h5 -q)
for trial in $(seq "${TRIALS:-2}"); do
    rm -f k.h5*
    start_ranks_recovering 2 run "$SPEC_DIR/kill.json" -o k.h5 2>log &
    mpirun_pid=$!
    # from the moment all ranks are in MPI: a death within MPI_Init hangs Open MPI itself
    until [ -e k.h5.lock ] || ! kill -0 "$mpirun_pid" 2>/dev/null; do sleep 0.02; done
    sleep_ms "$(random_ms "$total_ms")"
    if [ "$((trial % 2))" -eq 0 ]; then
        victim=$(rank_pid "$mpirun_pid" 0) && kill -KILL "$victim" || true
    else
        pgrep -P "$mpirun_pid" | xargs -r kill -KILL || true
        kill -KILL "$mpirun_pid" 2>/dev/null || true
    fi
    wait "$mpirun_pid" 2>/dev/null || true
    rounds=0
    until "$WATTSWEEP" status k.h5 >/dev/null 2>&1; do
        expect 0 on_ranks 2 run "$SPEC_DIR/kill.json" -o k.h5 --resume -q
        rounds=$((rounds + 1))
        [ "$rounds" -le 2 ] || fail "not complete after $rounds rounds"
    done
    same whole.h5 k.h5
done
