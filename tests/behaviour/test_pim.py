#!/usr/bin/python3
"""Decode attention in memory takes its time from the NPU and gives its energy to the memory; what is saved depends on how
long the NPU then waits."""
import numpy as np

from behaviour import Sweep, check, check_equal, finish

sweep = Sweep("pim")
PROMPTS = np.array([256, 1024, 4096])
# slope and intercept (ns) of the time of one entry, and peak - idle power (W), of the PIM files
MEMORIES = {"HBM2_1GB_2000_pim": (242.0548, 14513.5015, 0.760 - 0.160),
            "DDR4_8GB_3200_pim": (333.2538, 30675.2739, 3.803 - 0.623)}
# 16 requests decode 47 times in 32 blocks; the work of one is split over as many channels as there are KV heads, 8
N_ENTRIES = 16 * 47 * 32 * 8
# query and output (32 heads x 128 x 2 bytes each), key and value (8 heads x 128 x 2 bytes each)
ENTRY_BYTES = (2 * 32 + 2 * 8) * 128 * 2 // 8


def joules(component, memory, offload, interleave=False):
    return sweep.joules(component, pim_config=memory, enable_attn_offloading=offload,
                        enable_sub_batch_interleaving=interleave)


def energy(memory, offload, interleave=False):
    return sweep.metric("energy_j", pim_config=memory, enable_attn_offloading=offload,
                        enable_sub_batch_interleaving=interleave)


for memory, (slope_ns, intercept_ns, extra_w) in MEMORIES.items():
    entry_s = np.floor((slope_ns * PROMPTS + intercept_ns) / 8) * 1e-9
    by_hand = N_ENTRIES * (entry_s * extra_w + 8 * ENTRY_BYTES * 6.0e-12)
    check_equal(joules("pim", memory, True), by_hand, 1e-9, f"{memory}: PIM energy as counted by hand")
    check(np.all(joules("pim", memory, False) == 0), f"{memory}: none without offloading", joules("pim", memory, False))

    saved = 1 - joules("npu_active", memory, True) / joules("npu_active", memory, False)
    check(np.all(np.diff(saved) > 0) and saved[0] > 0.05 and saved[2] < 0.1,
          f"{memory}: the NPU saves 5 to 10 % of its active energy, more with longer contexts", saved)
    waited = joules("npu_standby", memory, True) - joules("npu_standby", memory, False)
    check(np.all(waited > 0), f"{memory}: and waits for the memory in standby", waited)

    twice = joules("npu_active", memory, True, interleave=True) / joules("npu_active", memory, True)
    check(np.all(twice > 1.15), f"{memory}: two half batches read all weights twice", twice)
    waits = joules("npu_standby", memory, True, interleave=True)
    check(np.all(waits < 0.1 * waited), f"{memory}: but do not wait", waits)

saving = {memory: 1 - energy(memory, True) / energy(memory, False) for memory in MEMORIES}
check(np.all(saving["HBM2_1GB_2000_pim"] > 0.03), "fast memory: energy is saved", saving["HBM2_1GB_2000_pim"])
check(np.all(saving["DDR4_8GB_3200_pim"] < 0.01) and saving["DDR4_8GB_3200_pim"][2] < -0.04,
      "slow memory: energy moves and grows", saving["DDR4_8GB_3200_pim"])
finish()
