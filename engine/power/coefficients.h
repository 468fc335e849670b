/* power/coefficients.h -- the `power` block of a node as numbers in W, J per byte and ns.
 *
 * Source of the keys: docs/model/serving.md 1.5 and docs/power-model.md. Plain data, immutable once read. */
#ifndef WS_POWER_COEFFICIENTS_H
#define WS_POWER_COEFFICIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strbuf.h"

typedef struct ws_npu_power {
    double  idle_w, standby_w, active_w; /* per NPU */
    int64_t standby_ns;                  /* longest stay in standby after the last kernel */
    double  cap_w;                       /* power_cap_w of the entry; 0 = none */
} ws_npu_power;

typedef struct ws_node_power {
    bool   is_tracked; /* the node has a power block */
    double base_w, nic_w, storage_w;
    double cpu_idle_w, cpu_active_w, cpu_util;
    double dram_idle_w, dram_j_per_byte; /* idle: all DIMMs of the node */
    double link_idle_w, link_j_per_byte; /* idle: all links of the node */
    double cxl_idle_w, cxl_j_per_byte;   /* 0 without a `cxl` key */
    double cap_w;                        /* power_cap_w of the whole node; 0 = none */
} ws_node_power;

/** Reads one `power.npu.<hw>` entry: idle_power, standby_power, active_power (W), standby_duration;
 * optionally power_cap_w, which is only read here (scenario/power_caps.h applies it).
 * @param[in] bare_unit_s  seconds per unit of a bare standby_duration: 1e-9 (ns) or 1.0 (s)
 * @param[in,out] notes    gets one line, once, if a bare number under 1000 was read as ns; NULL allowed
 * @return WS_OK; WS_ERR_INPUT, also unless idle <= standby <= active */
WS_NODISCARD ws_status ws_npu_power_read(ws_json entry, double bare_unit_s, ws_strbuf *notes, ws_error *err,
                                         ws_npu_power *out);

/** Reads a node's `power` block except its `npu` member, whose entries are read with ws_npu_power_read().
 * @param[in] cpu_mem_gib  the node's cpu_mem.mem_size; DIMMs = floor(cpu_mem_gib / dimm_size)
 * @param[in] has_pim      dram.dimm_size and idle_power are optional then (docs/model/serving.md 1.5)
 * @return WS_OK; WS_ERR_INPUT, also if a DIMM is larger than the memory or the CPU draws more at rest than at
 *         full load */
WS_NODISCARD ws_status ws_node_power_read(ws_json power, double cpu_mem_gib, bool has_pim, ws_error *err,
                                          ws_node_power *out);

/** Watts of the host outside of batches. */
double ws_node_power_cpu_rest_w(const ws_node_power *power);

/** Watts the host draws beyond that while a batch is in flight. */
double ws_node_power_cpu_busy_w(const ws_node_power *power);

/** Watts of everything but NPUs and traffic while a batch is in flight: what a node's cap cannot lower. */
double ws_node_power_fixed_w(const ws_node_power *power);

#endif /* WS_POWER_COEFFICIENTS_H */
