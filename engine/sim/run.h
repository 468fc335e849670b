/* sim/run.h -- the state of one simulation and what both event loops do with it: starting and ending batches.
 * For this folder only. Everything lives in the run's arena and goes with its reset. */
#ifndef WS_SIM_RUN_H
#define WS_SIM_RUN_H

#include "serving/router.h"
#include "timing/executor.h"
#include "energy/charge.h"
#include "energy/reference_accounts.h"
#include "sim/sampler.h"
#include "scenario/scenario_internal.h"
#include "wattsim/run.h"

/** Bits of ws_batch.claims and .ends: who has taken a batch, and who has finished it. */
enum { WS_POLLER_START = 1, WS_POLLER_END = 2 };

typedef struct ws_instance_run {
    const ws_instance_config *config;
    ws_scheduler             *scheduler; /* in ws_run.schedulers */
    ws_executor_instance     *npus;      /* in ws_run.executor */
    ws_kv_cache               kv;
    int64_t                  *batch_end_ns; /* by batch id */
    size_t                    batch_end_capacity;
    int64_t                   used_blocks;  /* of the KV cache, as last counted */
    ws_reference_standby      standby;      /* reference power accounting */
    int                       n_noted_done; /* its NPUs that were told the work is over */
    bool                      is_finished;
    int64_t                   n_rounds;        /* of its DP group so far */
    ws_batch                 *pending;         /* its batch in the open round of its DP group, NULL = none */
    ws_batch                 *round_batch;     /* physical: its batch in the round just closed */
    int64_t n_seen_start, n_seen_end, n_ended; /* physical: program ends noted, batches ended */
} ws_instance_run;

struct ws_run {
    ws_arena           arena;
    const ws_scenario *scenario;
    ws_run_limits      limits;
    ws_error          *err; /* of the current call */
    int64_t            now_ns;
    ws_request        *requests; /* by request id */
    ws_arrivals        arrivals;
    ws_router          router;
    ws_scheduler      *schedulers; /* [n_instances] */
    ws_instance_run   *instances;  /* [n_instances] */
    ws_executor        executor;
    ws_kv_tier        *tiers; /* [n_tiers] */
    int64_t            prompt_tokens, generated_tokens, n_steps, n_extrapolated, n_completed;
    ws_rejection      *rejections; /* [n_rejected] */
    size_t             n_rejected, rejected_capacity;
    double             npu_mem_bytes, npu_mem_peak_bytes; /* over all NPUs */
    double             kv_usage_peak;
    size_t             running_peak; /* on one instance */
    int64_t     queue_seen[2];       /* waiting requests seen by arrivals of the third and the last quarter */
    int64_t     n_seen[2];
    ws_sampler  samples, log_samples;
    bool        has_log_samples;  /* the log interval differs from the power interval */
    ws_accounts power, log_power; /* log_power only with has_log_samples */
    ws_result   result;
};

/** Cost a batch that was just formed, of an instance without a DP group, and charge what is charged then.
 * NPUs get it by ws_executor_start(). */
WS_NODISCARD ws_status ws_run_prepare_batch(ws_run *run, ws_instance_run *instance, ws_batch *batch);

/** Close a round of a DP group: pad every member's pending batch to the longest, and prepare them all. */
WS_NODISCARD ws_status ws_run_close_round(ws_run *run, int32_t group);

/** Bits of ws_batch.ends that say a batch of this instance is over. */
static inline uint32_t ws_run_all_ends(const ws_instance_run *instance)
{
    return ws_executor_has_end(instance->npus) ? WS_POLLER_START | WS_POLLER_END : WS_POLLER_START;
}

/** End a batch now: tokens, finished requests, sessions and hand-offs that follow. */
WS_NODISCARD ws_status ws_run_end_batch(ws_run *run, ws_instance_run *instance, ws_batch *batch);

ws_sample_state ws_run_sample_state(const ws_run *run);

/** True if a limit of the caller has been reached; checked now and then by the event loops. */
WS_NODISCARD ws_status ws_run_check_limits(const ws_run *run);

#endif /* WS_SIM_RUN_H */
