#!/usr/bin/python3
"""One self-contained HTML page of a sweep, to open in any browser, without a network: throughput against watts with the
Pareto front, energy by component, power over time of chosen jobs, a heat map of any two parameters, and the table.

usage: report.py FILE [-o report.html] [--max-jobs N]

Needs python3-h5py and python3-numpy only; the drawing is scripts/report_template.html. Above --max-jobs (default 5000)
done jobs, a page keeps the Pareto fronts of the usual axes (FRONTS) and an even selection of the rest, says so, and draws no
front of other axes. Points that miss the spec's slo are hollow, those that assume more memory than their board has crossed. Exit
code 0; 2 bad option; 3 unreadable file or unwritable page.
"""
import argparse
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

from sweep_file import COLOURS, GAINS, open_or_exit

MAX_SAMPLES = 400  # per job and series: more than a screen shows
MAX_SERIES_JOBS = 400  # jobs whose series go into the page
# Axes whose fronts a page of a selection keeps whole.
FRONTS = [(x, y) for x in ("power_mean_w", "j_per_token", "ttft_p99_ms", "tpot_p99_ms")
          for y in ("total_tok_s", "goodput_req_s")] + [("power_mean_w", "ttft_p99_ms"), ("j_per_token", "ttft_p99_ms")]
TEMPLATE = Path(__file__).with_name("report_template.html")


def rounded(values):
    """Numbers for the page: six digits, null for NaN."""
    return [None if not math.isfinite(v) else float(f"{v:.6g}") for v in np.asarray(list(values), float).tolist()]


def plain(values):
    """A parameter's values as JSON has them."""
    return [v.item() if isinstance(v, np.generic) else v for v in values]


def thinned(time_s, values):
    """Means over equal numbers of samples, weighted by their lengths, so that energy stays right."""
    step = max(1, math.ceil(len(values) / MAX_SAMPLES))
    lengths = np.diff(time_s, prepend=0.0)  # the last interval may be shorter
    return (rounded(time_s[min(i + step, len(time_s)) - 1] for i in range(0, len(values), step)),
            rounded(np.average(values[i:i + step], weights=lengths[i:i + step]) for i in range(0, len(values), step)))


def choose(sweep, most):
    """Indices of the jobs of the page."""
    done = np.flatnonzero(sweep.is_done)
    if len(done) <= most:
        return done
    fronts = [index for x, y in FRONTS for index in sweep.front(x, y)]
    even = done[np.linspace(0, len(done) - 1, most).astype(int)]
    return np.unique(np.concatenate([even, np.array(fronts, dtype=int)]))


def collect_series(sweep, picks):
    series = {}
    for index in picks[:: max(1, math.ceil(len(picks) / MAX_SERIES_JOBS))]:
        time_s, power_w = sweep.series(index, "power_w")
        if np.isfinite(power_w).any():  # not where no node has a power block
            times, values = thinned(time_s, power_w)
            series[int(sweep.jobs[index])] = {"time_s": times, "power_w": values}
    return series


def without_results(sweep, varied, most):
    """Jobs that are not done, for marks: their states and parameters."""
    rows = np.flatnonzero(~sweep.is_done)[:most]
    return {"jobs": sweep.jobs[rows].tolist(), "states": sweep.states[rows].tolist(),
            "repeats": sweep.column("repeat")[rows].tolist(),
            "params": {name: plain(sweep.param(name)[rows]) for name in varied}}


def collect(sweep, most):
    picks = choose(sweep, most)
    states, counts = np.unique(sweep.states.astype(str), return_counts=True)
    energy = sweep.component_energy()
    varied = sweep.varied_params()
    return {
        "title": sweep.title,
        "states": dict(zip(states.tolist(), counts.tolist())),
        "n_done": int(sweep.is_done.sum()),
        "spec_sha256": sweep.file.attrs["spec_sha256"],
        "version": sweep.file.attrs["program_version"],
        "history": sweep.file.attrs["history"],
        "colours": COLOURS,
        "jobs": sweep.jobs[picks].tolist(),
        "tiers": sweep.tiers[picks].tolist(),  # 2: misses the SLO, 1: oversize
        "repeats": sweep.column("repeat")[picks].tolist(),
        "gains": sorted(GAINS),
        "fronts": FRONTS,
        "without": without_results(sweep, varied, most),
        "params": {name: plain(sweep.param(name)[picks]) for name in varied},
        "param_units": {name: sweep.params[name][1] for name in varied},
        "metrics": {name: rounded(sweep.metric(name)[picks]) for name in sweep.metrics()},
        "metric_units": {name: sweep.unit(name) for name in sweep.metrics()},
        "components": sweep.components,
        "energy": [rounded(energy[index]) for index in picks],
        "series": collect_series(sweep, picks),
    }


def write(path, page):
    """Whole or not at all."""
    temporary = f"{path}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8") as out:
            out.write(page)
        os.replace(temporary, path)
    except OSError as problem:
        print(f"{path}: cannot write: {problem}", file=sys.stderr)
        sys.exit(3)


def main():
    parser = argparse.ArgumentParser(description="A self-contained HTML report of a sweep's result file.")
    parser.add_argument("file")
    parser.add_argument("-o", "--output", default="report.html")
    parser.add_argument("--max-jobs", type=int, default=5000)
    args = parser.parse_args()
    if args.max_jobs < 2:
        parser.error("--max-jobs: expected at least 2")
    if os.path.exists(args.output) and os.path.exists(args.file) and os.path.samefile(args.output, args.file):
        parser.error(f"--output: {args.output} is the result file itself")
    data = collect(open_or_exit(args.file), args.max_jobs)
    # "</" would end the script element early
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("</", "<\\/")
    write(args.output, TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", text))
    print(f"{args.output}: {len(data['jobs'])} of {data['n_done']} done jobs, {len(data['series'])} with power over time")


if __name__ == "__main__":
    main()
