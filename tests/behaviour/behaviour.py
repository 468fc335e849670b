"""behaviour -- what the behaviour tests share: run a bundled sweep on two ranks, look up its points, check claims.

CTest sets WATTSWEEP and WATTSIM (programs), MPIEXEC, PROJECT_DIR and WORK_DIR (where
result files go, one for each sweep).
"""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

PROJECT = Path(os.environ["PROJECT_DIR"])
WORK = Path(os.environ["WORK_DIR"])
sys.path.insert(0, str(PROJECT / "scripts"))

from sweep_file import SweepFile  # noqa: E402

failures = []


def call(*command):
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"FAILED: exit code {done.returncode}: {' '.join(str(word) for word in command)}")
    return done.stdout


class Sweep:
    """The results of configs/sweeps/behaviour_NAME.json, freshly run; every job has to succeed."""

    def __init__(self, name):
        WORK.mkdir(parents=True, exist_ok=True)
        self.path = WORK / f"behaviour_{name}.h5"
        call(os.environ["MPIEXEC"], "-n", "2", os.environ["WATTSWEEP"], "run",
             PROJECT / f"configs/sweeps/behaviour_{name}.json", "-o", self.path, "--overwrite")
        self.results = SweepFile(self.path)
        if not self.results.is_done.all():
            sys.exit(f"FAILED: {name}: not every job is done")

    def rows(self, **where):
        """Indices of the jobs whose parameters, by the last word of their names, have these values."""
        chosen = np.ones(len(self.results.jobs), bool)
        for short, value in where.items():
            names = [name for name in self.results.params if name.replace("/", ".").rsplit(".", 1)[-1] == short]
            chosen &= self.results.param(names[0]) == value
        return np.flatnonzero(chosen)

    def metric(self, name, **where):
        return self.results.metric(name)[self.rows(**where)]

    def joules(self, component, **where):
        return self.results.component_energy()[self.rows(**where), self.results.components.index(component)]

    def length_s(self, **where):
        """Simulated seconds: the end of the last interval of the power series."""
        return np.array([self.results.series(row, "time_s")[0][-1] for row in self.rows(**where)])


def check(holds, claim, *found):
    """Note a claim; a test goes on, so that one run shows everything that is wrong."""
    shown = "; ".join(np.array2string(np.asarray(value), precision=6, max_line_width=200) for value in found)
    print(f"{'ok    ' if holds else 'FAILED'} {claim}: {shown}")
    if not holds:
        failures.append(claim)


def check_equal(found, expected, relative, claim):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    check(np.all(np.abs(found - expected) <= relative * np.abs(expected)), f"{claim} (to {relative:g})", found, expected)


def finish():
    sys.exit(f"{len(failures)} claims do not hold" if failures else 0)
