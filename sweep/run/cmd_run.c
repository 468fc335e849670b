#include "run/cmd_run.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/unbound.h"
#include "base/units.h"
#include "cli/commands.h"
#include "job/prefetch.h"
#include "job/simulator.h"
#include "ranks/coordinator.h"
#include "ranks/exit_file.h"
#include "ranks/signals.h"
#include "ranks/slurm_allocation.h"
#include "ranks/worker_rank.h"
#include "run/run_file.h"
#include "store/cores.h"

enum { SMALL_WORLD = 4 }; /* up to here rank 0 simulates too */

/* What rank 0 spent on others' jobs, for reports. */
enum { MAX_NOTES_SHOWN = 20 };

typedef struct load {
    double coordinator_cpu_s, writer_cpu_s; /* processor time until the last row had come */
    double finish_wall_s;                   /* writing the last rows and repacking */
} load;

/* Rank 0's whole state. */
typedef struct rank0 {
    swp_mpi               *mpi;
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
    swp_job_queue *source;
    /* the worker thread and what is its own */
    swp_simulator    *simulator;
    swp_local_worker *local;
    atomic_bool       abandon;
    /* of calls made in a thread of their own */
    ws_status status;
    bool      is_complete;
    load      load;
} rank0;

static int complain(ws_status status, const ws_error *err)
{
    fprintf(stderr, "%s\n", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
    return ws_exit_code(status);
}

static void get_host(char host[SWP_HOST_LEN])
{
    if (gethostname(host, SWP_HOST_LEN) != 0) {
        snprintf(host, SWP_HOST_LEN, "unknown");
    }
    host[SWP_HOST_LEN - 1] = '\0';
}

/* ---- setting up, rank 0 ---- */

/* All ranks of this node read the setup from one copy. */
static void move_to_window(rank0 *b)
{
    char *window = swp_mpi_window(b->mpi);
    if (window != NULL && swp_mpi_fits_window(b->mpi, b->block_len)) {
        memcpy(window, b->own_block, b->block_len);
        free(b->own_block);
        b->own_block = NULL;
        b->block     = window;
    }
}

static ws_status pack_setup(rank0 *b)
{
    char  *files     = NULL;
    size_t files_len = 0;
    WS_TRY(ws_files_pack(b->inputs.files, &files, &files_len));
    ws_files_drop_objects(b->inputs.files); /* a large workload would lie here twice */
    swp_setup setup = {.max_nodes     = b->prefetch.max_nodes,
                       .time_budget_s = b->options->time_budget_s,
                       .memory_bytes  = b->options->memory_bytes,
                       .spec_path     = b->inputs.spec_path,
                       .bundled_dir   = b->inputs.bundled_dir,
                       .n_data_dirs   = b->options->n_data_dirs,
                       .spec_text     = b->inputs.spec_text,
                       .spec_len      = b->inputs.spec_len,
                       .files         = files,
                       .files_len     = files_len};
    for (size_t i = 0; i < setup.n_data_dirs; i++) {
        setup.data_dirs[i] = b->options->data_dirs[i];
    }
    const ws_status status = swp_setup_pack(&setup, &b->own_block, &b->block_len);
    free(files);
    WS_TRY(status);
    b->block = b->own_block;
    move_to_window(b);
    return swp_setup_unpack(b->block, b->block_len, &b->setup);
}

/* Cores that are free for compressing the file once all jobs are done: one of each rank of this node, if rank
 * 0 is not bound to fewer. */
static size_t n_free_cores(const rank0 *b)
{
    const size_t n_cores = swp_cores(), n_ranks = (size_t)swp_mpi_n_ranks_here(b->mpi);
    return n_cores < n_ranks ? n_cores : n_ranks;
}

static ws_status read_and_open(rank0 *b, ws_error *err)
{
    WS_TRY(swp_sweep_inputs_read(b->options, err, &b->inputs));
    const swp_slice all = {.begin = 0, .end = swp_builder_space(b->inputs.builder)->n_jobs};
    WS_TRY(swp_census_take(b->inputs.builder, b->inputs.constraints, b->inputs.slice, &b->census));
    if (b->options->n_slices == 1) {
        b->census_all = (swp_census){.n_jobs = b->census.n_jobs, .n_pruned = b->census.n_pruned};
    } else {
        WS_TRY(swp_census_take(b->inputs.builder, b->inputs.constraints, all, &b->census_all));
    }
    if (b->census_all.n_jobs == 0 && !b->options->keep_infeasible) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: /constraints: no point of %" PRIu64
                            " meets them all (wattsweep plan counts); expected at least one",
                            b->inputs.spec_path, b->census_all.n_pruned);
    }
    ws_error        found  = WS_ERROR_INIT; /* while one combination works, failures of others are rows */
    const ws_status status = swp_prefetch_inputs(b->inputs.builder, &found, &b->prefetch);
    if (status != WS_OK) {
        ws_error_add(err, status, "%s",
                     found.n_problems > 0 ? ws_error_text(&found) : ws_status_text(status));
    }
    ws_error_clear(&found);
    WS_TRY(status);
    WS_TRY(swp_run_file_open(b->options, &b->inputs, &b->prefetch, &b->census, &b->census_all,
                             swp_mpi_size(b->mpi), n_free_cores(b), err, &b->file));
    WS_TRY(swp_builder_share(b->inputs.builder)); /* workers need not parse what was parsed here */
    return pack_setup(b);
}

