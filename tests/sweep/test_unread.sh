#!/usr/bin/env bash
# Nobody reads any more (`| head -1`): what only prints ends quietly with 0, what writes files still writes them, and an exit
# code that is an answer stays that answer. Output that cannot be written, on the other hand, is an error.
. "$(dirname "$0")/lib.sh"

wattsim=$(dirname "$WATTSWEEP")/wattsim
wattprof=$(dirname "$WATTSWEEP")/wattprof
# unread COMMAND...: with a stdout whose reader has already left; its code is the command's, stderr goes to `said`
unread() {
    local code=0
    /usr/bin/python3 - "$@" 2>said <<'PYTHON' || code=$?
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
sys.exit(subprocess.run(sys.argv[1:], stdout=writer).returncode)
PYTHON
    ! grep -Ei 'cannot write|broken pipe|standard output' said || fail "unread, it says $(cat said): $*"
    return "$code"
}
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o a.h5 -q
expect 1 "$WATTSWEEP" run "$SPEC_DIR/failing.json" -o f.h5 -q
for command in "top a.h5" "pareto a.h5" "info a.h5" "export a.h5" "plan $SPEC_DIR/small.json --list" "show a.h5 --job 1" --help; do
    # shellcheck disable=SC2086 # words
    expect 0 unread "$WATTSWEEP" $command
    # shellcheck disable=SC2086
    expect 3 "$WATTSWEEP" $command >/dev/full 2>said
    [ -s said ] || fail "no word of a full disk: $command"
done
expect 1 unread "$WATTSWEEP" status f.h5
expect 1 unread "$WATTSWEEP" diff a.h5 f.h5
expect 0 unread "$WATTSWEEP" run "$SPEC_DIR/small.json" -o b.h5 -q
same a.h5 b.h5
expect 0 unread "$WATTSWEEP" export a.h5 -o a.csv
[ "$(wc -l <a.csv)" -eq 41 ] || fail "expected 40 rows: $(wc -l <a.csv)"
workload=$SPEC_DIR/../../workloads/example_trace.jsonl
one=(--cluster-config "$SPEC_DIR/../../configs/cluster/single_node_power_instance.json" --dtype float16 --block-size 16
    --dataset "$workload" --log-interval 1.0)
expect 0 unread "$wattsim" "${one[@]}" --output one.csv
[ "$(wc -l <one.csv)" -gt 1 ] || fail "wattsim wrote no rows"
expect 0 unread "$wattsim" "${one[@]}" --output -
expect 3 "$wattsim" "${one[@]}" --output two.csv >/dev/full 2>/dev/null
expect 0 unread "$wattprof" --help
