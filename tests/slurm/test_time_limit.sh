#!/usr/bin/env bash
# A sweep stops by itself before Slurm would kill it: exit code 75, rows kept, and the same line again finishes it. Where there
# is no time for a single job, requeue.sbatch does not requeue itself forever.
#
# Slurm's shortest limit is a minute, and wattsweep leaves 30 s before the end: a program that loads slowly spares waiting
# with both cores busy.
. "$(dirname "$0")/cluster.sh"

# slow_program SECONDS: a wattsweep whose `run` begins when that many seconds of the allocation are left.
slow_program() {
    cat >"slow_$1" <<PROGRAM
#!/usr/bin/env bash
left_s() {
    local minutes seconds
    IFS=: read -r minutes seconds <<<"\$(squeue --noheader --jobs="\$SLURM_JOB_ID" --format=%L)"
    echo \$((10#\$minutes * 60 + 10#\$seconds))
}
while [ "\$1" = run ] && [ "\$(left_s)" -gt $1 ]; do sleep 0.5; done
exec "$WATTSWEEP" "\$@"
PROGRAM
    chmod +x "slow_$1"
    ln -sf "$(dirname "$WATTSWEEP")/wattsweep-launch" wattsweep-launch # the scripts look next to the program
    echo "$PWD/slow_$1"
}

need_slurm
start_cluster
make_sweep 20
limits=(--ntasks=1 --time=1 --signal=CONT@1) # instead of SIGUSR1, which comes up to a minute early
limit_id=$(WATTSWEEP=$(slow_program 42) submit sweep.sbatch "${limits[@]}" --output=limit.log \
    sweep.json limit.h5)
short_id=$(WATTSWEEP=$(slow_program 25) submit requeue.sbatch "${limits[@]}" --output=short.log \
    sweep.json short.h5)
on_ranks 2 run sweep.json -o whole.h5 -q # while they wait
run_to_end "$limit_id" 100
expect_job "$limit_id" JobState FAILED # not TIMEOUT: it left by itself
expect_job "$limit_id" ExitCode 75:0
grep -q "the Slurm allocation ends in 3[0-9] s: no more work is handed out" limit.log || fail "it does not say why it stops"
grep -q "limit.h5: stopped early, resume with --resume" limit.log || fail "it does not say what to do"
n_kept=$(n_done limit.h5)
((0 < n_kept && n_kept < $(n_done whole.h5))) || fail "the time limit left $n_kept rows"
id=$(submit sweep.sbatch --ntasks=2 --output=again.log sweep.json limit.h5)
run_to_end "$id" 100
expect_job "$id" JobState COMPLETED
grep -q "$n_kept rows kept" again.log || fail "$n_kept rows were not kept"
same whole.h5 limit.h5

run_to_end "$short_id" 100
expect_job "$short_id" ExitCode 75:0
expect_job "$short_id" Restarts 0
grep -q "this run added no row" short.log || fail "it does not say why it is not requeued"
