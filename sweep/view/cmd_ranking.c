#include "view/cmd_ranking.h"

#include <math.h>
#include <stdlib.h>

#include "cli/file_command.h"

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

typedef struct ranking_run {
    const swp_ranking_command *command;
    const swp_ranking_options *shared;
} ranking_run;

static ws_status open_and_print(void *of_command, ws_error *err)
{
    const ranking_run *run = of_command;
    swp_ranking        ranking;
    ws_status          status = open_ranking(run->shared, err, &ranking);
    if (status == WS_OK) {
        status = run->command->print(&ranking, run->command->options, err);
    }
    close_ranking(&ranking);
    return status;
}

int swp_ranking_run(const swp_ranking_command *command, swp_ranking_options *shared, int argc, char **argv)
{
    const ws_arg_section sections[] = {command->section, {NULL, shared_args, COUNT_OF(shared_args), shared}};
    ranking_run          run        = {command, shared};
    const swp_file_command of_file  = {.program    = command->program,
                                       .usage      = command->usage,
                                       .about      = command->about,
                                       .sections   = sections,
                                       .n_sections = COUNT_OF(sections),
                                       .files      = &shared->file,
                                       .n_files    = 1,
                                       .file_names = "FILE",
                                       .run        = open_and_print,
                                       .options    = &run};
    return swp_file_command_run(&of_file, argc, argv);
}
