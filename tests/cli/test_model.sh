#!/usr/bin/env bash
# `wattsim model` finds models by name, file and folder, says the same as text and as JSON, and refuses by name.
#
# usage: test_model.sh WATTSIM SOURCE_DIR
set -euo pipefail
wattsim=$1
configs=$2/configs
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export WATTSWEEP_CONFIGS=$configs

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
expect_code() { # code, then a command; its output goes to $folder/out
    local code=$1 found=0
    shift
    "$@" >"$folder/out" 2>&1 || found=$?
    [ "$found" -eq "$code" ] || fail "$*: expected exit code $code, found $found: $(cat "$folder/out")"
}
fact() { # key, of the JSON on stdin
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

[ "$("$wattsim" model --list | wc -l)" -ge 60 ] || fail "expected at least 60 bundled models"

# A name, its variant, a file and a folder are one model.
name=Qwen/Qwen2.5-7B
expected=$("$wattsim" model $name --json | fact n_params)
mkdir "$folder/checkpoint"
cp "$configs/model/$name.json" "$folder/checkpoint/config.json"
for model in $name-Instruct "$folder/checkpoint" "$folder/checkpoint/config.json"; do
    [ "$("$wattsim" model "$model" --json | fact n_params)" = "$expected" ] || fail "$model is not $name"
done

# Ranks share weights and KV heads: 4 KV heads of 128, 28 layers, 2 bytes.
[ "$("$wattsim" model $name --json | fact kv_bytes_per_token)" = $((2 * 4 * 128 * 28 * 2)) ] || fail "KV cache of $name"
[ "$("$wattsim" model $name --tp 4 --json | fact kv_bytes_per_token)" = $((2 * 128 * 28 * 2)) ] || fail "KV cache on 4 ranks"
[ "$("$wattsim" model $name --kv-cache-dtype fp8 --json | fact kv_bytes_per_token)" = $((2 * 4 * 128 * 28)) ] || fail "fp8"

# It simulates under all of these names.
for model in $name-Instruct "$folder/checkpoint"; do
    cat >"$folder/cluster.json" <<JSON
{"num_nodes": 1, "link_bw": 100, "link_latency": 500, "nodes": [{"num_instances": 1,
 "cpu_mem": {"mem_size": 128, "mem_bw": 256, "mem_latency": 0},
 "instances": [{"model_name": "$model", "hardware": "H100", "num_npus": 1, "tp_size": 1, "pd_type": null}]}]}
JSON
    expect_code 0 "$wattsim" --cluster-config "$folder/cluster.json" --dry-run
done

# What cannot be is said by name.
expect_code 2 "$wattsim" model Qwen/Qwen2.5-7C
grep -q 'no model "Qwen/Qwen2.5-7C": expected a bundled name' "$folder/out" || fail "$(cat "$folder/out")"
expect_code 2 "$wattsim" model
sed 's/{/{"index_stride": 3,/' "$configs/model/$name.json" >"$folder/odd.json"
expect_code 2 "$wattsim" model "$folder/odd.json"
grep -q '/index_stride: "index_stride": not modelled' "$folder/out" || fail "$(cat "$folder/out")"
expect_code 0 "$wattsim" model "$folder/odd.json" --approximate-model
grep -q '"index_stride" is left out' "$folder/out" || fail "$(cat "$folder/out")"
sed -i "s|\"model_name\": \"[^\"]*\"|\"model_name\": \"google/gemma-3-12b-it\"|" "$folder/cluster.json"
expect_code 2 "$wattsim" --cluster-config "$folder/cluster.json" --dry-run
grep -q 'attention within a window: not simulated yet' "$folder/out" || fail "$(cat "$folder/out")"
expect_code 0 "$wattsim" --cluster-config "$folder/cluster.json" --approximate-model --dry-run
grep -q 'note: attention within a window: left out' "$folder/out" || fail "$(cat "$folder/out")"
