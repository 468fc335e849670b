#!/usr/bin/python3
"""On a terminal a sweep shows one live line, with -v one for each rank above it, also under mpirun and however narrow the
terminal; nothing of it is left behind at the end. In a log there is no live line. A resumed sweep counts kept rows by state.

usage: test_terminal.py WATTSWEEP MPIEXEC SPEC_DIR
"""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path

WATTSWEEP, MPIEXEC, SPEC_DIR = sys.argv[1], sys.argv[2], Path(sys.argv[3])
del sys.argv[1:]
LINE = r"done=\d+ failed=\d+ pruned=\d+ total=\d+ rate=[\d.e+]+/s eta=[\d:-]+"


class Screen:
    """What a terminal shows of what was written to it, as far as progress uses it."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column = columns, [""], 0, 0
        self.n_updates, self.n_wrapped = 0, 0

    def write(self, text):
        for token in re.findall(r"\033\[\d*[A-Za-z]|[^\033]", text):
            if token == "\n":
                self.row, self.column = self.row + 1, 0
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif token == "\r":
                self.column = 0
            elif token[0] != "\033":
                self.put(token)
            elif token[-1] == "A":
                self.row -= int(token[2:-1])
            elif token[-1] in "JK":
                self.n_updates += 1
                self.rows[self.row] = self.rows[self.row][: self.column]
                if token[-1] == "J":
                    del self.rows[self.row + 1 :]

    def put(self, character):
        if self.column == self.columns:
            self.n_wrapped += 1
            self.write("\r\n")
        line = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += 1


def run_on_terminal(command, columns, lines):
    """Run a command with a terminal of that size; the bytes it wrote there, and its exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        os.execvp(command[0], command)
    written = b""
    while True:
        try:
            some = os.read(fd, 65536)
        except OSError:  # the other side is closed
            break
        if not some:
            break
        written += some
    os.close(fd)
    return written.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Progress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        spec = (SPEC_DIR / "kill.json").read_text().replace('"num_reqs": 150', '"num_reqs": 600').replace("[4, 80, 4]", "[1, 200, 1]")
        (self.folder / "long.json").write_text(spec)

    def sweep(self, ranks, *options):
        launcher = [MPIEXEC, "-n", str(ranks)] if ranks else []
        return [*launcher, WATTSWEEP, "run", str(self.folder / "long.json"), "-o", str(self.folder / "out.h5"), "--overwrite",
                "--time-limit", "2500ms", *options]

    def check(self, ranks, columns, lines, *options):
        written, _ = run_on_terminal(self.sweep(ranks, *options), columns, lines)
        screen, widest = Screen(columns), 0
        for update in re.split(r"(?=\r\033)", written):
            screen.write(update)
            if re.search(r"done=\d+ failed", update) and "\n" not in update.rsplit("done=", 1)[1]:
                widest = max(widest, len(screen.rows[-1]))
        self.assertGreater(screen.n_updates, 3, "no live line")
        self.assertLess(widest, columns, "a live line as wide as the terminal")
        return written, screen

    def test_alone(self):
        _, screen = self.check(0, 100, 24)
        self.assertEqual(len(re.findall(LINE, "\n".join(screen.rows))), 1, screen.rows)

    def test_under_a_launcher(self):
        _, screen = self.check(3, 100, 24)
        self.assertEqual(len(re.findall(LINE, "\n".join(screen.rows))), 1, screen.rows)

    def test_narrow(self):
        written, screen = self.check(0, 40, 24)
        text = "\n".join(screen.rows)
        self.assertEqual(text.count("done="), 1, screen.rows)  # nothing is left of wrapped lines

    def test_by_rank(self):
        written, screen = self.check(3, 100, 24, "-v")
        for rank in range(3):
            self.assertGreater(written.count(f"rank={rank} done="), 3, "not live")
            self.assertEqual("\n".join(screen.rows).count(f"rank={rank} done="), 1, screen.rows)

    def test_more_ranks_than_lines(self):
        written, screen = self.check(4, 100, 4, "-v")
        self.assertIn("... and 2 more ranks", written)
        self.assertNotIn("more ranks", "\n".join(screen.rows))

    def test_log(self):
        for ranks in (0, 2):
            done = subprocess.run(self.sweep(ranks), stderr=subprocess.PIPE, text=True, check=False)
            self.assertNotIn("\033", done.stderr)
            self.assertNotIn("\r", done.stderr)
            self.assertEqual(len(re.findall(LINE, done.stderr)), 1, done.stderr)

    def test_a_log_beside_a_terminal(self):
        log = self.folder / "log"
        run_on_terminal(["sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "sh", str(log), *self.sweep(2)], 80, 24)
        self.assertNotIn("\033", log.read_text())
        self.assertRegex(log.read_text(), LINE)


class Counts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_sweep(self, *options, code):
        done = subprocess.run([WATTSWEEP, "run", str(SPEC_DIR / "failing.json"), "-o", str(self.folder / "f.h5"), *options],
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_resumed(self):
        first = re.search(r"done=(\d+) failed=(\d+)", self.run_sweep(code=1)).groups()
        self.assertGreater(int(first[1]), 0)
        again = re.search(r"done=(\d+) failed=(\d+)", self.run_sweep("--resume", code=1)).groups()
        self.assertEqual(first, again)

    def test_json(self):
        path = self.folder / "progress.json"
        line = self.run_sweep("--progress-json", str(path), code=1)
        state = json.loads(path.read_text())
        best = re.search(r"best_j_per_token=([\d.e-]+) \(job (\d+)\)", line)
        self.assertEqual((state["ending"], state["eta_s"]), ("complete", 0))
        self.assertEqual((state["best"]["metric"], state["best"]["job"]), ("j_per_token", int(best[2])))
        self.assertAlmostEqual(state["best"]["value"] / float(best[1]), 1, places=3)

    def test_json_that_cannot_be_written(self):
        path = self.folder / "none" / "p.json"
        line = self.run_sweep("--progress-json", str(path), code=1)
        self.assertEqual(line.count(f"--progress-json: {path}: cannot write: No such file"), 1, line)


if __name__ == "__main__":
    unittest.main()
