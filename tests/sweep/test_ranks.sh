#!/usr/bin/env bash
# Results do not depend on the number of ranks: 1 without a launcher, and 1, 2 and 4 under mpirun, give the same content.
. "$(dirname "$0")/lib.sh"

expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o alone.h5
[ "$(rows_in_state alone.h5 "done")" -eq 40 ] || fail "expected 40 rows done"
for n in 1 2 4; do
    expect 0 on_ranks "$n" run "$SPEC_DIR/small.json" -o "ranks$n.h5"
    same alone.h5 "ranks$n.h5"
done
# rank 0 may leave the work to the others
expect 0 on_ranks 3 run "$SPEC_DIR/small.json" -o idle0.h5 --rank0-works no
same alone.h5 idle0.h5
# slices joined are the whole
for k in 0 1 2; do
    expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o "slice$k.h5" --slice "$k/3"
done
expect 0 "$WATTSWEEP" merge slice0.h5 slice1.h5 slice2.h5 -o merged.h5
same alone.h5 merged.h5
