/* probe.h -- trying a few points of a sweep, to guess its time and the size of its file. */
#ifndef SWP_PROBE_H
#define SWP_PROBE_H

#include "sweep_inputs.h"

/** A file without rows: groups, attributes, scales. Source: the bundled sweeps' finished files, 2026-11. */
#define SWP_EMPTY_FILE_BYTES 290e3

typedef struct swp_probe {
    size_t n_tried, n_worked;
    double job_wall_s;   /**< mean over those that worked, building the job included; NaN if none did */
    double row_bytes;    /**< mean, uncompressed */
    char   problem[512]; /**< of the first that did not work, "" if all did */
} swp_probe;

/** Run up to 32 points spread over the slice, stopping after about two seconds. */
WS_NODISCARD ws_status swp_probe_points(swp_sweep_inputs *inputs, swp_probe *probe_out);

#endif /* SWP_PROBE_H */
