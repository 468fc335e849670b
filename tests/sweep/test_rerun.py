#!/usr/bin/python3
"""A row says exactly what ran: `wattsim --from` on the exported inputs of every row gives its metrics, energies and time
series bit for bit, also from another folder, after the folder was moved, and after inputs in the sweep's folder changed.

usage: test_rerun.py WATTSWEEP WATTSIM SPEC_DIR SOURCE_DIR
"""
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
except ImportError:
    print("skipped: python3-h5py is not installed")
    sys.exit(77)

SOURCE_DIR = Path(sys.argv.pop(4))
SPEC_DIR = Path(sys.argv.pop(3))
WATTSIM = sys.argv.pop(2)
WATTSWEEP = sys.argv.pop(1)
DONE = 2


def run(*command, cwd=None, code=0):
    """The command ends with that exit code. Returns what it printed on standard output."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=cwd)
    if done.returncode != code:
        raise AssertionError(f"{command}: exit code {done.returncode}, expected {code}: {done.stdout}{done.stderr}")
    return done.stdout if code == 0 else done.stderr


def number(column, index):
    """A metric of a row; NaN where a count has none."""
    value = column[index]
    return math.nan if value == column.attrs["_FillValue"] else float(value)


def same(a, b):
    """Equal numbers, null standing for NaN."""
    return a == b or ((a is None or math.isnan(a)) and (b is None or math.isnan(b)))


def requests_of(file, index):
    """The columns of the row's requests that a summary has too; none if the file has no requests."""
    if "requests" not in file:
        return {}
    first = int(file["requests/row_start"][index])
    last = first + int(file["requests/row_count"][index])
    return {name: file[f"requests/{name}"][first:last].tolist() for name in ("request_id", "active_j", "energy_j")}


class Row:
    """One row of a result file, as wattsim's summary names things."""

    def __init__(self, file, index):
        self.metrics = {name: number(column, index) for name, column in file["metrics"].items()
                        if column.ndim == 1 and name != "job"}
        self.component_j = file["energy/component_j"][index].tolist()
        self.npu_state_s = file["energy/npu_state_s"][index].tolist()
        self.phase_j = file["energy/phase_j"][index].tolist()
        self.requests = requests_of(file, index)
        first = int(file["timeseries/row_start"][index])
        last = first + int(file["timeseries/row_count"][index])
        self.series = {name: column[first:last].tolist() for name, column in file["timeseries"].items()
                       if column.shape[0] == file["timeseries/time_s"].shape[0]}


