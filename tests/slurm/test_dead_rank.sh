#!/usr/bin/env bash
# A rank is killed. With mpirun the sweep goes on without it, and the job ends although mpirun does not. With srun Slurm ends
# the step; requeue.sbatch resumes with the rows that were kept. Both end like an undisturbed run.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
make_sweep 6
on_ranks 2 run sweep.json -o whole.h5 -q
kill_rank_1() {
    local victim
    wait_for 60 "rows in $1" has_rows "$1"
    victim=$(rank_process 1 "$1")
    kill -KILL "$victim"
}
mpirun_id=$(LAUNCH=mpirun submit sweep.sbatch --ntasks=3 --output=mpirun.log sweep.json mpirun.h5)
kill_rank_1 mpirun.h5
srun_id=$(submit requeue.sbatch --ntasks=3 --output=srun.log sweep.json srun.h5)
kill_rank_1 srun.h5
run_to_end "$mpirun_id" 120
expect_job "$mpirun_id" JobState COMPLETED
grep -q "rank=1 its process is gone; its .* jobs go to others" mpirun.log || fail "the death was not noticed"
same whole.h5 mpirun.h5
run_to_end "$srun_id" 120
expect_job "$srun_id" JobState COMPLETED
expect_job "$srun_id" Restarts 1
grep -q "rows kept" srun.log || fail "no row was kept"
same whole.h5 srun.h5
