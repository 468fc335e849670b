#include "run.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocation.h"
#include "commands.h"
#include "coordinator.h"
#include "messages.h"
#include "prefetch.h"
#include "run_file.h"
#include "signals.h"
#include "worker.h"

enum { SMALL_WORLD = 4 }; /* up to here rank 0 simulates too */

/* Rank 0's whole state. */
typedef struct boss {
    swp_mpi               *mpi;
    const swp_run_options *options;
    char                   host[SWP_HOST_LEN];
    swp_sweep_inputs       inputs;
    swp_prefetch           prefetch;
    swp_census             census, census_all;
    char                  *block; /* packed file cache */
    size_t                 block_len;
    swp_run_file           file;
    swp_writer            *writer;
    swp_progress          *progress;
    swp_job_source        *source;
    /* the worker thread and what is its own */
    ws_files    *local_files;
    swp_builder *local_builder;
    swp_runner  *local_runner;
    swp_local   *local;
    atomic_bool  abandon;
    bool         holds_workers; /* they were set up and not released yet */
} boss;

static int exit_code_of(ws_status status)
{
    switch (status) {
    case WS_OK:
        return SWP_EXIT_OK;
    case WS_ERR_ARG:
    case WS_ERR_INPUT:
    case WS_ERR_INFEASIBLE:
        return SWP_EXIT_INPUT;
    case WS_ERR_NOMEM:
    case WS_ERR_IO:
    case WS_ERR_TIMEOUT:
    case WS_ERR_MEMORY_BUDGET:
        break;
    }
    return SWP_EXIT_IO;
}

static int complain(ws_status status, const ws_error *err)
{
    fprintf(stderr, "%s\n", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
    return exit_code_of(status);
}

static void get_host(char host[SWP_HOST_LEN])
{
    if (gethostname(host, SWP_HOST_LEN) != 0) {
        snprintf(host, SWP_HOST_LEN, "unknown");
    }
    host[SWP_HOST_LEN - 1] = '\0';
}

/* ---- setting up, rank 0 ---- */

static ws_status read_and_open(boss *b, ws_error *err)
{
    WS_TRY(swp_sweep_inputs_read(b->options, err, &b->inputs));
    const swp_slice all = {.begin = 0, .end = swp_builder_space(b->inputs.builder)->n_jobs};
    WS_TRY(swp_census_take(b->inputs.builder, b->inputs.constraints, b->inputs.slice, &b->census));
    if (b->options->n_slices == 1) {
        b->census_all = (swp_census){.n_jobs = b->census.n_jobs, .n_pruned = b->census.n_pruned};
    } else {
        WS_TRY(swp_census_take(b->inputs.builder, b->inputs.constraints, all, &b->census_all));
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
                             swp_mpi_size(b->mpi), err, &b->file));
    WS_TRY(swp_builder_share(b->inputs.builder)); /* workers need not parse what was parsed here */
    return ws_files_pack(b->inputs.files, &b->block, &b->block_len);
}

static ws_status pack_texts(const boss *b, ws_strbuf *out)
{
    ws_strbuf_append(out, b->options->spec_path, strlen(b->options->spec_path) + 1);
    ws_strbuf_append(out, b->inputs.bundled_dir, strlen(b->inputs.bundled_dir) + 1);
    for (size_t i = 0; i < b->options->n_data_dirs; i++) {
        ws_strbuf_append(out, b->options->data_dirs[i], strlen(b->options->data_dirs[i]) + 1);
    }
    return out->failed ? WS_ERR_NOMEM : WS_OK;
}

