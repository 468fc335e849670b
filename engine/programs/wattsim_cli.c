#include "programs/wattsim_cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/cmdline_help.h"

static const char DEFAULT_CLUSTER[] = "configs/cluster/single_node_single_instance.json";

/* ---- SLO ---- */

static ws_status set_slo(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    ws_wattsim_args *args = into;
    (void)arg;
    return ws_slo_parse(text, err, &args->slo);
}

/* ---- files and switches ---- */

/** Of --dataset and --workload the last one wins. */
static ws_status set_dataset(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    ws_wattsim_args *args = into;
    (void)arg;
    (void)err;
    args->dataset  = text;
    args->workload = NULL;
    return WS_OK;
}

static ws_status set_workload(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    ws_wattsim_args *args = into;
    (void)arg;
    (void)err;
    args->workload = text;
    args->dataset  = NULL;
    return WS_OK;
}

/** --from is replaced by what its folder says before a line is read (job_folder.h). */
static ws_status refuse_from(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    (void)into;
    (void)arg;
    (void)text;
    return ws_error_add(err, WS_ERR_INPUT, "--from: not allowed here");
}

#define AT(member) .offset = offsetof(ws_wattsim_args, member)

static const ws_arg file_args[] = {
    {.name = "cluster-config",
     .kind = WS_ARG_FILE,
     AT(cluster_config),
     .help = "nodes, instances, memories, links and power coefficients (docs/cluster-config.md)"},
    {.name = "dataset",
     .kind = WS_ARG_FILE,
     .set  = set_dataset,
     .help = "requests, JSON Lines; without it, 16 requests of 64 prompt and 64 output tokens at time 0"},
    {.name = "workload",
     .kind = WS_ARG_FILE,
     .set  = set_workload,
     .help =
         "generate the requests from this spec (docs/workloads.md) with --seed; of --dataset and this, the "
         "last one wins"},
    {.name  = "from",
     .kind  = WS_ARG_FILE,
     .value = "DIR",
     .set   = refuse_from,
     .help  = "run what `wattsweep show FILE --job N --export DIR` wrote; further options override it"},
    {.name = "output",
     .kind = WS_ARG_FILE,
     AT(output),
     .help = "write one CSV row per request; - = standard output"},
    {.name = "request-energy",
     .kind = WS_ARG_FLAG,
     AT(wants_request_energy),
     .help = "two more columns in --output: active_j and energy_j, the request's share of energy"},
    {.name = "summary-json",
     .kind = WS_ARG_FILE,
     AT(summary_json),
     .help =
         "write metrics, energy and time series as JSON; - = standard output, the log then goes to standard "
         "error"},
    {.name = "data-dir",
     .kind = WS_ARG_LIST,
     AT(data_dirs),
     .value = "DIR",
     .help =
         "look for model/, profiles/, hardware/ and pim/ here before the bundled configs; may be repeated"},
    {.name  = "slo",
     .kind  = WS_ARG_FILE,
     .value = "LIST",
     .set   = set_slo,
     .help  = "bounds on latencies, ms: ttft_ms=500,tpot_ms=50 of each request (also itl_ms, latency_ms, "
              "queue_ms), "
              "which 99 % must meet (attainment=0.95: 95 %); ttft_p99_ms=2000 and the like of the whole run"},
    {.name = "dry-run",
     .kind = WS_ARG_FLAG,
     AT(is_dry_run),
     .help = "check everything, print the resolved inputs as JSON, simulate nothing"},
    {.name = "quiet", .kind = WS_ARG_FLAG, AT(is_quiet), .help = "print neither log nor summary"},
    {.name = "version", .kind = WS_ARG_FLAG, AT(wants_version), .help = "print the version"},
};
enum { N_FILE_ARGS = sizeof(file_args) / sizeof(file_args[0]) };

/* ---- simulator options ---- */

static ws_status set_option(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    ws_wattsim_args *args = into;
    return ws_option_set_text(&args->options, arg->context, text, err);
}

enum { MAX_OPTIONS = WS_CMDLINE_MAX_ARGS - N_FILE_ARGS };

/** The line's tables: the simulator's options as rows, a section for each of their groups. */
typedef struct tables {
    ws_cmdline     line;
    ws_arg         args[MAX_OPTIONS];
    char           defaults[MAX_OPTIONS][64];
    ws_arg_section sections[1 + MAX_OPTIONS];
} tables;

static void put_option(const ws_option *option, char default_text[64], ws_arg *out)
{
    static const ws_arg_kind kinds[]  = {[WS_OPTION_INT]     = WS_ARG_INT,
                                         [WS_OPTION_DOUBLE]  = WS_ARG_NUMBER,
                                         [WS_OPTION_BOOL]    = WS_ARG_SWITCH,
                                         [WS_OPTION_CHOICE]  = WS_ARG_CHOICE,
                                         [WS_OPTION_SECONDS] = WS_ARG_SECONDS};
    const ws_options         defaults = ws_options_default();
    (void)ws_option_get_text(&defaults, option, default_text);
    if (option->type == WS_OPTION_BOOL) {
        (void)strcpy(default_text, strcmp(default_text, "true") == 0 ? "on" : "off");
    }
    *out = (ws_arg){.name         = option->name,
                    .kind         = kinds[option->type],
                    .choices      = option->choices,
                    .mark         = option->per_instance ? " *" : NULL,
                    .help         = option->help,
                    .default_text = default_text,
                    .set          = set_option,
                    .context      = option};
}

