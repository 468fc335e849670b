#include "run/run_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/nearest_name.h"
#include "base/units.h"

typedef enum option_kind { KIND_FLAG, KIND_TEXT, KIND_DURATION, KIND_MEGABYTES, KIND_OTHER } option_kind;

enum { FOR_RUN = 1, FOR_PLAN = 2, FOR_BOTH = 3 };

typedef struct option {
    const char *name, *short_name; /* without dashes */
    option_kind kind;
    unsigned    commands;
    size_t      offset; /* in swp_run_options */
    const char *value, *help;
} option;

#define AT(member) offsetof(swp_run_options, member)

static const option options[] = {
    {"output", "o", KIND_TEXT, FOR_RUN, AT(output_path), "FILE",
     "the result file (HDF5); default: the sweep's name + .h5"},
    {"data-dir", NULL, KIND_OTHER, FOR_BOTH, 0, "DIR",
     "a folder that holds model/ pim/ profiles/, searched before the bundled data; may be repeated"},
    {"resume", NULL, KIND_FLAG, FOR_RUN, AT(resume), NULL,
     "keep what FILE has, run what is missing; also without FILE"},
    {"retry-failed", NULL, KIND_FLAG, FOR_RUN, AT(retry_failed), NULL,
     "with --resume: run failed, timed out and infeasible jobs again"},
    {"drop-rows", NULL, KIND_FLAG, FOR_RUN, AT(drop_rows), NULL,
     "with --resume: leave out finished rows that the spec no longer has; jobs whose input files changed run "
     "again"},
    {"rehash", NULL, KIND_FLAG, FOR_RUN, AT(rehash), NULL,
     "with --resume of the same spec: keep rows although input files changed; recorded in history"},
    {"overwrite", NULL, KIND_FLAG, FOR_RUN, AT(overwrite), NULL, "replace an existing FILE"},
    {"slice", NULL, KIND_OTHER, FOR_BOTH, 0, "K/N",
     "only the K-th of N parts, K from 0; `wattsweep merge` joins the files"},
    {"keep-infeasible", NULL, KIND_FLAG, FOR_RUN, AT(keep_infeasible), NULL,
     "a row of state infeasible for each point that a constraint leaves out"},
    {"job-timeout", NULL, KIND_DURATION, FOR_RUN, AT(time_budget_s), "TIME",
     "longest wall time of one simulation (10s, 5m, 1h30m, 00:10:00)"},
    {"job-memory", NULL, KIND_MEGABYTES, FOR_BOTH, AT(memory_bytes), "MB",
     "most memory of one simulation (default: a third of what the host has left, shared by its ranks)"},
    {"time-limit", NULL, KIND_DURATION, FOR_RUN, AT(time_limit_s), "TIME",
     "stop handing out work after this time; default: in time for the end of the Slurm allocation"},
    {"silence-timeout", NULL, KIND_DURATION, FOR_RUN, AT(silence_s), "TIME",
     "a rank silent for longer is taken for dead (default 30s, at least 3s)"},
    {"start-timeout", NULL, KIND_DURATION, FOR_RUN, AT(start_s), "TIME",
     "longest time until all ranks have come (default 5min); then the others end with 75"},
    {"rank0-works", NULL, KIND_OTHER, FOR_RUN, 0, "yes|no|auto",
     "simulate on rank 0 too; auto: with up to 4 ranks"},
    {"best", NULL, KIND_OTHER, FOR_RUN, 0, "METRIC", "what \"best so far\" is about (default j_per_token)"},
    {"ignore-slo", NULL, KIND_FLAG, FOR_RUN, AT(ignore_slo), NULL,
     "\"best so far\" by that metric alone; otherwise points that meet the spec's slo come first"},
    {"no-live", NULL, KIND_FLAG, FOR_RUN, AT(no_live), NULL,
     "collect in a local scratch file first, for file systems without POSIX writes (NFS)"},
    {"scratch-dir", NULL, KIND_TEXT, FOR_RUN, AT(scratch_dir), "DIR",
     "where --no-live collects; default $TMPDIR"},
    {"no-repack", NULL, KIND_FLAG, FOR_RUN, AT(no_repack), NULL,
     "end without compressing and ordering the file"},
    {"progress-json", NULL, KIND_TEXT, FOR_RUN, AT(progress_json), "FILE",
     "keep the state of the sweep in FILE, once a second: counts, jobs_per_s, eta_s, best"},
    {"verbose", "v", KIND_OTHER, FOR_RUN, 0, NULL, "also a line for each rank, live on a terminal"},
    {"quiet", "q", KIND_FLAG, FOR_RUN, AT(is_quiet), NULL, "only problems"},
    {"json", NULL, KIND_FLAG, FOR_PLAN, AT(as_json), NULL, "print the plan as JSON"},
    {"list", NULL, KIND_FLAG, FOR_PLAN, AT(as_list), NULL,
     "print every job and its parameters, tab-separated"},
    {"no-probe", NULL, KIND_FLAG, FOR_PLAN, AT(no_probe), NULL,
     "do not try a few points: no estimate of time and file size"},
    {"help", "h", KIND_FLAG, FOR_BOTH, AT(wants_help), NULL, "this text"},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static unsigned bit_of(swp_command command)
{
    return command == SWP_COMMAND_RUN ? FOR_RUN : FOR_PLAN;
}

/* ---- one option ---- */

static const option *find_option(unsigned bit, const char *name, size_t len, bool is_short)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const char *candidate = is_short ? options[i].short_name : options[i].name;
        if ((options[i].commands & bit) != 0 && candidate != NULL && strlen(candidate) == len &&
            strncmp(candidate, name, len) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static ws_status unknown_option(unsigned bit, const char *arg, ws_error *err)
{
    const char *names[N_OPTIONS];
    char        name[64]; /* without dashes and value; longer ones are near none */
    size_t      n      = 0;
    const char *dashed = arg + strspn(arg, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(dashed, "="), dashed);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if ((options[i].commands & bit) != 0) {
            names[n++] = options[i].name;
        }
    }
    const char *nearest = ws_nearest_name(name, names, n);
    return ws_error_add(err, WS_ERR_INPUT, "unknown option %s%s%s%s", arg,
                        nearest != NULL ? ", did you mean --" : "", nearest != NULL ? nearest : "",
                        nearest != NULL ? "?" : "; see --help");
}

static ws_status bad_value(const option *opt, const char *value, const char *expected, ws_error *err)
{
    return ws_error_add(err, WS_ERR_INPUT, "--%s: expected %s, found %s", opt->name, expected, value);
}

static ws_status unknown_metric(const option *opt, const char *value, ws_error *err)
{
    const char *names[WS_METRIC_COUNT];
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        names[m] = ws_metric_name((ws_metric)m);
    }
    const char *nearest = ws_nearest_name(value, names, WS_METRIC_COUNT);
    return ws_error_add(err, WS_ERR_INPUT, "--%s: expected a metric such as j_per_token, found %s%s%s%s",
                        opt->name, value, nearest != NULL ? ", did you mean " : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* Digits alone: strtoull() would also take blanks, signs and nothing. */
static bool read_count(const char *text, size_t len, unsigned long long *out)
{
    if (len == 0 || len > 7 || strspn(text, "0123456789") < len) {
        return false;
    }
    *out = strtoull(text, NULL, 10);
    return true;
}

static ws_status set_slice(const option *opt, const char *value, swp_run_options *out, ws_error *err)
{
    const char        *slash = strchr(value, '/');
    unsigned long long k = 0, n = 0;
    if (slash == NULL || !read_count(value, (size_t)(slash - value), &k) ||
        !read_count(slash + 1, strlen(slash + 1), &n) || n > 1000000 || k >= n) {
        return bad_value(opt, value, "K/N with 0 <= K < N", err);
    }
    out->slice_index = k;
    out->n_slices    = n;
    return WS_OK;
}

static ws_status set_other(const option *opt, const char *value, swp_run_options *out, ws_error *err)
{
    if (strcmp(opt->name, "verbose") == 0) {
        out->verbosity++;
        return WS_OK;
    }
    if (strcmp(opt->name, "slice") == 0) {
        return set_slice(opt, value, out, err);
    }
    if (strcmp(opt->name, "data-dir") == 0) {
        if (out->n_data_dirs == SWP_MAX_DATA_DIRS) {
            return ws_error_add(err, WS_ERR_INPUT, "--data-dir: at most %d", SWP_MAX_DATA_DIRS);
        }
        out->data_dirs[out->n_data_dirs++] = value;
        return WS_OK;
    }
    if (strcmp(opt->name, "best") == 0) {
        out->best = ws_metric_from_name(value);
        return out->best == WS_METRIC_COUNT ? unknown_metric(opt, value, err) : WS_OK;
    }
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0 && strcmp(value, "auto") != 0) {
        return bad_value(opt, value, "yes, no or auto", err);
    }
    out->local_worker = value[0] == 'y' ? 1 : value[0] == 'n' ? 0 : -1;
    return WS_OK;
}

static ws_status set_value(const option *opt, const char *value, swp_run_options *out, ws_error *err)
{
    char *at = (char *)out + opt->offset;
    switch (opt->kind) {
    case KIND_FLAG: {
        const bool yes = true;
        memcpy(at, &yes, sizeof yes);
        return WS_OK;
    }
    case KIND_TEXT:
        memcpy(at, &value, sizeof value);
        return WS_OK;
    case KIND_DURATION: {
        int64_t ns = 0;
        if (ws_duration_parse(value, 1.0, &ns) != WS_OK || ns == 0) {
            return bad_value(opt, value, "a time above 0 such as 90s, 5m, 1h30m or 00:10:00", err);
        }
        const double seconds = ws_seconds(ns);
        memcpy(at, &seconds, sizeof seconds);
        return WS_OK;
    }
    case KIND_MEGABYTES: {
        char        *end = NULL;
        const double mb  = strtod(value, &end);
        if (end == value || *end != '\0' || !(mb >= 1.0 && mb <= 1e9)) {
            return bad_value(opt, value, "megabytes >= 1", err);
        }
        const size_t bytes = (size_t)(mb * 1e6);
        memcpy(at, &bytes, sizeof bytes);
        return WS_OK;
    }
    case KIND_OTHER:
        break;
    }
    return set_other(opt, value, out, err);
}

/* ---- the command line ---- */

static ws_status take_positional(const char *arg, swp_run_options *out, ws_error *err)
{
    if (out->spec_path != NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "expected one sweep spec, found %s after %s", arg,
                            out->spec_path);
    }
    out->spec_path = arg;
    return WS_OK;
}

