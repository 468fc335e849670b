#!/usr/bin/python3
"""Where NPUs wait: with gaps of G seconds between busy times, standby outweighs idle from standby_duration = G / 2 on."""
import numpy as np

from behaviour import Sweep, check, check_equal, finish

sweep = Sweep("bursts")
standby_s = np.array([0.01, 0.03, 0.1, 0.3, 1, 3, 10, 18, 30, 60, 120])
STEADY, BURSTY = 1, 20

flips_s = []
for pulse_size, n_pulses in ((1, 80), (5, 16), (20, 4)):
    where   = {"pulse_size": pulse_size}
    active  = sweep.metric("npu_active_share", **where)
    standby = sweep.metric("npu_standby_share", **where)
    idle    = sweep.metric("npu_idle_share", **where)
    length_s = sweep.length_s(**where)
    check_equal(active, active[0], 1e-12, f"{pulse_size} at once: active time does not depend on standby_duration")
    # every pulse is served before the next: n - 1 equal gaps, of which the NPU spends min(standby_duration, gap) waiting
    gap_s = (1 - active) * length_s / (n_pulses - 1)
    by_hand = np.minimum(standby_s, gap_s) * (n_pulses - 1) / length_s
    check(np.max(np.abs(standby - by_hand)) < 1e-5, f"{pulse_size} at once: standby share as counted by hand",
          standby, by_hand)
    flip_s = gap_s[0] / 2
    check(np.array_equal(standby > idle, standby_s > flip_s), f"{pulse_size} at once: flips at half a gap", flip_s)
    flips_s.append(flip_s)
check(1 < flips_s[0] < 3 and 10 < flips_s[1] < 18 and 30 < flips_s[2] < 60,
      "flips between 1 and 3 s, 10 and 18 s, 30 and 60 s", flips_s)

# at the same standby_duration of 10 s and the same number of requests a minute
check(sweep.metric("npu_idle_share", pulse_size=STEADY)[6] < 1e-6, "steady load: active or in standby, never idle",
      sweep.metric("npu_idle_share", pulse_size=STEADY)[6])
check(sweep.metric("npu_idle_share", pulse_size=BURSTY)[6] > 0.8, "bursty load: idle",
      sweep.metric("npu_idle_share", pulse_size=BURSTY)[6])
cost = np.array([sweep.metric("j_per_token", pulse_size=size)[6] for size in (1, 5, 20)])
check(np.all(np.diff(cost) < 0) and cost[0] > 3 * cost[2], "bursts make larger batches and real rest: cheaper tokens",
      cost)
finish()
