#!/usr/bin/env bash
# A result file under several names: links are followed, mode and owner stay, and two names are one lock. What
# somebody else may have put into a shared folder as FILE.lock, FILE.tmp or an export is never followed.
. "$(dirname "$0")/lib.sh"

cp "$SPEC_DIR/short.json" spec.json
mkdir data
jobs() { "$WATTSWEEP" export "$1" --columns job | wc -l; }

# --- a link: what it leads to is written, also where that is not there yet
ln -s data/real.h5 link.h5
expect 0 "$WATTSWEEP" run spec.json -o link.h5 -q
[ -L link.h5 ] && [ -f data/real.h5 ] && [ ! -L data/real.h5 ] || fail "the link was replaced: $(ls -l . data)"
n_rows=$(jobs link.h5)
chmod 640 data/real.h5
[ "$(id -u)" -ne 0 ] || chown 65534:65534 data/real.h5
kept() {
    [ -L link.h5 ] || fail "$1 replaced the link"
    [ "$(stat -c %a data/real.h5)" = 640 ] || fail "$1 changed the mode: $(stat -c %a data/real.h5)"
    [ "$(id -u)" -ne 0 ] || [ "$(stat -c %u:%g data/real.h5)" = 65534:65534 ] || fail "$1 changed the owner"
    [ "$(jobs link.h5)" -eq "$n_rows" ] || fail "$1 lost rows"
    [ -z "$(find . -name '*.tmp*' -o -name '*.lock')" ] || fail "$1 left $(find . -name '*.tmp*' -o -name '*.lock')"
}
expect 0 "$WATTSWEEP" run spec.json -o link.h5 --overwrite -q
kept "run --overwrite"
expect 0 "$WATTSWEEP" run spec.json -o link.h5 --resume -q
kept "run --resume"
expect 0 "$WATTSWEEP" run spec.json -o link.h5 --overwrite --no-live --scratch-dir "$PWD" -q
kept "run --no-live"
expect 0 "$WATTSWEEP" recover link.h5
kept recover
cp data/real.h5 other.h5
expect 0 "$WATTSWEEP" snapshot other.h5 link.h5 --force
kept snapshot
expect 0 "$WATTSWEEP" merge other.h5 -o link.h5 --force
kept merge
printf 'old' >data/table.csv
ln -s data/table.csv table.csv
expect 0 "$WATTSWEEP" export link.h5 -o table.csv
[ -L table.csv ] && [ "$(wc -l <data/table.csv)" -eq "$n_rows" ] || fail "export replaced the link"
ln -s round.h5 round.h5
expect 3 "$WATTSWEEP" run spec.json -o round.h5 2>log
grep -q "round.h5: .*Too many levels of symbolic links" log || fail "no reason: $(cat log)"

# --- two names, one lock: while a sweep writes, no second one comes in by another name
make_long long.json
cp other.h5 hard.h5
ln hard.h5 hard2.h5
start_ranks 1 run long.json -o hard.h5 --overwrite 2>first.log &
first=$!
until is_locked hard.h5 && grep -q "has 2 names" first.log; do # it has taken all its locks
    kill -0 $first || fail "no sweep: $(cat first.log)"
    sleep 0.01
done
rank0=$(rank_pid $first 0)
kill -STOP "$rank0"
trap 'kill -KILL "$rank0" 2>/dev/null' EXIT # a test that fails leaves nobody stopped
expect 3 "$WATTSWEEP" run spec.json -o hard2.h5 --overwrite 2>log
grep -q "hard2.h5: another sweep is writing this file under another name (hard link)" log || fail "no lock: $(cat log)"
expect 3 "$WATTSWEEP" recover hard2.h5 2>/dev/null
ln -s hard.h5 soft.h5
expect 3 "$WATTSWEEP" run spec.json -o soft.h5 --overwrite 2>log
grep -q "hard.h5.lock: another sweep is writing this file (pid" log || fail "no lock: $(cat log)"
expect 3 "$WATTSWEEP" snapshot other.h5 soft.h5 --force 2>log
grep -q "another sweep is writing this file" log || fail "a file that is written was replaced: $(cat log)"
kill -TERM "$rank0"
kill -CONT "$rank0"
wait $first || true
trap - EXIT
grep -q "hard.h5: has 2 names (hard links)" first.log || fail "nothing said of the other name: $(cat first.log)"
same hard2.h5 other.h5 # which keeps what it had
[ "$(stat -c %h hard2.h5)" -eq 1 ] || fail "written in place"

