#!/usr/bin/env bash
# array.sbatch as shipped: every task computes its slice; merged, as the script's first lines say, they are the whole sweep.
# A missing slice shows as pending jobs, and is computed later by a task of its own.
. "$(dirname "$0")/cluster.sh"

need_slurm
start_cluster
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o plain.h5 -q
export N_SLICES=3
merge="$WATTSWEEP merge slice.*.h5 -o slice.h5"
id=$(submit array.sbatch --array=0,2 --ntasks=2 "$SPEC_DIR/small.json" slice)
merge_id=$(sbatch --parsable --dependency="afterany:$id" --output=merge.log --wrap "$merge")
run_to_end "$id" 60
run_to_end "$merge_id" 60
expect_job "$merge_id" JobState COMPLETED
expect 75 "$WATTSWEEP" status slice.h5
mv slice.h5 part.h5
n_first=$(n_done part.h5)
((0 < n_first && n_first < $(n_done plain.h5))) || fail "two of three slices have $n_first rows"

id=$(LAUNCH=mpirun submit array.sbatch --array=1 --ntasks=2 "$SPEC_DIR/small.json" slice)
merge_id=$(sbatch --parsable --dependency="afterany:$id" --output=merge.log --wrap "$merge")
run_to_end "$id" 60
run_to_end "$merge_id" 60
expect_job "$merge_id" JobState COMPLETED
expect 0 "$WATTSWEEP" status slice.h5
same plain.h5 slice.h5
! grep "says when the Slurm allocation ends" wattsweep-*.log || fail "the end of a task's allocation was not found"
