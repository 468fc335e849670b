"""sweep_file -- read a result file of wattsweep into plain numpy arrays, for plot_sweep.py and report.py.

Needs python3-h5py and python3-numpy. A file that is being written is read as far as it has come.
"""
import sys

import h5py
import numpy as np

COLOURS = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f",
           "#bab0ac", "#5b6770"]


# Metrics of which more is better, as ws_metric_is_cost() has them (engine/result/metrics.c); less of all others.
GAINS = {"n_requests", "n_completed", "prompt_tok_s", "decode_tok_s", "total_tok_s", "req_s", "goodput_req_s",
         "slo_attainment", "slo_met", "tok_per_j", "npu_active_share", "prefix_hit_share", "lower_tier_hit_share"}


class SweepFile:
    """The last row of every job, in the order of jobs."""

    def __init__(self, path):
        try:
            self.file = h5py.File(path, "r")
        except OSError:  # being written, or left by a killed sweep
            self.file = h5py.File(path, "r", libver="latest", swmr=True)
        if self.file.attrs.get("program") != "wattsweep":
            raise ValueError(f"{path}: not a result file of wattsweep")
        self.title = self.file.attrs["title"]
        n_rows = len(self.file["state"])
        jobs = self.file["job"][:n_rows]
        last = {int(job): row for row, job in enumerate(jobs)}  # a retry comes later and replaces
        self.jobs = np.array(sorted(last), dtype=np.int64)
        self.rows = np.array([last[int(job)] for job in self.jobs], dtype=np.int64)
        self.n_rows = n_rows
        state = self.file["state"]
        meanings = state.attrs["flag_meanings"].split()
        self.states = np.array([meanings[code] for code in self.column("state")], dtype=object)
        self.is_done = self.states == "done"
        self.params = {data.attrs["long_name"]: (name, data.attrs.get("units", ""))
                       for name, data in self.file["params"].items() if name != "job" and "long_name" in data.attrs} \
            if "params" in self.file else {}
        self.misses_slo = self.mark("slo_met", lambda met: met < 1)
        self.is_oversize = self.mark("oversize", lambda oversize: oversize > 0)
        # Which points come first, whatever their metrics: the rule of sweep/result/point_order.h.
        self.tiers = 2 * self.misses_slo + self.is_oversize
        self.components = [str(name) for name in self.file["energy/component"].asstr()[:]]

    def column(self, path):
        """A column of the file by its path, one element per job; text columns as str."""
        data = self.file[path]
        values = data[: self.n_rows][self.rows] if len(self.rows) else data[:0]
        if values.dtype.kind == "S":
            return np.array([b"".join(row).rstrip(b"\0").decode("utf-8", "replace") for row in values], dtype=object)
        if "flag_meanings" in data.attrs and path.startswith("params/"):
            return values.astype(bool)
        return values

    def param(self, name):
        return self.column(f"params/{self.params[name][0]}")

    def metric(self, name):
        """A metric as floats, NaN where a job has none; counts are integers in the file, -1 where they are missing."""
        values = self.column(f"metrics/{name}")
        return np.where(values < 0, np.nan, values.astype(float)) if values.dtype.kind == "i" else values

    def mark(self, metric, is_marked):
        """By job, whether a metric says so; False where the file does not have it, or the job is not done."""
        if metric not in self.file["metrics"]:
            return np.zeros(len(self.jobs), dtype=bool)
        return is_marked(self.metric(metric)) & self.is_done

    def unit(self, metric):
        unit = self.file[f"metrics/{metric}"].attrs.get("units", "")
        return "" if unit == "1" else unit

    def metrics(self):
        """Names of metrics that have a value somewhere."""
        return [name for name in self.file["metrics"] if name != "job" and np.isfinite(self.metric(name)).any()]

    def varied_params(self):
        return [name for name in self.params if len(set(self.param(name))) > 1]

    def label(self, index, names):
        """A job as people name it: its number and what varies."""
        values = [f"{short(name)}={text(self.param(name)[index])}" for name in names]
        trouble = [word for word, marks in (("misses SLO", self.misses_slo), ("oversize", self.is_oversize)) if marks[index]]
        return f"job {self.jobs[index]}: " + ", ".join(values + trouble)

    def trade_off(self):
        """What is traded by default: (cost, gain), by metric; power where it was tracked."""
        has_power = bool((np.isfinite(self.metric("power_mean_w")) & self.is_done).any())
        return "power_mean_w" if has_power else "ttft_p99_ms", "total_tok_s"

    def front(self, x, y):
        """The Pareto front of two metrics, each in the direction that is better, over the done points of the best tier
        there is; indices of jobs, by x."""
        xs, ys = (np.where(self.is_done, self.metric(name), np.nan) for name in (x, y))
        known = np.isfinite(xs) & np.isfinite(ys)
        if not known.any():
            return []
        xs = np.where(self.tiers == self.tiers[known].min(), xs, np.nan)
        front = pareto_front(-xs if x in GAINS else xs, ys if y in GAINS else -ys)
        return sorted(front, key=lambda index: xs[index])

    def component_energy(self):
        """J by job and component, summed over nodes; NaN where a job has none."""
        by_node = self.column("energy/component_j")
        total = np.nansum(by_node, axis=1)
        total[np.isnan(by_node).all(axis=1)] = np.nan
        return total

    def series(self, index, name):
        """Time (s) and values of one job's series."""
        if "timeseries" not in self.file:
            return np.empty(0), np.empty(0)
        group = self.file["timeseries"]
        row = self.rows[index]
        start, count = int(group["row_start"][row]), int(group["row_count"][row])
        return group["time_s"][start:start + count], group[name][start:start + count]


def short(name):
    """The last word of a parameter's name: what a label has room for."""
    return name.rsplit("/", 1)[-1].rsplit(".", 1)[-1]


def text(value):
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    return str(value)


def pareto_front(cost, gain):
    """Indices of points that no other beats in both (less cost, more gain), by cost."""
    front, best = [], -np.inf
    for index in sorted(np.flatnonzero(np.isfinite(cost) & np.isfinite(gain)), key=lambda i: (cost[i], -gain[i])):
        if gain[index] > best:
            best = gain[index]
            front.append(int(index))
    return front


def open_or_exit(path):
    """Open for a program: a message and exit code 3 if the file cannot be read."""
    try:
        return SweepFile(path)
    except (OSError, ValueError, KeyError) as problem:
        print(f"{path}: cannot read: {problem}", file=sys.stderr)
        sys.exit(3)
