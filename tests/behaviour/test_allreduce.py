#!/usr/bin/python3
"""Tensor parallelism pays for collectives twice: in link energy, which follows bytes and pJ/bit alone, and in standby,
which follows time. Slow links show in standby; the reading of the breakdown names links where they are costly."""
import os
import re
import shutil

import numpy as np

from behaviour import WORK, Sweep, call, check, check_equal, finish

sweep = Sweep("allreduce")
IDLE_W, TPS, BANDWIDTHS, PJ = 5.0, (1, 2, 4, 8), (4, 16, 64, 256, 1024), (4, 64, 1024)

# Llama-3.1-8B has 32 blocks with two all-reduces each, of 4096 two-byte values for every token. In a ring every one of n
# ranks sends 2 (n - 1) / n of that. 64 requests compute 1024 prompt tokens and all of 128 tokens but the last.
payload_bytes = 64 * (1024 + 127) * 32 * 2 * 4096 * 2
for tp in TPS:
    for pj in PJ:
        where = {"tp_size": tp, "energy_per_bit": pj}
        sent_j = 8 * pj * 1e-12 * payload_bytes * 2 * (tp - 1)
        check_equal(sweep.joules("link", **where), IDLE_W * sweep.length_s(**where) + sent_j, 1e-9,
                    f"link J of {tp} NPUs, {pj} pJ/bit: 5 W and the bytes of all rings")

for tp in TPS[1:]:
    where = {"tp_size": tp, "energy_per_bit": 4}
    active_j, standby = sweep.joules("npu_active", **where), sweep.metric("npu_standby_share", **where)
    check_equal(active_j, active_j[0], 1e-9, f"{tp} NPUs: the link changes nothing about active energy")
    check(np.all(np.diff(standby) < 0), f"{tp} NPUs: slower links are more time in standby", standby)
standby = np.array([sweep.metric("npu_standby_share", tp_size=tp, energy_per_bit=4) for tp in TPS])
check(np.all(np.diff(standby, axis=0) > 0), "more NPUs wait more, at every bandwidth", standby)

share = np.array([[sweep.joules("link", tp_size=tp, energy_per_bit=pj) /
                   sweep.metric("energy_j", tp_size=tp, energy_per_bit=pj) for tp in TPS] for pj in PJ])
check(standby[3, 0] > 0.95 and share[0].max() < 0.01, "4 pJ/bit: links stay under 1 % even where NPUs wait all the time",
      standby[3, 0], share[0].max())
check(np.all(np.diff(share[2, 1:], axis=1) > 0), "costly links: a larger share the faster they are", share[2])


def reading(**where):
    """What wattsim says under the energy breakdown of that job."""
    row = sweep.rows(**where)
    folder = WORK / "allreduce_rerun"
    shutil.rmtree(folder, ignore_errors=True)
    call(os.environ["WATTSWEEP"], "show", sweep.path, "--job", sweep.results.jobs[row[0]], "--export", folder)
    lines = call(os.environ["WATTSIM"], "--from", folder, "--output", folder / "requests.csv")
    return re.search(r"^Reading: (.*)$", lines, re.M)[1]


for tp in TPS:
    for k, bandwidth in ((0, 4), (4, 1024)):
        text = reading(tp_size=tp, energy_per_bit=1024, link_bw=bandwidth)
        check(("ALLREDUCE-bound" in text) == (share[2, TPS.index(tp), k] >= 0.15),
              f"{tp} NPUs, {bandwidth} GB/s, 1024 pJ/bit: \"{text}\"", share[2, TPS.index(tp), k])
text = reading(tp_size=8, energy_per_bit=4, link_bw=4)
check("standby exceeds active" in text and "ALLREDUCE" not in text, f"slow and thrifty links: \"{text}\"", share[0, 3, 0])
finish()