static ws_status broadcast_setup(boss *b)
{
    ws_strbuf texts = WS_STRBUF_INIT;
    WS_TRY(pack_texts(b, &texts));
    b->holds_workers    = true;
    swp_msg_setup setup = {.exit_code     = -1,
                           .pid           = (int64_t)getpid(),
                           .max_nodes     = b->prefetch.max_nodes,
                           .time_budget_s = b->options->time_budget_s,
                           .silence_s     = b->options->silence_s,
                           .memory_bytes  = b->options->memory_bytes,
                           .texts_bytes   = texts.len,
                           .spec_bytes    = b->inputs.spec_len,
                           .files_bytes   = b->block_len};
    memcpy(setup.host, b->host, sizeof setup.host);
    ws_status status = swp_mpi_broadcast(b->mpi, &setup, sizeof setup);
    status           = status == WS_OK ? swp_mpi_broadcast(b->mpi, texts.data, texts.len) : status;
    status = status == WS_OK ? swp_mpi_broadcast(b->mpi, b->inputs.spec_text, b->inputs.spec_len) : status;
    status = status == WS_OK ? swp_mpi_broadcast(b->mpi, b->block, b->block_len) : status;
    ws_strbuf_fini(&texts);
    return status;
}

static void broadcast_exit(swp_mpi *mpi, int exit_code)
{
    if (mpi != NULL) {
        swp_msg_setup   setup  = {.exit_code = exit_code};
        const ws_status status = swp_mpi_broadcast(mpi, &setup, sizeof setup);
        (void)status; /* reported already; there is nobody else to tell */
    }
}

/* ---- the worker thread of rank 0 ---- */

static bool must_abandon(void *ctx)
{
    return atomic_load((atomic_bool *)ctx);
}

static bool wants_local(const boss *b)
{
    const int size = swp_mpi_size(b->mpi);
    return size == 1 || b->options->local_worker == 1 ||
           (b->options->local_worker == -1 && size <= SMALL_WORLD);
}

static ws_status start_local(boss *b)
{
    if (!wants_local(b)) {
        return WS_OK;
    }
    const swp_builder_config config = {.spec_path   = b->options->spec_path,
                                       .data_dirs   = b->options->data_dirs,
                                       .n_data_dirs = b->options->n_data_dirs,
                                       .bundled_dir =
                                           b->inputs.bundled_dir[0] != '\0' ? b->inputs.bundled_dir : NULL};
    WS_TRY(ws_files_map(b->block, b->block_len, false, &b->local_files));
    WS_TRY(swp_builder_create(b->inputs.spec, &config, b->local_files, NULL, &b->local_builder));
    const swp_runner_config runner = {.builder       = b->local_builder,
                                      .rank          = 0,
                                      .max_nodes     = b->prefetch.max_nodes,
                                      .time_budget_s = b->options->time_budget_s,
                                      .memory_bytes  = b->options->memory_bytes,
                                      .should_stop   = must_abandon,
                                      .ctx           = &b->abandon};
    WS_TRY(swp_runner_create(&runner, &b->local_runner));
    return swp_local_start(swp_runner_run, b->local_runner, &b->local);
}

/* ---- the sweep, rank 0 ---- */

/* A pruned point as a row of its own (--keep-infeasible). */
static void write_pruned(void *ctx, uint64_t job, const uint32_t *value_index, size_t constraint)
{
    boss    *b = ctx;
    char     hash[SWP_HASH_LEN + 1], reason[SWP_ERROR_LEN];
    swp_rows rows = {0};
    snprintf(reason, sizeof reason, "does not meet %s", b->inputs.spec->constraints[constraint].text);
    const swp_row row =
        swp_row_without_run(b->inputs.builder, job, value_index, SWP_STATE_INFEASIBLE, reason, hash);
    if (swp_rows_add(&rows, &row) != WS_OK || swp_writer_push(b->writer, rows.data, 0, rows.len) != WS_OK) {
        swp_progress_say(b->progress, "out of memory for the row of job %" PRIu64 "; it stays pending", job);
    }
}

static ws_status create_source(boss *b)
{
    const swp_job_source_config config = {.builder     = b->inputs.builder,
                                          .constraints = b->inputs.constraints,
                                          .slice       = b->inputs.slice,
                                          .n_to_run    = b->file.n_to_run,
                                          .done_bits   = b->file.resume.done_bits,
                                          .retries     = b->file.resume.retries,
                                          .n_retries   = b->file.resume.n_retries,
                                          .on_pruned   = b->options->keep_infeasible ? write_pruned : NULL,
                                          .ctx         = b};
    return swp_job_source_create(&config, &b->source);
}

