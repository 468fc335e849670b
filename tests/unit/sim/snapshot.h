/* snapshot.h -- what is compared between two runs, copied out of the run that made it. */
#ifndef WS_TEST_SNAPSHOT_H
#define WS_TEST_SNAPSHOT_H

#include "engine.h"

typedef struct snapshot {
    int64_t            duration_ns;
    size_t             n_requests;
    ws_request_record *requests; /* sorted by request id */
    int64_t          **itl_ns;   /* by request id order */
    bool               has_power;
    double             component_j[WS_COMPONENT_COUNT]; /* over all tracked nodes */
    double             state_s[WS_STATE_COUNT];
    double             metrics[WS_METRIC_COUNT];
} snapshot;

/** Release with snapshot_fini(). */
void snapshot_take(snapshot *out, const ws_result *result);
void snapshot_fini(snapshot *s);

/** True if all requests have the same times and inter-token latencies (and instances, if asked for). */
bool snapshot_same_requests(const snapshot *a, const snapshot *b, bool with_instances);

/** True if energies and state times agree to 1e-9 of the total. */
bool snapshot_same_energy(const snapshot *a, const snapshot *b);

/** True for metrics that are NaN without power tracking. */
bool snapshot_is_power_metric(ws_metric metric);

/** True if all other metrics are the same to the last bit. */
bool snapshot_same_metrics(const snapshot *a, const snapshot *b);

#endif /* WS_TEST_SNAPSHOT_H */
