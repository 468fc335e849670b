#!/usr/bin/env bash
# A rank is killed in the middle. With mpirun the sweep goes on without it, and the job ends although mpirun does not. With srun
# Slurm ends the step; requeue.sbatch resumes with the rows that were kept. A rank that dies when the file is complete changes
# nothing any more. All end like an undisturbed run.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
make_sweep 8
on_ranks 2 run sweep.json -o whole.h5 -q
# kill_rank_1 FILE: while rank 0 is held, so that the sweep cannot be over before the death has had its effect.
kill_rank_1() {
    hold_job "$1"
    kill -KILL "$(rank_process 1 "$1")"
}
mpirun_id=$(LAUNCH=mpirun submit sweep.sbatch --ntasks=3 --output=mpirun.log sweep.json mpirun.h5)
kill_rank_1 mpirun.h5
kill -CONT "$rank0_pid"
srun_id=$(submit requeue.sbatch --ntasks=3 --output=srun.log sweep.json srun.h5)
kill_rank_1 srun.h5
wait_for 60 "the end of the step" not is_process "$rank0_pid" # by Slurm alone: nobody wakes rank 0
run_to_end "$mpirun_id" 120
expect_job "$mpirun_id" JobState COMPLETED
grep -q "rank=1 its process is gone; its .* jobs go to others" mpirun.log || fail "the death was not noticed"
same whole.h5 mpirun.h5
run_to_end "$srun_id" 120
expect_job "$srun_id" JobState COMPLETED
expect_job "$srun_id" Restarts 1
grep -q " requeue rows=[1-9]" srun.log || fail "the job did not requeue itself"
grep -q "[1-9][0-9]* rows kept" srun.log || fail "no row was kept"
same whole.h5 srun.h5

# the launcher fails, the file is complete: so is the job
cat >dies_late <<PROGRAM
#!/usr/bin/env bash
"$WATTSWEEP" "\$@" || exit
[ "\$1" != run ] || [ "\${PMIX_RANK:-\${OMPI_COMM_WORLD_RANK:-0}}" -ne 1 ] || { touch died_late && kill -KILL \$\$; }
PROGRAM
chmod +x dies_late
ln -sf "$(dirname "$WATTSWEEP")/wattsweep-launch" wattsweep-launch # the scripts look next to the program
for launch in srun mpirun; do
    id=$(WATTSWEEP=$PWD/dies_late LAUNCH=$launch submit requeue.sbatch --ntasks=2 --output=late_$launch.log \
        "$SPEC_DIR/small.json" late_$launch.h5)
    run_to_end "$id" 60
    expect_job "$id" JobState COMPLETED
    expect_job "$id" Restarts 0
    rm died_late || fail "no rank died: $(cat late_$launch.log)"
    same late_srun.h5 late_$launch.h5
done