/* In a thread of its own: it may take long, and the workers want to hear from rank 0. */
static void set_up(void *ctx)
{
    rank0 *b  = ctx;
    b->status = read_and_open(b, &b->err);
}

/* ---- the worker thread of rank 0 ---- */

static bool must_abandon(void *ctx)
{
    return atomic_load((atomic_bool *)ctx);
}

static bool wants_local(const rank0 *b)
{
    const int size = swp_mpi_size(b->mpi);
    return size == 1 || b->options->local_worker == 1 ||
           (b->options->local_worker == -1 && size <= SMALL_WORLD);
}

static ws_status start_local(rank0 *b)
{
    if (!wants_local(b)) {
        return WS_OK;
    }
    const swp_simulator_config config = {.rank         = 0,
                                         .n_ranks_here = swp_mpi_n_ranks_here(b->mpi),
                                         .should_stop  = must_abandon,
                                         .ctx          = &b->abandon};
    WS_TRY(swp_simulator_create(&b->setup, &config, &b->err, &b->simulator));
    return swp_local_worker_start(swp_simulator_run, b->simulator, &b->local);
}

/* ---- the sweep, rank 0 ---- */

/* A pruned point as a row of its own (--keep-infeasible); attempt 0: it was never tried, and nothing went
 * wrong. */
static void write_pruned(void *ctx, uint64_t job, const uint32_t *value_index, size_t constraint)
{
    rank0   *b = ctx;
    char     hash[SWP_HASH_LEN + 1], reason[SWP_ERROR_LEN];
    swp_rows rows = {0};
    snprintf(reason, sizeof reason, "does not meet %s", b->inputs.spec->constraints[constraint].text);
    swp_job built = swp_job_of(b->inputs.builder, job, value_index);
    swp_row row   = swp_row_without_run(&built, SWP_STATE_INFEASIBLE, reason, hash);
    row.attempt   = 0;
    swp_job_fini(&built);
    if (swp_rows_add(&rows, &row) != WS_OK || swp_writer_push(b->writer, rows.data, 0, rows.len) != WS_OK) {
        swp_progress_say(b->progress, "out of memory for the row of job %" PRIu64 "; it stays pending", job);
    }
}

static ws_status create_source(rank0 *b)
{
    const swp_job_queue_config config = {.builder     = b->inputs.builder,
                                         .constraints = b->inputs.constraints,
                                         .slice       = b->inputs.slice,
                                         .n_to_run    = b->file.n_to_run,
                                         .done_bits   = b->file.resume.done_bits,
                                         .retries     = b->file.resume.retries,
                                         .n_retries   = b->file.resume.n_retries,
                                         .on_pruned   = b->options->keep_infeasible ? write_pruned : NULL,
                                         .ctx         = b};
    return swp_job_queue_create(&config, &b->source);
}