static ws_status parse_one(unsigned bit, int argc, char **argv, int *i, swp_run_options *out, ws_error *err)
{
    const char *arg = argv[*i];
    if (arg[0] != '-' || arg[1] == '\0') {
        return take_positional(arg, out, err);
    }
    const bool    is_short = arg[1] != '-';
    const char   *name     = arg + (is_short ? 1 : 2);
    const char   *equals   = is_short ? NULL : strchr(name, '=');
    const size_t  len      = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const option *opt      = find_option(bit, name, len, is_short);
    if (opt == NULL) {
        return unknown_option(bit, arg, err);
    }
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (opt->value == NULL && value != NULL) {
        return ws_error_add(err, WS_ERR_INPUT, "--%s takes no value", opt->name);
    }
    if (opt->value != NULL && value == NULL) {
        if (*i + 1 == argc) {
            return ws_error_add(err, WS_ERR_INPUT, "--%s needs a value: %s", opt->name, opt->value);
        }
        value = argv[++*i];
    }
    return set_value(opt, value, out, err);
}

ws_status swp_run_options_parse(swp_command command, int argc, char **argv, ws_error *err,
                                swp_run_options *out)
{
    ws_status status = WS_OK;
    *out             = (swp_run_options){.n_slices     = 1,
                                         .silence_s    = 30.0,
                                         .start_s      = 300.0,
                                         .best         = WS_METRIC_J_PER_TOKEN,
                                         .local_worker = -1};
    for (int i = 1; i < argc; i++) {
        const ws_status one = parse_one(bit_of(command), argc, argv, &i, out, err);
        status              = one == WS_OK ? status : one;
    }
    if (out->spec_path == NULL && !out->wants_help) {
        status = ws_error_add(err, WS_ERR_INPUT, "expected a sweep spec; see --help");
    }
    if ((out->retry_failed || out->drop_rows || out->rehash) && !out->resume) {
        status = ws_error_add(err, WS_ERR_INPUT, "--retry-failed, --drop-rows and --rehash go with --resume");
    }
    if (out->drop_rows && out->rehash) {
        status = ws_error_add(
            err, WS_ERR_INPUT,
            "--drop-rows runs jobs with changed inputs again, --rehash keeps their rows: expected "
            "one of them");
    }
    if (out->resume && out->overwrite) {
        status = ws_error_add(err, WS_ERR_INPUT,
                              "--resume keeps FILE, --overwrite replaces it: expected one of them");
    }
    return status;
}

