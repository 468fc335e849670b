#!/usr/bin/env bash
# Build wattsim and keep what it gives now as the golden outputs. Look at the diff before committing it: each changed
# line is a changed result.
#
# usage: tests/golden/regenerate.sh [CASE...]     all cases without names
set -euo pipefail
cd "$(dirname "$0")/../.."

run() {
    echo "+ $*"
    "$@"
}

run cmake --preset release
run cmake --build --preset release --target wattsim
run python3 tests/golden/golden.py build/release/bin/wattsim . --write "$@"
run git diff --stat -- tests/golden/cases
