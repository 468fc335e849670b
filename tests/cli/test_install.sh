#!/usr/bin/env bash
# An installed program needs no source tree: started anywhere, it finds the bundled files below its own prefix by the names
# they have in the repository, and results are those of the build tree.
#
# usage: test_install.sh CMAKE BUILD_FOLDER
set -euo pipefail

cmake=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/some/prefix
data=$prefix/share/wattsweep

fail() { echo "FAILED: $*" >&2; exit 1; }

unset WATTSWEEP_CONFIGS
# Open MPI leaks by itself, and test machines often run as root.
export ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"$cmake" --install "$build" --prefix "$prefix" >"$work/log"
for file in configs/cluster/README.md configs/hardware/H100.json workloads/example_trace.jsonl docs/power-model.md \
        scripts/report_template.html slurm/sweep.sbatch LICENSE; do
    [ -f "$data/$file" ] || fail "$file is not installed"
done

mkdir "$work/elsewhere" "$work/configs" # the second lies where a build tree would have its own
cd "$work/elsewhere"
run=(--dtype float16 --block-size 16 --dataset workloads/example_trace.jsonl --log-interval 1.0)
cluster=configs/cluster/single_node_power_instance.json

# --- as in the build tree
"$prefix/bin/wattsim" --cluster-config "$cluster" "${run[@]}" --output installed.csv >installed_log
"$build/bin/wattsim" --cluster-config "$cluster" "${run[@]}" --output built.csv >built_log
cmp installed.csv built.csv
cmp installed_log built_log
[ "$(wc -l <installed.csv)" -eq 11 ] || fail "10 requests, $(wc -l <installed.csv) lines"

# --- and really from the prefix: a config that is only there, and a message that says where was looked
mv "$data/$cluster" "$data/configs/cluster/only_here.json"
"$prefix/bin/wattsim" --cluster-config configs/cluster/only_here.json "${run[@]}" --output only_here.csv >/dev/null
cmp only_here.csv installed.csv
if "$prefix/bin/wattsim" --cluster-config "$cluster" "${run[@]}" --output none.csv >/dev/null 2>message; then
    fail "$cluster was found outside of the prefix"
fi
grep -qF "$cluster: no such file, here or in $data" message || { cat message >&2; fail "the message does not name $data"; }
mv "$data/configs/cluster/only_here.json" "$data/$cluster"

# --- the other two programs
"$prefix/bin/wattsweep" plan "$data/configs/sweeps/power_tradeoff.json" >plan.txt
grep -q 160 plan.txt || { cat plan.txt >&2; fail "the plan does not mention its 160 jobs"; }
"$prefix/bin/wattprof" show configs/hardware/H100.json | grep -q 'NVIDIA H100' || fail "wattprof does not find a data sheet"

# --- the first steps of wattsweep --help, as they stand there, without mpirun
"$prefix/bin/wattsweep" --help | sed -n 's/^  \(mpirun -n [0-9]* \)\{0,1\}\(wattsweep .*configs.*\|wattsweep top .*\)$/\2/p' >steps
[ "$(wc -l <steps)" -eq 3 ] || { cat steps >&2; fail "expected three first steps in wattsweep --help"; }
while read -r step; do
    # shellcheck disable=SC2086 # words of a command line
    (PATH=$prefix/bin:$PATH && $step) >step.txt 2>&1 || { cat step.txt >&2; fail "exit code $?: $step"; }
done <steps
[ -s results.h5 ] || fail "the first steps left no results.h5"

# --- the scripts find their modules, where what they draw with is there
for script in plot_sweep report; do
    if /usr/bin/python3 -c 'import h5py, matplotlib' 2>/dev/null; then
        /usr/bin/python3 "$data/scripts/$script.py" --help >/dev/null || fail "$script.py does not start"
    fi
done

# --- after a move to another place they still find it
mv "$prefix" "$work/moved"
"$work/moved/bin/wattsim" --cluster-config "$cluster" "${run[@]}" --output moved.csv >/dev/null
cmp moved.csv installed.csv
