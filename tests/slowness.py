#!/usr/bin/env python3
"""How many times slower this machine is now than the one the tests' time limits were written on; at least 1.

usage: slowness.py

Fixed work on every core at once, on the wall clock: a slow core and a busy machine count alike. CMake asks once per
configuration and scales the limits of all tests (tests/CMakeLists.txt: ws_time_limit); WATTSWEEP_TEST_SLOWNESS in the
environment is taken for it instead. Tests find the result, sanitizers included, in that variable.
"""
import os
import subprocess
import sys
import time

WORK = "t = 0\nfor i in range(1_500_000):\n    t += i * i\n"
USUAL_S = 0.16  # wall time of WORK with the start of Python: 2 cores of a Xeon server, otherwise idle (2026-11)
MOST = 10.0  # a test that hangs still has to be found


def measured():
    begin = time.monotonic()
    running = [subprocess.Popen([sys.executable, "-S", "-c", WORK]) for _ in range(len(os.sched_getaffinity(0)))]
    for process in running:
        process.wait()
    return (time.monotonic() - begin) / USUAL_S


given = os.environ.get("WATTSWEEP_TEST_SLOWNESS")
print(f"{min(max(float(given) if given else measured(), 1.0), MOST):.1f}")
