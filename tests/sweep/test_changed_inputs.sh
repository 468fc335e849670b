#!/usr/bin/env bash
# Rows belong to the contents of the files they read: a changed data sheet, model or cluster config is refused by name on
# resume and merge; --drop-rows runs again what changed, --rehash keeps it; folders do not count; history is kept.
. "$(dirname "$0")/lib.sh"

root=$(realpath "$SPEC_DIR/../..")
make_data() { # make_data DIR: data sheet, model and architecture of the sweep
    mkdir -p "$1"
    cp -r "$root/configs/hardware" "$root/configs/model" "$1/"
}
make_data data
spec() { # spec FILE HARDWARE...
    local file=$1
    shift
    cat >"$file" <<END
{ "name": "s", "cluster": "c.json", "options": {"profile": "roofline"},
  "workload": {"generator": "poisson", "rate": 10, "num_reqs": 5, "seed": 1, "input": 64, "output": 16},
  "parameters": {"hardware": [$(printf '"%s",' "$@" | sed 's/,$//')], "max_num_seqs": [4, 8]} }
END
}
spec s.json H100 H200
cp "$root/configs/cluster/single_node_single_instance.json" c.json
run() {
    expect "$1" "$WATTSWEEP" run s.json --data-dir "$DATA" -o f.h5 "${@:2}" 2>log
}
column() { # column FILE DATASET: its values, a text
    h5dump -w 0 -y -d "$2" "$1" | tr -d ' \n' | sed 's/.*DATA{\("[^}]*\)}ATTRIBUTE"DIM.*/\1/'
}
DATA=data
run 0
cp f.h5 first.h5

# nothing to do: not a byte is touched
touch -d "2020-01-01" f.h5
run 0 --resume
cmp f.h5 first.h5 || fail "a resume with nothing to do wrote the file"
[ "$(date -r f.h5 +%Y)" -eq 2020 ] || fail "a resume with nothing to do renewed the file"

# the same files in another folder are the same inputs
mkdir -p elsewhere
mv data elsewhere/moved
DATA=elsewhere/moved run 0 --resume
cmp f.h5 first.h5 || fail "hashes depend on paths"
DATA=elsewhere/moved
run 0 --resume
mv elsewhere/moved data
DATA=data

# a changed data sheet: its rows only, and it is named
sed -i 's/"typical_error": *[0-9.]*/"typical_error": 0.3/; s/"memory_gb[a-z_]*s": *[0-9.]*/&0/' data/hardware/H100.json
! cmp -s data/hardware/H100.json "$root/configs/hardware/H100.json" || fail "the data sheet did not change"
run 2 --resume
grep -q "2 finished rows .*hardware/H100.json.*--drop-rows.*--rehash" log || fail "no name: $(cat log)"
cmp f.h5 first.h5 || fail "a refused resume wrote the file"
run 0 --resume --drop-rows
grep -q "2 rows kept (2 done), 2 jobs to run" log || fail "expected two of four to run: $(cat log)"
cp f.h5 dropped.h5
expect 0 "$WATTSWEEP" run s.json --data-dir data -o fresh.h5 -q
same fresh.h5 f.h5
[ "$(column fresh.h5 /job_hash)" = "$(column f.h5 /job_hash)" ] || fail "other hashes than of a new run"
[ "$(column first.h5 /job_hash)" != "$(column f.h5 /job_hash)" ] || fail "the hash does not cover the data sheet"
h5dump -a /history f.h5 | grep -q "resumed: 2 rows kept" || fail "no history: $(h5dump -a /history f.h5)"
[ "$(h5dump -a /history f.h5 | grep -c 'created')" -eq 1 ] || fail "the first run is lost: $(h5dump -a /history f.h5)"
h5dump -a /n_ranks f.h5 | grep -q '"1, 1"' || fail "ranks: $(h5dump -a /n_ranks f.h5)"

# merge does not mix them
expect 2 "$WATTSWEEP" merge first.h5 f.h5 -o merged.h5 2>log
grep -q "hardware/H100.json" log || fail "merge names nothing: $(cat log)"
expect 0 "$WATTSWEEP" merge fresh.h5 f.h5 -o merged.h5

# the change makes no difference: every row stays, with the hash it would have now
cp first.h5 f.h5
run 0 --resume --rehash
grep -q "4 rows kept (4 done), 0 jobs to run" log || fail "expected all rows kept: $(cat log)"
h5diff -q first.h5 f.h5 /metrics /metrics || fail "--rehash changed results"
[ "$(column fresh.h5 /job_hash)" = "$(column f.h5 /job_hash)" ] || fail "rows kept have old hashes"
h5dump -a /history f.h5 | grep -q "rehash.*hardware/H100.json" || fail "not recorded: $(h5dump -a /history f.h5)"
run 0 --resume
grep -q "left as it is" log || fail "expected nothing to do after --rehash: $(cat log)"
spec s.json H100
run 2 --resume --rehash
grep -q "rehash needs the spec" log || fail "another spec: $(cat log)"
spec s.json H100 H200

# architectures, models and the cluster config count, too
for file in data/model/arch/llama.json data/model/meta-llama/Llama-3.1-8B.json c.json; do
    cp fresh.h5 f.h5
    cp "$file" kept
    echo "" >>"$file"
    if [ "$file" = c.json ]; then
        sed -i '0,/"link_bw": *[0-9.]*/s//"link_bw": 17/' c.json
    fi
    run 2 --resume
    grep -q "4 finished rows .*$file" log || fail "$file: $(cat log)"
    cp kept "$file"
    run 0 --resume
done

# show --export: what the job read has to be there as it was; another job's inputs do not matter
expect 0 "$WATTSWEEP" run s.json --data-dir data -o e.h5 -q --overwrite 2>log
expect 0 "$WATTSWEEP" show e.h5 --job 0 --export e0 >log
sed -i 's/"typical_error": *[0-9.]*/"typical_error": 0.4/' data/hardware/H100.json
expect 2 "$WATTSWEEP" show e.h5 --job 0 --export e1 2>log
grep -q "job 0 read other contents of data/hardware/H100.json" log || fail "no name: $(cat log)"
[ ! -e e1 ] || fail "a refused export left a folder"
expect 0 "$WATTSWEEP" show e.h5 --job 2 --export e2 >log # of the H200