static ws_status create_progress(rank0 *b)
{
    swp_progress_config config = {.name            = b->inputs.spec->name,
                                  .json_path       = b->options->progress_json,
                                  .is_quiet        = b->options->is_quiet,
                                  .verbosity       = b->options->verbosity,
                                  .n_total         = b->census.n_jobs,
                                  .n_pruned        = b->census.n_pruned,
                                  .n_ranks         = swp_mpi_size(b->mpi),
                                  .is_launched     = b->mpi != NULL,
                                  .lower_is_better = ws_metric_is_cost(b->options->best) != 0,
                                  .best_metric     = b->options->best,
                                  .ignores_slo     = b->options->ignore_slo};
    memcpy(config.n_before, b->file.resume.n_kept, sizeof config.n_before);
    WS_TRY(swp_progress_create(&config, &b->progress));
    if (b->file.best_kept_job >= 0) {
        swp_progress_consider(b->progress, b->file.best_kept_job, b->file.best_kept);
    }
    return WS_OK;
}

static double stop_time_s(const swp_run_options *options)
{
    return options->time_limit_s > 0.0 ? swp_wall_s() + options->time_limit_s : INFINITY;
}

/* The end of the Slurm allocation, unless --time-limit takes its place. */
static double end_time_s(const rank0 *b)
{
    double left_s = INFINITY;
    if (b->options->time_limit_s > 0.0) {
        return INFINITY;
    }
    if (swp_allocation_find(&left_s) == SWP_ALLOCATION_UNKNOWN) {
        swp_progress_say(b->progress,
                         "neither SLURM_JOB_END_TIME nor squeue says when the Slurm allocation ends; "
                         "give --time-limit to stop before it");
    }
    return swp_wall_s() + left_s;
}

/* After an error of --no-live nobody would find what was gathered. */
static void say_where_rows_are(rank0 *b)
{
    const char *scratch = swp_store_scratch_path(b->file.store);
    if (b->status != WS_OK && scratch != NULL) {
        ws_error_add(
            &b->err, b->status,
            "%s: the rows gathered are in %s, a result file: bring it here with `wattsweep snapshot`, "
            "then --resume",
            b->file.path, scratch);
    }
}

/* Only a remark: what stands in its way is no error of the sweep. */
static void find_unbound(rank0 *b)
{
    ws_error ignored = WS_ERROR_INIT;
    if (b->status == WS_OK && b->is_complete && !b->options->is_quiet) {
        const ws_status status =
            swp_unbound_of_file(b->file.path, swp_builder_space(b->inputs.builder),
                                ws_strbuf_text(&b->prefetch.effects), &ignored, &b->unbound);
        (void)status;
    }
    ws_error_clear(&ignored);
}

static void say_unbound(const rank0 *b)
{
    for (const char *line = ws_strbuf_text(&b->unbound); line[0] != '\0'; line += strcspn(line, "\n") + 1) {
        swp_progress_say(b->progress, "note: %.*s", (int)strcspn(line, "\n"), line);
    }
}

/* End the writer and close the file; in a thread of its own, since a large file takes a while. After an error
 * of the writer, closing can only fail for the same reason. */
static void finish_file(void *ctx)
{
    rank0           *b   = ctx;
    const swp_finish how = b->is_complete && !b->options->no_repack ? SWP_FINISH_REPACK : SWP_FINISH_CLOSE;
    const ws_status  written = swp_writer_stop(&b->writer, &b->err);
    swp_store_enter_thread();
    const ws_status closed = swp_store_finish(b->file.store, how, written == WS_OK ? &b->err : NULL);
    b->status              = written != WS_OK ? written : closed;
    say_where_rows_are(b);
    find_unbound(b);
}

static int exit_code_of_sweep(const rank0 *b, const swp_outcome *outcome)
{
    const uint64_t *kept = b->file.resume.n_kept;
    if (!outcome->is_complete) {
        return WS_EXIT_RESUME;
    }
    const uint64_t n_bad = swp_progress_n(b->progress, SWP_STATE_FAILED) + kept[SWP_STATE_FAILED] +
                           swp_progress_n(b->progress, SWP_STATE_TIMED_OUT) + kept[SWP_STATE_TIMED_OUT] +
                           swp_progress_n(b->progress, SWP_STATE_INFEASIBLE) + kept[SWP_STATE_INFEASIBLE] +
                           swp_progress_n(b->progress, SWP_STATE_INTERRUPTED);
    return n_bad > 0 ? WS_EXIT_FAILED : WS_EXIT_DONE;
}

