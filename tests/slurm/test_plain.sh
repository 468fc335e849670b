#!/usr/bin/env bash
# sweep.sbatch as shipped, with both launchers: one sweep over all tasks, the same result as without Slurm, exit code 0.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
srun --mpi=list 2>&1 | grep -qw pmix || fail "this Slurm has no PMIx plugin: $(srun --mpi=list 2>&1)"
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o plain.h5 -q
srun_id=$(submit sweep.sbatch --ntasks=3 --output=srun.log "$SPEC_DIR/small.json" srun.h5)
mpirun_id=$(LAUNCH=mpirun submit sweep.sbatch --ntasks=3 --output=mpirun.log "$SPEC_DIR/small.json" mpirun.h5)
run_to_end "$srun_id" 60
run_to_end "$mpirun_id" 60
expect_job "$srun_id" JobState COMPLETED
expect_job "$mpirun_id" JobState COMPLETED
for launch in srun mpirun; do
    same plain.h5 $launch.h5
    "$WATTSWEEP" info $launch.h5 | grep -q '^n_ranks: 3$' || fail "not on 3 ranks: $("$WATTSWEEP" info $launch.h5)"
    ! grep -q "says when the Slurm allocation ends" $launch.log || fail "the end of the allocation was not found"
done
# a failing sweep fails its job, and a wrong launcher is refused
id=$(submit sweep.sbatch --ntasks=2 --output=failing.log "$SPEC_DIR/failing.json" failing.h5)
run_to_end "$id" 60
expect_job "$id" ExitCode 1:0
id=$(LAUNCH=mpiexec submit sweep.sbatch --ntasks=2 --output=launch.log "$SPEC_DIR/small.json" launch.h5)
run_to_end "$id" 60
expect_job "$id" ExitCode 2:0