static const char ABOUT[] =
    "wattsim - simulate LLM serving on a cluster, with the power it draws\n"
    "\n"
    "  wattsim [options]                one simulation\n"
    "  wattsim workload ...             make or inspect request traces (wattsim workload --help)\n"
    "\n"
    "Examples\n"
    "  The bundled single-NPU cluster with power coefficients, standby given in seconds:\n"
    "    wattsim --cluster-config configs/cluster/single_node_power_instance.json --standby-unit s\n"
    "  A trace, a row per request and everything else as JSON:\n"
    "    wattsim --cluster-config my_cluster.json --dataset workloads/sharegpt_like.jsonl --output "
    "out/requests.csv \\\n"
    "            --summary-json out/summary.json\n"
    "  Smaller batches, with the share of requests that meet a bound on latency:\n"
    "    wattsim --max-num-seqs 32 --slo ttft_ms=500,tpot_ms=50 --summary-json - | jq "
    ".metrics.slo_attainment\n"
    "  A job of a sweep again, then with more requests at once:\n"
    "    wattsweep show results.h5 --job 17 --export job17 && wattsim --from job17\n"
    "    wattsim --from job17 --max-num-seqs 512\n"
    "  What would be simulated, without doing so:\n"
    "    wattsim --cluster-config my_cluster.json --dry-run";

static const char CLOSING[] = "Options marked * may also be keys of an instance in the cluster config (with "
                              "underscores), which then win.\n"
                              "Files are looked up as given, then next to the bundled configs folder.";

/** @param[in,out] into  what the line sets; NULL if only help is wanted */
static void make_tables(ws_wattsim_args *into, tables *t)
{
    size_t           n, n_sections = 1;
    const ws_option *options = ws_option_table(&n);
    WS_ASSERT(n <= MAX_OPTIONS);
    t->sections[0] = (ws_arg_section){"Files and switches", file_args, N_FILE_ARGS, into};
    for (size_t i = 0; i < n; i++) {
        put_option(&options[i], t->defaults[i], &t->args[i]);
        if (i == 0 || strcmp(options[i].group, options[i - 1].group) != 0) {
            t->sections[n_sections++] = (ws_arg_section){options[i].group, &t->args[i], 0, into};
        }
        t->sections[n_sections - 1].n_args++;
    }
    t->line = (ws_cmdline){.program    = "wattsim",
                           .about      = ABOUT,
                           .closing    = CLOSING,
                           .sections   = t->sections,
                           .n_sections = n_sections};
}

/* ---- the whole line ---- */

static ws_status check_outputs(const ws_wattsim_args *args, ws_error *err)
{
    if (args->wants_request_energy && args->output == NULL) {
        return ws_error_add(err, WS_ERR_INPUT,
                            "--request-energy: expected --output FILE, whose columns it adds to");
    }
    if (args->output != NULL && args->summary_json != NULL && strcmp(args->output, args->summary_json) == 0) {
        return ws_error_add(err, WS_ERR_INPUT, "--output and --summary-json: both are '%s'; give two names",
                            args->output);
    }
    return WS_OK;
}

static ws_status read_line(int argc, const char *const *argv, ws_error *err, ws_wattsim_args *args)
{
    tables          t;
    ws_cmdline_seen seen;
    make_tables(args, &t);
    WS_TRY(ws_cmdline_read(&t.line, argc, argv, err, &seen));
    args->wants_help = seen.wants_help;
    return check_outputs(args, err);
}

ws_status ws_wattsim_args_parse(int argc, const char *const *argv, ws_error *err, ws_wattsim_args *args_out)
{
    const size_t    n_words = (size_t)argc + 1;
    ws_wattsim_args args    = {
           .options = ws_options_default(), .slo = WS_SLO_NONE, .cluster_config = DEFAULT_CLUSTER};
    args.data_dirs =
        (ws_arg_list){.items = calloc(n_words, sizeof(args.data_dirs.items[0])), .capacity = n_words};
    if (args.data_dirs.items == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = read_line(argc, argv, err, &args);
    if (status != WS_OK) {
        ws_wattsim_args_fini(&args);
        return status;
    }
    *args_out = args;
    return WS_OK;
}

void ws_wattsim_args_fini(ws_wattsim_args *args)
{
    free(args->data_dirs.items);
    args->data_dirs = (ws_arg_list){.items = NULL};
}

void ws_wattsim_print_help(FILE *stream)
{
    tables t;
    make_tables(NULL, &t);
    ws_cmdline_print_help(&t.line, stream);
}
