#!/usr/bin/env bash
# A wrong spec ends with 2, every problem named once also on several ranks, and nothing is written; an output that cannot be
# written, or exists, ends with 3.
. "$(dirname "$0")/lib.sh"

cat >bad.json <<'SPEC'
{ "name": "bad", "cluster": "configs/cluster/single_node_power_instance.json", "optoins": {},
  "parameters": { "tp_sise": [1], "max_num_seqs": [0] }, "constraints": ["tp_size <"] }
SPEC
expect 2 on_ranks 2 run bad.json -o bad.h5 2>log
for text in '/optoins' 'tp_sise' 'did you mean "tp_size"' '/parameters/max_num_seqs/0'; do
    [ "$(grep -c -- "$text" log)" -eq 1 ] || fail "expected one line with $text in: $(cat log)"
done
[ ! -e bad.h5 ] && [ ! -e bad.h5.part ] && [ ! -e bad.h5.lock ] || fail "something was written"
expect 2 "$WATTSWEEP" plan bad.json 2>/dev/null
# what is wrong in the spec, its files and its constraints comes at once, each with its place
echo '{ "cluster": "no.json", "workload": { "dataset": "no.jsonl" }, "repeats": 0 }' >files.json
expect 2 "$WATTSWEEP" run files.json -o bad.h5 2>log
for text in 'files.json: /repeats: expected' 'files.json: /cluster: .*no.json' 'files.json: /workload/dataset: .*no.jsonl'; do
    [ "$(grep -c -- "$text" log)" -eq 1 ] || fail "expected one line with $text in: $(cat log)"
done
echo '{ "cluster": "no.json", "constraints": ["tp_sise < 3", "dtype > 3"] }' >texts.json
expect 2 "$WATTSWEEP" run texts.json -o bad.h5 2>log
for text in '/cluster: .*no.json' '/constraints/0: .*tp_sise' '/constraints/1: dtype > 3'; do
    [ "$(grep -c -- "$text" log)" -eq 1 ] || fail "expected one line with $text in: $(cat log)"
done
# a sweep without points is a mistake, not a success
sed 's/"max_num_seqs \* tp_size < 32"/"max_num_seqs < 0"/' "$SPEC_DIR/small.json" >empty.json
expect 2 "$WATTSWEEP" run empty.json -o bad.h5 2>log
grep -q "/constraints: no point of 48 meets them all" log || fail "empty: $(cat log)"
expect 0 "$WATTSWEEP" plan empty.json >log
grep -q "48 do not meet max_num_seqs < 0" log || fail "empty plan: $(cat log)"
[ ! -e bad.h5 ] && [ ! -e bad.h5.lock ] || fail "something was written"
# a constraint that has no answer keeps its points, and plan says so; one that never has any is a mistake
sed 's/"max_num_seqs \* tp_size < 32"/"tp_size == 1 or 8 \/ (tp_size - 2) < 9"/' "$SPEC_DIR/small.json" >zero.json
expect 0 "$WATTSWEEP" plan zero.json --no-probe >log 2>&1
grep -q "^jobs      48" log && grep -q "24 are kept since it cannot be evaluated there" log || fail "zero: $(cat log)"
sed 's/"max_num_seqs \* tp_size < 32"/"max_num_seqs \/ 0 < 32"/' "$SPEC_DIR/small.json" >never.json
expect 2 "$WATTSWEEP" plan never.json 2>log
grep -q "/constraints/0: max_num_seqs / 0 < 32: column 17: division by zero" log || fail "never: $(cat log)"
sed 's/"max_num_seqs \* tp_size < 32"/"tp_sise < 32"/' "$SPEC_DIR/small.json" >name.json
expect 2 "$WATTSWEEP" plan name.json 2>log
grep -q "unknown name tp_sise, did you mean tp_size?" log || fail "name: $(cat log)"
expect 2 "$WATTSWEEP" run missing.json 2>/dev/null
expect 2 "$WATTSWEEP" run 2>/dev/null
expect 2 "$WATTSWEEP" run "$SPEC_DIR/small.json" --overwirte 2>log
grep -q "did you mean --overwrite" log || fail "no hint: $(cat log)"
expect 3 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o no/such/folder/x.h5 2>/dev/null
expect 0 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o x.h5 --slice 0/9 -q
expect 3 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o x.h5 --slice 0/9 2>log
grep -q -- "--resume continues it" log || fail "no hint: $(cat log)"
expect 0 "$WATTSWEEP" plan "$SPEC_DIR/small.json" >plan
grep -q "^jobs      40" plan || fail "plan: $(cat plan)"
grep -q "8 do not meet max_num_seqs \* tp_size < 32" plan || fail "plan: $(cat plan)"
expect 2 "$WATTSWEEP" run "$SPEC_DIR/small.json" -o y.h5 --best j_per_tken 2>log
grep -q -- "--best: .* did you mean j_per_token?" log || fail "no hint: $(cat log)"
# points that constraints leave out are counted as points, whatever the repeats and the slice
sed 's/"outputs"/"repeats": 3, "outputs"/' "$SPEC_DIR/small.json" >repeats.json
for slice in 0/1 2/5; do
    expect 0 "$WATTSWEEP" run repeats.json -o y.h5 --slice "$slice" -q --overwrite
    "$WATTSWEEP" info y.h5 | grep -q "^n_points_pruned: 8$" || fail "slice $slice: $("$WATTSWEEP" info y.h5 | grep pruned)"
done
[ "$("$WATTSWEEP" plan "$SPEC_DIR/small.json" --list | wc -l)" -eq 49 ] || fail "expected 48 jobs and a head"

# one round tells them all: of every part of the spec, of the files it names and of its constraints
cat >many.json <<'END'
{ "name": "many", "clustr": "x", "cluster": "nope.json", "workload": {"dataset": "none.jsonl", "rat": 3},
  "options": {"dtype": "bfloat17"}, "parameters": {"max_num_seqs": [4, 8]}, "sampling": {"method": "grit"},
  "constraints": ["max_num_seqs >", "bogus < 3"], "slo": {"ttft": 3}, "repeats": 0, "outputs": {"timeserie": true} }
END
expect 2 "$WATTSWEEP" run many.json -o many.h5 2>many.log
for place in /clustr /cluster /workload/dataset /workload/rat /options/dtype /sampling/method /slo/ttft /repeats \
        /outputs/timeserie; do
    grep -q "^many.json: $place:" many.log || fail "no word of $place in one round: $(cat many.log)"
done
sed -i 's/"grit"/"grid"/; s/"max_num_seqs": \[4, 8\]/"max_num_seqs": [4, 8], "tp_siz": [1]/' many.json
expect 2 "$WATTSWEEP" run many.json -o many.h5 2>many.log
grep -q "^many.json: /parameters/tp_siz:" many.log || fail "no word of the unknown parameter: $(cat many.log)"
sed -i 's/, "tp_siz": \[1\]//' many.json
expect 2 "$WATTSWEEP" run many.json -o many.h5 2>many.log
for place in /constraints/0 /constraints/1 /options/dtype /cluster; do
    grep -q "^many.json: $place:" many.log || fail "no word of $place in one round: $(cat many.log)"
done
[ ! -e many.h5 ] || fail "a refused sweep left a file"
