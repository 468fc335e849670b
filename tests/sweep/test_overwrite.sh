#!/usr/bin/env bash
# No command replaces one of its inputs, or a file that is no result file; a folder is not taken for a missing file.
. "$(dirname "$0")/lib.sh"

# kept COMMAND: the files that make_inputs made are as they were.
make_inputs() {
    cp "$SPEC_DIR/short.json" spec.json
    echo "mine" >notes.txt
}
kept() {
    cmp -s spec.json "$SPEC_DIR/short.json" || fail "$1 replaced the spec"
    [ "$(cat notes.txt)" = mine ] || fail "$1 replaced a file that is no result file"
}
make_inputs

expect 2 "$WATTSWEEP" run spec.json -o spec.json --overwrite 2>log
grep -q -- "--output: spec.json is an input" log || fail "no reason: $(cat log)"
expect 2 "$WATTSWEEP" run spec.json -o x.h5 --progress-json ./spec.json 2>/dev/null
expect 3 "$WATTSWEEP" run spec.json -o notes.txt --overwrite 2>log
grep -q "notes.txt: not an HDF5 file" log || fail "no reason: $(cat log)"
mkfifo pipe.h5
expect 3 "$WATTSWEEP" run spec.json -o pipe.h5 --overwrite 2>log
grep -q "pipe.h5: not a regular file" log || fail "no reason: $(cat log)"
[ -p pipe.h5 ] || fail "a pipe was replaced"
[ ! -e x.h5 ] && [ ! -e spec.json.lock ] && [ ! -e notes.txt.lock ] && [ ! -e pipe.h5.lock ] || fail "something was left: $(ls)"
kept run

# an empty file, and a result file, may be replaced
: >results.h5
expect 0 "$WATTSWEEP" run spec.json -o results.h5 --overwrite -q
expect 0 "$WATTSWEEP" run spec.json -o results.h5 --overwrite -q
cp results.h5 before.h5
expect 2 "$WATTSWEEP" export results.h5 -o ./results.h5 2>log
grep -q "is FILE itself" log || fail "no reason: $(cat log)"
expect 2 "$WATTSWEEP" export results.h5 --points -o ./results.h5 2>/dev/null
expect 2 "$WATTSWEEP" snapshot results.h5 ./results.h5 --force 2>/dev/null
expect 3 "$WATTSWEEP" snapshot results.h5 notes.txt --force 2>/dev/null
expect 3 "$WATTSWEEP" merge results.h5 -o notes.txt --force 2>/dev/null
kept "snapshot or merge"
cmp results.h5 before.h5 || fail "the result file was changed"
[ "$("$WATTSWEEP" export results.h5 -o - | wc -l)" -eq "$("$WATTSWEEP" export results.h5 | wc -l)" ] || fail "- is not stdout"
[ ! -e ./- ] || fail "a file called - was made"

# without -o the sweep's name is the file's: no path, and not hidden
for name in '' .. a/b ../escaped; do
    sed "s|\"name\": \"short\"|\"name\": \"$name\"|" spec.json >named.json
    expect 2 "$WATTSWEEP" run named.json 2>log
    grep -q "named.json: /name: expected a file name.*-o FILE" log || fail "no reason: $(cat log)"
    expect 0 "$WATTSWEEP" run named.json -o named.h5 --overwrite -q
done
[ ! -e ../escaped.h5 ] && [ ! -e .h5 ] && [ ! -e a ] || fail "written next to -o: $(ls -a)"

# folders: named as such, and missing ones are not passed over
expect 2 "$WATTSWEEP" plan spec.json --data-dir no_such_folder 2>log
grep -q -- "--data-dir: no_such_folder: no such folder" log || fail "no reason: $(cat log)"
echo '{ "cluster": "." }' >folder.json
expect 2 "$WATTSWEEP" plan folder.json 2>log
grep -q "/cluster: .* \. cannot be read: Is a directory" log || fail "no reason: $(cat log)"