/* What rank 0 did, with -v: for judging how many ranks one coordinator can feed. */
static void report_load(const rank0 *b)
{
    if (b->options->verbosity > 0) {
        swp_progress_say(b->progress, "coordinator_cpu_s=%.3f writer_cpu_s=%.3f finish_wall_s=%.3f",
                         b->load.coordinator_cpu_s, b->load.writer_cpu_s, b->load.finish_wall_s);
    }
}

static void report_traffic(const rank0 *b)
{
    if (b->mpi != NULL && b->options->verbosity > 0) {
        const swp_mpi_traffic t      = swp_mpi_traffic_of(b->mpi);
        const double          n_rows = fmax(1.0, (double)swp_progress_n_counted(b->progress));
        swp_progress_say(b->progress,
                         "messages_sent=%llu bytes_sent=%llu messages_received=%llu bytes_received=%llu "
                         "messages_per_job=%.3f bytes_per_job=%.0f setup_bytes=%zu setup_from_window=%d",
                         t.n_sent, t.bytes_sent, t.n_received, t.bytes_received,
                         (double)(t.n_sent + t.n_received) / n_rows,
                         (double)(t.bytes_sent + t.bytes_received) / n_rows, b->block_len,
                         swp_roster_n_pointed(b->roster));
    }
}

static ws_status coordinate(rank0 *b, swp_outcome *outcome)
{
    WS_TRY(create_progress(b));
    WS_TRY(swp_writer_start(b->file.store, b->inputs.builder, (size_t)swp_mpi_size(b->mpi), &b->writer));
    WS_TRY(create_source(b));
    WS_TRY(swp_roster_set_up(b->roster, b->block, b->block_len));
    WS_TRY(start_local(b));
    const swp_coordinator_config config = {.roster    = b->roster,
                                           .local     = b->local,
                                           .source    = b->source,
                                           .builder   = b->inputs.builder,
                                           .writer    = b->writer,
                                           .progress  = b->progress,
                                           .host      = b->host,
                                           .abandon   = &b->abandon,
                                           .stop_at_s = stop_time_s(b->options),
                                           .end_s     = end_time_s(b)};
    return swp_coordinate(&config, outcome);
}

static double thread_cpu_s(void)
{
    struct timespec spent;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0
               ? (double)spent.tv_sec + (double)spent.tv_nsec * WS_S_PER_NS
               : NAN;
}

static ws_status sweep(rank0 *b, swp_outcome *outcome)
{
    const double    begin_cpu_s = thread_cpu_s();
    const ws_status status      = coordinate(b, outcome);
    b->load.coordinator_cpu_s   = thread_cpu_s() - begin_cpu_s;
    b->is_complete              = status == WS_OK && outcome->is_complete;
    if (b->writer != NULL) {
        const double begin_s = swp_wall_s();
        b->load.writer_cpu_s = swp_writer_cpu_s(b->writer);
        swp_roster_keep_while(b->roster, finish_file, b);
        b->load.finish_wall_s = swp_wall_s() - begin_s;
        report_load(b);
    }
    report_traffic(b);
    swp_local_worker_stop(&b->local);
    if (status == WS_OK && b->status == WS_OK && !b->options->is_quiet) {
        say_unbound(b);
        swp_progress_say(b->progress, "%s %s", b->file.path,
                         outcome->is_complete ? "is complete" : "is not complete: go on with --resume");
    }
    return b->status != WS_OK ? b->status : status;
}

/* A resume with nothing to do: the file keeps its bytes. */
static ws_status leave_alone(rank0 *b, swp_outcome *outcome)
{
    WS_TRY(create_progress(b));
    outcome->is_complete = true;
    swp_progress_finish(b->progress, NULL, "complete");
    if (!b->options->is_quiet) {
        swp_progress_say(b->progress, "%s is complete: nothing to run, left as it is", b->file.path);
    }
    return WS_OK;
}