static ws_status create_progress(boss *b)
{
    const swp_progress_config config = {.name            = b->inputs.spec->name,
                                        .json_path       = b->options->progress_json,
                                        .is_quiet        = b->options->is_quiet,
                                        .verbosity       = b->options->verbosity,
                                        .n_total         = b->census.n_jobs,
                                        .n_before        = b->file.resume.n_kept_total,
                                        .n_pruned        = b->census.n_pruned,
                                        .n_ranks         = swp_mpi_size(b->mpi),
                                        .lower_is_better = ws_metric_is_cost(b->options->best) != 0,
                                        .best_metric     = b->options->best};
    return swp_progress_create(&config, &b->progress);
}

static double stop_time_s(const swp_run_options *options)
{
    return options->time_limit_s > 0.0 ? swp_wall_s() + options->time_limit_s : INFINITY;
}

/* The end of the Slurm allocation, unless --time-limit takes its place. */
static double end_time_s(const boss *b)
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

/* End the writer and close the file. After an error of the writer, closing can only fail for the same reason. */
static ws_status finish_file(boss *b, bool is_complete, ws_error *err)
{
    const ws_status  written = swp_writer_stop(&b->writer, err);
    const swp_finish how     = is_complete && !b->options->no_repack ? SWP_FINISH_REPACK : SWP_FINISH_CLOSE;
    const ws_status  closed  = swp_store_finish(b->file.store, how, written == WS_OK ? err : NULL);
    return written != WS_OK ? written : closed;
}

static int exit_code_of_sweep(const boss *b, const swp_outcome *outcome)
{
    const uint64_t *kept = b->file.resume.n_kept;
    if (!outcome->is_complete) {
        return SWP_EXIT_RESUME;
    }
    const uint64_t n_bad = swp_progress_n(b->progress, SWP_STATE_FAILED) + kept[SWP_STATE_FAILED] +
                           swp_progress_n(b->progress, SWP_STATE_TIMED_OUT) + kept[SWP_STATE_TIMED_OUT] +
                           swp_progress_n(b->progress, SWP_STATE_INFEASIBLE) + kept[SWP_STATE_INFEASIBLE] +
                           swp_progress_n(b->progress, SWP_STATE_INTERRUPTED);
    return n_bad > 0 ? SWP_EXIT_FAILED : SWP_EXIT_OK;
}

/* What went through rank 0, with -v: for judging how many ranks one coordinator can feed. */
static void report_traffic(const boss *b)
{
    if (b->mpi != NULL && b->options->verbosity > 0) {
        const swp_mpi_traffic t = swp_mpi_traffic_of(b->mpi);
        swp_progress_say(b->progress, "messages_sent=%llu bytes_sent=%llu messages_received=%llu bytes_received=%llu",
                         t.n_sent, t.bytes_sent, t.n_received, t.bytes_received);
    }
}

static ws_status sweep(boss *b, ws_error *err, swp_outcome *outcome)
{
    WS_TRY(create_progress(b));
    WS_TRY(swp_writer_start(b->file.store, b->inputs.builder, (size_t)swp_mpi_size(b->mpi), &b->writer));
    WS_TRY(create_source(b));
    WS_TRY(start_local(b));
    const swp_coordinator_config config = {.mpi       = b->mpi,
                                           .local     = b->local,
                                           .source    = b->source,
                                           .builder   = b->inputs.builder,
                                           .writer    = b->writer,
                                           .progress  = b->progress,
                                           .host      = b->host,
                                           .silence_s = b->options->silence_s,
                                           .abandon   = &b->abandon,
                                           .stop_at_s = stop_time_s(b->options),
                                           .end_s     = end_time_s(b)};
    ws_status                    status = swp_coordinate(&config, outcome);
    b->holds_workers                    = false;
    report_traffic(b);
    const ws_status closed              = finish_file(b, status == WS_OK && outcome->is_complete, err);
    swp_local_stop(&b->local);
    if (status == WS_OK && closed == WS_OK && !b->options->is_quiet) {
        swp_progress_say(b->progress, "%s %s", b->file.path,
                         outcome->is_complete ? "is complete" : "is not complete: go on with --resume");
    }
    return closed != WS_OK ? closed : status;
}

