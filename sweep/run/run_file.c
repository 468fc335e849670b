#include "run/run_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/target.h"
#include "job/input_digest.h"
#include "job/job_hash.h"
#include "store/rewrite.h"

/* Parameters of carried rows, in the new file's columns. */
typedef struct carry_params {
    swp_builder *builder;
    uint32_t    *value_index;
} carry_params;

static ws_status params_of(void *ctx, int64_t job, swp_value *params_out)
{
    const carry_params *carry = ctx;
    swp_space_point(swp_builder_space(carry->builder), (uint64_t)job, carry->value_index);
    swp_builder_params(carry->builder, carry->value_index, params_out);
    return WS_OK;
}

/* With --rehash: what the job is called now. */
static ws_status hash_of(void *ctx, int64_t job, char *hash_out)
{
    const carry_params *carry = ctx;
    swp_space_point(swp_builder_space(carry->builder), (uint64_t)job, carry->value_index);
    swp_job built = swp_job_of(carry->builder, (uint64_t)job, carry->value_index);
    swp_job_row_hash(&built, hash_out);
    swp_job_fini(&built);
    return WS_OK;
}

static bool is_same_spec(const swp_reader *reader, const swp_sweep_inputs *inputs)
{
    const char *sha256 = swp_reader_layout(reader)->spec_sha256;
    return sha256 != NULL && strcmp(sha256, inputs->spec->sha256) == 0;
}

/* Rows that are kept have what the spec asked for when they ran. */
static void say_what_rows_lack(const char *path, const char *what, bool is_wanted, bool is_there)
{
    if (is_wanted && !is_there) {
        fprintf(stderr,
                "wattsweep: note: %s: the rows kept have no %s: outputs did not ask for them; --overwrite "
                "runs them again\n",
                path, what);
    } else if (is_there && !is_wanted) {
        fprintf(
            stderr,
            "wattsweep: note: %s: the rows kept have %s, and keep them; outputs asks for none of new rows\n",
            path, what);
    }
}

/* Finished rows that are no jobs of the sweep any more: because a file they read has changed, or the spec. */
static ws_status refuse_foreign(const swp_run_options *options, const char *changed, ws_error *err,
                                const swp_run_file *file)
{
    const swp_resume *r        = &file->resume;
    const char       *kind     = swp_reader_attribute(r->reader, "job_hash_kind");
    const bool        has_none = r->n_kept_total == 0 && r->n_retries == 0;
    if (changed[0] != '\0') {
        return ws_error_add(
            err, WS_ERR_INPUT,
            "%s: %" PRIu64 " finished rows are no jobs of %s any more: since they ran, %s changed; "
            "--drop-rows runs what changed again, --rehash keeps the rows of the same spec where the "
            "change makes no difference, a new -o FILE keeps the old ones",
            file->path, r->n_foreign, options->spec_path, changed);
    }
    if (kind == NULL || strcmp(kind, SWP_HASH_KIND) != 0) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: %" PRIu64
                            " finished rows are of another version, whose job hashes do not cover "
                            "input files; --rehash keeps them, --drop-rows runs their jobs again",
                            file->path, r->n_foreign);
    }
    return ws_error_add(err, WS_ERR_INPUT,
                        "%s: %" PRIu64 " finished rows are no jobs of %s any more%s; --drop-rows leaves "
                        "them out, a new -o FILE keeps them",
                        file->path, r->n_foreign, options->spec_path,
                        has_none ? ", nor is any other: was the cluster config, an option, the workload, slo "
                                   "or seed changed?"
                                 : "");
}

static void say_what_is_kept(const swp_run_options *options, const swp_sweep_inputs *inputs,
                             const swp_run_file *file)
{
    const swp_resume *r       = &file->resume;
    const swp_layout *earlier = swp_reader_layout(r->reader);
    if (options->is_quiet) {
        return;
    }
    fprintf(stderr,
            "wattsweep: resuming %s with %s: %" PRIu64 " rows kept (%" PRIu64 " done), %" PRIu64
            " jobs to run, %zu of them again, %" PRIu64 " finished rows are no jobs of it\n",
            file->path, is_same_spec(r->reader, inputs) ? "the same spec" : "another spec", r->n_kept_total,
            r->n_kept[SWP_STATE_DONE], file->n_to_run, r->n_retries, r->n_foreign);
    if (r->n_kept_total > 0 && (r->n_foreign == 0 || options->drop_rows)) {
        say_what_rows_lack(file->path, "time series", inputs->spec->wants_timeseries, earlier->has_series);
        say_what_rows_lack(file->path, "requests", inputs->spec->wants_requests, earlier->has_requests);
    }
}

