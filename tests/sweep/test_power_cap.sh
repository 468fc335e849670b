#!/usr/bin/env bash
# The bundled power-cap sweep behaves like boards do: throughput falls with the cap, that of prompts in step with the
# clock, that of answers hardly; joules per token fall, then rise as all other power runs on for longer, and the best cap is
# the lower the less the load is bound by arithmetic. A cap of active_power is no cap.
. "$(dirname "$0")/lib.sh"

spec=$SPEC_DIR/../../configs/sweeps/power_cap.json
columns=workload.input,power_cap_w,total_tok_s,j_per_total_token,power_mean_w
expect 0 on_ranks 2 run "$spec" -o caps.h5
expect 0 "$WATTSWEEP" export caps.h5 --columns "$columns" -o caps.csv
grep -v '"power_cap_w":' "$spec" | sed 's/\(\[4, 128, 512\] }\),/\1/' >uncapped.json
expect 0 "$WATTSWEEP" run uncapped.json -o uncapped.h5
expect 0 "$WATTSWEEP" export uncapped.h5 --columns "${columns/power_cap_w,/}" -o uncapped.csv

/usr/bin/python3 - <<'CHECK' || fail "see above"
import csv

rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(open("caps.csv"))]
uncapped = {float(row["workload.input"]): row for row in csv.DictReader(open("uncapped.csv"))}
PROMPTS, BOTH, ANSWERS = 2048.0, 512.0, 64.0
best_cap_w, share_at_300_w = {}, {}
for load in (PROMPTS, BOTH, ANSWERS):
    points = sorted((r for r in rows if r["workload.input"] == load), key=lambda r: -r["power_cap_w"])
    caps_w = [r["power_cap_w"] for r in points]
    rates = [r["total_tok_s"] for r in points]
    joules = [r["j_per_total_token"] for r in points]
    assert len(points) == 13 and caps_w[0] == 600, caps_w
    for column in ("total_tok_s", "j_per_total_token", "power_mean_w"):
        assert points[0][column] == float(uncapped[load][column]), (load, column)
    assert all(a > b for a, b in zip(rates, rates[1:])), (load, rates)
    assert all(a["power_mean_w"] > b["power_mean_w"] for a, b in zip(points, points[1:])), load
    least = joules.index(min(joules))
    assert 0 < least < len(joules) - 1, (load, joules)
    assert all(a > b for a, b in zip(joules[:least + 1], joules[1:least + 1])), (load, joules)
    assert all(a < b for a, b in zip(joules[least:], joules[least + 1:])), (load, joules)
    best_cap_w[load] = caps_w[least]
    share_at_300_w[load] = rates[caps_w.index(300)] / rates[0]
assert best_cap_w[PROMPTS] > best_cap_w[BOTH] > best_cap_w[ANSWERS], best_cap_w
# The clock at 300 W is (300/600 - 0.25) / 0.75 / 0.94^1.7 = 0.370: prompts follow it, answers keep more than 0.8.
assert 0.370 < share_at_300_w[PROMPTS] < 0.40, share_at_300_w
assert share_at_300_w[ANSWERS] > 0.8, share_at_300_w
CHECK
