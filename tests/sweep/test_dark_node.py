#!/usr/bin/python3
"""A node without a power block next to one with: its power is unknown everywhere, never 0, a note says so once, and the
other node's is what it is with both tracked.

usage: test_dark_node.py WATTSWEEP WATTSIM SOURCE_DIR
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError:
    print("skipped: python3-h5py or python3-numpy is not installed")
    sys.exit(77)

SOURCE_DIR = Path(sys.argv.pop(3))
WATTSIM = sys.argv.pop(2)
WATTSWEEP = sys.argv.pop(1)
DARK = 1
NOTE = "node 1 has no power block: its power is not tracked"


def values_in(data):
    """Every number and null of nested objects and lists, except for ids."""
    if isinstance(data, dict):
        return [value for name, item in data.items() if name not in ("node", "instance", "npu")
                for value in values_in(item)]
    return [value for item in data for value in values_in(item)] if isinstance(data, list) else [data]


class DarkNode(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        cluster = json.loads((SOURCE_DIR / "configs/cluster/single_node_power_instance.json").read_text())
        cluster["num_nodes"] = 2
        cluster["nodes"].append(json.loads(json.dumps(cluster["nodes"][0])))
        self.write("both.json", cluster)
        del cluster["nodes"][DARK]["power"]
        self.write("mixed.json", cluster)
        self.write("sweep.json", {
            "name": "dark", "cluster": "mixed.json",
            "workload": {"generator": "constant", "rate": 4, "num_reqs": 8, "input": 100, "output": 10},
            "options": {"log_interval": "1s"}, "parameters": {"tp_size": [1, 2]},
            "outputs": {"timeseries": True, "requests": True}})
        requests = ({"input_toks": 100, "output_toks": 10, "arrival_time_ns": i * 250000000} for i in range(8))
        (self.folder / "trace.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))

    def write(self, name, data):
        (self.folder / name).write_text(json.dumps(data))

    def run_program(self, *command):
        return subprocess.run([*map(str, command)], cwd=self.folder, check=True, capture_output=True, text=True)

    def simulate(self, cluster, *options):
        """Summary, log and notes."""
        done = self.run_program(WATTSIM, "--cluster-config", cluster, "--dataset", "trace.jsonl", "--output", "out.csv",
                                "--request-energy", "--summary-json", "summary.json", "--standby-unit", "s",
                                "--log-interval", "1s", *options)
        return json.loads((self.folder / "summary.json").read_text()), done.stdout, done.stderr

    def test_wattsim(self):
        both, both_log, both_notes = self.simulate("both.json")
        mixed, log, notes = self.simulate("mixed.json")
        self.assertNotIn("=-", both_log)
        self.assertNotIn(NOTE, both_notes)
        lines = [line for line in log.splitlines() if line.startswith("[INFO] step=")]
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertRegex(line, r" power=[0-9]+ W node1_power=-$")
        self.assertIn("Power summary (node 1) ───────\nTotal energy         :        - J\n", log)
        self.assertEqual(notes.count(NOTE), 1)

        tracked, dark = mixed["energy"]["nodes"]
        self.assertEqual((tracked["node"], dark["node"]), (0, DARK))
        self.assertEqual(tracked, both["energy"]["nodes"][0])
        self.assertEqual(set(values_in(dark)), {None})
        self.assertEqual(dark.keys(), tracked.keys())
        self.assertEqual(mixed["energy"]["total_j"], tracked["total_j"])
        series = mixed["timeseries"]
        self.assertEqual(set(series["node_power_w"][DARK]), {None})
        self.assertEqual(series["node_power_w"][0], series["power_w"])
        self.assertEqual(series["node_power_w"][0], both["timeseries"]["node_power_w"][0])

    def test_requests_of_the_dark_node_have_no_energy(self):
        self.simulate("mixed.json")
        rows = [line.split(",") for line in (self.folder / "out.csv").read_text().splitlines()[1:]]
        served_by = {0: [], DARK: []}
        for row in rows:
            served_by[int(row[0])].append(row[-2:])
        self.assertTrue(served_by[0] and served_by[DARK])
        self.assertTrue(all(float(active_j) > 0 and float(energy_j) > 0 for active_j, energy_j in served_by[0]))
        self.assertTrue(all(pair == ["", ""] for pair in served_by[DARK]))

    def test_reference_fidelity_tracks_all_or_none(self):
        summary, log, notes = self.simulate("mixed.json", "--fidelity", "reference")
        self.assertNotIn("energy", summary)
        self.assertNotIn("power", log)
        self.assertEqual(notes.count("reference fidelity tracks power only where every node has a power block"), 1)

    def test_wattsweep(self):
        done = self.run_program(WATTSWEEP, "run", "sweep.json", "-o", "sweep.h5")
        self.assertEqual(done.stderr.count(f"wattsweep: note: {NOTE}\n"), 1)  # for both jobs, though each has a scenario of its own
        self.assertEqual(self.run_program(WATTSWEEP, "plan", "sweep.json").stderr.count(NOTE), 1)
        quiet = self.run_program(WATTSWEEP, "run", "sweep.json", "-o", "quiet.h5", "--quiet")
        self.assertNotIn("note", quiet.stderr)
        with h5py.File(self.folder / "sweep.h5") as file:
            self.assertEqual(list(file["state"][:]), [2, 2])
            for name in ("component_j", "phase_j", "npu_state_s"):
                values = file[f"energy/{name}"][:]
                self.assertTrue(np.isnan(values[:, DARK]).all(), name)
                self.assertFalse(np.isnan(values[:, 0]).any(), name)
            total_j = file["energy/component_j"][:, 0].sum(axis=1)
            np.testing.assert_allclose(file["metrics/energy_j"][:], total_j, rtol=1e-12)
            np.testing.assert_allclose(file["energy/phase_j"][:, 0].sum(axis=(1, 2)), total_j, rtol=1e-9)
            node_power_w = file["timeseries/node_power_w"][:]
            self.assertTrue(np.isnan(node_power_w[:, DARK]).all())
            np.testing.assert_array_equal(node_power_w[:, 0], file["timeseries/power_w"][:])
            on_dark_node = file["requests/instance_id"][:] == DARK
            self.assertTrue(on_dark_node.any() and not on_dark_node.all())
            np.testing.assert_array_equal(np.isnan(file["requests/energy_j"][:]), on_dark_node)
            np.testing.assert_array_equal(np.isnan(file["requests/active_j"][:]), on_dark_node)
        text = self.run_program(WATTSWEEP, "show", "sweep.h5", "--job", 0).stdout
        self.assertIn("  node 0\n", text)
        self.assertNotIn("  node 1\n", text)


if __name__ == "__main__":
    unittest.main()
