/* wattsim: one simulation, from a cluster config and a workload to requests, log and energy. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/exit_code.h"
#include "base/host_memory.h"
#include "base/json_write.h"
#include "base/unread.h"
#include "programs/job_folder.h"
#include "base/output_file.h"
#include "output/power_summary.h"
#include "output/request_csv.h"
#include "output/summary_json.h"
#include "output/throughput_log.h"
#include "programs/wattsim_cli.h"
#include "programs/model_command.h"
#include "programs/workload_command.h"

enum { PATH_CAP = 4096 };

/** Everything one invocation owns; released in the reverse order. */
typedef struct session {
    ws_files    *files;
    ws_inputs   *inputs;
    ws_json_doc *cluster, *workload;
    ws_scenario *scenario;
    ws_run      *run;
    ws_error     err;
} session;

static void session_fini(session *s)
{
    ws_run_destroy(&s->run);
    ws_scenario_destroy(&s->scenario);
    ws_json_doc_destroy(&s->workload);
    ws_json_doc_destroy(&s->cluster);
    ws_inputs_destroy(&s->inputs);
    ws_files_destroy(&s->files);
    ws_error_clear(&s->err);
}

/** Print each line of a text behind a prefix, on standard error. */
static void print_lines(const char *prefix, const char *text)
{
    while (*text != '\0') {
        const int len = (int)strcspn(text, "\n");
        (void)fprintf(stderr, "%s%.*s\n", prefix, len, text);
        text += len;
        text += *text == '\n' ? 1 : 0;
    }
}

static void print_error(const ws_error *err, ws_status status)
{
    print_lines("wattsim: error: ", err->n_problems > 0 ? ws_error_text(err) : ws_status_text(status));
}

/* ---- inputs ---- */

static ws_status find_input(session *s, const char *what, const char *path, char found[PATH_CAP])
{
    return ws_find_input(s->files, what, path, &s->err, found, PATH_CAP);
}

static ws_status read_doc(session *s, const char *path, ws_json_doc **out)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(s->files, path, &s->err, &bytes));
    return ws_json_doc_parse(path, bytes.data, bytes.len, &s->err, out);
}

static ws_status load(session *s, const ws_wattsim_args *args)
{
    char bundled_buf[PATH_CAP], cluster_path[PATH_CAP], dataset_path[PATH_CAP], workload_path[PATH_CAP];
    const char *bundled = ws_bundled_dir(bundled_buf, sizeof(bundled_buf)) ? bundled_buf : NULL;
    WS_TRY(ws_check_data_dirs(args->data_dirs.items, args->data_dirs.n, &s->err));
    WS_TRY(ws_inputs_create(s->files, args->data_dirs.items, args->data_dirs.n, bundled, &s->inputs));
    WS_TRY(find_input(s, "--cluster-config", args->cluster_config, cluster_path));
    if (args->dataset != NULL) {
        WS_TRY(find_input(s, "--dataset", args->dataset, dataset_path));
    }
    if (args->workload != NULL) {
        WS_TRY(find_input(s, "--workload", args->workload, workload_path));
        WS_TRY(read_doc(s, workload_path, &s->workload));
    }
    WS_TRY(read_doc(s, cluster_path, &s->cluster));
    const ws_scenario_request request = {.cluster  = ws_json_doc_root(s->cluster),
                                         .dataset  = args->dataset != NULL ? dataset_path : NULL,
                                         .workload = s->workload != NULL ? ws_json_doc_root(s->workload)
                                                                         : WS_JSON_NONE,
                                         .options  = args->options,
                                         .slo      = args->slo};
    return ws_scenario_create(s->inputs, &request, &s->err, &s->scenario);
}

/* ---- outputs ---- */

static ws_status check_output(session *s, const char *what, const char *path)
{
    if (path == NULL) {
        return WS_OK;
    }
    WS_TRY(ws_files_check_output(s->files, what, path, &s->err));
    return ws_output_path_check(path, &s->err);
}

static ws_status check_outputs(session *s, const ws_wattsim_args *args)
{
    const ws_status csv  = check_output(s, "--output", args->output);
    const ws_status json = check_output(s, "--summary-json", args->summary_json);
    return csv != WS_OK ? csv : json;
}

static ws_status write_csv(session *s, const ws_result *result, const ws_wattsim_args *args)
{
    ws_output_file *file;
    WS_TRY(ws_output_file_open(args->output, &s->err, &file));
    ws_status status = ws_request_csv_write(result, args->wants_request_energy, file);
    if (status == WS_OK) {
        status = ws_output_file_commit(file, &s->err);
    }
    ws_output_file_destroy(&file);
    return status;
}

