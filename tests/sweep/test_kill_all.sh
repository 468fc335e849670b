#!/usr/bin/env bash
# SIGKILL of rank 0, of a worker, or of all ranks at once, at random moments of a sweep and of the resumed sweep, from the start of
# the processes to the end of the repack: rows that are done are right at once, --resume finishes, and the content is that of an
# uninterrupted run.
#
#   WATTSWEEP=build/release/bin/wattsweep TRIALS=210 bash tests/sweep/test_kill_all.sh      the whole campaign
. "$(dirname "$0")/lib.sh"

spec=$SPEC_DIR/short.json
declare -A n_kills=()

# kill_now WHOM MPIRUN_PID: rank0, worker, all (mpirun too); nothing if it is gone already.
kill_now() {
    local victim
    case $1 in
    rank0) victim=$(rank_pid "$2" 0) && kill -KILL "$victim" || true ;;
    worker) victim=$(rank_pid "$2" "$((1 + RANDOM % 2))") && kill -KILL "$victim" || true ;;
    all)
        kill -STOP "$2" 2>/dev/null || true # so that it starts no more of them
        pgrep -P "$2" | xargs -r kill -KILL || true
        kill -KILL "$2" 2>/dev/null || true
        ;;
    esac
}

# wait_for PHASE MPIRUN_PID: until the sweep is that far, or over.
wait_for() {
    until [ "$(phase k.h5)" = "$1" ] || ! kill -0 "$2" 2>/dev/null; do sleep 0.01; done
}

# run_killed WHOM FROM MS OPTIONS...: a sweep on three ranks that is killed so many ms after it reached a phase.
run_killed() {
    local whom=$1 from=$2 ms=$3 mpirun_pid at
    shift 3
    start_ranks_recovering 3 run "$spec" -o k.h5 --start-timeout 5s --silence-timeout 5s "$@" 2>log &
    mpirun_pid=$!
    [ "$from" = starting ] || wait_for "$from" "$mpirun_pid"
    sleep_ms "$ms"
    at=$(phase k.h5)
    kill -0 "$mpirun_pid" 2>/dev/null || at=over
    kill_now "$whom" "$mpirun_pid"
    n_kills[$whom.$at]=$((${n_kills[$whom.$at]:-0} + 1))
    await_end "$mpirun_pid" 60
}

# check_rows: what the file says is done is right, however the sweep ended.
check_rows() {
    [ ! -e k.h5 ] || expect 0 "$WATTSWEEP" diff whole.h5 k.h5 --common >diff.log
}

# random_moment -> "PHASE MS": most of a short run is starting processes, so other phases are waited for.
random_moment() {
    case $((RANDOM % 5)) in
    0) echo "starting $(random_ms "$total_ms")" ;;
    1) echo "repacking $(random_ms 100)" ;;
    *) echo "running $(random_ms "$((total_ms / 2))")" ;;
    esac
}

total_ms=$(wall_ms on_ranks 3 run "$spec" -o whole.h5 -q)
for trial in $(seq "${TRIALS:-3}"); do
    rm -f k.h5*
    whom=$(echo rank0 worker all | cut -d' ' -f$((trial % 3 + 1)))
    read -r from ms < <(random_moment)
    run_killed "$whom" "$from" "$ms"
    check_rows
    if [ "$((trial % 2))" -eq 0 ]; then
        read -r from ms < <(random_moment)
        run_killed "$whom" "$from" "$ms" --resume
        check_rows
    fi
    if ! "$WATTSWEEP" status k.h5 >/dev/null 2>&1; then
        expect 0 on_ranks 2 run "$spec" -o k.h5 --resume -q
    fi
    expect 0 "$WATTSWEEP" status k.h5 >/dev/null
    same whole.h5 k.h5 >/dev/null
done
for key in "${!n_kills[@]}"; do
    echo "kills of $key: ${n_kills[$key]}"
done | sort
echo "trials=${TRIALS:-3} differences=0"