static void release_boss(rank0 *b)
{
    swp_local_worker_stop(&b->local);
    swp_simulator_destroy(&b->simulator);
    swp_job_queue_destroy(&b->source);
    ws_error        ignored = WS_ERROR_INIT; /* an earlier error is being reported */
    const ws_status status  = swp_writer_stop(&b->writer, &ignored);
    (void)status;
    ws_error_clear(&ignored);
    swp_progress_destroy(&b->progress);
    swp_run_file_fini(&b->file);
    swp_prefetch_fini(&b->prefetch);
    ws_strbuf_fini(&b->unbound);
    swp_census_fini(&b->census);
    swp_census_fini(&b->census_all);
    swp_sweep_inputs_fini(&b->inputs);
    swp_roster_destroy(&b->roster);
    ws_error_clear(&b->err);
}

static int run_boss(swp_mpi *mpi, const char *host, const swp_run_options *options, bool *must_exit_out)
{
    rank0       b       = {.mpi = mpi, .host = host, .options = options, .err = WS_ERROR_INIT};
    swp_outcome outcome = {0};
    atomic_init(&b.abandon, false);
    ws_status status = swp_roster_create(mpi, host, options->silence_s, &b.roster);
    if (status == WS_OK) {
        swp_roster_keep_while(b.roster, set_up, &b);
        if (!options->is_quiet) {
            swp_prefetch_say(&b.prefetch, MAX_NOTES_SHOWN);
        }
        status = b.status != WS_OK    ? b.status
                 : b.file.is_finished ? leave_alone(&b, &outcome)
                                      : sweep(&b, &outcome);
    }
    const int code = status == WS_OK ? exit_code_of_sweep(&b, &outcome) : complain(status, &b.err);
    *must_exit_out = b.roster == NULL || !swp_roster_release(b.roster);
    release_boss(&b);
    if (!*must_exit_out && (mpi == NULL || swp_mpi_n_unsent(mpi) == 0)) {
        free(b.own_block); /* nobody is being sent it any more */
    }
    return code;
}

/* ---- the command ---- */

/* What a rank's process ends with; rank 0 tells its supervisor the sweep's own code. */
static int end_with(int code, bool is_rank0)
{
    const int process_code = swp_exit_file_process_code(code);
    if (is_rank0) {
        swp_exit_file_end(code);
        if (process_code != code && getenv("WATTSWEEP_EXIT_FILE") == NULL) {
            fprintf(stderr,
                    "wattsweep: the exit code is %d; mpirun --enable-recovery ends with 0 all the same, "
                    "wattsweep-launch passes it on\n",
                    code);
        }
    }
    return process_code;
}

/* --help, or a wrong command line. */
static int end_early(ws_status parsed, const ws_error *err)
{
    if (parsed != WS_OK) {
        return complain(parsed, err);
    }
    swp_run_options_help(SWP_COMMAND_RUN);
    return WS_EXIT_DONE;
}

int swp_cmd_run(int argc, char **argv)
{
    swp_run_options options;
    swp_mpi        *mpi       = NULL;
    int             code      = WS_EXIT_DONE;
    bool            must_exit = false;
    char            host[SWP_HOST_LEN];
    ws_error        err    = WS_ERROR_INIT;
    const ws_status parsed = swp_run_options_parse(SWP_COMMAND_RUN, argc, argv, &err, &options);
    get_host(host);
    if (swp_exit_file_is_rank0()) {
        swp_exit_file_begin(host);
    }
    if (swp_mpi_is_launched() && swp_mpi_enter(options.start_s, &mpi) != WS_OK) {
        return end_with(WS_EXIT_OUTPUT, swp_exit_file_is_rank0());
    }
    const bool is_boss = swp_mpi_rank(mpi) == 0;
    if (parsed != WS_OK || options.wants_help) {
        code = is_boss ? end_early(parsed, &err) : WS_EXIT_DONE; /* rank 0 says it once */
    } else {
        swp_signals_catch();
        code = is_boss ? run_boss(mpi, host, &options, &must_exit)
                       : ws_exit_code(swp_worker_rank_run(mpi, host, options.silence_s, &must_exit));
    }
    ws_error_clear(&err);
    code = end_with(code, is_boss);
    if (must_exit) {
        fflush(NULL);
        _exit(code); /* with a rank that is dead, or was not released, MPI_Finalize would never return */
    }
    if (mpi != NULL) {
        swp_mpi_leave(&mpi, code);
    }
    return code;
}
