#!/usr/bin/env bash
# Build and run every test; the last line is `N passed, N failed, N skipped`, counted from CTest's own report.
# Leaves with 1 if a test fails, if a build fails, or if no test ran.
#
# usage: scripts/test.sh [--asan] [--tsan] [--clang] [--fuzz]
#   --asan   also build with the address and undefined-behaviour sanitizers and run everything again
#   --tsan   also build with the thread sanitizer and run the tests of what has threads
#   --clang  also build everything with clang, whose warnings are errors, and run the quick unit tests
#   --fuzz   also run each fuzz target for a moment (needs clang-14: scripts/bootstrap.sh --fuzz)
# CI=true in the environment stands for --asan and --tsan, and for --clang and --fuzz where they are installed; it also
# installs Slurm and the linters.
set -euo pipefail
cd "$(dirname "$0")/.."

presets=(release)
for option in "$@"; do
    case $option in
        --asan | --tsan | --clang | --fuzz) presets+=("${option#--}") ;;
        *)
            sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
done
run() {
    echo "+ $*"
    "$@"
}

# Add up the CTest reports given as arguments; 1 if there are failures or no tests at all.
summarise() {
    python3 - "$@" <<'PYTHON'
import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for path in sys.argv[1:]:
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        # a test that asked to be skipped says so; one that could not start (no program) is "notrun" too
        note = case.find("skipped")
        is_skip = note is not None and (case.get("status") == "disabled" or note.get("message").startswith("SKIP_"))
        passed += case.get("status") == "run"
        skipped += is_skip
        failed += case.get("status") != "run" and not is_skip
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
PYTHON
}

scripts/bootstrap.sh
if [ "${CI:-}" = true ]; then
    scripts/bootstrap.sh --slurm || echo "Slurm cannot be installed here: tests/slurm are skipped"
    scripts/bootstrap.sh --lint || echo "no linters can be installed here: arch.style is skipped"
fi
if [ "${CI:-}" = true ] && [ $# -eq 0 ]; then
    presets+=(asan tsan)
    if command -v clang >/dev/null; then
        presets+=(clang)
    else
        echo "SKIPPED: clang is not installed (scripts/bootstrap.sh --lint), so only gcc has built this"
    fi
    if command -v clang-14 >/dev/null; then
        presets+=(fuzz)
    else
        echo "SKIPPED: fuzz targets are left out: clang-14 is not installed (scripts/bootstrap.sh --fuzz)"
    fi
fi
reports=()
status=0
for preset in "${presets[@]}"; do
    report=$PWD/build/$preset/ctest.xml
    rm -f "$report"
    if run cmake --preset "$preset" && run cmake --build --preset "$preset"; then
        # Thousands of calls that fail take minutes under the sanitizers: `ctest --preset asan` runs them on purpose.
        leave_out=()
        [ "$preset" != asan ] || leave_out=(--exclude-regex '^unit\.sweep\.store_faults$')
        run ctest --preset "$preset" --parallel "$(nproc)" "${leave_out[@]}" --output-junit "$report" || status=1
    else
        echo "$preset: the build failed, so its tests were not run" >&2
        status=1
    fi
    [ ! -f "$report" ] || reports+=("$report")
done
summarise "${reports[@]}" || status=1
exit "$status"
