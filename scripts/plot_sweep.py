#!/usr/bin/python3
"""Figures of a sweep: throughput against watts with the Pareto front, energy by component, power over time, and a heat
map of two parameters.

usage: plot_sweep.py FILE [-o DIR] [--jobs 3,17] [--x PARAM --y PARAM] [--metric NAME] [--format png|svg|pdf]
       plot_sweep.py FILE -o FIGURE --x PARAM (--curves NAME,.. | --stack energy|power|share) [--group PARAM]
                     [--panel PARAM] [--where NAME=VALUE].. [--log x|y|xy] [--percent] [--label VALUE=TEXT]..

The first form draws all of these into a folder; without --jobs the bars and curves show the ends and the middle of the
Pareto front. The second draws one figure of quantities over a parameter: curves, or the energy by component as stacked
bars. A quantity is a metric, or a component as joules, mean watts or share of all joules: link_j, link_w,
link_energy_share. What neither --x, --group, --panel nor --where names is averaged over. Needs python3-h5py,
python3-numpy and python3-matplotlib (scripts/bootstrap.sh --plots). Exit code 0; 2 bad option; 3 unreadable file or
unwritable folder.
"""
import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only, no display
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

import sweep_figures  # noqa: E402
from sweep_file import COLOURS, open_or_exit, pareto_front, short, text  # noqa: E402

STACKS = {"energy": "_j", "power": "_w", "share": "_energy_share"}


def choose_jobs(sweep, wanted):
    """Indices of the jobs to draw one by one."""
    if wanted:
        known = {int(job): index for index, job in enumerate(sweep.jobs)}
        missing = [job for job in wanted if job not in known]
        if missing:
            sys.exit(f"--jobs: no row of job {missing[0]}")
        return [known[job] for job in wanted]
    cost = np.where(sweep.is_done, sweep.metric("power_mean_w"), np.nan)
    front = pareto_front(cost, sweep.metric("total_tok_s"))
    if not front:
        return [int(i) for i in np.flatnonzero(sweep.is_done)[:5]]
    picks = np.linspace(0, len(front) - 1, min(5, len(front))).round().astype(int)
    return [front[i] for i in dict.fromkeys(picks)]


def draw_front(sweep, axes):
    power = np.where(sweep.is_done, sweep.metric("power_mean_w"), np.nan)
    tokens = sweep.metric("total_tok_s")
    names = sweep.varied_params()
    values = [text(v) for v in sweep.param(names[0])] if names else ["all"] * len(power)
    groups = list(dict.fromkeys(values))
    few = len(groups) <= len(COLOURS)
    for k, group in enumerate(groups if few else ["all"]):
        mask = np.array([v == group for v in values]) if few else np.ones(len(power), bool)
        axes.scatter(power[mask], tokens[mask], s=18, color=COLOURS[k], alpha=0.8,
                     label=f"{short(names[0])} {group}" if names and few else None)
    front = pareto_front(power, tokens)
    axes.step(power[front], tokens[front], where="post", color="black", linewidth=1, label="Pareto front")
    axes.set(xlabel="mean power [W]", ylabel="prompt + generated tokens per second", title=sweep.title)
    axes.legend(fontsize="small")


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


def draw_heat(sweep, axes, figure, x, y, metric):
    """The mean over everything else that varies."""
    columns, rows = sweep.param(x), sweep.param(y)
    x_values, y_values = sorted(set(columns)), sorted(set(rows))
    values = np.where(sweep.is_done, sweep.metric(metric), np.nan)
    grid = np.full((len(y_values), len(x_values)), np.nan)
    for i, row in enumerate(y_values):
        for j, column in enumerate(x_values):
            cell = values[(rows == row) & (columns == column)]
            if np.isfinite(cell).any():
                grid[i, j] = np.nanmean(cell)
    image = axes.imshow(grid, aspect="auto", origin="lower", cmap="viridis")
    axes.set_xticks(range(len(x_values)), [text(v) for v in x_values], rotation=30, ha="right", fontsize=8)
    axes.set_yticks(range(len(y_values)), [text(v) for v in y_values], fontsize=8)
    axes.set(xlabel=x, ylabel=y, title=f"{metric}, mean over the other parameters")
    figure.colorbar(image, ax=axes, label=f"{metric} {sweep.unit(metric)}".strip())


def save(figure, path):
    """The same bytes for the same figure: no date, no random ids in SVG."""
    figure.tight_layout()
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
    args.chosen = sweep_figures.select(sweep, args.where)
    if not args.chosen.any():
        parser.error("no finished job meets --where")
    try:
        if args.curves:
            figure = sweep_figures.draw_curves(plt, sweep, args.x, args.curves.split(","), args)
        else:
            figure = sweep_figures.draw_stack(plt, sweep, args.x, STACKS[args.stack], args)
    except KeyError as missing:
        parser.error(f"no metric or component {missing}")
    save(figure, Path(args.output))


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
    drawings = [("pareto", lambda axes, figure: draw_front(sweep, axes)),
                ("energy", lambda axes, figure: draw_energy(sweep, axes, picks, varied)),
                ("power", lambda axes, figure: draw_power(sweep, axes, picks, varied))]
    if x is not None and y is not None:
        drawings.append(("heatmap", lambda axes, figure: draw_heat(sweep, axes, figure, x, y, args.metric)))
    for name, draw in drawings:
        figure, axes = plt.subplots(figsize=(8, 5))
        draw(axes, figure)
        save(figure, folder / f"{name}.{args.format}")


if __name__ == "__main__":
    main()
