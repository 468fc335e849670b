#!/usr/bin/python3
"""What lies in CXL memory costs its bits on the way: weights once a step, KV blocks when stored and at each recall. The
larger price is the time NPUs wait for them."""
import numpy as np

from behaviour import Sweep, check, check_equal, finish

CXL_W, CXL_J_PER_BYTE = 12.0, 8 * 10.0e-12
DRAM_W, DRAM_J_PER_BYTE = 32.0, 8 * 6.0e-12

# ---- weights: 8 blocks of Llama-3.1-8B in two bytes: two norms, qkv, o, gate and up, down
sweep = Sweep("cxl_weights")
BATCHES = np.array([1, 2, 8, 32])
weight_bytes = 8 * 2 * (2 * 4096 + 4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336)
io_bytes = 8 * 32 * (512 + 63)  # per token computed: two ids in, of the element's size, and one id of four bytes out


def places(component):
    """By place (NPU, host, CXL) and batch size; every block rule of a job names the same kind of place."""
    names = [name for name in sweep.results.params if name.endswith("/0/weights")]
    where = sweep.results.param(names[0])
    joules = sweep.results.component_energy()[:, sweep.results.components.index(component)]
    return np.array([joules[where == place] for place in ("npu", "cpu", "cxl:0")])


steps    = sweep.metric("n_steps").reshape(3, 4)
length_s = sweep.length_s().reshape(3, 4)
loaded_j = steps * weight_bytes
check_equal(places("cxl"), CXL_W * length_s + np.array([[0], [0], [1]]) * loaded_j * CXL_J_PER_BYTE, 1e-9,
            "CXL J: idle devices, and all weights once a step where they lie in CXL")
check_equal(places("dram"), DRAM_W * length_s + (np.array([[0], [1], [0]]) * loaded_j + io_bytes) * DRAM_J_PER_BYTE, 1e-9,
            "DRAM J: the same for host memory, and the ids of tokens")
active_j, standby_j = places("npu_active"), places("npu_standby")
check_equal(active_j, active_j[0], 1e-9, "active energy does not depend on the place")
check(np.all(np.diff(standby_j, axis=0) > 0), "NPUs wait longest for CXL", standby_j)
energy_j = sweep.metric("energy_j").reshape(3, 4)
transfer = (places("cxl") - CXL_W * length_s)[2] / (energy_j[2] - energy_j[0])
check(np.all(transfer < 0.05), "bits are the smaller part of what CXL adds, waiting the larger", transfer)
extra_j = (energy_j[2] - energy_j[0]) / (32 * 64)
check(np.all(extra_j[:-1] / extra_j[1:] > 0.9 * BATCHES[1:] / BATCHES[:-1]), "J/token on top falls with the batch", extra_j)

# ---- KV blocks: a token is a key and a value of 8 heads x 128 x 2 bytes in each of 32 blocks
sweep = Sweep("cxl_kv")
KV_BYTES = 2 * 8 * 128 * 2 * 32
requests = sweep.results.file["requests"]
asked = []
for row in sweep.results.rows:
    start, count = int(requests["row_start"][row]), int(requests["row_count"][row])
    asked.append(int(requests["input_tokens"][start:start + count].sum()))
hit_bytes = sweep.metric("lower_tier_hit_share") * asked * KV_BYTES
check(hit_bytes[0] == 0 and np.all(hit_bytes[1:] > 1e10), "the second tier serves what the NPU has dropped", hit_bytes)
cxl_j  = sweep.joules("cxl") - CXL_W * sweep.length_s()
dram_j = sweep.joules("dram") - DRAM_W * sweep.length_s()
check(np.all(np.abs(cxl_j[:2]) < 1e-9), "without KV blocks in CXL, its devices are idle", cxl_j[:2])
moved_bytes = cxl_j[2] / CXL_J_PER_BYTE
# each of 24 agents stores every whole chunk of 256 tokens of its last prompt once
stored_bytes = 24 * (2752 // 256) * 256 * KV_BYTES
recalled_bytes = moved_bytes - stored_bytes
# a chunk of the tier is recalled whole, also where the NPU still holds its first blocks: up to 256 tokens a call
check(0 <= recalled_bytes - hit_bytes[2] < 24 * 4 * 256 * KV_BYTES, "CXL J: the bits of what is stored and recalled",
      recalled_bytes, hit_bytes[2])
check_equal((dram_j[1] - dram_j[2]) / DRAM_J_PER_BYTE, moved_bytes, 1e-4, "host memory: as many bytes, as DRAM J")
check(np.all(dram_j[[0, 2]] < 1e-3), "else DRAM moves the ids of tokens only", dram_j)
check(np.all(sweep.metric("energy_j")[1:] < 0.98 * sweep.metric("energy_j")[0]), "recalling is cheaper than computing",
      sweep.metric("energy_j"))
finish()
