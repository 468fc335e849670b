/* hardware/pim.h -- processing-in-memory devices: what their INI file says and how long one attention entry
 * takes. Source: docs/model/serving.md 6.7. Plain data. */
#ifndef WS_PIM_H
#define WS_PIM_H

#include <stdint.h>

#include "base/error.h"
#include "base/files.h"
#include "base/status.h"
#include "model/model.h"

typedef struct ws_pim {
    double channel_gib;            /* capacity of one channel (DIMM), GiB */
    double channel_gbps;           /* bandwidth of one channel, bytes per ns */
    double latency_ns;             /* CL * tCK */
    double idle_w, active_w;       /* per DIMM */
    double slope_ns, intercept_ns; /* attention latency of an entry: slope per KV token, intercept */
} ws_pim;

/** Read a PIM parameter file and the latency coefficients known for its stem.
 * @return WS_OK; WS_ERR_INPUT if it is missing, broken, or its stem has no known coefficients */
WS_NODISCARD ws_status ws_pim_read(ws_files *files, const char *path, const char *stem, ws_error *err,
                                   ws_pim *out);

int64_t ws_pim_n_channels(const ws_pim *pim, double cpu_mem_gib);
double  ws_pim_node_gbps(const ws_pim *pim, double cpu_mem_gib);

/** Ways one request's attention is split: min(channels, KV heads). */
int64_t ws_pim_split(const ws_pim *pim, const ws_model *model, double cpu_mem_gib);

/** Nanoseconds of one entry of length_tokens, before the transfer of its bytes. */
int64_t ws_pim_entry_ns(const ws_pim *pim, const ws_model *model, int64_t split, int64_t length_tokens);

#endif /* WS_PIM_H */
