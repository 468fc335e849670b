# shellcheck shell=bash
# tests/sweep/lib.sh -- what the sweep tests share; sourced. CTest sets WATTSWEEP (the program), MPIEXEC (mpirun),
# SPEC_DIR (this folder), WORK_DIR (a folder of the test's own, made afresh) and WATTSWEEP_TEST_SLOWNESS (how many times
# longer than usual things take here: ../slowness.py); by hand, WATTSWEEP is enough.
set -euo pipefail

WATTSWEEP=$(realpath "${WATTSWEEP:?the program to test}")
MPIEXEC=${MPIEXEC:-mpirun}
SPEC_DIR=$(realpath "${SPEC_DIR:-$(dirname "${BASH_SOURCE[0]}")}")
WORK_DIR=${WORK_DIR:-$(mktemp -d)}
slowness=${WATTSWEEP_TEST_SLOWNESS:-$("$SPEC_DIR/../slowness.py")}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 # as CTest does, see ws_mpi_properties()
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
rm -rf "$WORK_DIR"
mkdir -p "$WORK_DIR"
cd "$WORK_DIR"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# expect CODE COMMAND...: the command ends with that exit code.
expect() {
    local expected=$1 found=0
    shift
    "$@" || found=$?
    [ "$found" -eq "$expected" ] || fail "expected exit code $expected, found $found: $*"
}

# on_ranks N ARGUMENTS...: wattsweep on N ranks.
on_ranks() {
    local n=$1
    shift
    "$MPIEXEC" -n "$n" "$WATTSWEEP" "$@"
}

# start_ranks N ARGUMENTS... &: the same in the background, so that $! is mpirun itself.
start_ranks() {
    local n=$1
    shift
    exec "$MPIEXEC" -n "$n" "$WATTSWEEP" "$@"
}

# start_ranks_recovering N ARGUMENTS... &: going on when a rank dies. mpirun's exit code means nothing then.
start_ranks_recovering() {
    local n=$1
    shift
    exec "$MPIEXEC" -n "$n" --enable-recovery "$WATTSWEEP" "$@"
}

# rank_pid MPIRUN_PID K: the process of the K-th rank; fails if there is none (any more).
rank_pid() {
    pgrep -P "$1" | sort -n | sed -n "$(($2 + 1))p" | grep .
}

# scaled SECONDS: so many whole seconds where nothing is slow, more where it is: no limit of a wait is written without it.
scaled() {
    awk -v s="$1" -v slowness="$slowness" 'BEGIN { n = s * slowness; print int(n) < n ? int(n) + 1 : n }'
}

# await LIMIT_S COMMAND...: until the command succeeds; fails if it does not, in that time (scaled).
await() {
    local end=$((SECONDS + $(scaled "$1")))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain: $*"
        sleep 0.05
    done
}

# wall_ms COMMAND...: run it and say how long it took, in ms.
wall_ms() {
    local begin
    begin=$(date +%s%N)
    "$@" >&2 || fail "$*"
    echo $((($(date +%s%N) - begin) / 1000000))
}

# is_sanitized: whether this build checks every access, and takes some ten times as long.
is_sanitized() {
    ldd "$WATTSWEEP" | grep -q 'lib[at]san'
}

# make_long SPEC: kill.json with so many repeats that it takes seconds in this build: long enough to have a middle.
make_long() {
    local repeats=12
    ! is_sanitized || repeats=3
    sed "/\"repeats\"/s/3/$repeats/" "$SPEC_DIR/kill.json" >"$1"
}

# await_file FILE PID: wait until a sweep has made its file; fails where the process is over before.
await_file() {
    until [ -e "$1" ]; do
        kill -0 "$2" || fail "no $1, and nobody who would make it"
        sleep 0.01
    done
}

# hold PID FILE: stop rank 0 of the sweep into FILE in its middle. What a test does before it says kill -CONT then meets a
# running sweep, however busy the machine is.
hold() {
    await_file "$2" "$1"
    kill -STOP "$1"
    expect 75 "$WATTSWEEP" status "$2"
}

