#include "run/run_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/cmdline_help.h"
#include "base/nearest_name.h"

/* ---- values of our own ---- */

/* Digits alone: strtoull() would also take blanks, signs and nothing. */
static bool read_count(const char *text, size_t len, unsigned long long *out)
{
    if (len == 0 || len > 7 || strspn(text, "0123456789") < len) {
        return false;
    }
    *out = strtoull(text, NULL, 10);
    return true;
}

static ws_status set_slice(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    swp_run_options   *out   = into;
    const char        *slash = strchr(text, '/');
    unsigned long long k = 0, n = 0;
    if (slash == NULL || !read_count(text, (size_t)(slash - text), &k) ||
        !read_count(slash + 1, strlen(slash + 1), &n) || n > 1000000 || k >= n) {
        return ws_arg_refuse(arg, text, err);
    }
    out->slice_index = k;
    out->n_slices    = n;
    return WS_OK;
}

static ws_status set_memory(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    swp_run_options *out = into;
    char            *end = NULL;
    const double     mb  = strtod(text, &end);
    if (end == text || *end != '\0' || !(mb >= 1.0 && mb <= 1e9)) {
        return ws_arg_refuse(arg, text, err);
    }
    out->memory_bytes = (size_t)(mb * 1e6);
    return WS_OK;
}

static ws_status add_data_dir(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    swp_run_options *out = into;
    if (out->n_data_dirs == SWP_MAX_DATA_DIRS) {
        return ws_error_add(err, WS_ERR_INPUT, "--%s: at most %d", arg->name, SWP_MAX_DATA_DIRS);
    }
    out->data_dirs[out->n_data_dirs++] = text;
    return WS_OK;
}

static ws_status unknown_metric(const ws_arg *arg, const char *text, ws_error *err)
{
    const char *names[WS_METRIC_COUNT];
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        names[m] = ws_metric_name((ws_metric)m);
    }
    const char *nearest = ws_nearest_name(text, names, WS_METRIC_COUNT);
    if (nearest == NULL) {
        return ws_arg_refuse(arg, text, err);
    }
    return ws_error_add(err, WS_ERR_INPUT, "--%s: unknown metric %s; did you mean %s?", arg->name, text,
                        nearest);
}

static ws_status set_metric(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    swp_run_options *out    = into;
    const ws_metric  metric = ws_metric_from_name(text);
    if (metric == WS_METRIC_COUNT) {
        return unknown_metric(arg, text, err);
    }
    out->best = metric;
    return WS_OK;
}

/* ---- the tables ---- */

#define AT(member) .offset = offsetof(swp_run_options, member)
#define FLAG(flag, member, text)                                                                             \
    {                                                                                                        \
        .name = flag, .kind = WS_ARG_FLAG, AT(member), .help = text                                          \
    }
#define PATH(flag, member, what, text)                                                                       \
    {                                                                                                        \
        .name = flag, .kind = WS_ARG_FILE, AT(member), .value = what, .help = text                           \
    }
#define TIME(flag, member, text)                                                                             \
    {                                                                                                        \
        .name = flag, .kind = WS_ARG_SECONDS, AT(member), .min = 1e-9, .max = INFINITY,                      \
        .expected = "a time above 0 such as 90s, 5m, 1h30m or 00:10:00", .help = text                        \
    }

/* In the order of swp_rank0_works. */
static const char *const works_choices[] = {"yes", "no", "auto", NULL};