static ws_status match_earlier(const swp_run_options *options, const swp_sweep_inputs *inputs, ws_error *err,
                               swp_run_file *file, ws_strbuf *changed)
{
    const swp_resume_how how = {.retry_failed = options->retry_failed, .rehash = options->rehash};
    file->has_resume         = true;
    WS_TRY(swp_resume_match(file->path, inputs, how, err, &file->resume));
    if (options->rehash && !is_same_spec(file->resume.reader, inputs)) {
        return ws_error_add(
            err, WS_ERR_INPUT,
            "%s: --rehash needs the spec that the file was written with; found another: resume with "
            "that one first, then with the new one",
            file->path);
    }
    file->n_to_run -= file->resume.n_kept_total;
    if (options->best != WS_METRIC_COUNT) {
        WS_TRY(swp_resume_best(&file->resume, options->best, options->ignore_slo, err, &file->best_kept_job,
                               file->best_kept));
    }
    WS_TRY(swp_changed_inputs(swp_reader_layout(file->resume.reader)->spec_json,
                              file->layout.layout.spec_json, changed));
    say_what_is_kept(options, inputs, file);
    return file->resume.n_foreign > 0 && !options->drop_rows
               ? refuse_foreign(options, ws_strbuf_text(changed), err, file)
               : WS_OK;
}

/* Was the file written anew at the end, in the order of its jobs? */
static bool is_packed(const swp_reader *reader)
{
    const char *history = swp_reader_history(reader), *last = strrchr(history, '\n');
    last = last != NULL ? last : history;
    return swp_reader_kind(reader) == SWP_FILE_PLAIN && strstr(last, ": created") == NULL &&
           strstr(last, ": resumed") == NULL;
}

/* Is the file what this run would make of it? Then it keeps its bytes. */
static bool is_finished(const swp_run_options *options, const swp_sweep_inputs *inputs,
                        const swp_run_file *file)
{
    const swp_reader *reader  = file->resume.reader;
    const swp_layout *earlier = swp_reader_layout(reader), *now = &file->layout.layout;
    return file->n_to_run == 0 && !options->rehash && file->resume.n_foreign == 0 &&
           is_same_spec(reader, inputs) && is_packed(reader) &&
           swp_reader_n_rows(reader) == (size_t)now->n_jobs && earlier->n_jobs == now->n_jobs &&
           earlier->has_series == now->has_series && earlier->has_requests == now->has_requests;
}

/* Line of the history attribute for a run that goes on; caller frees. */
static char *resumed_line(const swp_run_options *options, const char *changed, const swp_run_file *file)
{
    return options->rehash
               ? ws_asprintf("resumed with --rehash: %" PRIu64
                             " rows kept, declared not to depend on the change of %s",
                             file->resume.n_kept_total, changed[0] != '\0' ? changed : "(nothing)")
               : ws_asprintf("resumed: %" PRIu64 " rows kept, %" PRIu64 " jobs to run",
                             file->resume.n_kept_total, file->n_to_run);
}

static ws_status create(const swp_run_options *options, const swp_sweep_inputs *inputs, size_t n_threads,
                        const char *what, ws_error *err, swp_run_file *file)
{
    const swp_store_config config = {.path        = file->path,
                                     .overwrite   = options->overwrite || file->has_resume,
                                     .no_live     = options->no_live,
                                     .scratch_dir = options->scratch_dir,
                                     .n_threads   = n_threads,
                                     .history_before =
                                         file->has_resume ? swp_reader_history(file->resume.reader) : NULL,
                                     .history_what = what};
    WS_TRY(swp_store_create(&config, &file->layout.layout, err, &file->store));
    if (file->has_resume) {
        carry_params           carry    = {.builder     = inputs->builder,
                                           .value_index = calloc(inputs->spec->n_params + 1, sizeof(uint32_t))};
        const swp_row_identity identity = {
            .params_of = params_of, .hash_of = options->rehash ? hash_of : NULL, .ctx = &carry};
        const ws_status status =
            carry.value_index == NULL
                ? WS_ERR_NOMEM
                : swp_store_carry(file->store, file->resume.reader, file->resume.job_of_row, &identity, err);
        free(carry.value_index);
        WS_TRY(status);
        swp_reader_close(&file->resume.reader);
    }
    if (swp_store_scratch_path(file->store) != NULL && !options->is_quiet) {
        fprintf(stderr,
                "wattsweep: collecting in %s: what to look at meanwhile, and to `wattsweep snapshot` after a "
                "kill\n",
                swp_store_scratch_path(file->store));
    }
    return swp_store_begin(file->store, err);
}

