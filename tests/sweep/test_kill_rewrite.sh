#!/usr/bin/env bash
# SIGKILL during `recover`, `merge` and `snapshot`: the sources stay as they were, OUT is whole or not there, and the same command
# again does what it was to do, past the leavings of the one that was killed.
#
#   WATTSWEEP=build/release/bin/wattsweep TRIALS=600 bash tests/sweep/test_kill_rewrite.sh      a campaign
. "$(dirname "$0")/lib.sh"

n_trials=${TRIALS:-6}
declare -A n_kills=()

# killed_sweep OPTIONS... -o FILE: a sweep that was killed in its middle.
killed_sweep() {
    local pid file=${*: -1}
    "$WATTSWEEP" run long.json -q "$@" &
    pid=$!
    hold_with_rows "$pid" "$file"
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

# run_killed NAME LIMIT_MS ARGUMENTS...: wattsweep, killed at a random moment of the time it usually takes.
run_killed() {
    local name=$1 limit_ms=$2 pid at=before
    random_ms "$limit_ms"
    shift 2
    "$WATTSWEEP" "$@" >/dev/null 2>log &
    pid=$!
    sleep_ms "$random"
    [ ! -e "$out.tmp" ] || at=writing
    kill -KILL "$pid" 2>/dev/null || true
    if wait "$pid" 2>/dev/null; then at=after; fi
    n_kills[$name.$at]=$((${n_kills[$name.$at]:-0} + 1))
}

# is_plain FILE: closed, so that every HDF5 tool opens it.
is_plain() {
    h5ls "$1" >/dev/null 2>&1
}

# is_whole_or_missing FILE REFERENCE
is_whole_or_missing() {
    [ ! -e "$1" ] || { is_plain "$1" && same "$2" "$1" >/dev/null; } || fail "$1 is there, but not whole"
}

try_recover() {
    out=r.h5
    rm -f r.h5*
    cp left.h5 r.h5
    run_killed recover "$recover_ms" recover r.h5
    same left.h5 r.h5 >/dev/null
    expect 0 "$WATTSWEEP" recover r.h5 >/dev/null
    is_plain r.h5 || fail "not closed after recover"
    same left.h5 r.h5 >/dev/null
}

try_snapshot() {
    out=snap.h5
    rm -f snap.h5*
    run_killed snapshot "$snapshot_ms" snapshot left.h5 snap.h5
    is_whole_or_missing snap.h5 left.h5
    expect 0 "$WATTSWEEP" snapshot left.h5 snap.h5 --force
    same left.h5 snap.h5 >/dev/null
}

try_merge() {
    out=m.h5
    rm -f m.h5*
    run_killed merge "$merge_ms" merge slice0.h5 slice1.h5 slice2.h5 -o m.h5
    is_whole_or_missing m.h5 merged.h5
    expect 0 "$WATTSWEEP" merge slice0.h5 slice1.h5 slice2.h5 -o m.h5 --force
    same merged.h5 m.h5 >/dev/null
}

repeats=36
! is_sanitized || repeats=9
sed "/\"repeats\"/s/2/$repeats/" "$SPEC_DIR/short.json" >long.json
expect 0 "$WATTSWEEP" run long.json -o whole.h5 -q
killed_sweep -o left.h5
expect 0 "$WATTSWEEP" diff whole.h5 left.h5 --common
((0 < $(n_done left.h5) && $(n_done left.h5) < $(n_done whole.h5))) || fail "left.h5 is not of a killed sweep"
killed_sweep --slice 1/3 -o slice1.h5 # of the three one was killed
for k in 0 2; do expect 0 "$WATTSWEEP" run long.json -q --slice $k/3 -o slice$k.h5; done
snapshot_ms=$(wall_ms "$WATTSWEEP" snapshot left.h5 snap.h5)
merge_ms=$(wall_ms "$WATTSWEEP" merge slice0.h5 slice1.h5 slice2.h5 -o merged.h5)
cp left.h5 r.h5
recover_ms=$(wall_ms "$WATTSWEEP" recover r.h5)
sha256sum left.h5 slice?.h5 >sums

for trial in $(seq "$n_trials"); do
    "try_$(echo recover snapshot merge | cut -d' ' -f$((trial % 3 + 1)))"
    sha256sum --quiet -c sums || fail "a source was changed"
done
# a slice whose sweep goes on: merged again, the whole
expect 0 "$WATTSWEEP" run long.json -q --slice 1/3 -o slice1.h5 --resume
expect 0 "$WATTSWEEP" merge slice0.h5 slice1.h5 slice2.h5 -o m.h5 --force
same whole.h5 m.h5
for key in "${!n_kills[@]}"; do
    echo "kills of $key: ${n_kills[$key]}"
done | sort
echo "trials=$n_trials differences=0"
