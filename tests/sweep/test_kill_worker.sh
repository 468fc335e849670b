#!/usr/bin/env bash
# A killed worker: the sweep goes on without it, its jobs are redone, the file is complete and the same; so with several, with all of
# them, and with one that is only stopped and wakes again with rows that others have written meanwhile.
. "$(dirname "$0")/lib.sh"

repeats=3
! is_sanitized || repeats=1
sed "/\"repeats\"/s/3/$repeats/" "$SPEC_DIR/kill.json" >kill.json
total_ms=$(wall_ms on_ranks 3 run kill.json -o whole.h5 -q)
for trial in $(seq "${TRIALS:-2}"); do
    rm -f k.h5*
    start_ranks_recovering 3 run kill.json -o k.h5 2>log &
    mpirun_pid=$!
    while [ ! -e k.h5.lock ] && kill -0 "$mpirun_pid"; do sleep 0.02; done # all ranks are in MPI then: test_kill_setup.sh is about the time before
    random_ms "$total_ms"
    sleep_ms "$random"
    victim=$(rank_pid "$mpirun_pid" "$((1 + trial % 2))") && kill -KILL "$victim" || true
    await_end "$mpirun_pid" 120
    expect 0 "$WATTSWEEP" status k.h5
    same whole.h5 k.h5
done

# start_four OPTIONS...: a sweep on four ranks, held in its middle -> mpirun_pid, rank0_pid
start_four() {
    rm -f k.h5*
    start_ranks_recovering 4 run kill.json -o k.h5 --silence-timeout 1s "$@" 2>log &
    mpirun_pid=$!
    rank0_pid=$(rank0_of "$mpirun_pid" k.h5)
    hold "$rank0_pid" k.h5
}

# kill_workers K...
kill_workers() {
    local k victims=()
    for k in "$@"; do victims+=("$(rank_pid "$mpirun_pid" "$k")"); done
    kill -KILL "${victims[@]}"
    kill -CONT "$rank0_pid"
    await_end "$mpirun_pid" 120
    for k in "$@"; do
        grep -q "rank=$k its process is gone; its .* jobs go to others" log || fail "rank $k was not missed: $(cat log)"
    done
}

for n_killed in 2 3; do
    start_four
    # shellcheck disable=SC2046
    kill_workers $(seq "$n_killed")
    expect 0 "$WATTSWEEP" status k.h5
    same whole.h5 k.h5
done
# all workers, and rank 0 does not simulate: nobody is left to, the rest is for another day
start_four --rank0-works no
kill_workers 1 2 3
expect 75 "$WATTSWEEP" status k.h5
expect 0 "$WATTSWEEP" diff whole.h5 k.h5 --common
expect 0 on_ranks 2 run kill.json -o k.h5 --resume -q
same whole.h5 k.h5
# stopped for longer than the silence that makes it dead, then woken
start_four
victim=$(rank_pid "$mpirun_pid" 2)
kill -STOP "$victim"
kill -CONT "$rank0_pid"
(await 60 grep -q "rank=2 it has been silent for too long" log) || true # in any case it is woken
kill -CONT "$victim"
await_end "$mpirun_pid" 120
grep -q "rank=2 it has been silent for too long" log || fail "the stopped worker was not missed: $(cat log)"
expect 0 "$WATTSWEEP" status k.h5
same whole.h5 k.h5