static const char run_intro[] =
    "usage: wattsweep run SPEC [-o FILE] [options]\n"
    "       mpirun -n 64 --bind-to none wattsweep run SPEC -o FILE\n"
    "       wattsweep-launch mpirun -n 64 --bind-to none --enable-recovery wattsweep run SPEC -o FILE\n"
    "\n"
    "Simulate every point of a sweep and gather everything in one HDF5 file. Alone it uses this\n"
    "process; under mpirun or srun rank 0 hands out jobs and writes, the other ranks simulate.\n"
    "With wattsweep-launch and --enable-recovery it goes on when a rank dies.\n"
    "A job that fails is a row with its reason, never the end of the sweep. While it runs,\n"
    "`wattsweep status FILE` and `wattsweep top FILE` already read the file.\n"
    "\n"
    "examples:\n"
    "  wattsweep plan configs/sweeps/power_tradeoff.json          what would run\n"
    "  mpirun -n 4 wattsweep run configs/sweeps/power_tradeoff.json -o results.h5\n"
    "  wattsweep run spec.json -o results.h5 --resume             go on after a kill or exit 75\n"
    "\n"
    "options:\n";

static const char plan_intro[] =
    "usage: wattsweep plan SPEC [options]\n"
    "\n"
    "Say what a sweep would do: its axes, how many jobs, which points the constraints leave out and\n"
    "why, and an estimate of core time and file size from trying up to 32 points. Writes nothing.\n"
    "\n"
    "examples:\n"
    "  wattsweep plan configs/sweeps/power_tradeoff.json\n"
    "  wattsweep plan spec.json --list | head\n"
    "\n"
    "Every problem of a spec is listed with its place.\n"
    "\n"
    "options:\n";

void swp_run_options_help(swp_command command)
{
    fputs(command == SWP_COMMAND_RUN ? run_intro : plan_intro, stdout);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if ((options[i].commands & bit_of(command)) == 0) {
            continue;
        }
        char left[64];
        snprintf(left, sizeof left, "%s%s%s--%s%s%s", options[i].short_name != NULL ? "-" : "    ",
                 options[i].short_name != NULL ? options[i].short_name : "",
                 options[i].short_name != NULL ? ", " : "", options[i].name,
                 options[i].value != NULL ? " " : "", options[i].value != NULL ? options[i].value : "");
        printf("  %-28s %s\n", left, options[i].help);
    }
    printf("\n%s", ws_exit_code_help());
}
