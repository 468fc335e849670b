/* probe.h -- trying a few points of a sweep, to guess its time and the size of its file. */
#ifndef SWP_PROBE_H
#define SWP_PROBE_H

#include "sweep_inputs.h"

typedef struct swp_probe {
    size_t n_tried, n_worked;
    double job_wall_s;   /**< mean over those that worked, building the job included; NaN if none did */
    double row_bytes;    /**< mean, uncompressed, as in the file while it runs */
    char   problem[512]; /**< of the first that did not work, "" if all did */
} swp_probe;

/** Run up to five points spread over the slice, stopping after about two seconds. */
WS_NODISCARD ws_status swp_probe_points(swp_sweep_inputs *inputs, swp_probe *probe_out);

#endif /* SWP_PROBE_H */