/* A spec names no folder to write to, and no hidden file, be it by accident. */
static ws_status check_name(const swp_run_options *options, const swp_sweep_inputs *inputs, ws_error *err)
{
    const swp_spec *spec = inputs->spec;
    if (options->output_path == NULL &&
        (spec->name[0] == '\0' || spec->name[0] == '.' || strchr(spec->name, '/') != NULL)) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "%s: /name: expected a file name, for the result file, or -o FILE; found \"%s\"",
                            inputs->spec_path, spec->name);
    }
    return WS_OK;
}

static ws_status check_outputs(const swp_run_options *options, const swp_sweep_inputs *inputs,
                               const char *path, ws_error *err)
{
    WS_TRY(ws_files_check_output(inputs->files, "--output", path, err));
    if (options->progress_json != NULL &&
        (options->progress_json[0] == '\0' || ws_is_folder(options->progress_json))) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "--progress-json: expected the name of a file to write, found %s",
                            options->progress_json[0] == '\0' ? "\"\"" : "a folder");
    }
    return options->progress_json == NULL
               ? WS_OK
               : ws_files_check_output(inputs->files, "--progress-json", options->progress_json, err);
}

/* -o FILE or the sweep's name, links followed: what is written, locked and replaced is what they lead to. */
static ws_status find_path(const swp_run_options *options, const swp_sweep_inputs *inputs, ws_error *err,
                           char **path_out)
{
    char *named = options->output_path != NULL ? ws_strdup(options->output_path)
                                               : ws_asprintf("%s.h5", inputs->spec->name);
    if (named == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = check_name(options, inputs, err);
    if (status == WS_OK && ws_is_folder(named)) {
        status = ws_error_add(err, WS_ERR_INPUT,
                              "--output: %s is a folder, expected the name of a result file", named);
    }
    if (status == WS_OK) {
        status = ws_target_resolve(named, err, path_out);
    }
    free(named);
    return status;
}

static ws_status go_on(const swp_run_options *options, const swp_sweep_inputs *inputs, size_t n_threads,
                       ws_error *err, swp_run_file *file)
{
    ws_strbuf changed = WS_STRBUF_INIT;
    char     *what    = NULL;
    ws_status status  = match_earlier(options, inputs, err, file, &changed);
    if (status == WS_OK) {
        swp_file_layout_continue(file->resume.reader, &file->layout);
        file->is_finished = is_finished(options, inputs, file);
        what              = resumed_line(options, ws_strbuf_text(&changed), file);
        status            = what == NULL ? WS_ERR_NOMEM : WS_OK;
    }
    if (status == WS_OK && !file->is_finished) {
        status = create(options, inputs, n_threads, what, err, file);
    }
    free(what);
    ws_strbuf_fini(&changed);
    return status;
}

ws_status swp_run_file_open(const swp_run_scope *scope, ws_error *err, swp_run_file *file)
{
    const swp_run_options  *options = scope->options;
    const swp_sweep_inputs *inputs  = scope->inputs;
    *file          = (swp_run_file){.best_kept_job = -1, .layout = {.spec_json = WS_STRBUF_INIT}};
    file->n_to_run = scope->census->n_jobs;
    WS_TRY(find_path(options, inputs, err, &file->path));
    WS_TRY(check_outputs(options, inputs, file->path, err));
    WS_TRY(swp_lock_acquire(file->path, !options->no_live, err, &file->lock));
    const bool exists = access(file->path, F_OK) == 0;
    if (exists && !options->resume && !options->overwrite) {
        return ws_error_add(err, WS_ERR_IO, "%s exists; --resume continues it, --overwrite replaces it",
                            file->path);
    }
    if (options->overwrite) {
        WS_TRY(swp_check_replaceable(file->path, err));
    }
    if (exists && !options->is_quiet) {
        swp_say_replaced(file->path);
    }
    WS_TRY(swp_file_layout_init(scope, &file->layout));
    if (exists && options->resume) {
        return go_on(options, inputs, scope->n_threads, err, file);
    }
    return create(options, inputs, scope->n_threads, NULL, err, file);
}

void swp_run_file_fini(swp_run_file *file)
{
    swp_store_destroy(&file->store);
    swp_resume_fini(&file->resume);
    swp_file_layout_fini(&file->layout);
    swp_lock_release(&file->lock);
    free(file->path);
    file->path = NULL;
}
