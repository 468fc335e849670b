#include "view/cmd_ranking.h"

#include <math.h>
#include <stdlib.h>

#include "cli/command_end.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define AT(member) .offset = offsetof(swp_ranking_options, member)

static ws_status set_json(void *into, const ws_arg *arg, const char *text, ws_error *err)
{
    swp_ranking_options *options = into;
    (void)arg;
    (void)text;
    (void)err;
    options->format = SWP_TABLE_JSON;
    return WS_OK;
}

static const ws_arg shared_args[] = {
    {.name = "where",
     .kind = WS_ARG_TEXT,
     AT(where),
     .value = "EXPR",
     .help  = "only these rows: 'tp_size == 2 and ttft_p99_ms < 500'"},
    {.name = "ignore-slo",
     .kind = WS_ARG_FLAG,
     AT(ignore_slo),
     .help = "do not put points that meet the spec's slo first"},
    {.name = "columns",
     .kind = WS_ARG_TEXT,
     AT(columns),
     .value = "A,B,..",
     .help  = "show these columns instead"},
    {.name = "format",
     .kind = WS_ARG_CHOICE,
     AT(format),
     .choices      = swp_table_formats,
     .help         = "how the table is written",
     .default_text = "text"},
    {.name = "json", .kind = WS_ARG_FLAG, .set = set_json, .help = "the same as --format json"},
};

static ws_status open_ranking(const swp_ranking_options *options, ws_error *err, swp_ranking *out)
{
    *out = (swp_ranking){.format = (swp_table_format)options->format};
    WS_TRY(swp_selection_open(options->file, options->where, err, &out->selection));
    return swp_standing_take(&out->selection, options->ignore_slo, err, &out->standing);
}

static void close_ranking(swp_ranking *ranking)
{
    swp_standing_fini(&ranking->standing);
    swp_selection_close(&ranking->selection);
}

ws_status swp_ranking_default(const swp_ranking *ranking, const char *with_power, const char *without,
                              ws_error *err, const char **out)
{
    swp_estimate *power_w = NULL;
    bool          has     = false;
    WS_TRY(swp_selection_estimates(&ranking->selection, "power_mean_w", err, &power_w));
    for (size_t i = 0; i < ranking->selection.points.n; i++) {
        has = has || !isnan(power_w[i].mean);
    }
    free(power_w);
    *out = has ? with_power : without;
    return WS_OK;
}

ws_status swp_ranking_join_ties(const swp_ranking *ranking, size_t *order, size_t *n, ws_error *err,
                                swp_ties *ties_out)
{
    size_t kept = 0;
    WS_TRY(swp_selection_ties(&ranking->selection, err, ties_out));
    for (size_t i = 0; i < *n; i++) {
        if (ties_out->leader[order[i]] == order[i]) {
            order[kept++] = order[i];
        }
    }
    *n = kept;
    return WS_OK;
}

static ws_status open_and_print(const swp_ranking_command *command, const swp_ranking_options *shared,
                                ws_error *err)
{
    swp_ranking ranking;
    ws_status   status = open_ranking(shared, err, &ranking);
    if (status == WS_OK) {
        status = command->print(&ranking, command->options, err);
    }
    close_ranking(&ranking);
    return status;
}

int swp_ranking_run(const swp_ranking_command *command, swp_ranking_options *shared, int argc, char **argv)
{
    const ws_arg_section sections[] = {command->section, {NULL, shared_args, COUNT_OF(shared_args), shared}};
    const ws_cmdline     line       = {.program       = command->program,
                                       .usage         = command->usage,
                                       .about         = command->about,
                                       .sections      = sections,
                                       .n_sections    = COUNT_OF(sections),
                                       .operand_names = "FILE",
                                       .min_operands  = 1,
                                       .max_operands  = 1,
                                       .operands      = &shared->file};
    ws_error             err        = WS_ERROR_INIT;
    int                  code       = 0;
    if (!ws_cmdline_start(&line, argc, argv, NULL, &code)) {
        return code;
    }
    return swp_cmd_exit(open_and_print(command, shared, &err), &err);
}
