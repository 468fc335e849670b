#!/usr/bin/python3
"""The README shows what the programs print: its sample commands are run, and each of its lines has to come, in its order.

usage: test_readme.py PROGRAMS_DIR SOURCE_DIR

"..." stands for any lines, at the end of a line for its rest; a rate is not compared. Without mpirun: results do not depend on
it.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE_DIR = Path(sys.argv.pop(2)).resolve()
PROGRAMS = Path(sys.argv.pop(1)).resolve()


def samples(text):
    """(command, the lines shown below it) of each block that begins with a command."""
    for block in re.findall(r"^```\n(\$ .*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.replace("\\\n", " ").partition("\n")
            yield command, shown.splitlines()


def comparable(line):
    return re.sub(r"rate=\S+", "rate=", line).rstrip()


def missing(shown, printed):
    """The first line of `shown` that does not come where it should; None if all do."""
    at, may_skip = 0, False
    for line in map(comparable, shown):
        if line == "...":
            may_skip = True
            continue
        is_it = (lambda other, start=line.removesuffix("..."): other.startswith(start.rstrip())) if line.endswith("...") else \
            (lambda other, whole=line: other == whole)
        found = next((k for k in range(at, len(printed)) if is_it(printed[k])), None)
        if found is None or (found > at and not may_skip):
            return line
        at, may_skip = found + 1, False
    return None


class Readme(unittest.TestCase):
    def test_samples(self):
        n_commands = 0
        with tempfile.TemporaryDirectory() as folder:
            for name in ("configs", "workloads"):
                (Path(folder) / name).symlink_to(SOURCE_DIR / name)
            (Path(folder) / "outputs").mkdir()
            for command, shown in samples((SOURCE_DIR / "README.md").read_text()):
                program, arguments = re.search(r"build/release/bin/(\w+) (.*)$", command).groups()
                done = subprocess.run([PROGRAMS / program, *shlex.split(arguments)], cwd=folder, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      env={**os.environ, "WATTSWEEP_CONFIGS": str(SOURCE_DIR / "configs")})
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
                printed = [comparable(line) for line in done.stdout.splitlines() if ": note: " not in line]
                self.assertIsNone(missing(shown, printed), f"{command}\nprinted:\n{done.stdout}")
                n_commands += 1
        self.assertGreaterEqual(n_commands, 3)

    def test_the_comparison(self):
        printed = ["a 1", "b 2 c", "done rate= best", "d"]
        self.assertIsNone(missing(["a 1", "b ...", "...", "d"], printed))
        self.assertEqual(missing(["a 1", "d"], printed), "d")
        self.assertEqual(missing(["a 2"], printed), "a 2")
        self.assertEqual(missing(["...", "d", "a 1"], printed), "a 1")


if __name__ == "__main__":
    unittest.main()
