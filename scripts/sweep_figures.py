"""sweep_figures -- two kinds of figures that follow one parameter: curves of quantities, and energy by component as
stacked bars; for plot_sweep.py.

A quantity is a metric of the file (j_per_token) or a component of the energy as joules, as share of the total, or as
mean power (link_j, link_energy_share, link_w). Panels stand side by side, one for each value of a parameter.
"""

import numpy as np

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
    """Jobs that are done and meet every NAME=VALUE."""
    chosen = sweep.is_done.copy()
    for name, value in conditions:
        chosen &= np.array([text(v) == value for v in sweep.param(name)], dtype=bool)
    return chosen


def groups_of(sweep, name, chosen):
    """(value as text or None, the chosen jobs that have it), in the order of the sweep."""
    if name is None:
        return [(None, chosen)]
    values = np.array([text(v) for v in sweep.param(name)], dtype=object)
    return [(value, chosen & (values == value)) for value in dict.fromkeys(values[chosen])]


def panels(plt, sweep, name, chosen, labels):
    """One axes for each value of the parameter `name`, all alike."""
    split = groups_of(sweep, name, chosen)
    width = 6.4 if len(split) == 1 else 1.2 + 3.3 * len(split)
    figure, axes = plt.subplots(1, len(split), figsize=(width, 3.9), sharey=True, squeeze=False)
    for axis, (value, _) in zip(axes[0], split):
        if value is not None:
            axis.set_title(value_label(labels, name, value) or f"{short(name)} {value}", fontsize=10)
        axis.grid(True, alpha=0.25, linewidth=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(zip(axes[0], (mask for _, mask in split)))


def draw_curves(plt, sweep, x, names, options):
    """Curves of `names` against the parameter x: colour by group, line style by quantity."""
    figure, parts = panels(plt, sweep, options.panel, options.chosen, options.labels)
    groups = groups_of(sweep, options.group, options.chosen)
    for axis, mask in parts:
        for g, (group, members) in enumerate(groups):
            for q, name in enumerate(names):
                draw_curve(sweep, axis, x, name, mask & members,
                           {"color": COLOURS[(g if len(groups) > 1 else q) % len(COLOURS)],
                            "linestyle": LINES[q % len(LINES)], "marker": MARKERS[g % len(MARKERS)],
                            "label": curve_label(sweep, group, name, names, options)})
        axis.set_xlabel(options.x_label or param_label(sweep, x))
        set_scales(axis, options.log, sorted(set(sweep.param(x)[mask])))
        if options.percent:
            axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    parts[0][0].set_ylabel(options.y_label or quantity_label(sweep, names[0]))
    if "y" not in options.log:
        parts[0][0].set_ylim(bottom=0)  # all panels share it
    put_legend(figure, parts[0][0])
    return figure


def draw_curve(sweep, axis, x, name, mask, style):
    """One line: the mean over whatever else varies."""
    at, values = sweep.param(x)[mask], quantity(sweep, name)[mask]
    ticks = sorted(set(at))
    axis.plot(ticks, [np.nanmean(values[at == tick]) for tick in ticks], markersize=4, linewidth=1.6, **style)


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


def draw_stack(plt, sweep, x, suffix, options):
    """Every component of the energy as `suffix` says, one bar for each value of x."""
    figure, parts = panels(plt, sweep, options.panel, options.chosen, options.labels)
    values = component_values(sweep, suffix)
    drawn = [k for k in range(len(sweep.components)) if np.nansum(np.abs(values[options.chosen, k])) > 0]
    drawn.sort(key=lambda k: sweep.components[k] != options.bottom)
    for axis, mask in parts:
        axis.grid(False, axis="x")
        split = groups_of(sweep, x, mask)
        bottom = np.zeros(len(split))
        for k in drawn:
            heights = np.array([np.nanmean(values[members, k]) for _, members in split])
            axis.bar(range(len(split)), heights, bottom=bottom, width=0.72, color=COLOURS[k],
                     label=COMPONENT_NAMES[sweep.components[k]])
            bottom += heights
        names = [value_label(options.labels, x, value) or value for value, _ in split]
        tilted = sum(len(name) for name in names) > 40
        axis.set_xticks(range(len(split)), names, fontsize=9, rotation=20 if tilted else 0,
                        ha="right" if tilted else "center")
        axis.set_xlabel(options.x_label or param_label(sweep, x))
        if suffix == "_energy_share":
            axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    what, unit = SUFFIXES[suffix]
    parts[0][0].set_ylabel(options.y_label or (f"{what} [{unit}]" if unit else what))
    put_legend(figure, parts[0][0], reverse=True)
    return figure


def put_legend(figure, axis, reverse=False):
    """To the right of the panels, where it hides nothing; none for a single curve."""
    handles, names = axis.get_legend_handles_labels()
    if not handles:
        return
    if reverse:
        handles, names = handles[::-1], names[::-1]
    figure.legend(handles, names, loc="center left", bbox_to_anchor=(1.0, 0.55), frameon=False, fontsize=9)
