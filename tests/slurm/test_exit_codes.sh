#!/usr/bin/env bash
# A batch job ends when its sweep ends, with the sweep's exit code, for each code and both launchers; so does the README's
# mpirun line in a job of one's own. A refused spec is 2 also where an older file is complete, and a missing one does not
# wait for a file.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o old.h5 -q
cp old.h5 old_srun.h5
cp old.h5 old_mpirun.h5
sed 's/"name"/"no_such_key": 1, "name"/' "$SPEC_DIR/small.json" >refused.json
# a sweep whose allocation is over at once: the run ends with 75
cat >stops_early <<PROGRAM
#!/usr/bin/env bash
exec "$WATTSWEEP" "\$@" --time-limit 1ms
PROGRAM
chmod +x stops_early
ln -sf "$(dirname "$WATTSWEEP")/wattsweep-launch" wattsweep-launch # the scripts look next to the program

declare -A expected
# submit_all LAUNCH: one job per code
submit_all() {
    local id
    export LAUNCH=$1
    id=$(submit sweep.sbatch --ntasks=2 --output="$1.0.log" "$SPEC_DIR/small.json" "done_$1.h5") && expected[$id]=0:0
    id=$(submit sweep.sbatch --ntasks=2 --output="$1.1.log" "$SPEC_DIR/failing.json" "failing_$1.h5") && expected[$id]=1:0
    id=$(submit sweep.sbatch --ntasks=2 --output="$1.2.log" refused.json "old_$1.h5") && expected[$id]=2:0
    id=$(submit sweep.sbatch --ntasks=2 --output="$1.2b.log" missing.json "missing_$1.h5") && expected[$id]=2:0
    id=$(submit sweep.sbatch --ntasks=2 --output="$1.3.log" "$SPEC_DIR/small.json" refused.json/none.h5) && expected[$id]=3:0
    id=$(WATTSWEEP=$PWD/stops_early submit sweep.sbatch --ntasks=2 --output="$1.75.log" "$SPEC_DIR/kill.json" \
        "early_$1.h5") && expected[$id]=75:0
    unset LAUNCH
}
submit_all srun
submit_all mpirun

# the plain line of the README, in a script of one's own
cat >own.sbatch <<SCRIPT
#!/bin/bash
mpirun -n 2 --bind-to none "$WATTSWEEP" run "\$1" -o "\$2"
SCRIPT
own() { sbatch --parsable --ntasks=2 --output="own.$1.log" own.sbatch "$2" "$3"; }
id=$(own 0 "$SPEC_DIR/small.json" own_done.h5) && expected[$id]=0:0
id=$(own 1 "$SPEC_DIR/failing.json" own_failing.h5) && expected[$id]=1:0
id=$(own 2 refused.json own_refused.h5) && expected[$id]=2:0
id=$(own 3 "$SPEC_DIR/small.json" refused.json/none.h5) && expected[$id]=3:0

for id in "${!expected[@]}"; do
    run_to_end "$id" 120
    expect_job "$id" ExitCode "${expected[$id]}"
done
same old.h5 old_srun.h5
same old.h5 old_mpirun.h5
[ ! -e missing_srun.h5 ] && [ ! -e missing_mpirun.h5 ] || fail "a missing spec left a file"
