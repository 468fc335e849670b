#!/usr/bin/env python3
"""wattprof check and calibrate on bundles whose answers are known by hand, from a folder that is not the project's.

A toy bundle of one board and Llama-3.1-8B is written from a formula: each projection takes a launch plus the longer of its
arithmetic and its memory traffic, at known shares of the H100's peaks. calibrate must find those shares again; check must
report a profile fitted to the bundle as exact, and as 20 % short of the same bundle with every time 1.25 times as long.

usage: test_wattprof.py WATTPROF
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HIDDEN, Q_ROWS, KV_ROWS, FFN, BYTES = 4096, 4096, 1024, 14336, 2  # Llama-3.1-8B in bfloat16
LAYERS = {"qkv_proj": (HIDDEN, Q_ROWS + 2 * KV_ROWS), "o_proj": (Q_ROWS, HIDDEN),
          "gate_up_proj": (HIDDEN, 2 * FFN), "down_proj": (FFN, HIDDEN)}
TOKENS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
FLOPS, BYTES_PER_S = 989.4e12, 3350e9  # configs/hardware/H100.json
LAUNCH_S, MATRIX, MEMORY = 4e-6, 0.5, 0.75  # what calibrate is to find


def time_us(k: int, n: int, tokens: int) -> float:
    compute = 2.0 * k * n * tokens / (FLOPS * MATRIX)
    memory = BYTES * (k * n + tokens * (k + n)) / (BYTES_PER_S * MEMORY)
    return 1e6 * (LAUNCH_S + max(compute, memory))


def write_bundle(folder: pathlib.Path, scale: float) -> None:
    (folder / "tp1").mkdir(parents=True)
    (folder / "meta.yaml").write_text("hardware: TOY\nmodel: meta-llama/Llama-3.1-8B\nvariant: bf16\n")
    rows = [f"{layer},{t},{scale * time_us(k, n, t):.4f}" for layer, (k, n) in LAYERS.items() for t in TOKENS]
    (folder / "tp1" / "dense.csv").write_text("\n".join(["layer,tokens,time_us", *rows]) + "\n")


def run(expected: int, wattprof: str, *args: str) -> str:
    done = subprocess.run([wattprof, *args], capture_output=True, text=True)
    assert done.returncode == expected, f"{args}: expected exit {expected}, found {done.returncode}: {done.stderr}"
    return done.stdout if expected == 0 else done.stderr


def near(found: float, expected: float, tolerance: float, what: str) -> None:
    assert abs(found - expected) <= tolerance, f"{what}: expected {expected} within {tolerance}, found {found}"


def check_layers(wattprof: str, bundle: str) -> dict:
    (only,) = json.loads(run(0, wattprof, "check", "fitted.json", "--bundle", bundle, "--json"))
    assert only["tp"] == 1
    return only["error"]["dense"]


def main() -> None:
    wattprof = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        os.environ.pop("WATTSWEEP_CONFIGS", None)
        write_bundle(pathlib.Path("bundle"), 1.0)
        write_bundle(pathlib.Path("slower"), 1.25)
        run(0, wattprof, "fit", "bundle", "--output", "fitted.json")

        same = check_layers(wattprof, "bundle")
        assert same["n_points"] == len(LAYERS) * len(TOKENS), same
        near(same["mean"], 0.0, 0.01, "error of a fit against its own bundle")
        slower = check_layers(wattprof, "slower")
        near(slower["mean"], 0.2, 0.01, "error against times 1.25 times as long")
        near(slower["signed_mean"], -0.2, 0.01, "sign of that error")
        assert "dense" in run(0, wattprof, "check", "fitted.json", "--bundle", "bundle")

        # the bundled data sheet and the bundle's model are found from here
        found = json.loads(run(0, wattprof, "calibrate", "configs/hardware/H100.json", "bundle", "--fixed-attention", "--json"))
        near(found["launch_overhead_us"], 1e6 * LAUNCH_S, 0.4, "launch overhead")
        near(found["efficiency"]["matrix"], MATRIX, 0.01, "matrix efficiency")
        near(found["efficiency"]["memory"], MEMORY, 0.02, "memory efficiency")
        near(found["efficiency"]["attention"], 0.45, 1e-9, "attention, which was not to change")
        run(0, wattprof, "show", "configs/hardware/H100.json")

        # what is not there, or empty, is an error that says where was looked
        assert "no such file, here or in " in run(2, wattprof, "show", "configs/hardware/H101.json")
        assert "--bundle: nowhere: no such file" in run(2, wattprof, "check", "fitted.json", "--bundle", "nowhere")
        assert "--configs: nowhere: no such folder" in run(
            2, wattprof, "check", "fitted.json", "--bundle", "bundle", "--configs", "nowhere")
        assert "expected tp 2 in it" in run(2, wattprof, "check", "fitted.json", "--bundle", "bundle", "--tp", "2")
        pathlib.Path("bundle/tp1/dense.csv").unlink()
        assert "expected measurements" in run(2, wattprof, "check", "fitted.json", "--bundle", "bundle")
        assert "none of the bundles has tp 2" in run(
            2, wattprof, "calibrate", "configs/hardware/H100.json", "slower", "--tp", "2")


if __name__ == "__main__":
    main()
