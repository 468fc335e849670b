#!/usr/bin/python3
"""plot_sweep.py and report.py make whole files from a result file, and complain in one line about anything else.

usage: test_store_scripts.py STORE_SAMPLE SCRIPTS_DIR

Exit code 77 (skipped) without python3-h5py or python3-matplotlib.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

try:
    import h5py
    import matplotlib
except ImportError as missing:
    print(f"SKIPPED: {missing}. Debian: python3-h5py python3-matplotlib", file=sys.stderr)
    sys.exit(77)

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402

SCRIPTS = Path(sys.argv.pop(2))
PAGE_RUNNER = Path(__file__).with_name("report_page.js")
SAMPLE = sys.argv.pop(1)


sys.path.insert(0, str(SCRIPTS))
import plot_sweep  # noqa: E402
import sweep_compare  # noqa: E402
import sweep_figures  # noqa: E402
from sweep_file import GAINS, SweepFile  # noqa: E402

DONE, FAILED = 2, 3  # of /state


def make_grid(path, metrics=(), failed=lambda seqs, prefix, standby: False):
    """Turn the sample's 40 rows into a grid: max_num_seqs 1 to 5, prefix caching off and on, standby 0 to 3 s; all done but
    those that failed. metrics: (name, function of the three)."""
    with h5py.File(path, "r+") as file:
        points = [(seqs, prefix, standby) for seqs in range(1, 6) for prefix in (0, 1) for standby in range(4)]
        for group in (file, *(item for item in file.values() if isinstance(item, h5py.Group))):
            group["job"][:] = range(40)
        file["repeat"][:] = 0
        file["state"][:] = [FAILED if failed(*point) else DONE for point in points]
        for name, k in (("p0_max_num_seqs", 0), ("p3_prefix", 1), ("p1_standby_duration", 2)):
            file[f"params/{name}"][:] = [point[k] for point in points]
        file["params/p2_hardware_mix"][:] = file["params/p2_hardware_mix"][0]
        for data in [*file["metrics"].values(), file["energy/component_j"]]:
            data[:] = np.nan_to_num(data[:], nan=1.0)  # the sample's failed rows have none
        file["metrics/slo_met"][:] = -1  # no SLO
        for name in ("oversize", "n_rejected"):
            if name in file["metrics"]:
                file[f"metrics/{name}"][:] = 0
        for name, value in metrics:
            file[f"metrics/{name}"][:] = [value(*point) for point in points]


class Scripts(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.path = self.folder / "results.h5"
        subprocess.run([SAMPLE, self.path, "40"], check=True)

    def run_script(self, name, *arguments):
        return subprocess.run([SCRIPTS / name, *arguments], capture_output=True, text=True, cwd=self.folder)

    def test_report_holds_every_done_job(self):
        done = self.run_script("report.py", self.path, "-o", "out.html")
        self.assertEqual(done.returncode, 0, done.stderr)
        page = (self.folder / "out.html").read_text(encoding="utf-8")
        data = json.loads(re.search(r"^const data = (.*);$", page, re.MULTILINE).group(1).replace("<\\/", "</"))
        jobs = [job for job in range(40) if job % 7 != 3]  # the fixture's done jobs
        self.assertEqual(data["jobs"], jobs)
        self.assertEqual(data["states"], {"done": len(jobs), "failed": 40 - len(jobs)})
        self.assertEqual(data["metrics"]["duration_s"][2], 2100.25)
        self.assertEqual(data["params"]["hardware_mix"][1], "größer")
        self.assertEqual(data["series"]["5"]["power_w"][0], 5500.25)
        self.assertEqual(len(data["energy"][0]), len(data["components"]))
        self.assertNotIn("http://", page.replace("http://www.w3.org/2000/svg", ""))  # nothing from a network
        self.assertNotIn("https://", page)

    def test_report_of_many_jobs_keeps_some(self):
        done = self.run_script("report.py", self.path, "-o", "out.html", "--max-jobs", "5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("of 34 done jobs", done.stdout)

    def test_report_without_power(self):
        with h5py.File(self.path, "r+") as file:
            file["timeseries/power_w"][:] = float("nan")
        done = self.run_script("report.py", self.path, "-o", "out.html")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(" 0 with power over time", done.stdout)

    def test_report_spares_its_input(self):
        before = self.path.read_bytes()
        done = self.run_script("report.py", self.path, "-o", "../" + self.folder.name + "/results.h5")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("is the result file itself", done.stderr)
        self.assertEqual(self.path.read_bytes(), before)

    # ---- comparing ----

    def heat(self):
        """Cells of the heat map of max_num_seqs and prefix caching: the grid [prefix][seqs], and how it came about."""
        sweep = SweepFile(self.path)
        grid, comparison = plot_sweep.heat_grid(sweep, "max_num_seqs", "enable_prefix_caching", "j_per_token")[2:]
        return grid, comparison

    def test_a_missing_half_saves_nothing(self):
        # with 5 sequences and prefix caching the expensive half failed; over what is there it would look cheaper
        make_grid(self.path, [("j_per_token", lambda seqs, prefix, standby: 1 + standby)],
                  lambda seqs, prefix, standby: seqs == 5 and prefix == 1 and standby >= 2)
        grid, comparison = self.heat()
        values = grid[np.isfinite(grid)]
        self.assertEqual(set(values), {values[0]})
        self.assertEqual((comparison.n_used, comparison.n_all, comparison.n_left_out), (4, 4, 1))  # 9 x 4 beats 10 x 2
        self.assertTrue(np.isnan(grid[1, 4]))
        self.assertIn("1 of 10 cells left out: they lack some of these", comparison.notes())
        done = self.run_script("plot_sweep.py", self.path, "-o", "plots", "--format", "svg", "--x", "max_num_seqs", "--y",
                               "enable_prefix_caching")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_common_points_where_many_lack_some(self):
        # prefix caching lacks the expensive half everywhere: all ten cells over the half that all have
        make_grid(self.path, [("j_per_token", lambda seqs, prefix, standby: 10 * seqs + standby)],
                  lambda seqs, prefix, standby: prefix == 1 and standby >= 2)
        grid, comparison = self.heat()
        self.assertEqual((comparison.n_used, comparison.n_all, comparison.n_left_out), (2, 4, 0))
        for row in grid:
            self.assertEqual(list(row), [10 * seqs + 0.5 for seqs in range(1, 6)])
        self.assertIn("mean over 2 of 4 combinations of standby_duration: those that all cells shown have", comparison.notes())

    def test_nothing_in_common_is_not_drawn(self):
        make_grid(self.path, failed=lambda seqs, prefix, standby: standby != (seqs + 2 * prefix) % 4)
        grid, comparison = self.heat()
        self.assertEqual(comparison.n_used, 1)
        kept = {standby for rows in comparison.rows.values() for standby in SweepFile(self.path).param("standby_duration")[rows]}
        self.assertEqual(len(kept), 1)  # never one standby time next to another
        self.assertEqual(np.isfinite(grid).sum(), len(comparison.rows))

    def test_what_is_swept_together_is_not_averaged(self):
        make_grid(self.path, failed=lambda seqs, prefix, standby: standby > 0)
        with h5py.File(self.path, "r+") as file:  # standby follows max_num_seqs, as in a zip
            file["params/p1_standby_duration"][:] = [10.0 * v for v in file["params/p0_max_num_seqs"][:]]
            file["repeat"][:] = [row % 4 for row in range(40)]
        comparison = self.heat()[1]
        self.assertEqual(comparison.along, ["standby_duration"])
        self.assertEqual(len(comparison.rows), 10)
        self.assertIn("swept together with these: standby_duration", comparison.notes())

    def curves(self, names, x="max_num_seqs", group=None):
        sweep = SweepFile(self.path)
        everything = np.ones(40, bool)
        options = types.SimpleNamespace(panel=None, group=group, population=everything, chosen=sweep.is_done, labels={},
                                        log="", percent=False, x_label=None, y_label=None)
        figure, comparisons = sweep_figures.draw_curves(plt, sweep, x, names, options)
        self.addCleanup(plt.close, figure)
        return figure, comparisons

    def test_curves_compare_like_with_like(self):
        make_grid(self.path, [("j_per_token", lambda seqs, prefix, standby: 1 + standby)],
                  lambda seqs, prefix, standby: seqs > 3 and standby == 3)
        figure, comparisons = self.curves(["j_per_token"])
        line = figure.axes[0].lines[0]
        self.assertEqual((list(line.get_xdata()), set(line.get_ydata())), ([1, 2, 3, 4, 5], {2.0}))
        self.assertEqual((comparisons[0].n_used, comparisons[0].n_all), (6, 8))

    def test_one_axis_for_each_unit(self):
        make_grid(self.path)
        figure = self.curves(["j_per_token", "ttft_p99_ms", "base_j"])[0]
        labels = [axis.get_ylabel() for axis in figure.axes]
        self.assertEqual(labels, ["J", "ttft_p99_ms [ms]"])
        self.assertEqual([len(axis.lines) for axis in figure.axes], [2, 1])
        self.assertEqual([axis.get_ylabel() for axis in self.curves(["j_per_token"])[0].axes], ["energy per generated token [J]"])

    def test_fronts_are_of_points_that_meet_the_slo(self):
        # power and throughput rise with max_num_seqs; the cheap ones miss the SLO
        make_grid(self.path, [("power_mean_w", lambda seqs, prefix, standby: 100 * seqs + standby),
                              ("total_tok_s", lambda seqs, prefix, standby: 10 * seqs),
                              ("ttft_p99_ms", lambda seqs, prefix, standby: 50 - seqs),
                              ("slo_met", lambda seqs, prefix, standby: float(seqs >= 3))])
        sweep = SweepFile(self.path)
        front = sweep.front("power_mean_w", "total_tok_s")
        self.assertEqual(list(sweep.param("max_num_seqs")[front]), [3, 4, 5])
        self.assertEqual(list(sweep.param("max_num_seqs")[sweep.front("ttft_p99_ms", "total_tok_s")]), [5])
        self.assertEqual(plot_sweep.front_label(sweep, front, sweep.is_done), "Pareto front of points that meet the SLO")
        self.assertEqual(sweep_compare.trouble(sweep, np.ones(40, bool)), ["16 of 40 points miss the SLO (hollow)"])
        self.assertIn("misses SLO", sweep.label(0, []))
        figure, axes = plt.subplots()
        self.addCleanup(plt.close, figure)
        plot_sweep.draw_front(sweep, axes)
        hollow = sum(len(c.get_offsets()) for c in axes.collections if len(c.get_facecolors()) == 0)
        self.assertEqual(hollow, 16)

    def test_without_power_latency_is_traded(self):
        make_grid(self.path, [("power_mean_w", lambda *point: float("nan"))])
        self.assertEqual(SweepFile(self.path).trade_off(), ("ttft_p99_ms", "total_tok_s"))

    def test_the_program_and_the_scripts_agree_on_what_is_good(self):
        source = (SCRIPTS.parent / "engine/result/metrics.c").read_text()
        body = source[source.index("ws_metric_is_cost"):]
        goods = re.findall(r"case WS_METRIC_(\w+):", body[:body.index("return 0")])
        names = dict(re.findall(r'X\(WS_METRIC_(\w+), "(\w+)"', (SCRIPTS.parent / "engine/result/metrics.h").read_text()))
        self.assertEqual({names[good] for good in goods}, GAINS)

    def test_notes_below_figures(self):
        make_grid(self.path, failed=lambda seqs, prefix, standby: seqs == 1 and standby == 3)
        sweep = SweepFile(self.path)
        note = sweep_compare.describe(sweep, sweep_figures.select(sweep, [("enable_prefix_caching", "True")]),
                                      [("enable_prefix_caching", "True")], [])
        self.assertEqual(note, "only enable_prefix_caching = True; 1 jobs failed: no results")

    # ---- the page ----

    def page(self, *choices, most="5000"):
        """What the report draws and says, its script being run by node."""
        node = shutil.which("node")
        if node is None:
            self.skipTest("node is not installed: the page's script is not run")
        self.assertEqual(self.run_script("report.py", self.path, "-o", "out.html", "--max-jobs", most).returncode, 0)
        done = subprocess.run([node, PAGE_RUNNER, self.folder / "out.html", *choices], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    HEAT = ("heat-x=max_num_seqs", "heat-y=enable_prefix_caching", "heat-z=j_per_token")

    def test_page_shows_no_saving_of_a_missing_half(self):
        make_grid(self.path, [("j_per_token", lambda seqs, prefix, standby: 1 + standby)],
                  lambda seqs, prefix, standby: seqs == 5 and prefix == 1 and standby >= 2)
        page = self.page(*self.HEAT)
        self.assertEqual(sorted(page["cells"]), [" !"] + ["2.5"] * 9)
        self.assertIn("Mean over 4 combinations of standby_duration; 1 of 10 cells left out", page["heat_note"])
        self.assertIn("2 jobs have no results", page["scatter_note"])
        make_grid(self.path, [("j_per_token", lambda seqs, prefix, standby: 10 * seqs + standby)],
                  lambda seqs, prefix, standby: prefix == 1 and standby >= 2)
        page = self.page(*self.HEAT)
        self.assertEqual(sorted(page["cells"]), sorted(f"{10 * seqs + 0.5:g}{mark}" for seqs in range(1, 6) for mark in ("", " !")))
        self.assertIn("Mean over 2 of 4 combinations of standby_duration", page["heat_note"])

    def test_page_draws_fronts_of_its_axes_and_of_points_that_meet_the_slo(self):
        make_grid(self.path, [("power_mean_w", lambda seqs, prefix, standby: 100 * seqs + standby),
                              ("total_tok_s", lambda seqs, prefix, standby: 10 * seqs),
                              ("n_preemptions", lambda seqs, prefix, standby: seqs + standby),
                              ("slo_met", lambda seqs, prefix, standby: float(seqs >= 3))])
        page = self.page("x=power_mean_w", "y=total_tok_s")
        self.assertEqual((page["points"], page["hollow"]), (40, 16))
        self.assertEqual([path.count("L") for path in page["front"]], [2])  # three points
        self.assertIn("of the points that meet the SLO of these two axes; 16 of 40 points miss the SLO", page["scatter_note"])
        self.assertIn("slo_met", page["headings"])
        page = self.page("x=power_mean_w", "y=total_tok_s", most="4")
        self.assertEqual([path.count("L") for path in page["front"]], [2])  # a selection keeps this front
        page = self.page("x=n_preemptions", "y=total_tok_s", most="4")
        self.assertEqual(page["front"], [])
        self.assertRegex(page["scatter_note"], "^No front of these axes: the page has [0-9]+ of 40 done jobs")

    def test_plots(self):
        done = self.run_script("plot_sweep.py", self.path, "-o", "plots", "--jobs", "5,12")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("pareto", "energy", "power", "heatmap"):
            self.assertEqual((self.folder / "plots" / f"{name}.png").read_bytes()[:4], b"\x89PNG")

    def draw_one(self, *arguments):
        return self.run_script("plot_sweep.py", self.path, "-o", "one.svg", *arguments)

    def test_one_figure(self):
        figures = []
        make_grid(self.path)
        curves = ["--curves", "j_per_token,base_w", "--group", "enable_prefix_caching"]
        for what in (curves, curves, ["--stack", "share"]):
            done = self.draw_one("--x", "max_num_seqs", "--label", "j_per_token=cost of a token", *what)
            self.assertEqual(done.returncode, 0, done.stderr)
            figures.append((self.folder / "one.svg").read_text(encoding="utf-8"))
        self.assertIn("cost of a token", figures[0])
        self.assertEqual(figures[0], figures[1])  # drawn again, the same bytes
        self.assertNotEqual(figures[0], figures[2])

    def test_one_figure_complains(self):
        for wrong in (["--x", "max_num_seqs", "--curves", "j_per_token", "--where", "job=3"],
                      ["--curves", "j_per_token"], ["--x", "max_num_seqs", "--curves", "nothing_j"],
                      ["--x", "max_num_seqs", "--stack", "share", "--where", "max_num_seqs"],
                      ["--x", "max_num_seqs", "--stack", "share", "--where", "max_num_seqs=-1"],
                      ["--x", "nothing", "--stack", "share"]):
            done = self.draw_one(*wrong)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            self.assertFalse((self.folder / "one.svg").exists())

    def test_complaints(self):
        (self.folder / "text.h5").write_text("no HDF5")
        for script in ("report.py", "plot_sweep.py"):
            for wrong in ("text.h5", "missing.h5"):
                done = self.run_script(script, wrong)
                self.assertEqual(done.returncode, 3)
                self.assertIn(wrong, done.stderr)
                self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(self.run_script("report.py", self.path, "-o", "no/such/folder.html").returncode, 3)
        self.assertEqual(self.run_script("plot_sweep.py", self.path, "--x", "nothing").returncode, 2)


if __name__ == "__main__":
    unittest.main()
