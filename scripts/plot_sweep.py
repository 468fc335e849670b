#!/usr/bin/python3
"""Figures of a sweep: throughput against watts (without power: against latency) with the Pareto front, energy by component,
power over time, and a heat map of two parameters.

usage: plot_sweep.py FILE [-o DIR] [--jobs 3,17] [--x PARAM --y PARAM] [--metric NAME] [--format png|svg|pdf]
       plot_sweep.py FILE -o FIGURE --x PARAM (--curves NAME,.. | --stack energy|power|share) [--group PARAM]
                     [--panel PARAM] [--where NAME=VALUE].. [--log x|y|xy] [--percent] [--label VALUE=TEXT]..

The first form draws all of these into a folder; without --jobs the bars and curves show the ends and the middle of the
Pareto front. The second draws one figure of quantities over a parameter: curves, or the energy by component as stacked
bars. A quantity is a metric, or a component as joules, mean watts or share of all joules: link_j, link_w,
link_energy_share. What neither --x, --group, --panel nor --where names is averaged over, everywhere over the same
combinations (sweep_compare.py). Below a figure stands what was averaged, filtered, left out and failed; points that miss the
spec's slo are hollow, those that assume more memory than their board has are crossed. Needs python3-h5py, python3-numpy and
python3-matplotlib (scripts/bootstrap.sh --plots). Exit code 0; 2 bad option; 3 unreadable file or unwritable folder.
"""
import argparse
import sys
import textwrap
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only, no display
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

import sweep_figures  # noqa: E402
from sweep_compare import compare, describe, trouble  # noqa: E402
from sweep_figures import quantity_label  # noqa: E402
from sweep_file import COLOURS, open_or_exit, short, text  # noqa: E402

STACKS = {"energy": "_j", "power": "_w", "share": "_energy_share"}


def choose_jobs(sweep, wanted):
    """Indices of the jobs to draw one by one."""
    if wanted:
        known = {int(job): index for index, job in enumerate(sweep.jobs)}
        missing = [job for job in wanted if job not in known]
        if missing:
            sys.exit(f"--jobs: no row of job {missing[0]}")
        without = [job for job in wanted if not sweep.is_done[known[job]]]
        if without:
            sys.exit(f"--jobs: job {without[0]} is {sweep.states[known[without[0]]]}: it has no results to draw")
        return [known[job] for job in wanted]
    front = sweep.front(*sweep.trade_off())
    if not front:
        return [int(i) for i in np.flatnonzero(sweep.is_done)[:5]]
    picks = np.linspace(0, len(front) - 1, min(5, len(front))).round().astype(int)
    return [front[i] for i in dict.fromkeys(picks)]


def scatter(axes, xs, ys, mask, sweep, colour, label):
    """Points of one colour: filled, hollow where they miss the SLO, crossed where memory is short."""
    plain, missed, crossed = (mask & part for part in (~sweep.misses_slo & ~sweep.is_oversize,
                                                       sweep.misses_slo & ~sweep.is_oversize, sweep.is_oversize))
    axes.scatter(xs[plain], ys[plain], s=18, color=colour, alpha=0.8, label=label)
    axes.scatter(xs[missed], ys[missed], s=18, facecolors="none", edgecolors=colour, linewidths=0.9)
    axes.scatter(xs[crossed], ys[crossed], s=22, color=colour, marker="x", linewidths=0.9)


def front_label(sweep, front, known):
    if not front:
        return None
    best = "" if not sweep.tiers[known].any() else \
        " of points that meet the SLO" if not sweep.misses_slo[front[0]] and sweep.misses_slo[known].any() else \
        " (none meets the SLO)" if sweep.misses_slo[front[0]] else " of points that fit their memory"
    return "Pareto front" + best


def draw_front(sweep, axes):
    x, y = sweep.trade_off()
    xs, ys = (np.where(sweep.is_done, sweep.metric(name), np.nan) for name in (x, y))
    names = sweep.varied_params()
    values = [text(v) for v in sweep.param(names[0])] if names else ["all"] * len(xs)
    groups = list(dict.fromkeys(values))
    few = len(groups) <= len(COLOURS)
    for k, group in enumerate(groups if few else ["all"]):
        mask = np.array([v == group for v in values]) if few else np.ones(len(xs), bool)
        scatter(axes, xs, ys, mask, sweep, COLOURS[k], f"{short(names[0])} {group}" if names and few else None)
    front = sweep.front(x, y)
    axes.step(xs[front], ys[front], where="post", color="black", linewidth=1,
              label=front_label(sweep, front, np.isfinite(xs) & np.isfinite(ys)))
    axes.set(xlabel=quantity_label(sweep, x), ylabel=quantity_label(sweep, y), title=sweep.title)
    axes.legend(fontsize="small")
    return "; ".join(trouble(sweep, np.ones(len(xs), bool)))


