"""sweep_figures -- two kinds of figures that follow one parameter: curves of quantities, and energy by component as
stacked bars; for plot_sweep.py.

A quantity is a metric of the file (j_per_token) or a component of the energy as joules, as share of the total, or as
mean power (link_j, link_energy_share, link_w). Panels stand side by side, one for each value of a parameter.
"""

import numpy as np

from sweep_compare import compare
from sweep_file import COLOURS, short, text

NAMES = {
    "total_tok_s": "prompt + generated tokens per second",
    "decode_tok_s": "generated tokens per second",
    "j_per_token": "energy per generated token",
    "j_per_total_token": "energy per token, prompt and generated",
    "energy_j": "energy",
    "power_mean_w": "mean power",
    "npu_active_share": "NPU time active",
    "npu_standby_share": "NPU time in standby",
    "npu_idle_share": "NPU time idle",
}
COMPONENT_NAMES = {
    "npu_active": "NPU active", "npu_standby": "NPU standby", "npu_idle": "NPU idle", "cpu": "CPU", "dram": "DRAM",
    "cxl": "CXL", "pim": "PIM", "link": "links", "nic": "NIC", "storage": "storage", "base": "base",
}
SUFFIXES = {"_j": ("energy", "J"), "_w": ("mean power", "W"), "_energy_share": ("share of energy", "")}
LINES = ["-", "--", ":", "-."]
MARKERS = ["o", "s", "^", "D", "v", "P"]


def component_quantity(sweep, name):
    """The component and the suffix of link_j, base_w, cpu_energy_share; None for anything else."""
    for suffix in SUFFIXES:
        component = name.removesuffix(suffix)
        if component != name and component in sweep.components:
            return component, suffix
    return None


def quantity(sweep, name):
    """Values by job, NaN where a job has none; KeyError if the file has no such quantity."""
    if name in sweep.file["metrics"]:
        values = sweep.metric(name)
    elif component_quantity(sweep, name):
        component, suffix = component_quantity(sweep, name)
        values = component_values(sweep, suffix)[:, sweep.components.index(component)]
    else:
        raise KeyError(name)
    return np.where(sweep.is_done, values, np.nan)


def component_values(sweep, suffix):
    """By job and component: joules, shares of all joules, or mean watts, as the suffix says."""
    joules = sweep.component_energy()
    if suffix == "_j":
        return joules
    share = joules / sweep.metric("energy_j")[:, None]
    return share if suffix == "_energy_share" else share * sweep.metric("power_mean_w")[:, None]


def quantity_label(sweep, name):
    if name in sweep.file["metrics"]:
        label, unit = NAMES.get(name, name), sweep.unit(name)
    else:
        component, suffix = component_quantity(sweep, name)
        label, unit = f"{SUFFIXES[suffix][0]}, {COMPONENT_NAMES[component]}", SUFFIXES[suffix][1]
    return f"{label} [{unit}]" if unit and "per second" not in label else label


def param_label(sweep, name):
    unit = sweep.params[name][1]
    return f"{short(name)} [{unit}]" if unit and unit != "1" else short(name)


def value_label(labels, name, value):
    """What the caller calls a value: labels hold VALUE or, where values of two parameters look alike, NAME:VALUE."""
    return labels.get(f"{short(name)}:{value}", labels.get(value))


def select(sweep, conditions):
    """Jobs that meet every NAME=VALUE, done or not."""
    chosen = np.ones(len(sweep.jobs), dtype=bool)
    for name, value in conditions:
        chosen &= np.array([text(v) == value for v in sweep.param(name)], dtype=bool)
    return chosen


def groups_of(sweep, name, chosen):
    """(value as text or None, the chosen jobs that have it), in the order of the sweep."""
    if name is None:
        return [(None, chosen)]
    values = np.array([text(v) for v in sweep.param(name)], dtype=object)
    return [(value, chosen & (values == value)) for value in dict.fromkeys(values[chosen])]


