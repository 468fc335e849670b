/* probe.h -- trying a few points of a sweep, to guess its time and the size of its file. */
#ifndef SWP_PROBE_H
#define SWP_PROBE_H

#include "run/sweep_inputs.h"

/** A file without rows: groups, attributes, scales. Source: the bundled sweeps' finished files, 2026-11. */
#define SWP_EMPTY_FILE_BYTES 290e3

typedef struct swp_probe {
    size_t n_tried, n_worked;
    double job_wall_s;   /**< mean over those that worked, building the job included; NaN if none did */
    double row_bytes;    /**< mean, uncompressed */
    char   problem[512]; /**< of the first that did not work, "" if all did */
} swp_probe;

/** What a point that is tried may take, where nobody says: planning is no reason to fill a workstation. */
#define SWP_PROBE_MEMORY_BYTES ((size_t)512 << 20)

/** Run up to 32 points spread over the slice, stopping after about two seconds.
 * @param[in] memory_bytes  budget of a simulation, as of a job of the sweep; 0 = what jobs get by default, at
 * most SWP_PROBE_MEMORY_BYTES */
WS_NODISCARD ws_status swp_probe_points(swp_sweep_inputs *inputs, size_t memory_bytes, swp_probe *probe_out);

#endif /* SWP_PROBE_H */