static const ws_arg run_args[] = {
    {.name       = "output",
     .short_name = "o",
     .kind       = WS_ARG_FILE,
     AT(output_path),
     .help = "the result file (HDF5); default: the sweep's name + .h5"},
    FLAG("resume", resume, "keep what FILE has, run what is missing; also without FILE"),
    FLAG("retry-failed", retry_failed, "with --resume: run failed, timed out and infeasible jobs again"),
    FLAG("drop-rows", drop_rows,
         "with --resume: leave out finished rows that the spec no longer has; jobs whose input files changed "
         "run "
         "again"),
    FLAG("rehash", rehash,
         "with --resume of the same spec: keep rows although input files changed; recorded in history"),
    FLAG("overwrite", overwrite, "replace an existing FILE"),
    FLAG("keep-infeasible", keep_infeasible,
         "a row of state infeasible for each point that a constraint leaves out"),
    TIME("job-timeout", time_budget_s, "longest wall time of one simulation (10s, 5m, 1h30m, 00:10:00)"),
    TIME("time-limit", time_limit_s,
         "stop handing out work after this time; default: in time for the end of the Slurm allocation"),
    TIME("silence-timeout", silence_s,
         "a rank silent for longer is taken for dead (default 30s, at least 3s)"),
    TIME("start-timeout", start_s,
         "longest time until all ranks have come (default 5min); then the others end with 75"),
    {.name = "rank0-works",
     .kind = WS_ARG_CHOICE,
     AT(rank0_works),
     .choices = works_choices,
     .help    = "simulate on rank 0 too; auto: with up to 4 ranks"},
    {.name     = "best",
     .kind     = WS_ARG_TEXT,
     .value    = "METRIC",
     .set      = set_metric,
     .expected = "a metric such as j_per_token",
     .help     = "what \"best so far\" is about (default j_per_token)"},
    FLAG("ignore-slo", ignore_slo,
         "\"best so far\" by that metric alone; otherwise points that meet the spec's slo come first"),
    FLAG("no-live", no_live,
         "collect in a local scratch file first, for file systems without POSIX writes (NFS)"),
    PATH("scratch-dir", scratch_dir, "DIR", "where --no-live collects; default $TMPDIR"),
    FLAG("no-repack", no_repack, "end without compressing and ordering the file"),
    PATH("progress-json", progress_json, "FILE",
         "keep the state of the sweep in FILE, once a second: counts, jobs_per_s, eta_s, best"),
    {.name       = "verbose",
     .short_name = "v",
     .kind       = WS_ARG_COUNT,
     AT(verbosity),
     .help = "also a line for each rank, live on a terminal"},
    {.name = "quiet", .short_name = "q", .kind = WS_ARG_FLAG, AT(is_quiet), .help = "only problems"},
};

static const ws_arg plan_args[] = {
    FLAG("json", as_json, "print the plan as JSON"),
    FLAG("list", as_list, "print every job and its parameters, tab-separated"),
    FLAG("no-probe", no_probe, "do not try a few points: no estimate of time and file size"),
};

