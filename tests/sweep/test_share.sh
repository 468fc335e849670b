#!/usr/bin/env bash
# The ranks of a node read the inputs from one window in shared memory; where MPI has none they are sent them. The
# results are the same.
. "$(dirname "$0")/lib.sh"

# from_window LOG: how many workers were pointed to a window.
from_window() {
    sed -n 's/.*setup_from_window=\([0-9]*\).*/\1/p' "$1"
}

expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o alone.h5
expect 0 on_ranks 4 run "$SPEC_DIR/small.json" -o window.h5 -v 2>window.log
[ "$(from_window window.log)" = 3 ] || fail "expected 3 workers with the window: $(cat window.log)"
same alone.h5 window.h5
# What rank 0 took is reported, too: a number above 0 for each.
for name in coordinator_cpu_s writer_cpu_s finish_wall_s; do
    took=$(sed -n "s/.*$name=\([0-9.]*\).*/\1/p" window.log)
    awk -v took="${took:-0}" 'BEGIN { exit !(took > 0) }' || fail "expected $name above 0: $(cat window.log)"
done
OMPI_MCA_osc=^sm expect 0 on_ranks 4 run "$SPEC_DIR/small.json" -o messages.h5 -v 2>messages.log
[ "$(from_window messages.log)" = 0 ] || fail "expected no window: $(cat messages.log)"
same alone.h5 messages.h5
