#!/usr/bin/python3
"""A larger max_num_seqs gives more throughput and cheaper tokens where decoding dominates, little where prompts do, and
less than nothing once prompt chunks share their step with too many long contexts."""
import numpy as np

from behaviour import Sweep, check, check_equal, finish

sweep = Sweep("batching")
DECODE, PREFILL, LONG = 128, 2048, 4096  # prompt tokens of the three loads; batch sizes are 4, 8, .. 256

# one NPU that is never without work draws constant power, so energy per token is power over throughput
one = {"tp_size": 1}
check(sweep.metric("npu_active_share", **one).min() > 0.9999, "one NPU is active all the time",
      sweep.metric("npu_active_share", **one).min())
check_equal(sweep.metric("j_per_total_token", **one) * sweep.metric("total_tok_s", **one), 870.0, 1e-3,
            "one NPU: J/token x token/s = 600 W NPU + 143 W CPU + 32 W DRAM + 60 W base + 35 W rest")

for machine in ({"tp_size": 1}, {"tp_size": 2, "link_bw": 16}, {"tp_size": 2, "link_bw": 200}):
    def values(metric, load):
        return sweep.metric(metric, input=load, **machine)

    name = f"{machine}"
    speed = values("total_tok_s", DECODE)
    check(np.all(np.diff(speed) > 0) and speed[-1] > 20 * speed[0], f"{name}, decode-heavy: throughput rises", speed)
    cost = values("j_per_token", DECODE)
    check(np.all(np.diff(cost) < 0) and cost[0] > 20 * cost[-1], f"{name}, decode-heavy: J/token falls 20-fold", cost)

    speed, cost = values("total_tok_s", PREFILL), values("j_per_token", PREFILL)
    check(np.all(np.diff(speed) >= 0), f"{name}, prefill-heavy: throughput does not fall", speed)
    check(1.2 < cost[0] / cost[-1] < 1.5, f"{name}, prefill-heavy: J/token improves by less than half",
          cost[0] / cost[-1])
    check(np.all(cost[3:] == cost[3]), f"{name}, prefill-heavy: from 32 on the token budget is the limit", cost[3:])

    speed, cost = values("total_tok_s", LONG), values("j_per_token", LONG)
    check(np.argmin(cost) == 4 and np.argmax(speed) == 4, f"{name}, long context: best at 64", cost)
    check(1.1 < cost[5] / cost[4] < 1.4, f"{name}, long context: 128 costs more than 64", cost[5] / cost[4])

# waiting for collectives: a fast link's latency is paid once a step, a slow link's bandwidth for every token
fast = sweep.metric("npu_active_share", input=DECODE, link_bw=200)
slow = sweep.metric("npu_active_share", input=DECODE, link_bw=16, tp_size=2)
check(np.all(np.diff(fast) > 0) and fast[-1] > fast[0] + 0.08, "200 GB/s: share of active time rises", fast)
check(np.all(np.diff(slow) < 0) and slow[-1] < slow[0] - 0.1, "16 GB/s: share of active time falls", slow)

# the same tokens in fewer steps: active seconds fall in any case
for machine in ({"tp_size": 1}, {"tp_size": 2, "link_bw": 200}):
    active_j = sweep.joules("npu_active", input=DECODE, **machine)
    check(np.all(np.diff(active_j) < 0) and active_j[0] > 20 * active_j[-1],
          f"{machine}, decode-heavy: active seconds fall", active_j / 600.0)
finish()
