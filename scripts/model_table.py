#!/usr/bin/python3
"""Print a Markdown table of models: parameters, attention, weights and KV cache, as `wattsim model` computes them.

usage: model_table.py [--wattsim PROGRAM] [MODEL ...]     MODEL = a name or the path of a config.json; none = all bundled
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path


def run(program, *arguments):
    return subprocess.run([program, "model", *arguments], capture_output=True, text=True)


def kinds(facts):
    """"60 sliding, 10 full": layers by how they attend, most first."""
    counts = {}
    for layer in facts["layers"]:
        counts[layer["attention"]] = counts.get(layer["attention"], 0) + layer["n_layers"]
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))


def experts(facts):
    chosen = [f"{layer['experts_per_token']} of {layer['n_experts']}" for layer in facts["layers"] if layer["n_experts"]]
    return chosen[0] if chosen else ""


def row(name, outcome):
    if outcome.returncode != 0:
        reason = outcome.stderr.strip().splitlines()[0].split(": ", 3)[-1]
        return f"| {name} | refused: {reason} | | | | | |"
    facts = json.loads(outcome.stdout)
    active = facts["n_active_params"]
    counts = f"{facts['n_params'] / 1e9:.1f}" + (f" ({active / 1e9:.1f})" if active < facts["n_params"] else "")
    format_of = facts["quantization"] if facts["quantization"] != "none" else facts["dtype"]
    return (f"| {name} | {counts} | {kinds(facts)} | {experts(facts)} | {format_of} | "
            f"{facts['weight_bytes_per_npu'] / 1e9:.1f} | {facts['kv_bytes_per_token'] / 1000:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wattsim", default="wattsim", help="the program (default: the one on PATH)")
    parser.add_argument("models", nargs="*")
    options = parser.parse_args()
    models = options.models or run(options.wattsim, "--list").stdout.split()
    if not models:
        sys.exit(f"{options.wattsim}: no models")
    print("| model | parameters, 10^9 (active) | layers | experts | weights in | weights, GB | KV cache, kB per token |")
    print("|---|---|---|---|---|---|---|")
    for model in models:
        name = Path(model).name.replace("_config.json", "").replace("--", "/") if model.endswith(".json") else model
        print(row(name, run(options.wattsim, model, "--json")))


if __name__ == "__main__":
    main()
