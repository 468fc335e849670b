#!/usr/bin/env bash
# requeue.sbatch as shipped, near the end of its time: Slurm's SIGUSR1 comes, the sweep drains, the job requeues itself and
# ends like an uninterrupted run.
#
# slurmctld looks for jobs near their end every 30 s, counted from its start. The job starts some seconds before it looks,
# with a warning time so long that it is due at once, and is held until the signal has come.
. "$(dirname "$0")/cluster.sh"

LOOKS_EVERY_S=30
AHEAD_S=6

need_slurm
start_cluster
make_sweep 6
on_ranks 2 run sweep.json -o whole.h5 -q
sleep $(((2 * LOOKS_EVERY_S - AHEAD_S - $(ctld_age_s) % LOOKS_EVERY_S) % LOOKS_EVERY_S))
id=$(submit requeue.sbatch --ntasks=2 --time=1 --signal=B:USR1@58 --output=signal.log sweep.json signal.h5)
hold_job signal.h5
wait_for 60 "SIGUSR1" grep -q "signal=USR1" signal.log # the script has passed it on to srun then
sleep 1
kill -CONT "$rank0_pid"
wait_for 60 "the job that requeued itself" job_has "$id" Restarts 1
grep -q " requeue rows=[1-9]" signal.log || fail "the job did not requeue itself"
! grep -q "the Slurm allocation ends" signal.log || fail "the sweep stopped by itself, not by the signal"
n_kept=$(n_done signal.h5)
run_to_end "$id" 200
expect_job "$id" JobState COMPLETED
grep -q "start restart=1 rows=$n_kept\$" signal.log || fail "expected to resume with $n_kept rows"
same whole.h5 signal.h5