def draw_energy(sweep, axes, picks, names):
    energy = sweep.component_energy()
    bottom = np.zeros(len(picks))
    for k, component in enumerate(sweep.components):
        share = np.nan_to_num(energy[picks, k])
        if share.any():
            axes.bar(range(len(picks)), share, bottom=bottom, color=COLOURS[k], label=component)
            bottom += share
    axes.set_xticks(range(len(picks)), [sweep.label(i, names) for i in picks], rotation=20, ha="right", fontsize=7)
    axes.set(ylabel="energy [J]", title="Energy by component")
    axes.legend(fontsize="small")


def draw_power(sweep, axes, picks, names):
    for k, index in enumerate(picks):
        time_s, power_w = sweep.series(index, "power_w")
        axes.step(time_s, power_w, where="pre", color=COLOURS[k % len(COLOURS)], linewidth=1,
                  label=sweep.label(index, names))
    axes.set(xlabel="simulated time [s]", ylabel="power [W]", title="Power over time", ylim=(0, None))
    axes.legend(fontsize="small")


def heat_grid(sweep, x, y, metric):
    """The values along x and up y, the metric of each cell, and what it is a mean of."""
    values = np.where(sweep.is_done, sweep.metric(metric), np.nan)
    everything = np.ones(len(sweep.jobs), bool)
    comparison = compare(sweep, [x, y], everything, np.isfinite(values))
    x_values, y_values = sorted(set(sweep.param(x))), sorted(set(sweep.param(y)))
    grid = np.array([[comparison.mean(values, (column, row)) for column in x_values] for row in y_values])
    return x_values, y_values, grid, comparison


def draw_heat(sweep, axes, figure, x, y, metric):
    """A mean over everything else that varies, everywhere over the same points; other cells are hatched."""
    x_values, y_values, grid, comparison = heat_grid(sweep, x, y, metric)
    axes.patch.set(hatch="///", edgecolor="0.8", facecolor="0.96")  # seen where a cell is empty
    image = axes.imshow(grid, aspect="auto", origin="lower", cmap="viridis")
    for i, row in enumerate(y_values):
        for j, column in enumerate(x_values):
            mark_cell(axes, sweep, comparison, (column, row), j, i, grid)
    axes.set_xticks(range(len(x_values)), [text(v) for v in x_values], rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(y_values)), [text(v) for v in y_values], fontsize=8)
    axes.set(xlabel=x, ylabel=y, title=metric)
    figure.colorbar(image, ax=axes, label=f"{metric} [{sweep.unit(metric)}]" if sweep.unit(metric) else metric)
    return describe(sweep, np.ones(len(sweep.jobs), bool), [], [comparison])


def mark_cell(axes, sweep, comparison, cell, at_x, at_y, grid):
    """The number, and a mark where points miss the SLO or have too little memory: hollow or crossed, as in scatters."""
    if not np.isfinite(grid[at_y, at_x]):
        return
    middle = (np.nanmin(grid) + np.nanmax(grid)) / 2
    colour = "black" if grid[at_y, at_x] > middle else "white"
    if grid.size <= 100:
        axes.text(at_x, at_y, f"{grid[at_y, at_x]:.4g}", ha="center", va="center", fontsize=7, color=colour)
    if comparison.share(sweep.misses_slo, cell) > 0:
        axes.scatter([at_x + 0.38], [at_y + 0.36], s=16, facecolors="none", edgecolors=colour, linewidths=0.9)
    if comparison.share(sweep.is_oversize, cell) > 0:
        axes.scatter([at_x - 0.38], [at_y + 0.36], s=16, color=colour, marker="x", linewidths=0.9)


