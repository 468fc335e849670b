#include "run/rank0.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "analysis/unbound.h"
#include "base/clock.h"
#include "base/exit_code.h"
#include "base/units.h"
#include "job/prefetch.h"
#include "job/simulator.h"
#include "ranks/coordinator.h"
#include "ranks/mpi_transport.h"
#include "ranks/slurm_allocation.h"
#include "ranks/writer_thread.h"
#include "run/run_file.h"
#include "store/cores.h"

enum { SMALL_WORLD = 4 }; /* up to here rank 0 simulates too */
enum { MAX_NOTES_SHOWN = 20 };

/* What rank 0 spent on others' jobs, for reports. */
typedef struct load {
    double coordinator_cpu_s, writer_cpu_s; /* processor time until the last row had come */
    double finish_wall_s;                   /* writing the last rows and repacking */
} load;

/* Rank 0's whole state. */
typedef struct rank0 {
    swp_transport         *transport;
    const swp_run_options *options;
    const char            *host;
    swp_roster            *roster;
    ws_error               err;
    swp_sweep_inputs       inputs;
    swp_prefetch           prefetch;
    ws_strbuf              unbound; /* knobs that never bound, a line each */
    swp_census             census, census_all;
    char          *block; /* the packed setup; stays until MPI was left, since it may still be on its way */
    char          *own_block; /* owned; NULL if the block lies in the node's window */
    size_t         block_len;
    swp_setup      setup; /* as read from the block */
    swp_run_file   file;
    swp_writer    *writer;
    swp_progress  *progress;
    swp_job_queue *queue;
    /* the worker thread and what is its own */
    swp_simulator    *simulator;
    swp_local_worker *local;
    atomic_bool       abandon;
    /* of calls made in a thread of their own */
    ws_status status;
    bool      is_complete;
    load      load;
} rank0;