static ws_status write_json(session *s, const ws_result *result, double run_wall_s, const char *path)
{
    ws_strbuf text   = WS_STRBUF_INIT;
    ws_status status = ws_summary_json_write(result, s->scenario, run_wall_s, &text);
    if (status == WS_OK) {
        status = ws_output_write(path, text.data, text.len, &s->err);
    }
    ws_strbuf_fini(&text);
    return status;
}

/** Flush standard output and make a failure of any write to it an error. */
static ws_status check_stream(session *s, FILE *stream)
{
    if ((fflush(stream) != 0 || ferror(stream) != 0) && !ws_is_unread(fileno(stream))) {
        return ws_error_add(&s->err, WS_ERR_IO, "standard output: cannot write");
    }
    return WS_OK;
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static ws_status write_outputs(session *s, const ws_wattsim_args *args, const ws_result *result,
                               double run_wall_s)
{
    if (!args->is_quiet) {
        FILE *log = is_stdout(args->output) || is_stdout(args->summary_json) ? stderr : stdout;
        ws_throughput_log_print(result, log);
        ws_throughput_log_print_end(result, log);
        ws_throughput_log_print_rejected(result, log);
        ws_throughput_log_print_slo(result, ws_scenario_slo(s->scenario), log);
        ws_power_summary_print(result, log);
        WS_TRY(check_stream(s, log));
    }
    if (args->output != NULL) {
        WS_TRY(write_csv(s, result, args));
    }
    return args->summary_json != NULL ? write_json(s, result, run_wall_s, args->summary_json) : WS_OK;
}

/* ---- the two things one can ask for ---- */

static ws_status print_scenario(session *s)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer writer;
    ws_json_writer_init(&writer, &text, 2);
    ws_scenario_write_json(s->scenario, &writer);
    const bool is_whole = !text.failed;
    (void)puts(ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
    return is_whole ? check_stream(s, stdout) : WS_ERR_NOMEM;
}

static ws_status simulate(session *s, const ws_wattsim_args *args)
{
    const ws_result *result;
    WS_TRY(check_outputs(s, args));
    WS_TRY(ws_run_create(&s->run));
    const ws_run_limits limits       = {.struct_size  = sizeof(limits),
                                        .memory_bytes = ws_host_memory_budget_bytes(1)};
    const double        wall_start_s = ws_wall_s();
    WS_TRY(ws_simulate(s->scenario, s->run, &limits, &s->err, &result));
    return write_outputs(s, args, result, ws_wall_s() - wall_start_s);
}

static ws_status print_notes(session *s, const ws_job_args *line)
{
    ws_strbuf       changed = WS_STRBUF_INIT;
    const ws_status status  = ws_job_args_check_inputs(s->files, line, &s->err, &changed);
    print_lines("wattsim: note: ", ws_scenario_notes(s->scenario));
    print_lines("wattsim: note: ", ws_strbuf_text(&changed));
    ws_strbuf_fini(&changed);
    return status;
}

static ws_status run(session *s, const ws_job_args *line, const ws_wattsim_args *args)
{
    WS_TRY(load(s, args));
    WS_TRY(print_notes(s, line));
    return args->is_dry_run ? print_scenario(s) : simulate(s, args);
}

static ws_status act(session *s, const ws_job_args *line)
{
    ws_wattsim_args args;
    WS_TRY(ws_wattsim_args_parse(line->argc, line->argv, &s->err, &args));
    ws_status status;
    if (args.wants_help) {
        ws_wattsim_print_help(stdout);
        status = check_stream(s, stdout);
    } else if (args.wants_version) {
        (void)printf("wattsim %s %s\n", ws_version(), ws_git_commit());
        status = check_stream(s, stdout);
    } else {
        status = run(s, line, &args);
    }
    ws_wattsim_args_fini(&args);
    return status;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the log may leave: the other outputs are still wanted */
    (void)signal(SIGXFSZ, SIG_IGN); /* a file over the size limit is a failed write, which has a message */
    if (argc > 1 && strcmp(argv[1], "workload") == 0) {
        return ws_workload_command(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "model") == 0) {
        return ws_model_command(argc - 1, argv + 1);
    }
    session     s      = {.err = WS_ERROR_INIT};
    ws_job_args line   = {.argc = 0};
    ws_status   status = ws_files_create(&s.files);
    if (status == WS_OK) {
        status = ws_job_args_expand(s.files, argc, (const char *const *)argv, &s.err, &line);
    }
    if (status == WS_OK) {
        status = act(&s, &line);
    }
    if (status != WS_OK) {
        print_error(&s.err, status);
    }
    session_fini(&s);
    ws_job_args_fini(&line);
    return ws_exit_code(status);
}
