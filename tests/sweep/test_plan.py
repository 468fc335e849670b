#!/usr/bin/python3
"""The estimates of `wattsweep plan` are near the truth: bytes to 10 %, since they follow from the layout, and jobs exactly.

usage: test_plan.py WATTSWEEP SPEC_DIR
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
except ImportError:
    print("SKIPPED: python3-h5py is not installed", file=sys.stderr)
    sys.exit(77)

WATTSWEEP, SPEC_DIR = sys.argv[1], Path(sys.argv[2])
del sys.argv[1:]
EMPTY_FILE_BYTES = 290e3  # SWP_EMPTY_FILE_BYTES


def bytes_of_rows(path):
    """Of every dataset with an axis, uncompressed."""
    total = 0

    def add(_, item):
        nonlocal total
        if isinstance(item, h5py.Dataset) and item.shape != () and item.dtype.kind != "O":
            total += item.size * item.dtype.itemsize

    with h5py.File(path) as file:
        file.visititems(add)
    return total


class Estimates(unittest.TestCase):
    def check(self, spec, slack=0.1):
        text = subprocess.run([WATTSWEEP, "plan", spec, "--json"], check=True, capture_output=True, text=True).stdout
        plan = json.loads(text)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "out.h5"
            subprocess.run([WATTSWEEP, "run", spec, "-o", path, "-q"], check=True, stderr=subprocess.DEVNULL)
            with h5py.File(path) as file:
                self.assertEqual(len(file["job"]), plan["n_jobs"])
            found = bytes_of_rows(path)
            self.assertAlmostEqual((plan["estimated_file_bytes"] - EMPTY_FILE_BYTES) / found, 1, delta=slack)
            self.assertLess(path.stat().st_size, plan["estimated_file_bytes"])  # it is compressed
        self.assertGreater(plan["estimated_core_s"], 0)

    def test_series_and_requests(self):
        self.check(SPEC_DIR / "small.json")

    def test_many_short_rows(self):
        self.check(SPEC_DIR / "short.json")

    def test_bundled(self):
        sweeps = SPEC_DIR.parent.parent / "configs/sweeps"
        for name in ("behaviour_allreduce", "power_cap", "behaviour_bursts"):
            with self.subTest(name):
                self.check(sweeps / f"{name}.json")


if __name__ == "__main__":
    unittest.main()
