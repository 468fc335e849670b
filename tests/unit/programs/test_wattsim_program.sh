#!/usr/bin/env bash
# What wattsim promises as a program: exit codes, where output goes, whole files or none, the same bytes every time.
# usage: test_wattsim_program.sh PATH_TO_WATTSIM SOURCE_DIR
set -euo pipefail

wattsim=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
power=configs/cluster/single_node_power_instance.json

fail() { echo "FAILED: $*" >&2; exit 1; }

# expect CODE ARGUMENTS...: run wattsim, keep its output in out and err, check its exit code
expect() {
    local code=$1 got=0
    shift
    "$wattsim" "$@" >out 2>err || got=$?
    [ "$got" -eq "$code" ] || { cat out err >&2; fail "wattsim $*: exit code $got, expected $code"; }
}
contains() { grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "no '$2' in $1"; }; }
lacks() { ! grep -qE -- "$2" "$1" || { cat "$1" >&2; fail "'$2' in $1"; }; }

# 16 requests of 64 + 64 tokens, one more that comes late, so that there is idle time
for i in $(seq 0 15); do echo '{"input_toks": 64, "output_toks": 64, "arrival_time_ns": '"$((i * 1000000))"'}'; done >trace.jsonl
echo '{"input_toks": 300, "output_toks": 20, "arrival_time_ns": 3000000000}' >>trace.jsonl
echo '{"num_nodes": 1,' >broken.json

# --- help and version
expect 0 --version
contains out '^wattsim [0-9]+\.[0-9]+\.[0-9]+'
expect 0 --help
contains out '--max-num-seqs N'

expect 0 workload --help

# --- a run with power: log and box on standard output, nothing but notes on standard error
expect 0 --cluster-config $power --standby-unit s --dataset trace.jsonl --log-interval 0.5 --output a/b/requests.csv
contains out '^\[INFO\] step=[0-9]+ batch=[0-9]+ prompt_t=[0-9.]+[kM]? tok/s decode_t=[0-9.]+[kM]? tok/s npu_mem=[0-9.]+ GB power=[0-9]+ W$'
contains out '^─+ Power summary \(node 0\) ─+$'
contains out '^Total energy         : +[0-9,.]+ J$'
contains out '^Reading: '
lacks err 'error'
[ "$(wc -l <a/b/requests.csv)" -eq 18 ] || fail "17 requests, $(wc -l <a/b/requests.csv) lines"
[ "$(ls a/b)" = requests.csv ] || fail "something else next to requests.csv: $(ls a/b)"
cp out first

# --- the same again: the same bytes
expect 0 --cluster-config $power --standby-unit s --dataset trace.jsonl --log-interval 0.5 --output again.csv
cmp out first
cmp again.csv a/b/requests.csv

# --- energy of requests: two columns behind the same ones, which add up to what NPUs and batches drew
expect 0 --cluster-config $power --standby-unit s --dataset trace.jsonl --output energy.csv --request-energy --summary-json energy.json
/usr/bin/python3 - energy.csv again.csv energy.json <<'PYTHON'
import csv, json, sys
own, plain = (list(csv.reader(open(name, newline=""))) for name in sys.argv[1:3])
assert [row[:-2] for row in own] == plain and own[0][-2:] == ["active_j", "energy_j"], own[0]
energy = json.load(open(sys.argv[3]))["energy"]
active_j, energy_j = (sum(float(row[k]) for row in own[1:]) for k in (-2, -1))
assert abs(active_j - energy["npu_state_j"]["active"]) <= 1e-9 * active_j, "active"
assert abs(energy_j - energy["phases"]["prefill"] - energy["phases"]["decode"]) <= 1e-9 * energy_j, "phases"
PYTHON

# --- without a power block: the same requests, and no power anywhere
expect 0 --dataset trace.jsonl --output plain.csv --summary-json plain.json
cmp plain.csv again.csv
lacks out 'power|energy'
lacks plain.json '"power_w"|"energy"|_j"'

