#!/usr/bin/env bash
# The same mistake ends all three programs with the same code (docs/exit-codes.md): out of memory 1, bad input and what
# cannot run 2, output that cannot be written 3. 75 and the codes of sweeps with failing jobs: tests/sweep.
#
# usage: test_exit_codes.sh BIN_FOLDER     SANITIZED=1 in the environment: no limits on address space
set -euo pipefail
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export ASAN_OPTIONS=detect_leaks=0

fail() { echo "FAILED: $*" >&2; exit 1; }

# expect CODE TEXT COMMAND...: the command ends with that code and its messages contain the text
expect() {
    local expected=$1 text=$2 found=0
    shift 2
    "$@" >out 2>message </dev/null || found=$?
    [ "$found" -eq "$expected" ] || { cat message >&2; fail "expected exit code $expected, found $found: $*"; }
    grep -qF -- "$text" message || { cat message >&2; fail "the messages lack '$text': $*"; }
}

cluster=configs/cluster/single_node_single_instance.json
limited() { (ulimit -v 1000000 && "$@"); } # KiB; mapping the programs' libraries takes a third of it

# --- out of memory: inputs of 3 GB, which take no disk
if [ -z "${SANITIZED:-}" ]; then
    truncate -s 3G large
    mkdir -p bundle/tp1
    printf 'hardware: TOY\nmodel: org/toy\nvariant: bf16\n' >bundle/meta.yaml
    ln -s ../../large bundle/tp1/dense.csv
    expect 1 'out of memory' limited "$bin/wattsim" --cluster-config "$cluster" --dataset large
    expect 1 'out of memory' limited "$bin/wattsim" workload large
    expect 1 'out of memory' limited "$bin/wattsweep" plan large
    expect 1 'out of memory' limited "$bin/wattsweep" run large -o none.h5
    expect 1 'out of memory' limited "$bin/wattprof" show bundle
fi

# --- a cluster that cannot run: 2, and no file
cat >tiny.json <<'JSON'
{"num_nodes": 1, "link_bw": 16, "link_latency": 20000, "nodes": [{"num_instances": 1,
  "cpu_mem": {"mem_size": 512, "mem_bw": 256, "mem_latency": 0},
  "instances": [{"model_name": "meta-llama/Llama-3.1-70B", "hardware": "RTXPRO6000", "num_npus": 1, "tp_size": 1,
                 "npu_mem": {"mem_size": 8, "mem_bw": 1597, "mem_latency": 0}, "pd_type": null}]}]}
JSON
expect 2 'GiB' "$bin/wattsim" --cluster-config tiny.json --output none.csv
cat >cannot.json <<'JSON'
{"name": "cannot", "cluster": "no_such_cluster.json", "parameters": {"max_num_seqs": [1, 2]}}
JSON
expect 2 'no_such_cluster.json' "$bin/wattsweep" plan cannot.json
expect 2 'no_such_cluster.json' "$bin/wattsweep" run cannot.json -o none.h5

# --- bad input
expect 2 '--cluster-config' "$bin/wattsim" --cluster-config none.json
expect 2 'spec: none.json: no such file' "$bin/wattsweep" plan none.json
expect 2 'none.json: no such file' "$bin/wattprof" show none.json
expect 2 'nonsense' "$bin/wattsim" --nonsense
expect 2 'nonsense' "$bin/wattsweep" top --nonsense
expect 2 'nonsense' "$bin/wattprof" show --nonsense

# --- outputs that cannot be written, in a full device and inside a file, and a file that is no result file
echo text >text
expect 3 '' "$bin/wattsim" --cluster-config "$cluster" --num-reqs 2 --output /dev/full
expect 3 '' "$bin/wattsim" --cluster-config "$cluster" --num-reqs 2 --summary-json text/none.json
printf 'hardware: TOY\nmodel: org/toy\nvariant: bf16\n' >meta.yaml && mkdir -p small/tp1 && mv meta.yaml small
printf 'layer,tokens,time_us\nqkv_proj,1,2.5\nqkv_proj,9,4.5\n' >small/tp1/dense.csv
expect 3 '' "$bin/wattprof" fit small --output text/none.json
echo text >text.h5
expect 3 'text.h5' "$bin/wattsweep" status text.h5
expect 3 'text.h5' "$bin/wattsweep" top text.h5
[ ! -e none.h5 ] && [ ! -e none.csv ] || fail "a refused run left a file"

# --- one table: each program's help ends with it
for help in "wattsim --help" "wattsim workload --help" "wattprof --help" "wattsweep run --help" "wattsweep plan --help" \
        "wattsweep top --help"; do
    # shellcheck disable=SC2086 # words of a command line
    "$bin"/$help | tail -6 >codes
    head -1 codes | grep -qx 'exit codes:' || fail "$help does not end with the exit codes"
    cmp -s codes "${first:=$work/codes.first}" || { [ ! -e "$first" ] && mv codes "$first"; } || fail "$help has another table"
done
