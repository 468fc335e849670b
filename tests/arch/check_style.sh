#!/usr/bin/env bash
# C code is as clang-format leaves it, tables in its comments are whole, shell scripts are as shellcheck wants them, and time limits of tests are scaled.
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
    # what aligned tables in comments need: that it does not fill their lines
    printf -v wide '%-110s' 'one'
    table=$'/* A table:\n *\n *   '$wide$'a row that is too long\n *   two    the second */'
    if [ "$(clang-format --assume-filename=engine/table.c <<<"$table")" != "$table" ]; then
        echo "clang-format would tear tables in comments: .clang-format needs ReflowComments: false"
        status=1
    fi
else
    echo "SKIPPED: no clang-format 14 here, so the C code's format was not looked at"
fi

# A row of a table is indented: columns within the prose of a comment are what is left of a torn one.
if grep -rnE '^ \* [^ @]+ .*[^ ] {3,}[^ ]' engine sweep tests --include='*.[ch]'; then
    echo "a torn table: write it again, one row per line, indented"
    status=1
fi
# Comments are wrapped by hand, but for tables between clang-format off and on.
if files_of -name "*.[ch]" | tr "\n" "\0" | LC_ALL=C.UTF-8 xargs -0 awk '
    FNR == 1 || /clang-format on/ { is_off = 0 }
    /clang-format off/ { is_off = 1 }
    !is_off && length > 110 && /^ *(\/\*|\*)/ { print FILENAME ":" FNR ": " $0; n++ }
    END { exit n == 0 }'; then
    echo "a comment longer than 110 columns"
    status=1
fi

if command -v shellcheck >/dev/null; then
    n_tools=$((n_tools + 1))
    mapfile -t files < <(files_of \( -name '*.sh' -o -name '*.sbatch' -o -path .ci/run \))
    shellcheck --severity=warning --external-sources --source-path=SCRIPTDIR "${files[@]}" || status=1
else
    echo "SKIPPED: no shellcheck here, so scripts were not looked at"
fi

# Tests write into fresh folders, and what is not there is not there in one of those.
if grep -rnE '/nonexistent|/no/such|["= ]/tmp/|/proc/(no|never)' tests --include='*.[ch]' --include='*.py' --include='*.sh' |
    grep -v '^tests/arch/check_style.sh:'; then
    echo "a path of the machine that the test has not made"
    status=1
fi
if grep -rnE '\bTIMEOUT\b' tests --include=CMakeLists.txt --include='*.cmake' | grep -v '^tests/CMakeLists.txt:'; then
    echo "a time limit that is not scaled: ws_time_limit() of tests/CMakeLists.txt"
    status=1
fi

[ "$n_tools" -gt 0 ] || [ "$status" -ne 0 ] || exit 77
exit "$status"
