#!/usr/bin/env python3
"""Draw docs/img/measured_power.svg: wall power of a real server and what wattsim says, second by second.

usage: plot_power.py PATH_TO_WATTSIM SHARED_FOLDER; needs python3-matplotlib (scripts/bootstrap.sh --plots).
"""
from pathlib import Path

import matplotlib

matplotlib.use("svg")  # a file, no display
matplotlib.rcParams["svg.hashsalt"] = "wattsweep"  # same data, same bytes
import matplotlib.pyplot as plt  # noqa: E402

from shared_data import Bench  # noqa: E402
from test_power import compare, load_column, run  # noqa: E402

MEASURED, SIMULATED, GREY = "#333333", "#d1495b", "#8d99ae"
OUTPUT = Path(__file__).resolve().parents[2] / "docs/img/measured_power.svg"


def draw(wall, simulated):
    n = min(len(wall), len(simulated))
    error, energy = compare(simulated, wall)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, height_ratios=[3, 1], layout="constrained")
    top.step(range(n), simulated[:n], where="post", color=SIMULATED, linewidth=1.6,
             label=f"simulated: mean absolute error {error:.1f} %, energy {energy:+.1f} %")
    top.step(range(n), wall[:n], where="post", color=MEASURED, linewidth=1.0, label="measured at the wall")
    top.set_ylabel("power (W)")
    top.set_ylim(300, 800)
    top.legend(loc="upper center", ncols=2, frameon=False)
    bottom.step(range(n), [s - w for s, w in zip(simulated, wall)], where="post", color=SIMULATED, linewidth=1.0)
    bottom.axhline(0, color=GREY, linewidth=0.8)
    bottom.set_ylabel("difference (W)")
    bottom.set_xlabel("time (s)")
    bottom.set_xlim(0, n)
    for axes in (top, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    OUTPUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUTPUT, metadata={"Date": None})


def main():
    bench = Bench()
    folder = bench.data / "measured/power/a6000_tp1"
    draw(load_column(folder / "server_power.tsv"), run(bench, folder, "physical", "1s")["timeseries"]["power_w"])
    print(OUTPUT)


main()
