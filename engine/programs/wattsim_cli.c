#include "programs/wattsim_cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { FLAG_CAP = 64 };

typedef struct flag_info {
    const char *name, *value;
} flag_info;

static const flag_info flags[] = {
#define FLAG_INFO(id, flag, value, help) [WS_WATTSIM_##id] = {flag, value},
    WS_WATTSIM_FLAG_LIST(FLAG_INFO)
#undef FLAG_INFO
};

static const char DEFAULT_CLUSTER[] = "configs/cluster/single_node_single_instance.json";

/* ---- SLO ---- */

/** Read one "name=number" of len characters. False if it is none. */
static bool parse_part(const char *text, size_t len, ws_slo *slo)
{
    const size_t name_len = strcspn(text, "=,");
    const size_t part     = name_len + 1 < len ? ws_slo_find(text, name_len) : WS_SLO_N_PARTS;
    if (part == WS_SLO_N_PARTS || text[name_len] != '=') {
        return false;
    }
    char  *end;
    double value            = strtod(text + name_len + 1, &end);
    *ws_slo_part(slo, part) = value;
    return end == text + len && value > 0.0 && value <= ws_slo_part_most(part);
}

ws_status ws_slo_parse(const char *text, ws_error *err, ws_slo *slo)
{
    WS_ASSERT(text != NULL);
    ws_slo read = *slo;
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        if (!parse_part(at, len, &read)) {
            return ws_error_add(
                err, WS_ERR_INPUT,
                "--slo: expected NAME=MS with MS above 0 and a name of ttft_ms, tpot_ms, itl_ms, "
                "latency_ms, queue_ms (each request) or ttft_p99_ms and the like (the run), or "
                "attainment=SHARE up to 1, found '%.*s'",
                (int)(len < FLAG_CAP ? len : FLAG_CAP), at);
        }
        at += len;
        if (*at == '\0') {
            *slo = read;
            return WS_OK;
        }
    }
}

/* ---- one argument ---- */

/** The command line while it is read. */
typedef struct cli_reader {
    int                argc, next;
    const char *const *argv;
    ws_error          *err;
    ws_wattsim_args    args;
} cli_reader;

/** An argument split at its '='. */
typedef struct cli_arg {
    char        name[FLAG_CAP]; /* without dashes in front */
    const char *value;          /* behind '=', NULL if there is none */
    bool        is_negated;     /* it was --no-name */
} cli_arg;

static ws_status unknown_flag(ws_error *err, const char *name)
{
    size_t           n_options;
    const ws_option *options = ws_option_table(&n_options);
    const char     **known   = calloc(n_options + COUNT_OF(flags), sizeof(*known));
    char(*dashed)[64]        = calloc(n_options, sizeof(*dashed));
    ws_status status         = WS_ERR_NOMEM;
    if (known != NULL && dashed != NULL) {
        for (size_t i = 0; i < n_options; i++) {
            known[i] = ws_option_flag(&options[i], dashed[i]);
        }
        for (size_t i = 0; i < COUNT_OF(flags); i++) {
            known[n_options + i] = flags[i].name;
        }
        const char *nearest = ws_nearest_name(name, known, n_options + COUNT_OF(flags));
        status =
            nearest != NULL
                ? ws_error_add(err, WS_ERR_INPUT, "--%s: unknown option; did you mean --%s?", name, nearest)
                : ws_error_add(err, WS_ERR_INPUT, "--%s: unknown option; see wattsim --help", name);
    }
    free(known);
    free(dashed);
    return status;
}

/** The value of an option that needs one: behind '=', or the next argument. NULL if there is none. */
static const char *take_value(cli_reader *reader, const cli_arg *arg)
{
    if (arg->value != NULL) {
        return arg->value;
    }
    const bool has_next = reader->next < reader->argc && strncmp(reader->argv[reader->next], "--", 2) != 0;
    return has_next ? reader->argv[reader->next++] : NULL;
}

static ws_status missing_value(ws_error *err, const char *name)
{
    return ws_error_add(err, WS_ERR_INPUT, "--%s: expected a value behind it", name);
}

static ws_status read_option(cli_reader *reader, const cli_arg *arg, const ws_option *option)
{
    if (option->type == WS_OPTION_BOOL) {
        const char *text = arg->is_negated ? "false" : arg->value != NULL ? arg->value : "true";
        return ws_option_set_text(&reader->args.options, option, text, reader->err);
    }
    const char *value = take_value(reader, arg);
    return value != NULL ? ws_option_set_text(&reader->args.options, option, value, reader->err)
                         : missing_value(reader->err, arg->name);
}