static const ws_arg shared_args[] = {
    {.name  = "data-dir",
     .kind  = WS_ARG_FILE,
     .value = "DIR",
     .set   = add_data_dir,
     .help  = "a folder that holds model/ pim/ profiles/, searched before the bundled data; may be repeated"},
    {.name     = "slice",
     .kind     = WS_ARG_TEXT,
     .value    = "K/N",
     .set      = set_slice,
     .expected = "K/N with 0 <= K < N",
     .help     = "only the K-th of N parts, K from 0; `wattsweep merge` joins the files"},
    {.name     = "job-memory",
     .kind     = WS_ARG_TEXT,
     .value    = "MB",
     .set      = set_memory,
     .expected = "megabytes >= 1",
     .help =
         "most memory of one simulation (default: a third of what the host has left, shared by its ranks)"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char run_usage[] =
    "SPEC [-o FILE] [options]\n"
    "       mpirun -n 64 --bind-to none wattsweep run SPEC -o FILE\n"
    "       wattsweep-launch mpirun -n 64 --bind-to none --enable-recovery wattsweep run SPEC -o FILE";

static const char run_about[] =
    "Simulate every point of a sweep and gather everything in one HDF5 file. Alone it uses this\n"
    "process; under mpirun or srun rank 0 hands out jobs and writes, the other ranks simulate.\n"
    "With wattsweep-launch and --enable-recovery it goes on when a rank dies.\n"
    "A job that fails is a row with its reason, never the end of the sweep. While it runs,\n"
    "`wattsweep status FILE` and `wattsweep top FILE` already read the file.\n"
    "\n"
    "examples:\n"
    "  wattsweep plan configs/sweeps/power_tradeoff.json          what would run\n"
    "  mpirun -n 4 wattsweep run configs/sweeps/power_tradeoff.json -o results.h5\n"
    "  wattsweep run spec.json -o results.h5 --resume             go on after a kill or exit 75";

static const char plan_about[] =
    "Say what a sweep would do: its axes, how many jobs, which points the constraints leave out and\n"
    "why, and an estimate of core time and file size from trying up to 32 points. Writes nothing.\n"
    "\n"
    "examples:\n"
    "  wattsweep plan configs/sweeps/power_tradeoff.json\n"
    "  wattsweep plan spec.json --list | head\n"
    "\n"
    "Every problem of a spec is listed with its place.";

/* The line of a command.
 * @param[in,out] into  what it sets; NULL if only help is wanted */
static ws_cmdline make_line(swp_command command, swp_run_options *into, ws_arg_section sections[2])
{
    const bool is_run = command == SWP_COMMAND_RUN;
    ws_cmdline line   = {.sections      = sections,
                         .n_sections    = 2,
                         .operand_names = "a sweep spec",
                         .min_operands  = 1,
                         .max_operands  = 1,
                         .operands      = into != NULL ? &into->spec_path : NULL};
    sections[0]       = (ws_arg_section){NULL, plan_args, COUNT_OF(plan_args), into};
    if (is_run) {
        sections[0] = (ws_arg_section){NULL, run_args, COUNT_OF(run_args), into};
    }
    sections[1]  = (ws_arg_section){NULL, shared_args, COUNT_OF(shared_args), into};
    line.program = is_run ? "wattsweep run" : "wattsweep plan";
    line.usage   = is_run ? run_usage : "SPEC [options]";
    line.about   = is_run ? run_about : plan_about;
    return line;
}

static ws_status check_contradictions(const swp_run_options *options, ws_error *err)
{
    ws_status status = WS_OK;
    if ((options->retry_failed || options->drop_rows || options->rehash) && !options->resume) {
        status = ws_error_add(err, WS_ERR_INPUT, "--retry-failed, --drop-rows and --rehash go with --resume");
    }
    if (options->drop_rows && options->rehash) {
        status = ws_error_add(
            err, WS_ERR_INPUT,
            "--drop-rows runs jobs with changed inputs again, --rehash keeps their rows: expected "
            "one of them");
    }
    if (options->resume && options->overwrite) {
        status = ws_error_add(err, WS_ERR_INPUT,
                              "--resume keeps FILE, --overwrite replaces it: expected one of them");
    }
    return status;
}

ws_status swp_run_options_parse(swp_command command, int argc, char **argv, ws_error *err,
                                swp_run_options *out)
{
    ws_arg_section  sections[2];
    ws_cmdline_seen seen  = {.wants_help = false};
    *out                  = (swp_run_options){.n_slices    = 1,
                                              .silence_s   = 30.0,
                                              .start_s     = 300.0,
                                              .best        = WS_METRIC_J_PER_TOKEN,
                                              .rank0_works = SWP_RANK0_WORKS_AUTO};
    const ws_cmdline line = make_line(command, out, sections);
    const ws_status  read = ws_cmdline_read(&line, argc, (const char *const *)argv, err, &seen);
    out->wants_help       = seen.wants_help;
    if (read == WS_ERR_NOMEM || seen.wants_help) {
        return read;
    }
    const ws_status checked = check_contradictions(out, err);
    return read != WS_OK ? read : checked;
}

void swp_run_options_help(swp_command command)
{
    ws_arg_section   sections[2];
    const ws_cmdline line = make_line(command, NULL, sections);
    ws_cmdline_print_help(&line, stdout);
}
