/* wattsweep top: the best configurations of a sweep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command_end.h"
#include "cli/commands.h"
#include "view/cmd_ranking.h"

/* All points that have the metric, the best first. */
static ws_status rank_points(const swp_ranking *ranking, const char *by, ws_error *err, size_t **order_out,
                             size_t *n_out, bool *may_tie_out)
{
    const swp_points *points = &ranking->selection.points;
    const char       *name;
    const double      sign      = swp_objective_is_larger_better(by, &name) ? -1.0 : 1.0;
    swp_estimate     *estimates = NULL;

    WS_TRY(swp_selection_estimates(&ranking->selection, name, err, &estimates));
    swp_ranked *ranked = malloc((points->n + 1) * sizeof(ranked[0]));
    size_t     *order  = malloc((points->n + 1) * sizeof(order[0]));
    size_t      n      = 0;
    for (size_t i = 0; ranked != NULL && i < points->n; i++) {
        if (!isnan(estimates[i].mean)) {
            ranked[n++] = (swp_ranked){ranking->standing.tier[i], sign * estimates[i].mean, i};
        }
    }
    free(estimates);
    if (ranked == NULL || order == NULL) {
        free(ranked);
        free(order);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    qsort(ranked, n, sizeof(ranked[0]), swp_point_compare);
    *may_tie_out = false;
    for (size_t i = 0; i < n; i++) {
        order[i]     = ranked[i].index;
        *may_tie_out = *may_tie_out || (i > 0 && !(ranked[i].cost > ranked[i - 1].cost));
    }
    free(ranked);
    *order_out = order;
    *n_out     = n;
    return WS_OK;
}

typedef struct top_options {
    swp_ranking_options shared;
    const char         *by;
    double              n;
    bool                wants_all;
} top_options;

/* Reading all metrics takes a while in large files: only if the one that ranks leaves a choice. */
static ws_status find_ties(const swp_ranking *ranking, bool may_tie, size_t *order, size_t *n, ws_error *err,
                           swp_ties *ties)
{
    if (may_tie) {
        return swp_ranking_join_ties(ranking, order, n, err, ties);
    }
    ws_status status = swp_ties_init(ties, ranking->selection.points.n);
    for (size_t i = 0; status == WS_OK && i < ties->n; i++) {
        swp_ties_add(ties, i, (double)i);
    }
    status = status == WS_OK ? swp_ties_find(ties) : status;
    return status == WS_OK ? WS_OK : ws_error_add(err, status, "out of memory");
}

static ws_status print_order(const swp_ranking *ranking, const top_options *options, bool may_tie,
                             size_t *order, size_t n, swp_ties *ties, ws_error *err)
{
    const char *name;
    swp_objective_is_larger_better(options->by, &name);
    const char *const first[] = {name, NULL};
    if (!options->wants_all) {
        WS_TRY(find_ties(ranking, may_tie, order, &n, err, ties));
    }
    n                           = (double)n > options->n ? (size_t)options->n : n;
    const swp_point_table table = {.selection = &ranking->selection,
                                   .order     = order,
                                   .n         = n,
                                   .ties      = options->wants_all ? NULL : ties,
                                   .first     = first,
                                   .columns   = options->shared.columns,
                                   .format    = ranking->format};
    WS_TRY(swp_point_table_print(&table, stdout, err));
    if (ranking->format == SWP_TABLE_TEXT) {
        swp_standing_say(&ranking->standing, &ranking->selection, false, stdout);
    }
    return WS_OK;
}

static ws_status print_top(const swp_ranking *ranking, top_options *options, ws_error *err)
{
    size_t  *order = NULL, n = 0;
    bool     may_tie = false;
    swp_ties ties    = {.n = 0};

    if (options->by == NULL) {
        WS_TRY(swp_ranking_default(ranking, "j_per_token", "total_tok_s", err, &options->by));
    }
    WS_TRY(rank_points(ranking, options->by, err, &order, &n, &may_tie));
    const ws_status status = print_order(ranking, options, may_tie, order, n, &ties, err);
    swp_ties_fini(&ties);
    free(order);
    return status;
}

int swp_cmd_top(int argc, char **argv)
{
    top_options            options = {.n = 10.0};
    const swp_arg          args[]  = {{"--by", NULL, "COLUMN",
                                       "rank by this (default j_per_token, total_tok_s without power); +NAME largest "
                                                 "first, -NAME smallest first",
                                       &options.by, NULL, NULL},
                                      {"--number", "-n", "N", "lines to show (default 10)", NULL, &options.n, NULL},
                                      {"--all", NULL, NULL, "a line for each point, also for those of equal results",
                                       NULL, NULL, &options.wants_all},
                                      SWP_RANKING_ARGS(options.shared)};
    const swp_command_line command = {
        "top FILE [--by COLUMN] [-n N] [--where EXPR]",
        "The best configurations: done jobs in the order of one metric, repeats averaged (with\n"
        "95% confidence intervals). Metrics know which way is better. Points that meet the spec's\n"
        "slo come first; those that assume more memory than their board has come last. Points whose\n"
        "metrics are all equal, since what differs never mattered, are one line with their number.\n"
        "Exit code: 0; 2 bad option or expression; 3 file cannot be read.",
        args,
        sizeof(args) / sizeof(args[0]),
        1,
        1};
    int         n_files = 0;
    const int   go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error    err     = WS_ERROR_INIT;
    swp_ranking ranking;

    if (go_on != SWP_ARGS_GO_ON) {
        return go_on;
    }
    if (options.n < 1.0) {
        return swp_cmd_exit(ws_error_add(&err, WS_ERR_INPUT, "-n: expected a number >= 1"), &err);
    }
    ws_status status = swp_ranking_open(argv[1], &options.shared, &err, &ranking);
    if (status == WS_OK) {
        status = print_top(&ranking, &options, &err);
    }
    swp_ranking_close(&ranking);
    return swp_cmd_exit(status, &err);
}
