"""What all parity tests need: where recorded data lie, how wattsim is run, how two request tables are compared.

usage of every test: test_X.py PATH_TO_WATTSIM SHARED_FOLDER; exit code 0 passed, 1 failed, 77 data absent.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
csv.field_size_limit(10**9)  # ITL holds one number per generated token


class Bench:
    """One test program: runs cases, prints one line each, remembers failures."""

    def __init__(self):
        if len(sys.argv) != 3:
            sys.exit(f"usage: {sys.argv[0]} PATH_TO_WATTSIM SHARED_FOLDER")
        self.wattsim = Path(sys.argv[1]).resolve()
        self.data = Path(sys.argv[2]).resolve() / "data"
        self.n_cases = self.n_failed = 0
        if not self.data.is_dir():
            print(f"SKIPPED: {self.data} is absent, so nothing was compared with recorded or measured data")
            sys.exit(SKIPPED)

    def case(self, name, problems, note=""):
        """Print the outcome of one case; problems is a list of texts, empty if all is well."""
        self.n_cases += 1
        self.n_failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok':7}{name}{'  ' + note if note else ''}")
        for problem in problems:
            print(f"         {problem}")

    def check(self, name, value, low, high, unit, why):
        """A case that holds if low <= value <= high; why tells where the bound comes from."""
        is_inside = low <= value <= high
        self.case(name, [] if is_inside else [f"what is known of it: {why}"],
                  f"{value:+.2f} {unit}, accepted {low:+g} to {high:+g}")

    def finish(self):
        """End the program; no cases at all is a failure."""
        print(f"{self.n_cases - self.n_failed} of {self.n_cases} cases passed")
        sys.exit(0 if self.n_cases and not self.n_failed else 1)

    def run(self, cluster, dataset, *options):
        """Simulate; returns (bytes of the request CSV, summary). Raises RuntimeError with wattsim's own message."""
        with tempfile.TemporaryDirectory() as folder:
            table, summary = Path(folder, "requests.csv"), Path(folder, "summary.json")
            command = [self.wattsim, "--cluster-config", cluster, "--dataset", dataset, "--output", table,
                       "--summary-json", summary, "--data-dir", self.data, "--quiet", *options]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[-500:]}")
            return table.read_bytes(), json.loads(summary.read_text())


def rows(table):
    """The rows of a request CSV given as bytes, as dictionaries of texts."""
    return list(csv.DictReader(table.decode().splitlines()))


def differences(got, expected):
    """Where two request CSVs differ: nothing if they are the same bytes, else a few telling lines."""
    if got == expected:
        return []
    got_rows, expected_rows = rows(got), rows(expected)
    problems = [] if len(got_rows) == len(expected_rows) else [f"{len(got_rows)} rows, expected {len(expected_rows)}"]
    for number, (a, b) in enumerate(zip(got_rows, expected_rows), 1):
        problems += [f"row {number}, {column}: {str(a.get(column))[:60]}, expected {b[column][:60]}"
                     for column in b if a.get(column) != b[column]]
    if not problems:
        offset = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        problems = [f"same values, other bytes from offset {offset} on: {got[offset:offset + 20]!r}, "
                    f"expected {expected[offset:offset + 20]!r}"]
    return problems[:5] + ([f"... {len(problems) - 5} more"] if len(problems) > 5 else [])
