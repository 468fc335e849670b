#!/usr/bin/python3
"""plot_sweep.py and report.py make whole files from a result file, and complain in one line about anything else.

usage: test_store_scripts.py STORE_SAMPLE SCRIPTS_DIR

Exit code 77 (skipped) without python3-h5py or python3-matplotlib.
"""
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py  # noqa: F401
    import matplotlib  # noqa: F401
except ImportError as missing:
    print(f"SKIPPED: {missing}. Debian: python3-h5py python3-matplotlib", file=sys.stderr)
    sys.exit(77)

SCRIPTS = Path(sys.argv.pop(2))
SAMPLE = sys.argv.pop(1)


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

    def test_plots(self):
        done = self.run_script("plot_sweep.py", self.path, "-o", "plots", "--jobs", "5,12")
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in ("pareto", "energy", "power", "heatmap"):
            self.assertEqual((self.folder / "plots" / f"{name}.png").read_bytes()[:4], b"\x89PNG")

    def draw_one(self, *arguments):
        return self.run_script("plot_sweep.py", self.path, "-o", "one.svg", *arguments)

    def test_one_figure(self):
        figures = []
        curves = ["--curves", "j_per_token,base_w", "--group", "hardware_mix"]
        for what in (curves, curves, ["--stack", "share"]):
            done = self.draw_one("--x", "max_num_seqs", "--label", "j_per_token=cost of a token", *what)
            self.assertEqual(done.returncode, 0, done.stderr)
            figures.append((self.folder / "one.svg").read_text(encoding="utf-8"))
        self.assertIn("cost of a token", figures[0])
        self.assertEqual(figures[0], figures[1])  # drawn again, the same bytes
        self.assertNotEqual(figures[0], figures[2])

    def test_one_figure_complains(self):
        for wrong in (["--curves", "j_per_token"], ["--x", "max_num_seqs", "--curves", "nothing_j"],
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