# --- summary on standard output: nothing but JSON there, its sums agree
expect 0 --cluster-config $power --standby-unit s --dataset trace.jsonl --power-interval 100ms --summary-json -
contains err '^\[INFO\] step='
/usr/bin/python3 - out <<'PYTHON'
import json, sys
s = json.load(open(sys.argv[1]))
t, p = s["timeseries"]["time_s"], s["timeseries"]["power_w"]
total = s["energy"]["total_j"]
assert abs(sum(w * (b - a) for w, a, b in zip(p, [0] + t, t)) - total) <= 1e-9 * total, "series"
assert abs(sum(n["total_j"] for n in s["energy"]["nodes"]) - total) <= 1e-12 * total, "nodes"
for node in s["energy"]["nodes"]:
    assert abs(sum(node["components"].values()) - node["total_j"]) <= 1e-12 * total, "components"
    assert abs(sum(node["npu_state_s"].values()) - s["sim_duration_s"]) <= 1e-9 * s["sim_duration_s"], "states"
    assert node["npu_state_s"]["standby"] > 1, "the wait before the late request is standby"
assert s["metrics"]["n_completed"] == 17 and s["steps"] > 64
PYTHON

# --- --quiet prints nothing, --dry-run simulates nothing
expect 0 --quiet --dataset trace.jsonl
[ ! -s out ] || fail "--quiet printed something"
expect 0 --dry-run --output dry.csv --max-num-seqs 7
contains out '"max_num_seqs": "?7'
[ ! -e dry.csv ] || fail "--dry-run wrote a file"

# --- bad input: exit 2, a message that helps, no output
rm -f never.csv
expect 2 --max-num-seq 7 --output never.csv
contains err 'did you mean --max-num-seqs'
expect 2 --dataset no_such.jsonl --output never.csv
contains err 'no_such.jsonl'
expect 2 --cluster-config broken.json --output never.csv
contains err 'broken.json'
expect 2 --cluster-config broken.json --output broken.json/never.csv
sed 's/"mem_size": 96/"mem_size": 9/' "$2/$power" >small.json
expect 2 --cluster-config small.json --output never.csv
contains err 'small.json|weights|memory'
[ ! -e never.csv ] || fail "bad input left an output"

expect 2 --dataset . --output never.csv
contains err '\.: cannot be read: Is a directory'
expect 2 --data-dir no_such_folder --output never.csv
contains err '--data-dir: no_such_folder: no such folder'
sed 's/"RTXPRO6000"/"RTXPRO600"/' "$2/$power" >tag.json
expect 2 --cluster-config tag.json --output never.csv
contains err 'tag.json: /nodes/0/instances/0/hardware: .*"RTXPRO600".*did you mean "RTXPRO6000"'
[ ! -e never.csv ] || fail "bad input left an output"

# --- an output never replaces an input, under whatever name: exit 2, the input as it was
cp "$2/$power" own.json
cp trace.jsonl own.jsonl
ln own.jsonl linked.jsonl
expect 2 --cluster-config own.json --summary-json ./own.json
contains err '--summary-json: ./own.json is an input'
expect 2 --cluster-config own.json --dataset own.jsonl --output linked.jsonl
cmp own.json "$2/$power"
cmp own.jsonl trace.jsonl
cp "$2/workloads/example_trace.spec.json" own.spec.json
expect 2 workload own.spec.json --output own.spec.json
cmp own.spec.json "$2/workloads/example_trace.spec.json"

# --- outputs that cannot be written: exit 3
expect 3 --output broken.json/x.csv
contains err 'broken.json/x.csv'
expect 3 --output /dev/full --quiet
expect 3 --summary-json /dev/full --quiet
code=0
"$wattsim" >/dev/full 2>err || code=$?
[ "$code" -eq 3 ] || fail "full standard output: exit code $code"
[ "$(find . -name '*.tmp.*' | wc -l)" -eq 0 ] || fail "a temporary file was left"
echo "all promises kept"
