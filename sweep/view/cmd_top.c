/* wattsweep top: the best configurations of a sweep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "view/cmd_ranking.h"

typedef struct top_options {
    swp_ranking_options shared;
    const char         *by;
    double              n;
    bool                wants_all;
} top_options;

/* Points that have the metric, the best first. */
typedef struct ranked_order {
    size_t  *points; /* [n] indices, owned */
    size_t   n;
    bool     may_tie; /* two neighbours are equal in what ranks */
    swp_ties ties;    /* of all points */
} ranked_order;

static size_t min_n(size_t n, double most)
{
    return (double)n > most ? (size_t)most : n;
}

static size_t gather_ranked(const swp_ranking *ranking, const swp_estimate *estimates, double sign,
                            swp_ranked *ranked)
{
    size_t n = 0;
    for (size_t i = 0; i < ranking->selection.points.n; i++) {
        if (!isnan(estimates[i].mean)) {
            ranked[n++] = (swp_ranked){ranking->standing.tier[i], sign * estimates[i].mean, i};
        }
    }
    return n;
}

static ws_status rank_points(const swp_ranking *ranking, const char *by, ws_error *err, ranked_order *out)
{
    const size_t  n_points = ranking->selection.points.n;
    const char   *name;
    const double  sign      = swp_objective_is_larger_better(by, &name) ? -1.0 : 1.0;
    swp_estimate *estimates = NULL;

    WS_TRY(swp_selection_estimates(&ranking->selection, name, err, &estimates));
    swp_ranked *ranked = malloc((n_points + 1) * sizeof(ranked[0]));
    out->points        = malloc((n_points + 1) * sizeof(out->points[0]));
    if (ranked == NULL || out->points == NULL) {
        free(estimates);
        free(ranked);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    out->n = gather_ranked(ranking, estimates, sign, ranked);
    qsort(ranked, out->n, sizeof(ranked[0]), swp_point_compare);
    for (size_t i = 0; i < out->n; i++) {
        out->points[i] = ranked[i].index;
        out->may_tie   = out->may_tie || (i > 0 && !(ranked[i].cost > ranked[i - 1].cost));
    }
    free(ranked);
    free(estimates);
    return WS_OK;
}

/* Every point for itself. */
static ws_status init_no_ties(size_t n_points, swp_ties *ties)
{
    WS_TRY(swp_ties_init(ties, n_points));
    for (size_t i = 0; i < ties->n; i++) {
        swp_ties_add(ties, i, (double)i);
    }
    return swp_ties_find(ties);
}

/* Reading all metrics takes a while in large files: only if the one that ranks leaves a choice. */
static ws_status find_ties(const swp_ranking *ranking, ranked_order *order, ws_error *err)
{
    if (order->may_tie) {
        return swp_ranking_join_ties(ranking, order->points, &order->n, err, &order->ties);
    }
    if (init_no_ties(ranking->selection.points.n, &order->ties) != WS_OK) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    return WS_OK;
}

static ws_status print_order(const swp_ranking *ranking, const top_options *options,
                             const ranked_order *order, ws_error *err)
{
    const char *name;
    swp_objective_is_larger_better(options->by, &name);
    const char *const     first[] = {name, NULL};
    const swp_point_table table   = {.selection = &ranking->selection,
                                     .order     = order->points,
                                     .n         = min_n(order->n, options->n),
                                     .ties      = options->wants_all ? NULL : &order->ties,
                                     .first     = first,
                                     .columns   = options->shared.columns,
                                     .format    = ranking->format};
    WS_TRY(swp_point_table_print(&table, stdout, err));
    if (ranking->format == SWP_TABLE_TEXT) {
        swp_standing_say(&ranking->standing, &ranking->selection, false, stdout);
    }
    return WS_OK;
}

static ws_status rank_and_print(const swp_ranking *ranking, const top_options *options, ranked_order *order,
                                ws_error *err)
{
    WS_TRY(rank_points(ranking, options->by, err, order));
    if (!options->wants_all) {
        WS_TRY(find_ties(ranking, order, err));
    }
    return print_order(ranking, options, order, err);
}

static ws_status print_top(const swp_ranking *ranking, void *options_of_top, ws_error *err)
{
    top_options *options = options_of_top;
    ranked_order order   = {.points = NULL};
    if (options->by == NULL) {
        WS_TRY(swp_ranking_default(ranking, "j_per_token", "total_tok_s", err, &options->by));
    }
    const ws_status status = rank_and_print(ranking, options, &order, err);
    swp_ties_fini(&order.ties);
    free(order.points);
    return status;
}

static const ws_arg args[] = {
    {.name   = "by",
     .kind   = WS_ARG_TEXT,
     .offset = offsetof(top_options, by),
     .value  = "COLUMN",
     .help =
         "rank by this (default j_per_token, total_tok_s without power); +NAME largest first, -NAME smallest "
         "first"},
    {.name         = "number",
     .short_name   = "n",
     .kind         = WS_ARG_NUMBER,
     .offset       = offsetof(top_options, n),
     .value        = "N",
     .min          = 1.0,
     .max          = INFINITY,
     .help         = "lines to show",
     .default_text = "10"},
    {.name   = "all",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(top_options, wants_all),
     .help   = "a line for each point, also for those of equal results"},
};

int swp_cmd_top(int argc, char **argv)
{
    top_options               options = {.n = 10.0};
    const swp_ranking_command command = {
        .program = "wattsweep top",
        .usage   = "FILE [--by COLUMN] [-n N] [--where EXPR]",
        .about =
            "The best configurations: done jobs in the order of one metric, repeats averaged (with\n"
            "95% confidence intervals). Metrics know which way is better. Points that meet the spec's\n"
            "slo come first; those that assume more memory than their board has come last. Points whose\n"
            "metrics are all equal, since what differs never mattered, are one line with their number.\n"
            "Exit code: 0; 2 bad option or expression; 3 file cannot be read.",
        .section = {NULL, args, sizeof(args) / sizeof(args[0]), &options},
        .print   = print_top,
        .options = &options};
    return swp_ranking_run(&command, &options.shared, argc, argv);
}