static ws_status read_flag(cli_reader *reader, const cli_arg *arg, ws_wattsim_flag flag)
{
    ws_wattsim_args *args  = &reader->args;
    const char      *value = flags[flag].value != NULL ? take_value(reader, arg) : arg->value;
    if (flags[flag].value != NULL && (value == NULL || *value == '\0')) {
        return missing_value(reader->err, arg->name);
    }
    if (flags[flag].value == NULL && value != NULL) {
        return ws_error_add(reader->err, WS_ERR_INPUT, "--%s: expected no value, found '%s'", arg->name,
                            value);
    }
    switch (flag) {
    case WS_WATTSIM_CLUSTER_CONFIG:
        args->cluster_config = value;
        break;
    case WS_WATTSIM_DATASET:
        args->dataset  = value;
        args->workload = NULL;
        break;
    case WS_WATTSIM_WORKLOAD:
        args->workload = value;
        args->dataset  = NULL;
        break;
    case WS_WATTSIM_FROM:
        return ws_error_add(reader->err, WS_ERR_INPUT, "--from: not allowed here");
    case WS_WATTSIM_OUTPUT:
        args->output = value;
        break;
    case WS_WATTSIM_REQUEST_ENERGY:
        args->wants_request_energy = true;
        break;
    case WS_WATTSIM_SUMMARY_JSON:
        args->summary_json = value;
        break;
    case WS_WATTSIM_DATA_DIR:
        args->data_dirs[args->n_data_dirs++] = value;
        break;
    case WS_WATTSIM_SLO:
        return ws_slo_parse(value, reader->err, &args->slo);
    case WS_WATTSIM_DRY_RUN:
        args->is_dry_run = true;
        break;
    case WS_WATTSIM_QUIET:
        args->is_quiet = true;
        break;
    case WS_WATTSIM_VERSION:
        args->wants_version = true;
        break;
    case WS_WATTSIM_HELP:
    case WS_WATTSIM_FLAG_COUNT:
        args->wants_help = true;
        break;
    }
    return WS_OK;
}

static ws_wattsim_flag find_flag(const char *name)
{
    for (int flag = 0; flag < WS_WATTSIM_FLAG_COUNT; flag++) {
        if (strcmp(name, flags[flag].name) == 0) {
            return (ws_wattsim_flag)flag;
        }
    }
    return WS_WATTSIM_FLAG_COUNT;
}

/** Split "--name=value"; false if the name is empty or too long to be any option's. */
static bool split(const char *text, cli_arg *arg)
{
    const char  *name  = text + 2;
    const char  *equal = strchr(name, '=');
    const size_t len   = equal != NULL ? (size_t)(equal - name) : strlen(name);
    if (len == 0 || len >= sizeof(arg->name)) {
        return false;
    }
    memcpy(arg->name, name, len);
    arg->name[len]  = '\0';
    arg->value      = equal != NULL ? equal + 1 : NULL;
    arg->is_negated = false;
    return true;
}

static ws_status read_argument(cli_reader *reader, const char *text)
{
    cli_arg arg;
    if (strcmp(text, "-h") == 0) {
        reader->args.wants_help = true;
        return WS_OK;
    }
    if (strncmp(text, "--", 2) != 0 || !split(text, &arg)) {
        return ws_error_add(reader->err, WS_ERR_INPUT,
                            "%s: expected an option beginning with --; see wattsim --help", text);
    }
    const ws_wattsim_flag flag = find_flag(arg.name);
    if (flag < WS_WATTSIM_FLAG_COUNT) {
        return read_flag(reader, &arg, flag);
    }
    const ws_option *option = ws_option_find(arg.name);
    if (option == NULL && strncmp(arg.name, "no-", 3) == 0 && arg.value == NULL) {
        option         = ws_option_find(arg.name + 3);
        option         = option != NULL && option->type == WS_OPTION_BOOL ? option : NULL;
        arg.is_negated = true;
    }
    if (option != NULL) {
        return read_option(reader, &arg, option);
    }
    (void)take_value(reader, &arg); /* what follows is likely its value: no second problem */
    return unknown_flag(reader->err, arg.name);
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

ws_status ws_wattsim_args_parse(int argc, const char *const *argv, ws_error *err, ws_wattsim_args *args_out)
{
    cli_reader reader = {.argc = argc, .next = 1, .argv = argv, .err = err};
    reader.args       = (ws_wattsim_args){
              .options = ws_options_default(), .slo = WS_SLO_NONE, .cluster_config = DEFAULT_CLUSTER};
    reader.args.data_dirs = calloc((size_t)argc + 1, sizeof(*reader.args.data_dirs));
    ws_status status      = reader.args.data_dirs != NULL ? WS_OK : WS_ERR_NOMEM;
    while (status != WS_ERR_NOMEM && reader.next < argc) {
        const ws_status read = read_argument(&reader, argv[reader.next++]);
        status               = status == WS_OK || read == WS_ERR_NOMEM ? read : status;
    }
    if (status == WS_OK) {
        status = check_outputs(&reader.args, err);
    }
    if (status != WS_OK) {
        ws_wattsim_args_fini(&reader.args);
        return status;
    }
    *args_out = reader.args;
    return WS_OK;
}

void ws_wattsim_args_fini(ws_wattsim_args *args)
{
    free(args->data_dirs);
    args->data_dirs   = NULL;
    args->n_data_dirs = 0;
}
