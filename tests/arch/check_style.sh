#!/usr/bin/env bash
# C code is as clang-format leaves it, shell scripts are as shellcheck wants them, and time limits of tests are scaled.
#
# usage: tests/arch/check_style.sh ROOT
#   exit code 0; 1 with the files that are not; 77 where neither tool is installed (scripts/bootstrap.sh --lint)
#
# To mend: git ls-files '*.c' '*.h' | xargs clang-format -i
set -euo pipefail
cd "${1:?usage: check_style.sh ROOT}"

n_tools=0
status=0
files_of() { # those of the project, in a checkout or not
    find engine sweep examples tests scripts slurm .ci -type f "$@" | sort
}

# Versions differ in what they write: 14 is Debian 12's.
if command -v clang-format >/dev/null && clang-format --version | grep -q "version 14\."; then
    n_tools=$((n_tools + 1))
    mapfile -t files < <(files_of -name '*.[ch]')
    if ! problems=$(clang-format --dry-run --Werror "${files[@]}" 2>&1); then
        echo "not as clang-format leaves them (lines, file):"
        grep 'error:' <<<"$problems" | cut -d: -f1 | uniq -c
        status=1
    fi
else
    echo "SKIPPED: no clang-format 14 here, so the C code's format was not looked at"
fi

if command -v shellcheck >/dev/null; then
    n_tools=$((n_tools + 1))
    mapfile -t files < <(files_of \( -name '*.sh' -o -name '*.sbatch' -o -path .ci/run \))
    shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR "${files[@]}" || status=1
else
    echo "SKIPPED: no shellcheck here, so scripts were not looked at"
fi

if grep -rnE '\bTIMEOUT\b' tests --include=CMakeLists.txt --include='*.cmake' | grep -v '^tests/CMakeLists.txt:'; then
    echo "a time limit that is not scaled: ws_time_limit() of tests/CMakeLists.txt"
    status=1
fi

[ "$n_tools" -gt 0 ] || [ "$status" -ne 0 ] || exit 77
exit "$status"
