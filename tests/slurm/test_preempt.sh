#!/usr/bin/env bash
# requeue.sbatch as shipped, preempted by a job of a higher partition, with both launchers: it drains, is requeued by Slurm,
# resumes by itself with the rows it had, and ends like an uninterrupted run. Both are held until Slurm wakes them to end them,
# so that they are still running when the urgent job gets its turn.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
make_sweep 6
on_ranks 2 run sweep.json -o whole.h5 -q
declare -A ids
for launch in srun mpirun; do
    ids[$launch]=$(LAUNCH=$launch submit requeue.sbatch --ntasks=2 --output=$launch.log sweep.json $launch.h5)
    hold_job $launch.h5
done
urgent_id=$(sbatch --parsable --partition=high --exclusive --output=urgent.log --wrap true)
wait_for 60 "the requeued job (srun)" job_has "${ids[srun]}" Restarts 1
wait_for 60 "the requeued job (mpirun)" job_has "${ids[mpirun]}" Restarts 1
run_to_end "$urgent_id" 60
for launch in srun mpirun; do
    id=${ids[$launch]}
    expect 75 "$WATTSWEEP" status $launch.h5
    n_kept=$(n_done $launch.h5)
    run_to_end "$id" 120
    expect_job "$id" JobState COMPLETED
    grep -q "DUE TO PREEMPTION" $launch.log || fail "not preempted"
    grep -q "start restart=1 rows=$n_kept\$" $launch.log || fail "expected to resume with $n_kept rows"
    grep -q "$n_kept rows kept" $launch.log || fail "$n_kept rows were not kept"
    same whole.h5 $launch.h5
done
grep -q "signal=TERM" srun.log || fail "the script did not get SIGTERM"
