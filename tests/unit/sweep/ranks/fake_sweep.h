/* fake_sweep.h -- a whole sweep over the played ranks of fake_transport.h: the real coordinator, roster and
 * workers, with jobs that only take time and a sink that remembers the rows. */
#ifndef FAKE_SWEEP_H
#define FAKE_SWEEP_H

#include "fake_transport.h"
#include "ranks/coordinator.h"
#include "ranks/worker.h"
#include "toy_builder.h"

enum { FAKE_MAX_RANKS = 8, FAKE_MAX_ROWS = 4096 };
#define FAKE_SETUP "what the workers have to know"

/** A row as it came to the sink. */
typedef struct fake_row {
    int64_t       job;
    swp_job_state state;
    int32_t       attempt, rank;
    bool          has_host; /**< its rank's host was known before */
} fake_row;

typedef struct fake_sink {
    swp_row_sink sink;
    fake_row     rows[FAKE_MAX_ROWS];
    size_t       n_rows, n_flushes;
    bool         has_host[FAKE_MAX_RANKS];
    size_t       backlog_bytes;   /**< what it says of itself */
    ws_status    status;          /**< what it answers */
    size_t       fails_at_n_rows; /**< it has failed from then on; 0 = never */
} fake_sink;

typedef struct fake_sweep fake_sweep;

typedef struct fake_worker {
    fake_sweep *sweep;
    int         rank;
    swp_worker *worker;
    ws_status   status;
    bool        has_left, may_finalize, got_setup;
    size_t      n_run;
    char        hash[SWP_HASH_LEN + 1];
    double      metrics[WS_METRIC_COUNT];
    swp_row     row;
} fake_worker;

/** To be changed between fake_sweep_init() and fake_sweep_run(). */
struct fake_sweep {
    fake_world *world;
    uint64_t    seed;
    int         n_ranks;
    uint64_t    n_jobs;
    double      silence_s, job_s, bundle_s, stop_at_s, end_s;
    double (*job_s_of)(const fake_sweep *sweep, uint64_t job); /**< NULL = job_s, all of them */
    int64_t poisonous_job;                                     /**< kills whoever runs it; -1 = none */
    double  closing_s; /**< between the last row and the release, as while the file is closed */
    void (*begin_rank)(void *ctx, int rank); /**< on its thread, before it does anything; NULL = nothing */
    void (*end_rank)(void *ctx, int rank);   /**< where it ended by itself */
    void *rank_ctx;
    /* what came of it */
    toy_builder    toy;
    fake_sink      sink;
    fake_worker    workers[FAKE_MAX_RANKS];
    swp_roster    *roster;
    swp_job_queue *queue;
    swp_progress  *progress;
    swp_outcome    outcome;
    ws_status      status;
    bool           was_released; /**< the transport can be left in the usual way */
    char          *log;          /**< what was reported on stderr */
};

void fake_sweep_init(fake_sweep *sweep, int n_ranks, uint64_t n_jobs, uint64_t seed);
/** Run it; the test fails if it has not ended within limit_s of played time. */
void fake_sweep_run(fake_sweep *sweep, double limit_s);
void fake_sweep_fini(fake_sweep *sweep);

void fake_sink_init(fake_sink *sink);

/** The row of a job that took so long; borrows from the worker. */
const swp_row *fake_worker_row(fake_worker *worker, uint64_t job, int32_t attempt, double wall_s);

/** Rows of a job in a final state. */
size_t fake_sweep_n_final(const fake_sweep *sweep, int64_t job);

#endif /* FAKE_SWEEP_H */
