/* How many empty jobs a second go through rank 0 into the file: handed out, run by a thread that only fills
 * in a metrics row, gathered, written and repacked.
 *
 *   bench_dispatch [N_JOBS] [FILE]
 *   mpirun -n RANKS bench_dispatch [N_JOBS] [FILE] [BATCH_S]
 *
 * Prints jobs/s with and without the final repack, on an idle machine; the processor time a job costs, which
 * other load disturbs less: of all threads until the repack, and of the repack; and the peak memory before
 * and after it.
 *
 * Under mpirun the other ranks run the jobs, and what rank 0's coordinator thread spends on a message is
 * printed, too: with BATCH_S of 1e-9 every job is a message of its own, as jobs are that take longer than a
 * batch. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "ranks/coordinator.h"
#include "ranks/mpi_transport.h"
#include "run/provenance.h"
#include "ranks/worker.h"
#include "ranks/writer_thread.h"
#include "spec/spec_parse.h"

static const char cluster_text[] = "{\"num_nodes\": 1, \"nodes\": []}";

typedef struct empty_job {
    swp_row row;
    char    hash[SWP_HASH_LEN + 1];
    double  metrics[WS_METRIC_COUNT];
    double  component_j[WS_COMPONENT_COUNT], npu_state_s[WS_STATE_COUNT];
    double  phase_j[WS_COMPONENT_COUNT * WS_PHASE_COUNT];
} empty_job;

static const swp_row *run_empty(void *ctx, uint64_t job, int32_t attempt)
{
    empty_job *e = ctx;
    snprintf(e->hash, sizeof e->hash, "%032llx", (unsigned long long)job);
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        e->metrics[m] = (double)job + m;
    }
    e->row = (swp_row){.job          = (int64_t)job,
                       .state        = SWP_STATE_DONE,
                       .attempt      = attempt,
                       .hash         = e->hash,
                       .metrics      = e->metrics,
                       .n_nodes      = 1,
                       .component_j  = e->component_j,
                       .phase_j      = e->phase_j,
                       .npu_state_s  = e->npu_state_s,
                       .wall_s       = 1e-6,
                       .profile_kind = 0};
    return &e->row;
}

/* Processor time of all threads, and of this one. */
static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double peak_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1e3;
}

static void must(ws_status status, const ws_error *err, const char *what)
{
    if (status != WS_OK) {
        fprintf(stderr, "%s: %s %s\n", what, ws_status_text(status), ws_error_text(err));
        exit(1);
    }
}

typedef struct bench {
    ws_error          err;
    swp_sweep_inputs  in;
    swp_file_layout   layout;
    swp_census        census;
    swp_store        *store;
    swp_writer       *writer;
    swp_progress     *progress;
    swp_job_queue    *queue;
    swp_local_worker *local; /* NULL under mpirun */
    swp_roster       *roster;
    empty_job         job;
    double            begin_s, begin_cpu_s; /* of coordinating */
} bench;

static void read_inputs(bench *b, uint64_t n_jobs)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"cluster\": \"c.json\", \"parameters\": {\"max_num_seqs\": {\"range\": [1, 1000, 1]},"
             "\"/num_nodes\": {\"range\": [1, %llu, 1]}}, \"outputs\": {\"timeseries\": false}}",
             (unsigned long long)(n_jobs / 1000));
    must(ws_files_create(&b->in.files), &b->err, "files");
    must(ws_files_put(b->in.files, "c.json", cluster_text, strlen(cluster_text)), &b->err, "files");
    must(swp_spec_parse("bench", text, strlen(text), &b->err, &b->in.spec), &b->err, "spec");
    const swp_builder_config config = {.spec_path = "bench"};
    must(swp_builder_create(b->in.spec, &config, b->in.files, &b->err, &b->in.builder), &b->err, "builder");
    must(swp_constraints_create(b->in.builder, &b->err, &b->in.constraints), &b->err, "constraints");
    b->in.slice = swp_slice_of(swp_builder_space(b->in.builder), 0, 1);
    must(swp_census_take(b->in.builder, b->in.constraints, b->in.slice, &b->census), &b->err, "census");
}

static void open_file(bench *b, const char *path)
{
    const swp_run_options  options  = {.spec_path = "bench", .n_slices = 1};
    const swp_prefetch     prefetch = {.max_nodes = 1};
    const swp_store_config config   = {.path = path, .overwrite = true};
    const swp_run_scope    scope    = {.options    = &options,
                                       .inputs     = &b->in,
                                       .prefetch   = &prefetch,
                                       .census     = &b->census,
                                       .census_all = &b->census,
                                       .n_ranks    = 1};
    must(swp_file_layout_init(&scope, &b->layout), &b->err, "layout");
    must(swp_store_create(&config, &b->layout.layout, &b->err, &b->store), &b->err, "store");
    must(swp_store_begin(b->store, &b->err), &b->err, "store");
}

static void start(bench *b, swp_transport *t)
{
    const swp_progress_config  progress = {.name        = "bench",
                                           .is_quiet    = true,
                                           .n_total     = b->census.n_jobs,
                                           .n_ranks     = t->size,
                                           .best_metric = WS_METRIC_COUNT};
    const swp_job_queue_config queue    = {.builder     = b->in.builder,
                                           .constraints = b->in.constraints,
                                           .slice       = b->in.slice,
                                           .n_to_run    = b->census.n_jobs};
    must(swp_progress_create(&progress, &b->progress), &b->err, "progress");
    must(swp_job_queue_create(&queue, &b->queue), &b->err, "queue");
    must(swp_writer_start(b->store, b->in.builder, (size_t)t->size, &b->writer), &b->err, "writer");
    must(swp_roster_create(t, "bench", 30.0, &b->roster), &b->err, "roster");
    if (!swp_mpi_is_launched()) {
        must(swp_local_worker_start(run_empty, &b->job, &b->local), &b->err, "local");
    } else {
        must(swp_roster_set_up(b->roster, "", 1), &b->err, "roster");
    }
}