class Rerun(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = Path(self.temporary.name)
        self.sweep_dir = self.folder / "sweep"
        shutil.copytree(SPEC_DIR, self.sweep_dir)
        shutil.copytree(SOURCE_DIR / "workloads", self.sweep_dir / "workloads")
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()

    def sweep(self, name):
        run(WATTSWEEP, "run", f"{name}.json", "-o", f"{name}.h5", cwd=self.sweep_dir)
        return self.sweep_dir / f"{name}.h5"

    def rerun(self, path, job, *options):
        """The summary of a row run again, in a folder that was moved, from another folder than the sweep's."""
        exported, moved = self.folder / "exported", self.elsewhere / "moved"
        shutil.rmtree(moved, ignore_errors=True)
        run(WATTSWEEP, "show", path, "--job", job, "--export", exported)
        shutil.move(exported, moved)
        return json.loads(run(WATTSIM, "--from", "moved", "--quiet", "--summary-json", "-", *options, cwd=self.elsewhere))

    def compare(self, summary, row, where):
        n_compared = 0
        for name, value in summary["metrics"].items():
            self.assertTrue(same(value, row.metrics[name]), f"{where}: {name}: {value} {row.metrics[name]}")
            n_compared += 1
        for name, value in row.metrics.items():  # what the summary leaves out is unknown in the file
            self.assertTrue(name in summary["metrics"] or math.isnan(value), f"{where}: {name}")
        for node in summary.get("energy", {"nodes": []})["nodes"]:
            phases_j = zip(*row.phase_j[node["node"]])  # summed in the order of components
            sums_j = [list(itertools.accumulate(components_j))[-1] for components_j in phases_j]
            for names, values in (("components", row.component_j[node["node"]]),
                                  ("npu_state_s", row.npu_state_s[node["node"]]), ("phases", sums_j)):
                self.assertTrue(all(map(same, node[names].values(), values)), f"{where}: {names}")
                self.assertEqual(len(node[names]), len(values), where)
            n_compared += 1
        for name, values in row.requests.items():
            self.assertTrue(all(map(same, summary["requests"][name], values)), f"{where}: {name}")
            self.assertEqual(len(summary["requests"][name]), len(values), where)
        series = summary["timeseries"]
        for name, values in series.items():
            if name in ("interval_s", "node_power_w", "component_power_w"):
                continue
            self.assertEqual(values, row.series[name], f"{where}: {name}")
            n_compared += len(values)
        for node, values in enumerate(series.get("node_power_w", [])):
            self.assertTrue(all(same(a, b[node]) for a, b in zip(values, row.series["node_power_w"], strict=True)), where)
        for k, values in enumerate(series.get("component_power_w", {}).values()):
            self.assertTrue(all(same(a, b[k]) for a, b in zip(values, row.series["component_power_w"], strict=True)), where)
        self.assertGreater(n_compared, 45, where)

    def check_all(self, name, n_rows):
        path = self.sweep(name)
        # what the sweep read may change: the file keeps it
        (self.sweep_dir / f"{name}.json").unlink()
        (self.sweep_dir / "requests.json").write_text("{}")
        with h5py.File(path) as file:
            jobs = file["job"][:].tolist()
            self.assertEqual(len(jobs), n_rows)
            self.assertTrue(all(state == DONE for state in file["state"][:]), file["error"][:].tobytes()[:400])
            for index, job in enumerate(jobs):
                self.compare(self.rerun(path, job), Row(file, index), f"{name} job {job}")

    def test_options(self):
        self.check_all("options", 64)

    def test_generated(self):
        self.check_all("generated", 24)

    def test_two_nodes_with_experts(self):
        self.check_all("two_nodes", 16)

    def test_list(self):
        self.check_all("list", 2)

    def test_every_row_of_the_bundled_example(self):
        """A tenth of its rows and requests: the same kinds of parameters, in a tenth of the time."""
        spec = (SOURCE_DIR / "configs/sweeps/power_tradeoff.json").read_text()
        spec = spec.replace('"num_reqs": 300', '"num_reqs": 20').replace("[16, 32, 64, 128, 256]", "[8]")
        self.assertIn('"num_reqs": 20', spec)
        (self.sweep_dir / "example.json").write_text(spec)
        self.check_all("example", 32)

    def test_options_behind_override_the_folder(self):
        path = self.sweep("two_nodes")
        fewer = self.rerun(path, 0, "--dataset", str(SOURCE_DIR / "workloads/example_trace.jsonl"), "--num-reqs", "3")
        self.assertEqual(fewer["metrics"]["n_requests"], 3)
        self.assertEqual(self.rerun(path, 0)["metrics"]["n_requests"], 8)

    def test_a_changed_dataset_is_named(self):
        path = self.sweep("options")
        self.rerun(path, 0)
        trace = self.sweep_dir / "workloads/example_trace.jsonl"
        trace.write_text("".join(trace.read_text().splitlines(keepends=True)[:4]))
        # what was exported before runs on what is there now, and says so; there is no new export
        done = subprocess.run([WATTSIM, "--from", "moved", "--quiet"], capture_output=True, text=True, cwd=self.elsewhere)
        self.assertRegex(done.stderr, "note: .*example_trace.jsonl: not as in the sweep")
        said = run(WATTSWEEP, "show", path, "--job", 0, "--export", self.elsewhere / "again", code=2)
        self.assertIn("job 0 read other contents of workloads/example_trace.jsonl", said)
        self.assertFalse((self.elsewhere / "again").exists())

    def test_a_folder_that_is_none(self):
        self.assertIn("expected a folder that", run(WATTSIM, "--from", self.elsewhere, code=2))
        (self.elsewhere / "args.txt").write_text("# fine\n\n--max-num-seqs=3\nrm -rf\n")
        self.assertRegex(run(WATTSIM, "--from", self.elsewhere, code=2),
                         "args.txt:4: expected an option of wattsim that .*, found 'rm -rf'")
        written = self.elsewhere / "written.csv"
        (self.elsewhere / "args.txt").write_text(f"--max-num-seqs=0\n--output={written}\n")
        said = run(WATTSIM, "--from", self.elsewhere, code=2)
        self.assertRegex(said, "args.txt:1: --max-num-seqs: expected")
        self.assertRegex(said, "args.txt:2: expected an option of wattsim that .*, found '--output=")
        self.assertFalse(written.exists())
        self.assertIn("expected a folder behind it", run(WATTSIM, "--from", code=2))
        self.assertIn("expected one folder, found 'a' and 'b'", run(WATTSIM, "--from", "a", "--from=b", code=2))


if __name__ == "__main__":
    unittest.main()