static void release_boss(boss *b)
{
    swp_local_stop(&b->local);
    swp_runner_destroy(&b->local_runner);
    swp_builder_destroy(&b->local_builder);
    ws_files_destroy(&b->local_files);
    swp_job_source_destroy(&b->source);
    ws_error        ignored = WS_ERROR_INIT; /* an earlier error is being reported */
    const ws_status status  = swp_writer_stop(&b->writer, &ignored);
    (void)status;
    ws_error_clear(&ignored);
    swp_progress_destroy(&b->progress);
    swp_run_file_fini(&b->file);
    swp_census_fini(&b->census);
    swp_census_fini(&b->census_all);
    swp_sweep_inputs_fini(&b->inputs);
    free(b->block);
}

static int run_boss(swp_mpi *mpi, const swp_run_options *options, bool *must_exit_out)
{
    boss        b       = {.mpi = mpi, .options = options};
    ws_error    err     = WS_ERROR_INIT;
    swp_outcome outcome = {0};
    int         code    = SWP_EXIT_OK;
    get_host(b.host);
    atomic_init(&b.abandon, false);
    ws_status status = read_and_open(&b, &err);
    if (status != WS_OK) {
        code = complain(status, &err);
        broadcast_exit(mpi, code);
    } else {
        status = mpi != NULL ? broadcast_setup(&b) : WS_OK;
        status = status == WS_OK ? sweep(&b, &err, &outcome) : status;
        code   = status == WS_OK ? exit_code_of_sweep(&b, &outcome) : complain(status, &err);
    }
    *must_exit_out = outcome.n_dead > 0 || b.holds_workers;
    release_boss(&b);
    ws_error_clear(&err);
    return code;
}

/* ---- the other ranks ---- */

typedef struct hand {
    swp_mpi      *mpi;
    swp_msg_setup setup;
    char          host[SWP_HOST_LEN];
    char         *texts, *spec_text, *block;
    const char   *data_dirs[SWP_MAX_DATA_DIRS];
    size_t        n_data_dirs;
    ws_files     *files;
    swp_spec     *spec;
    swp_builder  *builder;
    swp_runner   *runner;
    swp_worker   *worker;
} hand;

static ws_status receive_bytes(swp_mpi *mpi, uint64_t len, char **out)
{
    *out = calloc(1, len + 1);
    return *out == NULL ? WS_ERR_NOMEM : swp_mpi_broadcast(mpi, *out, len);
}

