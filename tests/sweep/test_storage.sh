#!/usr/bin/env bash
# What a disk can do to a sweep: full, read-only, without locks; its file deleted, cut, or locked by a reader. Each is a clear error
# and exit 3, or no matter at all; rows that were gathered stay, and --resume goes on once the disk is well.
. "$(dirname "$0")/lib.sh"

spec=$SPEC_DIR/kill.json

expect 0 "$WATTSWEEP" run "$spec" -o whole.h5 -q
make_long disk.json
expect 0 on_ranks 2 run disk.json -o whole_disk.h5 -q

# in a mount namespace of its own: a disk that fills up once the first rows are in the file, has room again, is read-only
on_small_disks() {
    mkdir disk
    mount -t tmpfs -o size=256m tmpfs disk
    start_ranks 2 run disk.json -o disk/k.h5 -q 2>log &
    local mpirun_pid=$! rank0_pid
    rank0_pid=$(rank0_of "$mpirun_pid" disk/k.h5)
    hold_with_rows "$rank0_pid" disk/k.h5
    cat /dev/zero >disk/filler 2>/dev/null || true
    kill -CONT "$rank0_pid"
    expect 3 wait "$mpirun_pid"
    grep -q "disk/k.h5: .*No space left on device" log || fail "expected no space left: $(cat log)"
    expect 75 "$WATTSWEEP" status disk/k.h5
    [ "$(rows_in_state disk/k.h5 "done")" -gt 0 ] || fail "no row is left of what was gathered"
    expect 0 "$WATTSWEEP" diff whole_disk.h5 disk/k.h5 --common
    expect 3 on_ranks 2 run disk.json -o disk/k.h5 --resume -q 2>log # still full: what is there stays
    expect 0 "$WATTSWEEP" diff whole_disk.h5 disk/k.h5 --common
    [ "$(rows_in_state disk/k.h5 "done")" -gt 0 ] || fail "resuming on a full disk lost rows"
    # a table that does not fit is not left behind; what --no-live has gathered is, and it says where
    expect 3 "$WATTSWEEP" export whole.h5 -o disk/e.csv 2>log
    grep -q "disk/e.csv: is as it was before" log && [ ! -e disk/e.csv ] || fail "half a table: $(cat log)"
    expect 3 on_ranks 2 run "$SPEC_DIR/small.json" -o disk/nolive.h5 --no-live --scratch-dir "$PWD" -q 2>log
    local scratch
    scratch=$(sed -n 's/^disk.nolive.h5: the rows gathered are in \([^ ]*\), .*/\1/p' log)
    [ -e "$scratch" ] && [ ! -e disk/nolive.h5 ] || fail "expected a scratch file: $(cat log)"
    rm disk/filler
    expect 0 "$WATTSWEEP" snapshot "$scratch" disk/nolive.h5
    expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o disk/nolive.h5 --resume 2>log
    grep -q " 0 jobs to run" log || fail "rows of the scratch file are missing: $(cat log)"
    expect 0 on_ranks 2 run disk.json -o disk/k.h5 --resume -q
    same whole_disk.h5 disk/k.h5
    mount -o remount,ro disk
    expect 3 on_ranks 2 run disk.json -o disk/new.h5 -q 2>log
    grep -q "disk/new.h5.lock: cannot create: Read-only file system" log || fail "expected read-only: $(cat log)"
    expect 3 "$WATTSWEEP" run disk.json -o disk/k.h5 --resume -q 2>log
    same whole_disk.h5 disk/k.h5
}
if unshare -m true 2>/dev/null && unshare -m sh -c 'mount -t tmpfs tmpfs /mnt' 2>/dev/null; then
    export -f on_small_disks on_ranks start_ranks expect fail same rows_in_state n_done await_file hold_with_rows rank0_of rank_pid
    export WATTSWEEP MPIEXEC SPEC_DIR
    unshare -m bash -euo pipefail -c on_small_disks
else
    echo "SKIPPED: full and read-only disks need the right to mount"
fi

# deleted under us: it comes back at the end
start_ranks 2 run disk.json -o gone.h5 -q 2>log &
mpirun_pid=$!
rank0_pid=$(rank0_of "$mpirun_pid" gone.h5)
hold "$rank0_pid" gone.h5
rm gone.h5
kill -CONT "$rank0_pid"
expect 0 wait "$mpirun_pid"
same whole_disk.h5 gone.h5

# cut under us, before and after there are rows: noticed, and said
for hold_it in hold hold_with_rows; do
    rm -f cut.h5*
    start_ranks 2 run disk.json -o cut.h5 -q 2>log &
    mpirun_pid=$!
    rank0_pid=$(rank0_of "$mpirun_pid" cut.h5)
    $hold_it "$rank0_pid" cut.h5
    truncate -s 50000 cut.h5
    kill -CONT "$rank0_pid"
    expect 3 wait "$mpirun_pid"
    grep -q "cut.h5: was cut to 50000 of .* while it was being written" log || fail "expected a cut file: $(cat log)"
    expect 3 "$WATTSWEEP" status cut.h5 2>log
done

# locked by a reader, before and while a sweep writes
cp whole.h5 locked.h5
exec 9<locked.h5
flock -x 9
expect 0 "$WATTSWEEP" status locked.h5
expect 0 "$WATTSWEEP" run "$spec" -o locked.h5 --resume -q
expect 0 "$WATTSWEEP" run "$spec" -o locked.h5 --overwrite --no-live -q
exec 9<&-
same whole.h5 locked.h5

# a file system that has no locks to give
if ! is_sanitized && cc -shared -fPIC -o no_locks.so "$SPEC_DIR/no_locks.c"; then
    expect 3 env LD_PRELOAD="$PWD/no_locks.so" "$WATTSWEEP" run "$spec" -o nolock.h5 -q 2>log
    grep -q "nolock.h5.lock: cannot lock: No locks available" log || fail "expected no locks: $(cat log)"
    [ ! -e nolock.h5 ] || fail "something was written without a lock"
    expect 0 env LD_PRELOAD="$PWD/no_locks.so" "$WATTSWEEP" status whole.h5
    expect 0 env LD_PRELOAD="$PWD/no_locks.so" "$WATTSWEEP" run "$spec" -o nolock.h5 -q --no-live
    same whole.h5 nolock.h5
    [ ! -e nolock.h5.lock ] || fail "the lock file stayed"
    echo "pid 1 on elsewhere" >nolock.h5.lock
    expect 3 env LD_PRELOAD="$PWD/no_locks.so" "$WATTSWEEP" run "$spec" -o nolock.h5 --resume -q --no-live 2>log
    grep -q "pid 1 on elsewhere.*remove the lock file" log || fail "expected to be refused: $(cat log)"
else
    echo "SKIPPED: nothing can be preloaded before the address sanitizer"
fi
