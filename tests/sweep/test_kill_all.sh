#!/usr/bin/env bash
# SIGKILL at random moments of a sweep and of the sweeps that resume it, from the start of the processes until after the repack:
# rows that are done are right at once, none is lost again, --resume keeps them all and finishes, and the content is that of an
# uninterrupted run. Who dies: rank 0, or a worker, and mpirun lets the others go on; one of them, and mpirun ends the others
# (`ending`); all of them and mpirun at once.
#
#   WATTSWEEP=build/release/bin/wattsweep TRIALS=800 bash tests/sweep/test_kill_all.sh      a campaign
#   WHOM=rank0 TRIALS=200 ...                                                               of one kind alone
#   WATTSWEEP_TEST_SEED=... ...                                                             the moments of an earlier one
. "$(dirname "$0")/lib.sh"

spec=$SPEC_DIR/short.json
read -ra kinds <<<"${WHOM:-rank0 worker ending all}"
n_trials=${TRIALS:-${#kinds[@]}}
declare -A n_kills=()
n_before=0 # rows that were done when the sweep was killed the last time, or later

# kill_now WHOM MPIRUN_PID RANDOM: nothing if it is gone already; the random number chooses a rank.
kill_now() {
    local victim rank
    case $1 in
    rank0) rank=0 ;;
    worker) rank=$((1 + $3 % 2)) ;;
    ending) rank=$(($3 % 3)) ;;
    all)
        kill -STOP "$2" 2>/dev/null || true # so that it starts no more of them
        pgrep -P "$2" | xargs -r kill -KILL || true
        kill -KILL "$2" 2>/dev/null || true
        return
        ;;
    esac
    victim=$(rank_pid "$2" "$rank") && kill -KILL "$victim" || true
}

# wait_for PHASE MPIRUN_PID: until the sweep is that far, or over.
wait_for() {
    until [ "$(phase k.h5)" = "$1" ] || ! kill -0 "$2" 2>/dev/null; do sleep 0.005; done
}

# run_killed WHOM TIME FROM MS OPTIONS...: a sweep on three ranks that is killed so many ms after it reached a phase.
run_killed() {
    local whom=$1 time=$2 from=$3 ms=$4 start=start_ranks_recovering mpirun_pid at
    shift 4
    random_below 6
    [ "$whom" != ending ] || start=start_ranks
    $start 3 run "$spec" -o k.h5 --start-timeout 5s --silence-timeout 5s "$@" 2>log &
    mpirun_pid=$!
    [ "$from" = starting ] || wait_for "$from" "$mpirun_pid"
    sleep_ms "$ms"
    at=$(phase k.h5)
    kill -0 "$mpirun_pid" 2>/dev/null || at=over
    kill_now "$whom" "$mpirun_pid" "$random"
    n_kills[$whom.$time.$at]=$((${n_kills[$whom.$time.$at]:-0} + 1))
    await_end "$mpirun_pid" 60
}

# check_rows: what the file says is done is right, however the sweep ended, and no row is lost that was there before.
check_rows() {
    local n
    n=$(n_done k.h5)
    [ "$n" -ge "$n_before" ] || fail "$n_before rows were done before, now $n"
    n_before=$n
    [ ! -e k.h5 ] || expect 0 "$WATTSWEEP" diff whole.h5 k.h5 --common >diff.log
}

# random_moment -> from ms: most of a short run is starting processes, so other phases are waited for.
random_moment() {
    local limit_ms=60
    random_below 7
    case $random in
    0) from=starting limit_ms=$total_ms ;;
    1) from=reading ;;
    2) from=repacking limit_ms=40 ;;
    3) from=whole ;;
    *) from=running limit_ms=$((total_ms / 4)) ;;
    esac
    random_ms "$limit_ms"
    ms=$random
}

# finish: resume, unless nothing is missing. Every row that was done is kept, not made again.
finish() {
    if ! "$WATTSWEEP" status k.h5 >/dev/null 2>&1; then
        expect 0 on_ranks 2 run "$spec" -o k.h5 --resume 2>log
        [ "$n_before" -eq 0 ] || grep -q " rows kept ($n_before done)" log || fail "not $n_before rows kept: $(cat log)"
    fi
    expect 0 "$WATTSWEEP" status k.h5 >/dev/null
    same whole.h5 k.h5 >/dev/null
}

total_ms=$(wall_ms on_ranks 3 run "$spec" -o whole.h5 -q)
for trial in $(seq "$n_trials"); do
    rm -f k.h5*
    n_before=0
    whom=${kinds[trial % ${#kinds[@]}]}
    random_moment
    run_killed "$whom" first "$from" "$ms"
    check_rows
    random_below 3
    for ((n_again = random; n_again > 0; n_again--)); do
        random_moment
        run_killed "$whom" again "$from" "$ms" --resume
        check_rows
    done
    finish
done
for key in "${!n_kills[@]}"; do
    echo "kills of $key: ${n_kills[$key]}"
done | sort
echo "trials=$n_trials differences=0"