static ws_status set_up_hand(hand *h, ws_error *err)
{
    WS_TRY(receive_bytes(h->mpi, h->setup.texts_bytes, &h->texts));
    WS_TRY(receive_bytes(h->mpi, h->setup.spec_bytes, &h->spec_text));
    WS_TRY(receive_bytes(h->mpi, h->setup.files_bytes, &h->block));
    const char *spec_path = h->texts;
    const char *bundled   = spec_path + strlen(spec_path) + 1;
    for (const char *at = bundled + strlen(bundled) + 1; at < h->texts + h->setup.texts_bytes;
         at += strlen(at) + 1) {
        h->data_dirs[h->n_data_dirs++] = at;
    }
    WS_TRY(ws_files_map(h->block, h->setup.files_bytes, false, &h->files));
    WS_TRY(swp_spec_parse(spec_path, h->spec_text, h->setup.spec_bytes, err, &h->spec));
    const swp_builder_config config = {.spec_path   = spec_path,
                                       .data_dirs   = h->data_dirs,
                                       .n_data_dirs = h->n_data_dirs,
                                       .bundled_dir = bundled[0] != '\0' ? bundled : NULL};
    WS_TRY(swp_builder_create(h->spec, &config, h->files, err, &h->builder));
    const swp_worker_config worker = {.mpi       = h->mpi,
                                      .host      = h->host,
                                      .boss_host = h->setup.host,
                                      .boss_pid  = h->setup.pid,
                                      .silence_s = h->setup.silence_s};
    WS_TRY(swp_worker_create(&worker, &h->worker));
    const swp_runner_config runner = {.builder       = h->builder,
                                      .rank          = swp_mpi_rank(h->mpi),
                                      .max_nodes     = h->setup.max_nodes,
                                      .time_budget_s = h->setup.time_budget_s,
                                      .memory_bytes  = h->setup.memory_bytes,
                                      .should_stop   = swp_worker_breathe,
                                      .ctx           = h->worker};
    return swp_runner_create(&runner, &h->runner);
}

static void release_hand(hand *h)
{
    swp_runner_destroy(&h->runner);
    swp_worker_destroy(&h->worker);
    swp_builder_destroy(&h->builder);
    swp_spec_destroy(&h->spec);
    ws_files_destroy(&h->files);
    free(h->texts);
    free(h->spec_text);
    free(h->block);
}

static int run_hand(swp_mpi *mpi, bool *must_exit_out)
{
    hand     h        = {.mpi = mpi};
    ws_error err      = WS_ERROR_INIT;
    bool     finalize = true;
    get_host(h.host);
    ws_status status = swp_mpi_broadcast(mpi, &h.setup, sizeof h.setup);
    if (status == WS_OK && h.setup.exit_code < 0) {
        status = set_up_hand(&h, &err);
        if (status == WS_OK) {
            status = swp_worker_work(h.worker, swp_runner_run, h.runner, &finalize);
        }
        if (status != WS_OK) {
            fprintf(stderr, "wattsweep: rank=%d ", swp_mpi_rank(mpi));
            complain(status, &err);
        }
    }
    *must_exit_out = status != WS_OK || !finalize;
    release_hand(&h);
    ws_error_clear(&err);
    return status == WS_OK ? SWP_EXIT_OK : exit_code_of(status);
}

/* ---- the command ---- */

/* True if the command ends here, because of --help or of a wrong command line. */
static bool ends_early(int argc, char **argv, bool is_boss, swp_run_options *options, int *code_out)
{
    ws_error        err    = WS_ERROR_INIT;
    const ws_status status = swp_run_options_parse(SWP_COMMAND_RUN, argc, argv, &err, options);
    *code_out              = exit_code_of(status);
    if (status != WS_OK && is_boss) {
        complain(status, &err);
    } else if (options->wants_help && is_boss) {
        swp_run_options_help(SWP_COMMAND_RUN);
    }
    ws_error_clear(&err);
    return status != WS_OK || options->wants_help;
}

int swp_cmd_run(int argc, char **argv)
{
    swp_run_options options;
    swp_mpi        *mpi       = NULL;
    int             code      = SWP_EXIT_OK;
    bool            must_exit = false;
    if (swp_mpi_is_launched() && swp_mpi_enter(&mpi) != WS_OK) {
        return SWP_EXIT_IO;
    }
    const bool is_boss = swp_mpi_rank(mpi) == 0;
    if (!ends_early(argc, argv, is_boss, &options, &code)) {
        swp_signals_catch();
        code = is_boss ? run_boss(mpi, &options, &must_exit) : run_hand(mpi, &must_exit);
    } else if (!is_boss) {
        code = SWP_EXIT_OK; /* rank 0 says it once */
    }
    if (must_exit) {
        fflush(NULL);
        _exit(code); /* with a rank that is dead, or was not released, MPI_Finalize would never return */
    }
    if (mpi != NULL) {
        swp_mpi_leave(&mpi);
    }
    return code;
}