static bool coordinate(bench *b, const swp_transport *t, double bundle_s)
{
    atomic_bool                  abandon = false;
    swp_outcome                  outcome;
    const swp_coordinator_config config = {.machine   = t->machine,
                                           .roster    = b->roster,
                                           .local     = b->local,
                                           .queue     = b->queue,
                                           .builder   = b->in.builder,
                                           .sink      = swp_writer_sink(b->writer),
                                           .progress  = b->progress,
                                           .host      = "bench",
                                           .abandon   = &abandon,
                                           .stop_at_s = INFINITY,
                                           .end_s     = INFINITY,
                                           .bundle_s  = bundle_s};
    b->begin_cpu_s                      = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    b->begin_s                          = ws_wall_s();
    must(swp_coordinate(&config, &outcome), &b->err, "coordinate");
    return outcome.is_complete;
}

/* What the messages so far cost the thread that calls this, in the processor time and wall time given. */
static void report_messages(const swp_transport *t, double cpu_s, double wall_s)
{
    const swp_traffic traffic    = t->traffic;
    const double      n_messages = (double)(traffic.n_sent + traffic.n_received);
    printf("n_ranks=%d n_messages=%.0f bytes_per_message=%.0f coordinator_us_per_message=%.2f "
           "messages_per_s=%.0f "
           "coordinator_share=%.2f\n",
           t->size, n_messages, (double)(traffic.bytes_sent + traffic.bytes_received) / n_messages,
           1e6 * cpu_s / n_messages, n_messages / wall_s, cpu_s / wall_s);
}

static void report_jobs(const bench *b, double written_s, double written_cpu_s, double running_mb)
{
    const double n_jobs = (double)b->census.n_jobs;
    const double cpu_s  = clock_s(CLOCK_PROCESS_CPUTIME_ID) - b->begin_cpu_s;
    printf("n_jobs=%.0f jobs_per_s=%.0f with_repack_jobs_per_s=%.0f cpu_us_per_job=%.2f "
           "repack_cpu_us_per_job=%.2f "
           "running_mb=%.1f peak_mb=%.1f\n",
           n_jobs, n_jobs / written_s, n_jobs / (ws_wall_s() - b->begin_s), 1e6 * written_cpu_s / n_jobs,
           1e6 * (cpu_s - written_cpu_s) / n_jobs, running_mb, peak_mb());
}

static void release(bench *b)
{
    swp_local_worker_stop(&b->local);
    swp_roster_destroy(&b->roster);
    swp_job_queue_destroy(&b->queue);
    swp_progress_destroy(&b->progress);
    swp_store_destroy(&b->store);
    swp_file_layout_fini(&b->layout);
    swp_census_fini(&b->census);
    swp_sweep_inputs_fini(&b->in);
}

/* Rank 0. @return whether all jobs are in the file */
static bool run_rank0(bench *b, swp_transport *t, uint64_t n_jobs, const char *path, double bundle_s)
{
    read_inputs(b, n_jobs);
    open_file(b, path);
    start(b, t);
    const double thread_begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    const bool   is_complete    = coordinate(b, t, bundle_s);
    if (swp_mpi_is_launched()) {
        report_messages(t, clock_s(CLOCK_THREAD_CPUTIME_ID) - thread_begin_s, ws_wall_s() - b->begin_s);
    }
    must(swp_writer_stop(&b->writer, &b->err), &b->err, "writer");
    const double written_s     = ws_wall_s() - b->begin_s;
    const double written_cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - b->begin_cpu_s;
    const double running_mb    = peak_mb();
    must(swp_store_finish(b->store, SWP_FINISH_REPACK, &b->err), &b->err, "finish");
    report_jobs(b, written_s, written_cpu_s, running_mb);
    const bool was_released = swp_roster_release(b->roster);
    release(b);
    return is_complete && was_released;
}

/* Another rank. */
static bool run_worker(bench *b, swp_transport *t)
{
    swp_worker *worker   = NULL;
    const char *block    = NULL;
    size_t      len      = 0;
    bool        finalize = false;
    must(swp_worker_create(t, "bench", 30.0, &worker), &b->err, "worker");
    must(swp_worker_await_setup(worker, &block, &len), &b->err, "worker");
    must(swp_worker_work(worker, run_empty, &b->job), &b->err, "worker");
    must(swp_worker_leave(worker, &finalize), &b->err, "worker");
    swp_worker_destroy(&worker);
    return finalize;
}

int main(int argc, char **argv)
{
    const uint64_t n_jobs   = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    const char    *path     = argc > 2 ? argv[2] : "bench_dispatch.h5";
    const double   bundle_s = argc > 3 ? strtod(argv[3], NULL) : 0.0;
    static bench   b;
    swp_transport  alone, *t = &alone;
    swp_transport_init_alone(&alone);
    if (swp_mpi_is_launched()) {
        must(swp_mpi_enter(60.0, &t), &b.err, "MPI");
    }
    const bool is_well = t->rank == 0 ? run_rank0(&b, t, n_jobs, path, bundle_s) : run_worker(&b, t);
    if (t != &alone) {
        swp_mpi_leave(&t, is_well ? 0 : 1);
    }
    return is_well ? 0 : 1;
}
