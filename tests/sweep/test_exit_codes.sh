#!/usr/bin/env bash
# The launch lines of README and docs end when the sweep ends, with its exit code: mpirun alone, wattsweep-launch around it,
# and that with --enable-recovery, for each code (docs/exit-codes.md). Also when a rank dies, when nobody reads the output
# any more, and when the file reaches a size limit.
. "$(dirname "$0")/lib.sh"

launch=$(dirname "$WATTSWEEP")/wattsweep-launch
ranks=("$MPIEXEC" -n 2 --bind-to none)

# codes_are LAUNCHER...: each way a sweep can end gives its code
codes_are() {
    expect 0 "$@" "$WATTSWEEP" run "$SPEC_DIR/small.json" -o done.h5 --overwrite -q
    expect 1 "$@" "$WATTSWEEP" run "$SPEC_DIR/failing.json" -o failing.h5 --overwrite -q
    expect 2 "$@" "$WATTSWEEP" run none.json -o none.h5 -q
    expect 2 "$@" "$WATTSWEEP" run "$SPEC_DIR/small.json" --no-such-option
    expect 3 "$@" "$WATTSWEEP" run "$SPEC_DIR/small.json" -o done.h5 -q
    expect 75 "$@" "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o stopped.h5 --overwrite -q --time-limit 1ms
    [ -z "$(find . -name '.wattsweep-launch*')" ] || fail "a file of the launcher was left: $(ls -A)"
}

{
    codes_are
    codes_are "${ranks[@]}"
    codes_are "$launch" "${ranks[@]}"
    codes_are "$launch" "${ranks[@]}" --enable-recovery
} 2>messages || { cat messages >&2; exit 1; }

# --- without the supervisor --enable-recovery hides the code, and the sweep says so
expect 0 "${ranks[@]}" --enable-recovery "$WATTSWEEP" run none.json -o none.h5 2>hidden
grep -q 'the exit code is 2' hidden || { cat hidden >&2; fail "the hidden exit code is not mentioned"; }

# --- a worker dies: the others go on and the code is the sweep's; rank 0 dies: 75, and the rows are there
"$launch" "$MPIEXEC" -n 3 --bind-to none --enable-recovery "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o worker.h5 -q \
    --silence-timeout 3 2>worker.log &
launched=$!
supervised() { # the K-th rank below the supervisor
    rank_pid "$(pgrep -P "$launched" -f enable-recovery | head -n 1)" "$1"
}
await 30 test -e worker.h5
kill -KILL "$(supervised 2)"
expect 0 wait "$launched"
expect 0 "$WATTSWEEP" status worker.h5 >status.txt

"$launch" "$MPIEXEC" -n 3 --bind-to none --enable-recovery "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o rank0.h5 -q \
    --silence-timeout 3 2>rank0.log &
launched=$!
await 30 test -e rank0.h5
kill -KILL "$(supervised 0)"
expect 75 wait "$launched"
grep -q 'rank 0 has died' rank0.log || { cat rank0.log >&2; fail "the supervisor does not say that rank 0 has died"; }
expect 0 "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o rank0.h5 -q --resume
expect 0 "$WATTSWEEP" diff worker.h5 rank0.h5 >diff.txt

# --- SIGUSR1 and SIGTERM to the supervisor stop the sweep early
for signal in USR1 TERM; do
    "$launch" "${ranks[@]}" --enable-recovery "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o stop_$signal.h5 -q 2>stop.log &
    launched=$!
    await 30 test -e stop_$signal.h5
    kill "-$signal" "$launched"
    code=0
    wait "$launched" || code=$?
    [ "$code" -eq 75 ] || [ "$code" -eq 0 ] || fail "after $signal: expected 75 (or 0, if it was over), found $code"
    expect "$code" "$WATTSWEEP" status stop_$signal.h5 >status.txt
done

# --- nobody reads any more: the sweep ends as it would have
expect 0 bash -o pipefail -c '"$0" run "$1" -o pipe.h5 -v 2>&1 | head -n 1 >/dev/null' "$WATTSWEEP" "$SPEC_DIR/kill.json"
expect 0 "$WATTSWEEP" status pipe.h5 >status.txt

# --- a limit on file sizes is a full disk: message, 3
code=0
(ulimit -f 64 && "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o limited.h5 -q) 2>limited.log || code=$?
[ "$code" -eq 3 ] || { cat limited.log >&2; fail "at a file size limit: expected exit code 3, found $code"; }
grep -q 'limited.h5' limited.log || { cat limited.log >&2; fail "the message does not name the file"; }

# --- ranks that each take themselves for rank 0, as srun without PMI starts them: those that are refused do not end the other
cat >apart.sh <<'SCRIPT'
#!/usr/bin/env bash
"$@" &
first=$!
until [ -e apart.h5 ]; do sleep 0.05; done
kill -STOP "$first"
"$@"
sleep 2
kill -CONT "$first"
wait "$first"
SCRIPT
sed 's/^GRACE_S=10/GRACE_S=1/' "$launch" >impatient
chmod +x apart.sh impatient
expect 3 ./impatient ./apart.sh "$WATTSWEEP" run "$SPEC_DIR/kill.json" -o apart.h5 -q 2>apart.log
grep -q 'another sweep is writing this file' apart.log || fail "the second sweep was not refused: $(cat apart.log)"
expect 0 "$WATTSWEEP" status apart.h5

# --- a rank 0 that cannot tell how it ended is no success
expect 75 "$launch" env -u WATTSWEEP_EXIT_FILE "$WATTSWEEP" run "$SPEC_DIR/small.json" -o untold.h5 -q 2>untold.log
grep -q 'has not told how the sweep ended' untold.log || fail "untold: $(cat untold.log)"

# --- a rank dies before all have met: 75, and it ends
cat >dies_early.sh <<'SCRIPT'
#!/usr/bin/env bash
[ "$OMPI_COMM_WORLD_RANK" -ne 1 ] || kill -KILL $$
exec "$@"
SCRIPT
chmod +x dies_early.sh
expect 75 "$launch" "${ranks[@]}" --enable-recovery ./dies_early.sh "$WATTSWEEP" run "$SPEC_DIR/small.json" -o early.h5 -q \
    --start-timeout 2s 2>early.log

# --- Ctrl-C reaches the launcher, not mpirun, which would kill its ranks: running jobs are finished, the file is closed
make_long long.json
/usr/bin/python3 - "$launch" "${ranks[@]}" --enable-recovery "$WATTSWEEP" run long.json -o ctrl_c.h5 >ctrl_c.log <<'PYTHON' || fail "Ctrl-C: $(cat ctrl_c.log)"
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
while not os.path.exists("ctrl_c.h5"):
    time.sleep(0.02)
os.write(terminal, b"\x03")
try:
    while True:
        os.write(1, os.read(terminal, 4096))
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 75)
PYTHON
tr -d '\r' <ctrl_c.log | grep -q 'ctrl_c.h5 is not complete: go on with --resume' || fail "not closed: $(cat ctrl_c.log)"
