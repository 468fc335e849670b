#!/usr/bin/env bash
# Points that no machine has are not results: each board of a sweep has its own memory, a config that says more is marked
# and comes last, and ranks that cannot divide a model are failed rows that say why.
. "$(dirname "$0")/lib.sh"

configs=$SPEC_DIR/../../configs
load='"workload": {"generator": "poisson", "rate": 1000, "num_reqs": 600, "seed": 1, "input": 1024, "output": 512},
      "options": {"dtype": "bfloat16", "log_interval": "1s", "standby_unit": "s", "max_num_seqs": 512}'
boards='["RTXPRO6000", "RTX4090", "L40S", "H200"]'

spec() { # NAME PARAMETERS
    echo "{\"name\": \"$1\", \"cluster\": \"$configs/cluster/single_node_power_instance.json\", $load, \"parameters\": {$2}}" >"$1.json"
}

spec boards "\"hardware\": $boards"
spec pointer "\"/nodes/0/instances/0/hardware\": $boards"
spec ranks '"tp_size": [1, 3, 8, 1000]'
expect 0 on_ranks 2 run boards.json -o boards.h5
expect 0 "$WATTSWEEP" export boards.h5 --columns hardware,state,npu_mem_peak_gb,oversize,kv_usage_peak -o boards.csv
expect 0 "$WATTSWEEP" run pointer.json -o pointer.h5 2>pointer.log
expect 0 "$WATTSWEEP" export pointer.h5 --columns job,state,npu_mem_peak_gb,oversize -o pointer.csv
expect 0 "$WATTSWEEP" top pointer.h5 >pointer.top
expect 1 "$WATTSWEEP" run ranks.json -o ranks.h5
expect 0 "$WATTSWEEP" export ranks.h5 --columns tp_size,state,error -o ranks.csv
grep -q "npu_mem.mem_size 96 GiB is more than the 24 GiB that RTX4090 has" pointer.log || fail "no note"

# Without npu_mem: the same, and constraints know it. 16.1 GB of weights are more than half of an RTX 4090.
sed '/"npu_mem"/d' "$configs/cluster/single_node_power_instance.json" >bare.cluster.json
sed "s|\"cluster\": \"[^\"]*\"|\"cluster\": \"$PWD/bare.cluster.json\", \"constraints\": [\"weights_gb < 0.5 * npu_mem_gb\"]|" boards.json >bare.json
expect 0 "$WATTSWEEP" run bare.json -o bare.h5
expect 0 "$WATTSWEEP" export bare.h5 --columns hardware,state,npu_mem_peak_gb,oversize,kv_usage_peak -o bare.csv
grep -v RTX4090 boards.csv | cmp - <(grep -v RTX4090 bare.csv) || fail "npu_mem left out is not that of the board"
! grep -q "RTX4090,done" bare.csv || fail "RTX4090 should have been left out"

/usr/bin/python3 - <<'CHECK' || fail "see above"
import csv

rows = {row["hardware"]: row for row in csv.DictReader(open("boards.csv"))}
GIB = 2**30 / 1e9
for board, gib in (("RTXPRO6000", 96), ("RTX4090", 24), ("L40S", 48), ("H200", 141)):
    row = rows[board]
    assert row["state"] == "done" and float(row["oversize"]) == 0, row
    peak_gb = float(row["npu_mem_peak_gb"])
    assert peak_gb <= 0.9 * gib * GIB, row
    if float(row["kv_usage_peak"]) == 1.0:  # full: nothing is left of what may be used
        assert peak_gb > 0.899 * gib * GIB, row
assert float(rows["RTX4090"]["kv_usage_peak"]) == 1.0, rows
assert float(rows["H200"]["npu_mem_peak_gb"]) > 96 * GIB, rows

marked = {row["job"]: float(row["oversize"]) for row in csv.DictReader(open("pointer.csv"))}
assert marked == {"0": 0, "1": 1, "2": 1, "3": 0}, marked
ranked = [line.split()[0] for line in open("pointer.top") if line.split()[0] in marked]
assert {*ranked[:2]} == {"0", "3"} and {*ranked[2:4]} == {"1", "2"}, ranked

rows = {row["tp_size"]: row for row in csv.DictReader(open("ranks.csv"))}
for tp in ("3", "1000"):
    assert rows[tp]["state"] == "failed", rows
    assert ("/nodes/0/instances/0/tp_size: expected a tp_size that divides the 32 attention heads of "
            f"meta-llama/Llama-3.1-8B, found {tp}") in rows[tp]["error"], rows
assert rows["1"]["state"] == rows["8"]["state"] == "done", rows
CHECK