int swp_run_complain(ws_status status, const ws_error *err)
{
    fprintf(stderr, "%s\n", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
    return ws_exit_code(status);
}

/* ---- setting up ---- */

/* All ranks of this node read the setup from one copy. */
static void move_to_window(rank0 *r)
{
    char *window = r->transport->window;
    if (window != NULL && swp_transport_fits_window(r->transport, r->block_len)) {
        memcpy(window, r->own_block, r->block_len);
        free(r->own_block);
        r->own_block = NULL;
        r->block     = window;
    }
}

static ws_status pack_setup(rank0 *r)
{
    char  *files     = NULL;
    size_t files_len = 0;
    WS_TRY(ws_files_pack(r->inputs.files, &files, &files_len));
    ws_files_drop_objects(r->inputs.files); /* a large workload would lie here twice */
    swp_setup setup = {.max_nodes     = r->prefetch.max_nodes,
                       .time_budget_s = r->options->time_budget_s,
                       .memory_bytes  = r->options->memory_bytes,
                       .spec_path     = r->inputs.spec_path,
                       .bundled_dir   = r->inputs.bundled_dir,
                       .n_data_dirs   = r->options->n_data_dirs,
                       .spec_text     = r->inputs.spec_text,
                       .spec_len      = r->inputs.spec_len,
                       .files         = files,
                       .files_len     = files_len};
    for (size_t i = 0; i < setup.n_data_dirs; i++) {
        setup.data_dirs[i] = r->options->data_dirs[i];
    }
    const ws_status status = swp_setup_pack(&setup, &r->own_block, &r->block_len);
    free(files);
    WS_TRY(status);
    r->block = r->own_block;
    move_to_window(r);
    return swp_setup_unpack(r->block, r->block_len, &r->setup);
}

/* Cores that are free for compressing the file once all jobs are done: one of each rank of this node, if rank
 * 0 is not bound to fewer. */
static size_t n_free_cores(const rank0 *r)
{
    const size_t n_cores = swp_cores(), n_ranks = (size_t)r->transport->n_ranks_here;
    return n_cores < n_ranks ? n_cores : n_ranks;
}

/* How many jobs there are, in the slice and in all; at least one, or a row for each that is left out. */
static ws_status count_jobs(rank0 *r, ws_error *err)
{
    const swp_slice all = {.begin = 0, .end = swp_builder_space(r->inputs.builder)->n_jobs};
    WS_TRY(swp_census_take(r->inputs.builder, r->inputs.constraints, r->inputs.slice, &r->census));
    if (r->options->n_slices == 1) {
        r->census_all = (swp_census){.n_jobs = r->census.n_jobs, .n_pruned = r->census.n_pruned};
    } else {
        WS_TRY(swp_census_take(r->inputs.builder, r->inputs.constraints, all, &r->census_all));
    }
    if (r->census_all.n_jobs > 0 || r->options->keep_infeasible) {
        return WS_OK;
    }
    return ws_error_add(err, WS_ERR_INPUT,
                        "%s: /constraints: no point of %" PRIu64
                        " meets them all (wattsweep plan counts); expected at least one",
                        r->inputs.spec_path, r->census_all.n_pruned);
}

static ws_status fetch_inputs(rank0 *r, ws_error *err)
{
    ws_error        found  = WS_ERROR_INIT; /* while one combination works, failures of others are rows */
    const ws_status status = swp_prefetch_inputs(r->inputs.builder, &found, &r->prefetch);
    if (status != WS_OK) {
        ws_error_add(err, status, "%s",
                     found.n_problems > 0 ? ws_error_text(&found) : ws_status_text(status));
    }
    ws_error_clear(&found);
    return status;
}

static ws_status open_file(rank0 *r, ws_error *err)
{
    const swp_run_scope scope = {.options    = r->options,
                                 .inputs     = &r->inputs,
                                 .prefetch   = &r->prefetch,
                                 .census     = &r->census,
                                 .census_all = &r->census_all,
                                 .n_ranks    = r->transport->size,
                                 .n_threads  = n_free_cores(r)};
    return swp_run_file_open(&scope, err, &r->file);
}

static ws_status read_and_open(rank0 *r, ws_error *err)
{
    WS_TRY(swp_sweep_inputs_read(r->options, err, &r->inputs));
    WS_TRY(count_jobs(r, err));
    WS_TRY(fetch_inputs(r, err));
    WS_TRY(open_file(r, err));
    WS_TRY(swp_builder_share(r->inputs.builder)); /* workers need not parse what was parsed here */
    return pack_setup(r);
}

/* In a thread of its own: it may take long, and the workers want to hear from rank 0. */
static void set_up(void *ctx)
{
    rank0 *r  = ctx;
    r->status = read_and_open(r, &r->err);
}

/* ---- the worker thread ---- */

static bool must_abandon(void *ctx)
{
    return atomic_load((atomic_bool *)ctx);
}

static bool wants_local(const rank0 *r)
{
    const int size = r->transport->size;
    return size == 1 || r->options->rank0_works == SWP_RANK0_WORKS_YES ||
           (r->options->rank0_works == SWP_RANK0_WORKS_AUTO && size <= SMALL_WORLD);
}

static ws_status start_local(rank0 *r)
{
    if (!wants_local(r)) {
        return WS_OK;
    }
    const swp_simulator_config config = {.rank         = 0,
                                         .n_ranks_here = r->transport->n_ranks_here,
                                         .should_stop  = must_abandon,
                                         .ctx          = &r->abandon};
    WS_TRY(swp_simulator_create(&r->setup, &config, &r->err, &r->simulator));
    return swp_local_worker_start(swp_simulator_run, r->simulator, &r->local);
}

/* ---- the sweep ---- */

/* A pruned point as a row of its own (--keep-infeasible); attempt 0: it was never tried, and nothing went
 * wrong. */
static void write_pruned(void *ctx, uint64_t job, const uint32_t *value_index, size_t constraint)
{
    rank0 *r = ctx;
    char   hash[SWP_HASH_LEN + 1], reason[SWP_ERROR_LEN];
    snprintf(reason, sizeof reason, "does not meet %s", r->inputs.spec->constraints[constraint].text);
    swp_job built = swp_job_of(r->inputs.builder, job, value_index);
    swp_row row   = swp_row_without_run(&built, SWP_STATE_INFEASIBLE, reason, hash);
    row.attempt   = 0;
    swp_job_fini(&built);
    if (swp_row_sink_push_row(swp_writer_sink(r->writer), &row) != WS_OK) {
        swp_progress_say(r->progress, "out of memory for the row of job %" PRIu64 "; it stays pending", job);
    }
}

static ws_status create_queue(rank0 *r)
{
    const swp_job_queue_config config = {.builder     = r->inputs.builder,
                                         .constraints = r->inputs.constraints,
                                         .slice       = r->inputs.slice,
                                         .n_to_run    = r->file.n_to_run,
                                         .done_bits   = r->file.resume.done_bits,
                                         .retries     = r->file.resume.retries,
                                         .n_retries   = r->file.resume.n_retries,
                                         .on_pruned   = r->options->keep_infeasible ? write_pruned : NULL,
                                         .ctx         = r};
    return swp_job_queue_create(&config, &r->queue);
}

static ws_status create_progress(rank0 *r)
{
    swp_progress_config config = {.name            = r->inputs.spec->name,
                                  .json_path       = r->options->progress_json,
                                  .is_quiet        = r->options->is_quiet,
                                  .verbosity       = r->options->verbosity,
                                  .n_total         = r->census.n_jobs,
                                  .n_pruned        = r->census.n_pruned,
                                  .n_ranks         = r->transport->size,
                                  .is_launched     = swp_mpi_is_launched(),
                                  .lower_is_better = ws_metric_is_cost(r->options->best) != 0,
                                  .best_metric     = r->options->best,
                                  .ignores_slo     = r->options->ignore_slo};
    memcpy(config.n_before, r->file.resume.n_kept, sizeof config.n_before);
    WS_TRY(swp_progress_create(&config, &r->progress));
    if (r->file.best_kept_job >= 0) {
        swp_progress_consider(r->progress, r->file.best_kept_job, r->file.best_kept);
    }
    return WS_OK;
}

static double stop_time_s(const rank0 *r)
{
    return r->options->time_limit_s > 0.0 ? swp_transport_now_s(r->transport) + r->options->time_limit_s
                                          : INFINITY;
}

/* The end of the Slurm allocation, unless --time-limit takes its place. */
static double end_time_s(const rank0 *r)
{
    double left_s = INFINITY;
    if (r->options->time_limit_s > 0.0) {
        return INFINITY;
    }
    if (swp_allocation_find(&left_s) == SWP_ALLOCATION_UNKNOWN) {
        swp_progress_say(r->progress,
                         "neither SLURM_JOB_END_TIME nor squeue says when the Slurm allocation ends; "
                         "give --time-limit to stop before it");
    }
    return swp_transport_now_s(r->transport) + left_s;
}

/* After an error of --no-live nobody would find what was gathered. */
static void say_where_rows_are(rank0 *r)
{
    const char *scratch = swp_store_scratch_path(r->file.store);
    if (r->status != WS_OK && scratch != NULL) {
        ws_error_add(
            &r->err, r->status,
            "%s: the rows gathered are in %s, a result file: bring it here with `wattsweep snapshot`, "
            "then --resume",
            r->file.path, scratch);
    }
}

/* Only a remark: what stands in its way is no error of the sweep. */
static void find_unbound(rank0 *r)
{
    ws_error ignored = WS_ERROR_INIT;
    if (r->status == WS_OK && r->is_complete && !r->options->is_quiet) {
        const ws_status status =
            swp_unbound_of_file(r->file.path, swp_builder_space(r->inputs.builder),
                                ws_strbuf_text(&r->prefetch.effects), &ignored, &r->unbound);
        (void)status;
    }
    ws_error_clear(&ignored);
}

static void say_unbound(const rank0 *r)
{
    for (const char *line = ws_strbuf_text(&r->unbound); line[0] != '\0'; line += strcspn(line, "\n") + 1) {
        swp_progress_say(r->progress, "note: %.*s", (int)strcspn(line, "\n"), line);
    }
}

/* End the writer and close the file; in a thread of its own, since a large file takes a while. After an error
 * of the writer, closing can only fail for the same reason. */
static void finish_file(void *ctx)
{
    rank0           *r   = ctx;
    const swp_finish how = r->is_complete && !r->options->no_repack ? SWP_FINISH_REPACK : SWP_FINISH_CLOSE;
    const ws_status  written = swp_writer_stop(&r->writer, &r->err);
    swp_store_enter_thread();
    const ws_status closed = swp_store_finish(r->file.store, how, written == WS_OK ? &r->err : NULL);
    r->status              = written != WS_OK ? written : closed;
    say_where_rows_are(r);
    find_unbound(r);
}

static int exit_code_of_sweep(const rank0 *r, const swp_outcome *outcome)
{
    const uint64_t *kept = r->file.resume.n_kept;
    if (!outcome->is_complete) {
        return WS_EXIT_RESUME;
    }
    const uint64_t n_bad = swp_progress_n(r->progress, SWP_STATE_FAILED) + kept[SWP_STATE_FAILED] +
                           swp_progress_n(r->progress, SWP_STATE_TIMED_OUT) + kept[SWP_STATE_TIMED_OUT] +
                           swp_progress_n(r->progress, SWP_STATE_INFEASIBLE) + kept[SWP_STATE_INFEASIBLE] +
                           swp_progress_n(r->progress, SWP_STATE_INTERRUPTED);
    return n_bad > 0 ? WS_EXIT_FAILED : WS_EXIT_DONE;
}

/* What rank 0 did, with -v: for judging how many ranks one coordinator can feed. */
static void report_load(const rank0 *r)
{
    if (r->options->verbosity > 0) {
        swp_progress_say(r->progress, "coordinator_cpu_s=%.3f writer_cpu_s=%.3f finish_wall_s=%.3f",
                         r->load.coordinator_cpu_s, r->load.writer_cpu_s, r->load.finish_wall_s);
    }
}

static void report_traffic(const rank0 *r)
{
    if (swp_mpi_is_launched() && r->options->verbosity > 0) {
        const swp_traffic t      = r->transport->traffic;
        const double      n_rows = fmax(1.0, (double)swp_progress_n_counted(r->progress));
        swp_progress_say(r->progress,
                         "messages_sent=%llu bytes_sent=%llu messages_received=%llu bytes_received=%llu "
                         "messages_per_job=%.3f bytes_per_job=%.0f setup_bytes=%zu setup_from_window=%d",
                         t.n_sent, t.bytes_sent, t.n_received, t.bytes_received,
                         (double)(t.n_sent + t.n_received) / n_rows,
                         (double)(t.bytes_sent + t.bytes_received) / n_rows, r->block_len,
                         swp_roster_n_pointed(r->roster));
    }
}

static ws_status coordinate(rank0 *r, swp_outcome *outcome)
{
    WS_TRY(create_progress(r));
    WS_TRY(swp_writer_start(r->file.store, r->inputs.builder, (size_t)r->transport->size, &r->writer));
    WS_TRY(create_queue(r));
    WS_TRY(swp_roster_set_up(r->roster, r->block, r->block_len));
    WS_TRY(start_local(r));
    const swp_coordinator_config config = {.machine   = r->transport->machine,
                                           .roster    = r->roster,
                                           .local     = r->local,
                                           .queue     = r->queue,
                                           .builder   = r->inputs.builder,
                                           .sink      = swp_writer_sink(r->writer),
                                           .progress  = r->progress,
                                           .host      = r->host,
                                           .abandon   = &r->abandon,
                                           .stop_at_s = stop_time_s(r),
                                           .end_s     = end_time_s(r)};
    return swp_coordinate(&config, outcome);
}

static double thread_cpu_s(void)
{
    struct timespec spent;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0
               ? (double)spent.tv_sec + (double)spent.tv_nsec * WS_S_PER_NS
               : NAN;
}

static ws_status sweep(rank0 *r, swp_outcome *outcome)
{
    const double    begin_cpu_s = thread_cpu_s();
    const ws_status status      = coordinate(r, outcome);
    r->load.coordinator_cpu_s   = thread_cpu_s() - begin_cpu_s;
    r->is_complete              = status == WS_OK && outcome->is_complete;
    if (r->writer != NULL) {
        const double begin_s = ws_wall_s();
        r->load.writer_cpu_s = swp_writer_cpu_s(r->writer);
        swp_roster_keep_while(r->roster, finish_file, r);
        r->load.finish_wall_s = ws_wall_s() - begin_s;
        report_load(r);
    }
    report_traffic(r);
    swp_local_worker_stop(&r->local);
    if (status == WS_OK && r->status == WS_OK && !r->options->is_quiet) {
        say_unbound(r);
        swp_progress_say(r->progress, "%s %s", r->file.path,
                         outcome->is_complete ? "is complete" : "is not complete: go on with --resume");
    }
    return r->status != WS_OK ? r->status : status;
}

/* A resume with nothing to do: the file keeps its bytes. */
static ws_status leave_alone(rank0 *r, swp_outcome *outcome)
{
    WS_TRY(create_progress(r));
    outcome->is_complete = true;
    swp_progress_finish(r->progress, NULL, "complete");
    if (!r->options->is_quiet) {
        swp_progress_say(r->progress, "%s is complete: nothing to run, left as it is", r->file.path);
    }
    return WS_OK;
}

static void release(rank0 *r)
{
    swp_local_worker_stop(&r->local);
    swp_simulator_destroy(&r->simulator);
    swp_job_queue_destroy(&r->queue);
    ws_error        ignored = WS_ERROR_INIT; /* an earlier error is being reported */
    const ws_status status  = swp_writer_stop(&r->writer, &ignored);
    (void)status;
    ws_error_clear(&ignored);
    swp_progress_destroy(&r->progress);
    swp_run_file_fini(&r->file);
    swp_prefetch_fini(&r->prefetch);
    ws_strbuf_fini(&r->unbound);
    swp_census_fini(&r->census);
    swp_census_fini(&r->census_all);
    swp_sweep_inputs_fini(&r->inputs);
    swp_roster_destroy(&r->roster);
    ws_error_clear(&r->err);
}

static ws_status run(rank0 *r, swp_outcome *outcome)
{
    swp_roster_keep_while(r->roster, set_up, r);
    if (!r->options->is_quiet) {
        swp_prefetch_say(&r->prefetch, MAX_NOTES_SHOWN);
    }
    WS_TRY(r->status);
    return r->file.is_finished ? leave_alone(r, outcome) : sweep(r, outcome);
}

int swp_rank0_run(swp_transport *transport, const char *host, const swp_run_options *options,
                  bool *must_exit_out)
{
    rank0       r       = {.transport = transport, .host = host, .options = options, .err = WS_ERROR_INIT};
    swp_outcome outcome = {0};
    atomic_init(&r.abandon, false);
    ws_status status = swp_roster_create(transport, host, options->silence_s, &r.roster);
    if (status == WS_OK) {
        status = run(&r, &outcome);
    }
    const int code = status == WS_OK ? exit_code_of_sweep(&r, &outcome) : swp_run_complain(status, &r.err);
    *must_exit_out = r.roster == NULL || !swp_roster_release(r.roster);
    release(&r);
    if (!*must_exit_out && swp_transport_n_unsent(transport) == 0) {
        free(r.own_block); /* nobody is being sent it any more */
    }
    return code;
}
