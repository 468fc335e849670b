#!/usr/bin/env bash
# The installed library needs nothing of the source tree, wherever it is moved: its headers stand alone in C and C++, it
# shows what they declare and nothing else, and the examples built against it through CMake and through pkg-config, shared
# and static, by each compiler there is, print the joules of wattsim.
#
# usage: [SHARED=0] [SANITIZERS=thread] [COVERAGE=1] test_library.sh CMAKE BUILD_FOLDER SOURCE_FOLDER C_COMPILER
set -euo pipefail

cmake=$1
build=$2
source=$3
cc=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved/prefix

fail() { echo "FAILED: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null; }

unset WATTSWEEP_CONFIGS PKG_CONFIG_PATH LD_LIBRARY_PATH CMAKE_PREFIX_PATH
"$cmake" --install "$build" --prefix "$work/first" >"$work/log"
mkdir "$work/moved" "$work/elsewhere"
mv "$work/first" "$prefix"
cd "$work/elsewhere"
lib=$(dirname "$(find "$prefix" -name libwattsim.a)")
export PKG_CONFIG_PATH=$lib/pkgconfig

# What the library was built with goes into its programs, too; then only this compiler can link them.
c_compilers=("$cc")
cxx_compilers=()
flags=()
if [ -n "${SANITIZERS:-}" ]; then
    flags=("-fsanitize=$SANITIZERS")
elif [ "${COVERAGE:-0}" = 1 ]; then
    flags=(--coverage)
else
    for compiler in gcc clang; do if have $compiler; then c_compilers+=("$compiler"); fi; done
    for compiler in g++ clang++; do if have $compiler; then cxx_compilers+=("$compiler"); fi; done
fi
echo "C: ${c_compilers[*]}; C++: ${cxx_compilers[*]:-none}"
strict=(-Wall -Wextra -Wpedantic -Werror)

# --- every header stands alone, may be included twice, and needs no folder but the installed one
for header in "$prefix"/include/wattsim/*.h; do
    name=wattsim/$(basename "$header")
    printf '#include <%s>\n#include <%s>\nextern int x;\n' "$name" "$name" >header.c
    for compiler in "${c_compilers[@]}"; do
        "$compiler" -std=c11 "${strict[@]}" -I"$prefix/include" -fsyntax-only header.c || fail "$compiler: $name"
    done
    for compiler in ${cxx_compilers[@]+"${cxx_compilers[@]}"}; do
        "$compiler" -x c++ -std=c++17 "${strict[@]}" -I"$prefix/include" -fsyntax-only header.c || fail "$compiler: $name"
    done
done
[ -n "$name" ] || fail "no headers are installed"

# --- the version is one
version=$(pkg-config --modversion wattsim)
"$prefix/bin/wattsim" --version | grep -qF "wattsim $version" || fail "wattsim --version does not say $version"

# --- what is shown is what the headers declare
grep -hoE '\bws_[a-z0-9_]+\(' "$prefix"/include/wattsim/*.h | tr -d '(' | sort -u >declared
[ "$(wc -l <declared)" -gt 30 ] || fail "only $(wc -l <declared) functions are declared"
if [ "${SHARED:-1}" = 1 ]; then
    # Sanitizers and coverage add symbols of their own.
    nm -D --defined-only "$lib/libwattsim.so" | awk '{print $3}' | grep -vE '^(__.?san|__gcov|_ZN|__odr_asan)' | sort >shown
    diff declared shown || fail "the shared library shows other names than the headers declare (>)"
    readelf -d "$lib/libwattsim.so" | grep -q "SONAME.*\[libwattsim\.so\.${version%.*}\]" || fail "wrong SONAME"
fi
# A static library cannot hide; all of its names have the prefix.
if nm --defined-only "$lib/libwattsim.a" 2>/dev/null | awk 'NF == 3 && $2 ~ /[A-TV-Z]/ {print $3}' |
        grep -vE '^(ws_|__.?san|__gcov|__odr_asan|_sub_)' >foreign; then
    fail "names of the static library without the prefix: $(head -3 foreign | tr '\n' ' ')"
fi

# --- what wattsim says of a cluster that is in the moved tree and nowhere else
mv "$prefix/share/wattsweep/configs/cluster/single_node_power_instance.json" \
    "$prefix/share/wattsweep/configs/cluster/only_here.json"
cluster=configs/cluster/only_here.json
dataset=workloads/example_trace.jsonl
"$prefix/bin/wattsim" --cluster-config $cluster --dataset $dataset --quiet --summary-json summary.json 2>/dev/null
expected=$(python3 -c 'import json; print(repr(json.load(open("summary.json"))["metrics"]["energy_j"]))')

# check_program NAME [VARIABLE=VALUE...]: the example ./embed prints wattsim's joules, ./sweep_threads the same with any
# number of threads
check_program() {
    local name=$1 found
    shift
    found=$(env "$@" ./embed $cluster $dataset | sed -n 's/^energy_j //p')
    python3 -c 'import sys; sys.exit(float(sys.argv[1]) != float(sys.argv[2]))' "$found" "$expected" ||
        fail "$name: embed prints $found J, wattsim $expected J"
    env "$@" ./sweep_threads $cluster $dataset 1 >alone
    env "$@" ./sweep_threads $cluster $dataset 4 >together || fail "$name: sweep_threads"
    cmp alone together || fail "$name: results depend on the number of threads"
    [ "$(wc -l <together)" -eq 9 ] || fail "$name: sweep_threads prints $(wc -l <together) lines"
    echo "ok: $name"
}

# --- by the CMake package
build_examples() { # build_examples FOLDER CMAKE_OPTIONS...
    local folder=$1
    shift
    "$cmake" -S "$source/examples" -B "$folder" -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_FLAGS="${flags[*]:-}" "$@" >cmake.log 2>&1 && "$cmake" --build "$folder" >>cmake.log 2>&1 ||
        { cat cmake.log >&2; fail "the examples do not build ($*)"; }
    cp "$folder/embed" "$folder/sweep_threads" .
}
in_place=WATTSWEEP_CONFIGS=$prefix/share/wattsweep/configs # a static program lies in no prefix
build_examples cmake_static -DEXAMPLES_STATIC=ON
check_program "CMake package, static" "$in_place"
if [ "${SHARED:-1}" = 1 ]; then
    build_examples cmake_shared
    check_program "CMake package, shared" # finds the bundled files from where the library lies
fi
mkdir of_other_version
printf 'cmake_minimum_required(VERSION 3.16)\nproject(p LANGUAGES C)\nfind_package(wattsim 99.0 CONFIG REQUIRED)\n' \
    >of_other_version/CMakeLists.txt
if "$cmake" -S of_other_version -B of_other_version/build -DCMAKE_PREFIX_PATH="$prefix" >/dev/null 2>cmake.log; then
    fail "find_package() takes version $version for 99.0"
fi
grep -q "version: $version" cmake.log || { cat cmake.log >&2; fail "find_package() does not see version $version"; }

# --- by pkg-config: compile_examples COMPILER FLAGS... links both with $libs
compile_examples() {
    local example
    for example in embed sweep_threads; do
        # shellcheck disable=SC2046 # words of a command line
        "$@" "${strict[@]}" "${flags[@]}" $(pkg-config --cflags wattsim) "$source/examples/$example.c" -o $example \
            $libs -pthread || fail "$* $example.c"
    done
}
if [ "${SHARED:-1}" = 1 ]; then
    libs=$(pkg-config --libs wattsim)
    for compiler in "${c_compilers[@]}"; do
        compile_examples "$compiler" -std=gnu11
        check_program "$compiler, shared" LD_LIBRARY_PATH="$lib"
    done
    for compiler in ${cxx_compilers[@]+"${cxx_compilers[@]}"}; do
        compile_examples "$compiler" -x c++ -std=c++17
        check_program "$compiler as C++, shared" LD_LIBRARY_PATH="$lib"
    done
fi
# Of two libraries of one name linkers take the shared one: leave only the static one.
rm -f "$lib"/libwattsim.so*
libs=$(pkg-config --static --libs wattsim)
for compiler in "${c_compilers[@]}"; do
    compile_examples "$compiler" -std=gnu11
    check_program "$compiler, static" "$in_place"
done
for compiler in ${cxx_compilers[@]+"${cxx_compilers[@]}"}; do
    compile_examples "$compiler" -x c++ -std=c++17
    check_program "$compiler as C++, static" "$in_place"
done

# --- the program of the guide, as it stands there but for the cluster
sed -n '/^```c$/,/^```$/{/^```$/q;/^```/d;p}' "$source/docs/library.md" | sed 's/single_node_power_instance/only_here/' >guide.c
# shellcheck disable=SC2046,SC2086 # words of a command line
"$cc" -std=c11 "${strict[@]}" "${flags[@]}" $(pkg-config --cflags wattsim) guide.c -o guide \
    $libs -pthread || fail "the program of docs/library.md"
"$prefix/bin/wattsim" --cluster-config $cluster --quiet --summary-json summary.json 2>/dev/null
python3 -c 'import json; print("%g J" % json.load(open("summary.json"))["metrics"]["energy_j"])' >expected.txt
env "$in_place" ./guide | diff expected.txt - || fail "the program of docs/library.md prints other joules"
