# shellcheck shell=bash
# tests/sweep/lib.sh -- what the sweep tests share; sourced. CTest sets WATTSWEEP (the program), MPIEXEC (mpirun),
# SPEC_DIR (this folder) and WORK_DIR (a folder of the test's own, made afresh); by hand, WATTSWEEP is enough.
set -euo pipefail

WATTSWEEP=$(realpath "${WATTSWEEP:?the program to test}")
MPIEXEC=${MPIEXEC:-mpirun}
SPEC_DIR=$(realpath "${SPEC_DIR:-$(dirname "${BASH_SOURCE[0]}")}")
WORK_DIR=${WORK_DIR:-$(mktemp -d)}
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

# wall_ms COMMAND...: run it and say how long it took, in ms.
wall_ms() {
    local begin
    begin=$(date +%s%N)
    "$@" >&2 || fail "$*"
    echo $((($(date +%s%N) - begin) / 1000000))
}

# random_ms MAX: a random number of ms up to MAX.
random_ms() {
    echo $((RANDOM * $1 / 32767))
}

sleep_ms() {
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

# phase FILE: how far the sweep into FILE is.
phase() {
    if [ -e "$1.tmp" ]; then
        [ -e "$1.lock" ] && [ -e "$1" ] && echo repacking || echo opening
    elif [ -e "$1" ]; then
        [ -e "$1.lock" ] && echo running || echo finished
    else
        [ -e "$1.lock" ] && echo reading || echo starting
    fi
}

# await_end PID LIMIT_S: wait for a process; fails if it is still there after that.
await_end() {
    local end=$((SECONDS + $2))
    while kill -0 "$1" 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || fail "ranks still wait after $2 s: $(ps --ppid "$1" -o pid,stat,args)"
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