# hold_with_rows PID FILE: the same, once there are rows. They are written when the oldest is 2 s old; the sweep has to have
# jobs left then, so it gets on in small steps.
hold_with_rows() {
    await_file "$2" "$1"
    while kill -STOP "$1" && [ "$(n_done "$2")" -eq 0 ]; do
        sleep 0.4
        kill -CONT "$1"
        sleep 0.02
    done
    expect 75 "$WATTSWEEP" status "$2"
}

# rank0_of MPIRUN_PID FILE: the process that writes FILE, once it does.
rank0_of() {
    await_file "$2" "$1"
    rank_pid "$1" 0
}

# random_below N -> random: a number from 0 to N - 1. Not by $RANDOM, which begins anew in every subshell: these follow from a
# seed, which is printed, so that WATTSWEEP_TEST_SEED=... meets the same ranks at the same moments again (as shares of a run,
# whose length is measured).
# shellcheck disable=SC2034 # random is for the caller
random_below() {
    if [ -z "${random_state:-}" ]; then
        random_state=${WATTSWEEP_TEST_SEED:-$(date +%s%N)}
        echo "WATTSWEEP_TEST_SEED=$random_state repeats what is random here" >&2
    fi
    random_state=$((random_state * 6364136223846793005 + 1442695040888963407))
    random=$((((random_state >> 33) & 0x3fffffff) % $1))
}

# random_ms MAX -> random: so many ms, up to MAX.
random_ms() {
    random_below "$(($1 + 1))"
}

sleep_ms() {
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# is_locked FILE: a sweep holds its lock; a file that a killed one left behind is none.
is_locked() {
    local inode
    inode=$(stat -c %i "$1.lock" 2>/dev/null) && grep -q "FLOCK .*:$inode " /proc/locks
}

# phase FILE: how far the sweep into FILE is. Without a lock it has not begun, or is over.
phase() {
    if ! is_locked "$1"; then
        [ -e "$1" ] && echo whole || echo starting
    elif [ -e "$1.tmp" ]; then
        [ -e "$1" ] && echo repacking || echo opening
    else
        [ -e "$1" ] && echo running || echo reading
    fi
}

# live_ranks MPIRUN_PID: its processes that have not ended, whether it has noticed or not.
live_ranks() {
    ps --ppid "$1" -o stat=,pid=,args= | grep -v '^Z'
}

# await_end MPIRUN_PID LIMIT_S: wait for the end; fails if ranks are still there after that (scaled). An mpirun that is still
# there MPIRUN_ENDS_S after its last rank never ends (Open MPI 4.1.4, where a rank died while it connected): it is killed.
MPIRUN_ENDS_S=$(scaled 15)
await_end() {
    local limit_s alone_since='' end
    limit_s=$(scaled "$2")
    end=$((SECONDS + limit_s))
    while kill -0 "$1" 2>/dev/null; do
        if live_ranks "$1" >/dev/null; then
            alone_since=
            [ "$SECONDS" -lt "$end" ] || fail "ranks still wait after $limit_s s: $(live_ranks "$1")"
        elif [ $((SECONDS - ${alone_since:=$SECONDS})) -ge "$MPIRUN_ENDS_S" ]; then
            echo "mpirun did not end after its ranks: killed" >&2
            kill -KILL "$1" || true
        fi
        sleep 0.05
    done
    wait "$1" 2>/dev/null || true
}

# same A B: two files hold the same jobs with the same results.
same() {
    expect 0 "$WATTSWEEP" diff "$1" "$2"
}

# rows_in_state FILE STATE: how many rows have that state.
rows_in_state() {
    "$WATTSWEEP" export "$1" --columns state | grep -c "^$2\$" || true
}

# n_done FILE: how many rows are done, also while it is written or after a kill; 0 before there is a file.
n_done() {
    [ ! -e "$1" ] && echo 0 || rows_in_state "$1" "done"
}