# --- FILE.lock and FILE.tmp that somebody put there lead to a file of ours
echo mine >victim
kept_victim() {
    [ "$(cat victim)" = mine ] || fail "$1: the victim was overwritten"
}
for kind in "-s" ""; do
    # shellcheck disable=SC2086  # -s or nothing
    ln $kind victim a.h5.lock
    expect 3 "$WATTSWEEP" run spec.json -o a.h5 2>log
    grep -q "a.h5.lock: is no lock file" log || fail "no reason: $(cat log)"
    expect 3 "$WATTSWEEP" run spec.json -o a.h5 --no-live 2>/dev/null
    kept_victim lock
    rm a.h5.lock
    # shellcheck disable=SC2086
    ln $kind victim a.h5.tmp
    expect 3 "$WATTSWEEP" run spec.json -o a.h5 2>log
    grep -q "a.h5.tmp: is a.* expected nothing there" log || fail "no reason: $(cat log)"
    expect 3 "$WATTSWEEP" snapshot other.h5 a.h5 2>/dev/null
    expect 3 "$WATTSWEEP" merge other.h5 -o a.h5 2>/dev/null
    kept_victim tmp
    [ -e a.h5.tmp ] && rm a.h5.tmp
    [ ! -e a.h5 ] && [ ! -e a.h5.lock ] || fail "something was left: $(ls)"
done
mkfifo b.h5.lock
expect 3 timeout "$(scaled 60)" "$WATTSWEEP" run spec.json -o b.h5 2>log
grep -q "b.h5.lock: is no lock file" log || fail "no reason: $(cat log)"
expect 0 timeout "$(scaled 60)" "$WATTSWEEP" status other.h5

# --- a shared folder as /tmp is: nothing of somebody else's is followed or replaced, whatever it is
if [ "$(id -u)" -eq 0 ]; then
    mkdir shared
    chmod 1777 shared
    ln -s ../victim shared/r.h5
    ln -s ../victim shared/t.csv
    ln -s ../victim shared/p.json
    mkdir shared/job
    chown -h 65534 shared/*
    for out in "run spec.json --overwrite -o shared/r.h5" "export other.h5 -o shared/t.csv" \
        "snapshot other.h5 shared/r.h5 --force" "merge other.h5 --force -o shared/r.h5" \
        "show other.h5 --job 0 --export shared/job"; do
        # shellcheck disable=SC2086  # a command line
        expect 3 "$WATTSWEEP" $out 2>log
        kept_victim "$out"
        grep -Eq "(user 65534 in a folder everybody can write to|not an HDF5 file)" log || fail "no reason: $out: $(cat log)"
    done
    expect 0 "$WATTSWEEP" run spec.json -o c.h5 -q --progress-json shared/p.json 2>log
    kept_victim "--progress-json"
fi

# --- the folder of a job: links in it are not followed; it is whole, or as it was
expect 0 "$WATTSWEEP" show other.h5 --job 1 --export job >/dev/null
rm job/cluster.json
ln -s ../victim job/cluster.json
cp job/args.txt args.before
expect 3 "$WATTSWEEP" show other.h5 --job 2 --export job 2>log
grep -q "job/cluster.json: is a link" log || fail "no reason: $(cat log)"
kept_victim "show --export"
cmp job/args.txt args.before || fail "half an export"
rm job/cluster.json
mkdir job/inputs.sha256.d && rm job/inputs.sha256 && mv job/inputs.sha256.d job/inputs.sha256
expect 3 "$WATTSWEEP" show other.h5 --job 2 --export job 2>/dev/null
cmp job/args.txt args.before || fail "half an export"
rmdir job/inputs.sha256
[ -z "$(find job -name '*.tmp*')" ] || fail "left in job: $(ls job)"
expect 0 "$WATTSWEEP" show other.h5 --job 2 --export job >/dev/null
[ "$(head -c 8 job/args.txt)" = "# job 2;" ] || fail "not exported"
expect 2 "$WATTSWEEP" show other.h5 --job 2 --export victim 2>log
grep -q "victim: is no folder" log || fail "no reason: $(cat log)"
expect 2 "$WATTSWEEP" show other.h5 --job 2 --export "" 2>log
grep -q 'expected a value behind it: DIR, found ""' log || fail "no reason: $(cat log)"

# --- no name, and folders
for out in "" data data/; do
    expect 2 "$WATTSWEEP" run spec.json -o "$out" 2>log
    grep -Eq 'found ""|is a folder, expected the name of' log || fail "run -o '$out': $(cat log)"
    expect 2 "$WATTSWEEP" run spec.json -o d.h5 --progress-json "$out" 2>log
    grep -Eq -- '--progress-json: expected' log || fail "--progress-json '$out': $(cat log)"
    expect 2 "$WATTSWEEP" export other.h5 -o "$out" 2>log
    grep -Eq 'found ""|is a folder, expected the name of' log || fail "export -o '$out': $(cat log)"
    expect 2 "$WATTSWEEP" merge other.h5 -o "$out" --force 2>log
    grep -Eq 'found ""|is a folder, expected the name of' log || fail "merge -o '$out': $(cat log)"
    expect 2 "$WATTSWEEP" snapshot other.h5 "$out" --force 2>log
    grep -Eq 'found ""|is a folder, expected the name of' log || fail "snapshot '$out': $(cat log)"
done
