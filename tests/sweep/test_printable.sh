#!/usr/bin/env bash
# Text from files does not steer the terminal, and no cell of an export is a formula; numbers stay numbers.
. "$(dirname "$0")/lib.sh"

sed 's|"name": "short"|"name": "a\\u001b[2Jb", "title": "t\\u001b]0;x\\u0007"|' "$SPEC_DIR/short.json" >spec.json
expect 0 "$WATTSWEEP" run spec.json -o r.h5 -q
esc=$(printf '\033')
for command in "info r.h5" "show r.h5 --job 0" "top r.h5" "export r.h5" "export r.h5 --format tsv" "export r.h5 --format text"; do
    # shellcheck disable=SC2086  # a command line
    expect 0 "$WATTSWEEP" $command >out 2>&1
    ! grep -q "$esc" out || fail "$command lets escapes through"
done
"$WATTSWEEP" info r.h5 >info.txt
grep -q 'x1b' info.txt || fail "no title: $(cat info.txt)"
expect 2 "$WATTSWEEP" plan "no${esc}[2J.json" 2>log
! grep -q "$esc" log || fail "a message lets escapes through"
grep -q 'no\\x1b\[2J.json' log || fail "no name: $(cat log)"

# every job that cannot run is counted, by reason; an interval such as 18ns takes no more memory than a job may
cat >bad.json <<'JSON'
{ "name": "bad", "cluster": "configs/cluster/single_node_power_instance.json",
  "workload": { "generator": "poisson", "rate": 10, "num_reqs": 20, "input": 100, "output": 20 },
  "parameters": { "max_num_seqs": [8, 16], "mix": { "good": {}, "bad": { "nodes": 3 }, "ugly": { "nodes": [] } } } }
JSON
expect 0 "$WATTSWEEP" plan bad.json >log 2>/dev/null
grep -q "fail      4 of 6 jobs cannot run" log || fail "not all are counted: $(cat log)"
[ "$(grep -c "2 such as job" log)" -eq 2 ] || fail "not by reason: $(cat log)"
"$WATTSWEEP" plan bad.json --json 2>/dev/null | grep -q '"n_cannot_run": 4' || fail "not in JSON"
sed 's|"parameters"|"options": { "log_interval": "18ns" }, "parameters"|; s|, "mix".*| } }|' bad.json >fine.json
if (ulimit -v 4000000 && "$WATTSWEEP" --version >/dev/null 2>&1); then # sanitizers reserve more than that
    (ulimit -v 4000000 && expect 0 "$WATTSWEEP" plan fine.json >log 2>&1) || fail "plan takes too much memory: $(cat log)"
    grep -Eq "memory|512" log || fail "nothing said of memory: $(cat log)"
fi
