#!/usr/bin/python3
"""A finished file opens in the tools people use, and says the same in each: named axes, units, right values. A live
one opens in h5py with swmr=True.

usage: test_store_readers.py STORE_SAMPLE   (the program that writes the file; rows are store_fixture.h's)

Exit code 77 (skipped) if a reader is not installed.
"""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
    import netCDF4
    import numpy as np
    import xarray
    import h5netcdf  # noqa: F401  (an engine of xarray's)
except ImportError as missing:
    print(f"SKIPPED: {missing}. Debian: python3-h5py python3-netcdf4 python3-xarray python3-h5netcdf", file=sys.stderr)
    sys.exit(77)
for tool, package in (("ncdump", "netcdf-bin"), ("h5dump", "hdf5-tools")):
    if shutil.which(tool) is None:
        print(f"SKIPPED: no {tool}. Debian: {package}", file=sys.stderr)
        sys.exit(77)

SAMPLE = sys.argv.pop(1)
SLOWNESS = float(os.environ.get("WATTSWEEP_TEST_SLOWNESS", 1))
N_JOBS = 30
GROUPS = ["params", "metrics", "energy", "timeseries", "requests", "provenance"]
AXES = {"job", "node", "component", "phase", "npu_state", "sample", "request"}


def number(job, kind, index):
    """The fixture's numbers."""
    return job * 1000.0 + kind * 100.0 + index + 0.25


def is_done(job):
    return job % 7 != 3


class FinishedFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name) / "results.h5"
        subprocess.run([SAMPLE, cls.path, str(N_JOBS)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_xarray_opens_every_group(self):
        for engine in ("h5netcdf", "netcdf4"):
            with self.subTest(engine=engine):
                with xarray.open_dataset(self.path, engine=engine) as root:
                    root.load()
                    self.assertEqual(root.state.dims, ("job",))
                    self.assertEqual(list(root.job.values), list(range(N_JOBS)))
                    self.assertEqual(list(root.state.values), [2 if is_done(j) else 3 for j in range(N_JOBS)])
                    self.assertEqual(root.error.values[3], "a.json: /nodes/0: expected an object, found 3")
                    self.assertEqual(root.error.values[0], "")
                    self.assertIn("done", root.state.attrs["flag_meanings"])
                    self.assertEqual(root.attrs["title"], "fixture")
                for group in GROUPS:
                    with xarray.open_dataset(self.path, engine=engine, group=group) as data:
                        data.load()
                        for name, variable in data.variables.items():
                            self.assertLessEqual(set(variable.dims), AXES, name)
                        self.check_group(group, data)

    def check_group(self, group, data):
        if group == "metrics":
            self.assertEqual(data.energy_j.attrs["units"], "J")
            self.assertEqual(float(data.duration_s[5]), number(5, 1, 0))
            self.assertTrue(np.isnan(data.duration_s[3]))
            self.assertEqual(data.duration_s.dtype, np.float64)  # seconds, not a timedelta
        if group == "energy":
            self.assertEqual(data.component_j.dims, ("job", "node", "component"))
            self.assertEqual(float(data.component_j.sel(component="cpu")[5, 0]), number(5, 2, 3))
            self.assertTrue(np.isnan(data.component_j.sel(component="cpu")[4, 1]))  # job 4 has one node
            self.assertEqual(list(data.npu_state.values), ["active", "standby", "idle"])
            self.assertEqual(data.phase_j.dims, ("job", "node", "component", "phase"))
            self.assertEqual(data.phase_j.attrs["units"], "J")
            self.assertEqual(list(data.phase.values), ["prefill", "decode", "wait"])
            decode = data.phase_j.sel(component="cpu", phase="decode")
            self.assertEqual(float(decode[5, 1]), number(5, 22, 11 * 3 + 3 * 3 + 1))
            self.assertTrue(np.isnan(data.phase_j[4, 1]).all())
            self.assertTrue(np.isnan(data.phase_j[3]).all())  # failed
        if group == "requests":
            self.assertEqual(data.energy_j.dims, ("request",))
            self.assertEqual((data.active_j.attrs["units"], data.energy_j.attrs["units"]), ("J", "J"))
            start = int(data.row_start[9])  # four requests, the last one without energy
            self.assertEqual(list(data.active_j.values[start:start + 4]), [number(9, 23, i) for i in range(4)])
            self.assertEqual(float(data.energy_j[start + 2]), 2 * number(9, 23, 2))
            self.assertTrue(np.isnan(data.energy_j[start + 3]))
            self.assertEqual(int(data.tpot_ns[start + 3]), 93)
        if group == "params":
            self.assertEqual(str(data.p2_hardware_mix.values[1]), "größer")
            self.assertEqual(data.p1_standby_duration.attrs["units"], "s")
            self.assertEqual(data.p3_prefix.attrs["long_name"], "enable_prefix_caching")
        if group == "timeseries":
            self.assertEqual(data.row_count.attrs["sample_dimension"], "sample")
            counts = [j % 9 if is_done(j) else 0 for j in range(N_JOBS)]
            self.assertEqual(list(data.row_count.values), counts)
            self.assertEqual(list(data.row_start.values), [0, *np.cumsum(counts)[:-1]])
            start = int(data.row_start[5])
            self.assertEqual(list(data.power_w.values[start:start + 5]), [number(5, 5, i) for i in range(5)])
            self.assertEqual(data.component_power_w.dims, ("sample", "component"))

    def test_counts_are_whole_numbers(self):
        with h5py.File(self.path) as file:
            for name in ("n_completed", "n_steps", "oversize"):
                data = file[f"metrics/{name}"]
                self.assertEqual((data.dtype, data.attrs["_FillValue"]), (np.int64, -1), name)
                self.assertEqual(data[3], -1, name)  # failed
                self.assertGreaterEqual(data[5], 0, name)
            self.assertEqual(file["metrics/energy_j"].dtype, np.float64)
        with xarray.open_dataset(self.path, group="metrics") as data:
            self.assertTrue(np.isnan(data.n_completed[3]))

    def test_recipes_of_the_page_give_true_job_numbers(self):
        """docs/hdf5-layout.md, "Reading it", on a file whose rows are jobs 2, 5, 8, ...: as after constraints or in a slice."""
        page = (Path(__file__).resolve().parents[4] / "docs" / "hdf5-layout.md").read_text(encoding="utf-8")
        recipes = re.findall(r"^```python\n(.*?)^```", page.split("## Reading it")[1], re.M | re.S)
        self.assertEqual(len(recipes), 3)
        jobs = [3 * row + 2 for row in range(N_JOBS)]
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            shutil.copy(self.path, "results.h5")
            with h5py.File("results.h5", "r+") as file:
                for group in (file, *(file[name] for name in GROUPS)):
                    group["job"][:] = jobs
            names = {}
            for recipe in recipes:
                exec(compile(recipe, "docs/hdf5-layout.md", "exec"), names)
            for group in ("metrics", "params", "energy"):
                self.assertEqual(list(names[group].job.values), jobs, group)
                names[group].close()
            self.assertEqual((names["jobs"].index.name, list(names["jobs"].index)), ("job", jobs))
            self.assertEqual(names["jobs"].duration_s[17], number(5, 1, 0))  # job 17 is row 5
            self.assertEqual(list(names["power_w"]), [number(5, 5, i) for i in range(5)])

    def test_octave_loads_the_numbers(self):
        if shutil.which("octave-cli") is None:
            self.skipTest("no octave-cli. Debian: octave")
        shown = subprocess.run(["octave-cli", "--eval", f"load('-hdf5', '{self.path}', 'metrics');"
                                "printf('%d %.2f', metrics.job(6), metrics.duration_s(6))"],
                               check=True, capture_output=True, text=True).stdout
        self.assertEqual(shown, f"5 {number(5, 1, 0):.2f}")

    def test_netcdf4_names_every_axis(self):
        with netCDF4.Dataset(self.path) as root:
            self.assertEqual(len(root.dimensions["job"]), N_JOBS)
            for group in root.groups.values():
                for variable in group.variables.values():
                    self.assertNotIn("phony", " ".join(variable.dimensions))
            self.assertEqual(root["metrics/power_mean_w"].units, "W")
            self.assertEqual(float(root["metrics/duration_s"][5]), number(5, 1, 0))
            self.assertEqual(root["params/p2_hardware_mix"].dimensions, ("job", "p2_hardware_mix_len"))
            root.set_auto_chartostring(False)
            self.assertEqual(root["params/p2_hardware_mix"][:].shape, (N_JOBS, 24))

    def test_h5py_finds_scales_on_every_axis(self):
        problems = []

        def check(name, item):
            if not isinstance(item, h5py.Dataset) or item.attrs.get("CLASS") == b"DIMENSION_SCALE" or item.shape == ():
                return
            for axis, dimension in enumerate(item.dims):
                if len(dimension) == 0:
                    problems.append(f"{name} axis {axis} has no scale")
            if "long_name" not in item.attrs:
                problems.append(f"{name} has no long_name")

        with h5py.File(self.path) as file:
            file.visititems(check)
            self.assertEqual(problems, [])
            self.assertEqual(file["spec_json"].asstr()[()], '{"name": "fixture"}')
            self.assertEqual(file["metrics/energy_j"].compression, "gzip")
            self.assertEqual(file.attrs["spec_sha256"][:4], "0123")

    def test_command_line_tools(self):
        header = subprocess.run(["ncdump", "-h", self.path], check=True, capture_output=True, text=True).stdout
        self.assertIn("double component_j(job, node, component)", header)
        self.assertIn("double phase_j(job, node, component, phase)", header)
        self.assertIn("double energy_j(request)", header)
        self.assertIn('power_w:units = "W"', header)
        self.assertNotIn("phony", header)
        dump = subprocess.run(["h5dump", "-H", self.path], check=True, capture_output=True, text=True).stdout
        self.assertIn('DATASET "duration_s"', dump)
        value = subprocess.run(["h5dump", "-d", "/metrics/duration_s", "-s", "5", "-c", "1", self.path], check=True,
                               capture_output=True, text=True).stdout
        self.assertIn("5100.25", value)


class LiveFile(unittest.TestCase):
    def test_h5py_reads_it_while_it_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results.h5"
            with subprocess.Popen([SAMPLE, path, str(N_JOBS), "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True) as writer:
                self.assertEqual(writer.stdout.readline(), "live\n")
                with h5py.File(path, "r", libver="latest", swmr=True) as file:
                    n = len(file["state"])
                    self.assertEqual(n, N_JOBS)
                    jobs = file["job"][:n]
                    self.assertEqual(list(jobs), list(range(N_JOBS - 1, -1, -1)))
                    values = file["metrics/duration_s"][:n]
                    for job, value in zip(jobs, values):
                        self.assertEqual(np.isnan(value), not is_done(job))
                        if is_done(job):
                            self.assertEqual(value, number(job, 1, 0))
                with self.assertRaises(OSError):
                    h5py.File(path, "r").close()
                writer.stdin.close()
                self.assertEqual(writer.wait(timeout=60 * SLOWNESS), 0)
            with h5py.File(path, "r") as file:
                self.assertEqual(list(file["job"][:]), list(range(N_JOBS)))


if __name__ == "__main__":
    unittest.main()