def panels(plt, sweep, name, chosen, labels, n_rows=1):
    """Axes by row and panel, one panel for each value of the parameter `name`, all of a row alike; and the jobs of the
    panels with the value."""
    split = groups_of(sweep, name, chosen)
    width = 6.4 if len(split) == 1 else 1.2 + 3.3 * len(split)
    figure, axes = plt.subplots(n_rows, len(split), figsize=(width, 0.6 + 3.3 * n_rows), sharey="row", squeeze=False)
    for axis, (value, _) in zip(axes[0], split):
        if value is not None:
            axis.set_title(value_label(labels, name, value) or f"{short(name)} {value}", fontsize=10)
    for axis in axes.flat:
        axis.grid(True, alpha=0.25, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, axes, split


def quantity_unit(sweep, name):
    component = component_quantity(sweep, name)
    return sweep.unit(name) if component is None else SUFFIXES[component[1]][1]


def by_unit(sweep, names):
    """Quantities that may share an axis: those of one unit."""
    units = {}
    for name in names:
        quantity(sweep, name)  # KeyError if there is none
        units.setdefault(quantity_unit(sweep, name), []).append(name)
    return list(units.values())


def draw_curves(plt, sweep, x, names, options):
    """Curves of `names` against the parameter x: colour by group, line style by quantity, a row of axes by unit. Returns the
    figure and, by quantity, what its points are means of."""
    rows = by_unit(sweep, names)
    figure, axes, split = panels(plt, sweep, options.panel, options.chosen, options.labels, len(rows))
    groups = groups_of(sweep, options.group, options.chosen)
    cell_names = [name for name in (x, options.group, options.panel) if name is not None]
    comparisons = [compare(sweep, cell_names, options.population, options.chosen & np.isfinite(quantity(sweep, name)))
                   for name in names]
    for row, of_unit in zip(axes, rows):
        for axis, (_, mask) in zip(row, split):
            for g, (group, members) in enumerate(groups):
                for name in of_unit:
                    q = names.index(name)
                    draw_curve(sweep, axis, cell_names, name, mask & members, comparisons[q],
                               {"color": COLOURS[(g if len(groups) > 1 else q) % len(COLOURS)],
                                "linestyle": LINES[q % len(LINES)], "marker": MARKERS[g % len(MARKERS)],
                                "label": curve_label(sweep, group, name, names, options)})
            set_scales(axis, options.log, sorted(set(sweep.param(x)[mask])))
            if options.percent and quantity_unit(sweep, of_unit[0]) == "":
                axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        row[0].set_ylabel(row_label(sweep, of_unit, names, options))
        if "y" not in options.log:
            row[0].set_ylim(bottom=0)  # all panels share it
    for axis in axes[-1]:
        axis.set_xlabel(options.x_label or param_label(sweep, x))
    put_legend(figure, axes)
    return figure, comparisons


def row_label(sweep, of_unit, names, options):
    """Of an axis: the caller's if there is one axis, the quantity's if it has one, else the unit; the legend tells the rest."""
    if options.y_label and len(of_unit) == len(names):
        return options.y_label
    if len(of_unit) == 1:
        return quantity_label(sweep, of_unit[0])
    return quantity_unit(sweep, of_unit[0]) or "share"


def draw_curve(sweep, axis, cell_names, name, mask, comparison, style):
    """One line: means over whatever else varies, the same everywhere; a gap where they cannot be had. Points are hollow where
    some of the jobs behind them miss the SLO, crossed where some assume more memory than there is."""
    columns = [sweep.param(cell_name) for cell_name in cell_names]
    cells = {tuple(column[i] for column in columns) for i in np.flatnonzero(mask)}
    cells = sorted(cells, key=lambda cell: cell[0])
    values = quantity(sweep, name)
    ticks, means = [cell[0] for cell in cells], [comparison.mean(values, cell) for cell in cells]
    marker = {"marker": style.pop("marker"), "color": style["color"]}
    axis.plot(ticks, means, markersize=4, linewidth=1.6, marker=marker["marker"], **style)
    for k, cell in enumerate(cells):
        if comparison.share(sweep.misses_slo, cell) > 0:
            axis.plot([ticks[k]], [means[k]], markersize=4, markerfacecolor="white", linestyle="none", zorder=3, **marker)
        if comparison.share(sweep.is_oversize, cell) > 0:
            axis.plot([ticks[k]], [means[k]], markersize=8, marker="x", color=style["color"], linestyle="none")


def curve_label(sweep, group, name, names, options):
    parts = []
    if group is not None:
        parts.append(value_label(options.labels, options.group, group) or f"{short(options.group)} {group}")
    if len(names) > 1:
        parts.append(options.labels.get(name, quantity_label(sweep, name)))
    return ", ".join(parts) or None


def set_scales(axis, log, ticks):
    """Ticks where the sweep has its values, if they fit; a linear y axis starts at 0 once all curves are drawn."""
    if "x" in log:
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if len(ticks) <= 8 and all(isinstance(tick, (int, float, np.number)) for tick in ticks):
        axis.set_xticks(ticks)
        axis.set_xticks([], minor=True)
    if "y" in log:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "235" else "")


