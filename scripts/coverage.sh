#!/usr/bin/env bash
# Which branches of engine/ and sweep/ the tests take: build with counters, run tests, print a table of all files, the worst
# first, with the totals of each folder. Assertions (WS_ASSERT) do not count: the branch that aborts is not there to be taken.
#
# usage: scripts/coverage.sh [--tests REGEX] [--under N] [--fail-under PERCENT] [--file-under PERCENT]
#   --tests REGEX         which tests to run, by name; the unit tests that start no ranks if not given
#   --under N             list only files with less than N % of their branches taken
#   --fail-under PERCENT  leave with 1 if engine/ or sweep/ as a whole is below
#   --file-under PERCENT  leave with 1 if any file is below
set -euo pipefail
cd "$(dirname "$0")/.."

select=(--label-regex '^unit$' --label-exclude '^mpi$')
under=101 fail_under=0 file_under=0
while [ $# -gt 0 ]; do
    case $1 in
        --tests) select=(--tests-regex "${2?}") ;;
        --under) under=${2?} ;;
        --fail-under) fail_under=${2?} ;;
        --file-under) file_under=${2?} ;;
        *)
            sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
    shift 2
done

build=build/coverage
cmake --preset coverage >/dev/null
cmake --build --preset coverage
find "$build" -name '*.gcda' -delete # the counts of earlier runs
status=0
ctest --test-dir "$build" "${select[@]}" --no-tests=error --parallel "$(nproc)" --output-on-failure || status=1

report=$(mktemp)
trap 'rm -f "$report"' EXIT
# --json-format: one line per object, with every branch of every line
find "$PWD/$build/engine" "$PWD/$build/sweep" "$PWD/$build/tests" -name '*.gcda' -print0 |
    xargs -0 -n 8 gcov --json-format --branch-probabilities --stdout >"$report"
python3 - "$report" "$under" "$fail_under" "$file_under" <<'PYTHON' || status=1
import json
import sys
from collections import defaultdict
from pathlib import Path

report, under, fail_under, file_under = sys.argv[1], *map(float, sys.argv[2:])
root = Path.cwd()
lines = defaultdict(bool)  # (file, line) -> has it run
branches = defaultdict(bool)  # (file, line, k) -> was it taken: in any object, as functions of headers are in several
asserts = {}  # file -> its lines that assert


def assert_lines(path):
    return {i for i, text in enumerate(path.read_text().splitlines(), 1) if text.lstrip().startswith("WS_ASSERT(")}


for text in open(report):
    for file in json.loads(text)["files"]:
        path = Path(file["file"])
        path = (path if path.is_absolute() else root / "build/coverage" / path).resolve()
        name = str(path.relative_to(root)) if path.is_relative_to(root) else ""
        if not name.startswith(("engine/", "sweep/")):
            continue
        if name not in asserts:
            asserts[name] = assert_lines(path)
        for line in file["lines"]:
            at = (name, line["line_number"])
            lines[at] |= line["count"] > 0
            for k, branch in enumerate(line["branches"] if at[1] not in asserts[name] else []):
                branches[(*at, k)] |= branch["count"] > 0


def share(taken):
    return 100 * sum(taken) / len(taken) if taken else 100.0


def group(of):
    """name -> (its branches, its lines); of: the name a file counts under"""
    groups = defaultdict(lambda: ([], []))
    for which, table in enumerate((branches, lines)):
        for key, taken in table.items():
            groups[of(key[0])][which].append(taken)
    return groups


def row(name, taken, run):
    print(f"{share(taken):6.1f} %  {sum(taken):6d} of {len(taken):6d}  {share(run):6.1f} %  {name}")


files = group(lambda name: name)
folders = group(lambda name: name.split("/")[0] + "/")
rooms = group(lambda name: "/".join(name.split("/")[:-1]) + "/")
print("branches  taken            lines     file")
for name, (taken, run) in sorted(files.items(), key=lambda item: (share(item[1][0]), item[0])):
    if share(taken) < under:
        row(name, taken, run)
for groups in (rooms, folders):
    print()
    for name, both in sorted(groups.items()):
        row(name, *both)
low = [name for name, (taken, _) in folders.items() if share(taken) < fail_under]
low += [name for name, (taken, _) in files.items() if share(taken) < file_under]
for name in low:
    print(f"below the bound: {name}")
sys.exit(1 if low else 0)
PYTHON
exit "$status"
