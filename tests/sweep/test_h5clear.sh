#!/usr/bin/env bash
# h5clear on the file of a killed sweep cuts what lies behind the end that the superblock knows. Rows stay.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
command -v h5clear > /dev/null || { echo "h5clear is not installed (hdf5-tools)"; exit 77; }

# rows FILE: what status counts as done, so far.
rows() { { "$WATTSWEEP" status "$1" --json || true; } 2> /dev/null | sed -n 's/.*"done": \([0-9]*\).*/\1/p'; }

# So many jobs that a chunk of a column of theirs does not fit between other things: it lies at the end of the file.
sed 's/"repeats": 3/"repeats": 60/' "$SPEC_DIR/kill.json" > "$WORK_DIR/kill60.json"
cd "$SPEC_DIR/../.."
"$WATTSWEEP" run "$WORK_DIR/kill60.json" -o "$WORK_DIR/r.h5" --quiet 2> "$WORK_DIR/run.log" &
pid=$!
cd "$WORK_DIR"
has_rows_or_ended() { ! kill -0 "$pid" || [ "$(rows r.h5)" -gt 0 ]; }
await 30 has_rows_or_ended
kill -0 "$pid" 2> /dev/null || fail "the sweep ended before it could be killed"
kill -9 $pid
wait $pid || true
before=$(rows r.h5)
[ "$before" -gt 0 ] || fail "no rows before h5clear"
for options in "-s" "-s --increment=4096" "--increment=0 -s"; do
    cp r.h5 c.h5
    # shellcheck disable=SC2086
    h5clear $options c.h5 || true
    expect 75 "$WATTSWEEP" status c.h5
    [ "$(rows c.h5)" -eq "$before" ] || fail "h5clear $options: $(rows c.h5) of $before rows are left"
    expect 0 "$WATTSWEEP" recover c.h5
    [ "$(rows c.h5)" -eq "$before" ] || fail "recover after h5clear $options"
done