def save(figure, path, note=""):
    """With the note below. The same bytes for the same figure: no date, no random ids in SVG."""
    figure.tight_layout()
    if note:
        wrapped = textwrap.fill(note, int(figure.get_figwidth() * 19))
        figure.text(0.01, -0.01, wrapped, fontsize=7, color="0.35", va="top")
    try:
        figure.savefig(path, dpi=150, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)
    except (OSError, ValueError) as problem:
        print(f"{path}: cannot write: {problem}", file=sys.stderr)
        sys.exit(3)
    plt.close(figure)
    print(path)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Figures of a sweep's result file.")
    parser.add_argument("file")
    parser.add_argument("-o", "--output", default="plots", help="folder for the figures (default: plots)")
    parser.add_argument("--jobs", help="jobs to draw one by one: 3,17,42")
    parser.add_argument("--x", help="parameter along the heat map (default: the first that varies)")
    parser.add_argument("--y", help="parameter up the heat map (default: the second that varies)")
    parser.add_argument("--metric", default="j_per_token", help="metric of the heat map (default: j_per_token)")
    parser.add_argument("--format", default="png", choices=["png", "svg", "pdf"])
    one = parser.add_argument_group("one figure, written to -o")
    one.add_argument("--curves", help="quantities over --x, separated by commas: j_per_token, link_j, base_w")
    one.add_argument("--stack", choices=list(STACKS), help="stacked bars of all components over --x")
    one.add_argument("--bottom", metavar="COMPONENT", help="component that is stacked first")
    one.add_argument("--group", help="parameter with a curve for each value")
    one.add_argument("--panel", help="parameter with a panel for each value")
    one.add_argument("--where", action="append", default=[], metavar="NAME=VALUE", help="only jobs with that value")
    one.add_argument("--log", default="", choices=["", "x", "y", "xy"], help="logarithmic axes")
    one.add_argument("--percent", action="store_true", help="the quantity is a share")
    one.add_argument("--label", action="append", default=[], metavar="[PARAM:]VALUE=TEXT",
                     help="what to call a value or a quantity")
    one.add_argument("--x-label")
    one.add_argument("--y-label")
    return parser, parser.parse_args()


def pairs(parser, option, items):
    """NAME=VALUE options; a name may hold no equals sign, a value may."""
    found = [item.partition("=") for item in items]
    for name, equals, _ in found:
        if not equals:
            parser.error(f"{option}: expected NAME=VALUE, found {name}")
    return [(name, value) for name, _, value in found]


def check_param(parser, sweep, name):
    if name is not None and name not in sweep.params:
        parser.error(f"no parameter {name}; there are: {', '.join(sweep.params)}")


def draw_one(parser, args, sweep):
    """The second form: one figure over --x."""
    if args.x is None:
        parser.error("--curves and --stack need --x")
    args.where = pairs(parser, "--where", args.where)
    args.labels = dict(pairs(parser, "--label", args.label))
    for name in [args.x, args.group, args.panel, *(name for name, _ in args.where)]:
        check_param(parser, sweep, name)
    args.population = sweep_figures.select(sweep, args.where)
    args.chosen = args.population & sweep.is_done
    if not args.chosen.any():
        parser.error("no finished job meets --where")
    try:
        if args.curves:
            figure, comparisons = sweep_figures.draw_curves(plt, sweep, args.x, args.curves.split(","), args)
        else:
            figure, comparisons = sweep_figures.draw_stack(plt, sweep, args.x, STACKS[args.stack], args)
    except KeyError as missing:
        parser.error(f"no metric or component {missing}")
    if not any(comparison.rows for comparison in comparisons):
        parser.error(f"nothing to compare: no two values of {args.x} have results for the same values of "
                     f"{', '.join(comparisons[0].rest)}; name some of these with --group, --panel or --where")
    save(figure, Path(args.output), describe(sweep, args.population, args.where, comparisons))


def main():
    parser, args = parse_arguments()
    try:
        wanted = [int(job) for job in args.jobs.split(",")] if args.jobs else []
    except ValueError:
        parser.error("--jobs: expected numbers separated by commas")
    plt.rcParams["svg.hashsalt"] = "wattsweep"
    sweep = open_or_exit(args.file)
    if args.curves or args.stack:
        draw_one(parser, args, sweep)
        return
    varied = sweep.varied_params()
    x = args.x or (varied[0] if varied else None)
    y = args.y or next((name for name in varied if name != x), None)
    check_param(parser, sweep, x)
    check_param(parser, sweep, y)
    if args.metric not in sweep.file["metrics"]:
        parser.error(f"no metric {args.metric}")

    folder = Path(args.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        print(f"{folder}: cannot create: {problem}", file=sys.stderr)
        sys.exit(3)
    picks = choose_jobs(sweep, wanted)
    drawings = [("pareto", lambda axes, figure: draw_front(sweep, axes)),  # each returns the note below
                ("energy", lambda axes, figure: draw_energy(sweep, axes, picks, varied)),
                ("power", lambda axes, figure: draw_power(sweep, axes, picks, varied))]
    if x is not None and y is not None:
        drawings.append(("heatmap", lambda axes, figure: draw_heat(sweep, axes, figure, x, y, args.metric)))
    for name, draw in drawings:
        figure, axes = plt.subplots(figsize=(8, 5))
        note = draw(axes, figure)
        save(figure, folder / f"{name}.{args.format}", note or "")


if __name__ == "__main__":
    main()
