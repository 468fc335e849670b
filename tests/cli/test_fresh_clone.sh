#!/usr/bin/env bash
# A fresh clone is enough: the README's command runs on the tracked files alone and prints what the README shows, and
# power tracking leaves every request as it is.
#
# usage: test_fresh_clone.sh PATH_TO_WATTSIM PROJECT_FOLDER
set -euo pipefail

wattsim=$1
project=$2
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }

# Tracked files as they are now, without what lies next to them or is ignored. Outside of git (a source archive) every
# file is part of the release.
if git -C "$project" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -C "$project" ls-files -z -- README.md configs workloads | tar -C "$project" --null -T - -cf - | tar -C "$clone" -xf -
else
    cp -r "$project/README.md" "$project/configs" "$project/workloads" "$clone"
fi
cd "$clone"
export WATTSWEEP_CONFIGS=$clone/configs
power=configs/cluster/single_node_power_instance.json

# --- the README's first wattsim command, to the letter
mkdir -p build/release/bin
ln -s "$wattsim" build/release/bin/wattsim
python3 - README.md command.sh shown <<'PYTHON'
import re, sys
block = re.search(r"^\$ (build/release/bin/wattsim (?:.*\\\n)*.*)\n((?:.*\n)*?)```", open(sys.argv[1]).read(), re.M)
open(sys.argv[2], "w").write(block[1] + "\n")
open(sys.argv[3], "w").write("".join(line + "\n" for line in block[2].splitlines() if line != "..."))
PYTHON
cat command.sh
grep -qF -- "--cluster-config $power --dtype float16" command.sh || fail "the README no longer begins with $power"
bash -e command.sh >log 2>notes || { cat log notes >&2; fail "exit code $?"; }
while IFS= read -r line; do
    grep -qxF -- "$line" log || { cat log >&2; fail "the README shows a line that is not printed: $line"; }
done <shown
grep -q '^Total energy ' shown || fail "the README shows no total energy"
[ "$(wc -l <outputs/power_run.csv)" -eq 11 ] || fail "10 requests, $(wc -l <outputs/power_run.csv) lines"

# --- without its power block: the same requests to the byte, and not a word of power
python3 - "$power" no_power.json <<'PYTHON'
import json, sys
cluster = json.load(open(sys.argv[1]))
for node in cluster["nodes"]:
    del node["power"]
json.dump(cluster, open(sys.argv[2], "w"))
PYTHON
"$wattsim" --cluster-config no_power.json --dtype float16 --block-size 16 --dataset workloads/example_trace.jsonl \
    --output outputs/no_power.csv --log-interval 1.0 >plain_log
cmp outputs/power_run.csv outputs/no_power.csv
! grep -iqE 'power|energy' plain_log || { cat plain_log >&2; fail "power is mentioned though none is tracked"; }

# --- every bundled cluster runs, in both modes
for cluster in configs/cluster/*.json; do
    for fidelity in physical reference; do
        "$wattsim" --quiet --cluster-config "$cluster" --dataset workloads/example_trace.jsonl --fidelity $fidelity \
            --output outputs/one.csv 2>notes || { cat notes >&2; fail "$cluster, $fidelity: exit code $?"; }
        [ "$(wc -l <outputs/one.csv)" -eq 11 ] || fail "$cluster, $fidelity: 10 requests, $(wc -l <outputs/one.csv) lines"
        echo "ok $cluster $fidelity"
    done
done
