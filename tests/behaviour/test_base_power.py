#!/usr/bin/python3
"""Base, NIC and storage draw constant power: energy = W x length of the run, whatever else varies."""
import numpy as np

from behaviour import Sweep, check, check_equal, finish

sweep = Sweep("base_power")
length_s = sweep.length_s()
base_w   = sweep.results.param("/nodes/0/power/base_node_power")
check(np.ptp(length_s) > 100, "56 runs of very different length", length_s.min(), length_s.max())
check_equal(sweep.joules("base") / length_s, base_w, 1e-12, "base W")
check_equal(sweep.joules("nic") / length_s, 20.0, 1e-12, "one NIC of 20 W")
check_equal(sweep.joules("storage") / length_s, 10.0, 1e-12, "two drives of 5 W")

# nothing else knows of it
low, high = sweep.rows(base_node_power=60), sweep.rows(base_node_power=240)
energy, base = sweep.results.component_energy(), sweep.results.components.index("base")
check(np.array_equal(np.delete(energy[low], base, axis=1), np.delete(energy[high], base, axis=1)),
      "no other component changes with base_node_power", energy[low].sum() - energy[low][:, base].sum())
check(np.array_equal(sweep.metric("total_tok_s", base_node_power=60), sweep.metric("total_tok_s", base_node_power=240)),
      "nor does throughput", sweep.metric("total_tok_s", base_node_power=60)[0])

# its share is large where the cluster has little to do; 0.25, .. 16 requests a second on one NPU
where = {"base_node_power": 60, "tp_size": 1, "max_num_seqs": 64}
share = sweep.joules("base", **where) / sweep.metric("energy_j", **where)
check(np.all(np.diff(share) < 0) and share[0] > 1.5 * share[-1], "share of energy falls with load", share)
per_token = sweep.joules("base", **where) / (64 * 128)
check(np.all(np.diff(per_token) < 0) and per_token[0] > 10 * per_token[-1], "base J/token falls with load", per_token)
finish()