def draw_stack(plt, sweep, x, suffix, options):
    """Every component of the energy as `suffix` says, one bar for each value of x. Returns the figure and what bars are means
    of."""
    figure, axes, split = panels(plt, sweep, options.panel, options.chosen, options.labels)
    values = component_values(sweep, suffix)
    drawn = [k for k in range(len(sweep.components)) if np.nansum(np.abs(values[options.chosen, k])) > 0]
    drawn.sort(key=lambda k: sweep.components[k] != options.bottom)
    cell_names = [name for name in (x, options.panel) if name is not None]
    has_value = options.chosen & np.isfinite(np.where(sweep.is_done, sweep.metric("energy_j"), np.nan))
    comparison = compare(sweep, cell_names, options.population, has_value)
    for axis, (_, mask) in zip(axes[0], split):
        axis.grid(False, axis="x")
        bars = groups_of(sweep, x, mask)
        cells = [tuple(sweep.param(name)[np.flatnonzero(members)[0]] for name in cell_names) for _, members in bars]
        bottom = np.zeros(len(bars))
        for k in drawn:
            heights = np.array([comparison.mean(np.nan_to_num(values[:, k]), cell) for cell in cells])
            axis.bar(range(len(bars)), np.nan_to_num(heights), bottom=bottom, width=0.72, color=COLOURS[k],
                     label=COMPONENT_NAMES.get(sweep.components[k], sweep.components[k]))
            bottom += np.nan_to_num(heights)
        mark_bars(sweep, axis, comparison, cells, bottom)
        names = [value_label(options.labels, x, value) or value for value, _ in bars]
        tilted = sum(len(name) + 1 for name in names) > (44 if len(split) == 1 else 26)  # what a panel has room for
        axis.set_xticks(range(len(bars)), names, fontsize=9, rotation=20 if tilted else 0,
                        ha="right" if tilted else "center")
        axis.set_xlabel(options.x_label or param_label(sweep, x))
        if suffix == "_energy_share":
            axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    what, unit = SUFFIXES[suffix]
    axes[0][0].set_ylabel(options.y_label or (f"{what} [{unit}]" if unit else what))
    put_legend(figure, axes, reverse=True)
    return figure, [comparison]


def mark_bars(sweep, axis, comparison, cells, tops):
    """Above a bar: that it is left out, or a mark of the points behind it."""
    for at, cell in enumerate(cells):
        if cell not in comparison.rows:
            axis.text(at, 0.02, "left out", rotation=90, ha="center", va="bottom", fontsize=8, color="0.4",
                      transform=axis.get_xaxis_transform())
        if comparison.share(sweep.misses_slo, cell) > 0:
            axis.plot([at], [tops[at]], marker="o", markersize=5, markerfacecolor="white", color="0.2", clip_on=False)
        if comparison.share(sweep.is_oversize, cell) > 0:
            axis.plot([at], [tops[at]], marker="x", markersize=6, color="0.2", clip_on=False)


def put_legend(figure, axes, reverse=False):
    """To the right of the panels, where it hides nothing; each name once; none for a single curve."""
    entries = {}
    for axis in axes.flat:
        for handle, name in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(name, handle)
    if not entries:
        return
    names = list(entries)[::-1] if reverse else list(entries)
    figure.legend([entries[name] for name in names], names, loc="center left", bbox_to_anchor=(1.0, 0.55), frameon=False,
                  fontsize=9)
