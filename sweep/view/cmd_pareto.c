/* wattsweep pareto: what cannot be improved in one objective without loss in another. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "view/cmd_ranking.h"

#define MAX_OBJECTIVES 8

typedef struct objectives {
    size_t        n;
    char          names[MAX_OBJECTIVES][128]; /* without sign */
    double        sign[MAX_OBJECTIVES];       /* -1: larger is better */
    swp_estimate *values[MAX_OBJECTIVES];     /* per point */
} objectives;

static ws_status objectives_parse(const char *list, ws_error *err, objectives *o)
{
    while (*list != '\0') {
        const size_t len = strcspn(list, ",");
        char         text[128];
        const char  *name;
        if (o->n == MAX_OBJECTIVES || len == 0 || len >= sizeof(text)) {
            return ws_error_add(err, WS_ERR_INPUT, "--objectives: expected 1 to %d names separated by commas",
                                MAX_OBJECTIVES);
        }
        memcpy(text, list, len);
        text[len]     = '\0';
        o->sign[o->n] = swp_objective_is_larger_better(text, &name) ? -1.0 : 1.0;
        snprintf(o->names[o->n], sizeof(o->names[o->n]), "%s", name);
        o->n++;
        list += len + (list[len] == ',');
    }
    return o->n > 0 ? WS_OK : ws_error_add(err, WS_ERR_INPUT, "--objectives: expected at least one name");
}

static double cost(const objectives *o, size_t objective, size_t point)
{
    WS_ASSERT(o->values[objective] != NULL);
    return o->sign[objective] * o->values[objective][point].mean;
}

/* At least as good in everything and better in something; the earlier of two equal points dominates the
 * later. */
static bool dominates(const objectives *o, size_t a, size_t b)
{
    bool better = a < b;
    for (size_t k = 0; k < o->n; k++) {
        if (cost(o, k, a) > cost(o, k, b)) {
            return false;
        }
        if (cost(o, k, a) < cost(o, k, b)) {
            better = true;
        }
    }
    return better;
}

/* Points of which every objective is known. */
static bool *find_known(const objectives *o, size_t n_points)
{
    bool *is_known = malloc((n_points + 1) * sizeof(is_known[0]));
    for (size_t i = 0; is_known != NULL && i < n_points; i++) {
        is_known[i] = true;
        for (size_t k = 0; k < o->n; k++) {
            is_known[i] = is_known[i] && !isnan(cost(o, k, i));
        }
    }
    return is_known;
}

/* The front of the points of the best tier, in the order of the first objective. A dominated point is
 * dominated by one that comes before it in that order, and if so by one of the front; comparing with the
 * front alone keeps large files quick. */
static ws_status find_front(const objectives *o, const swp_standing *standing, ws_error *err,
                            size_t **front_out, size_t *n_out)
{
    swp_ranked *points   = malloc((standing->n + 1) * sizeof(points[0]));
    size_t     *front    = malloc((standing->n + 1) * sizeof(front[0]));
    bool       *is_known = find_known(o, standing->n);
    size_t      n = 0, n_front = 0;

    if (points == NULL || front == NULL || is_known == NULL) {
        free(points);
        free(front);
        free(is_known);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    const int tier = swp_standing_best_tier(standing, is_known);
    for (size_t i = 0; i < standing->n; i++) {
        if (is_known[i] && standing->tier[i] == tier) {
            points[n++] = (swp_ranked){tier, cost(o, 0, i), i};
        }
    }
    free(is_known);
    qsort(points, n, sizeof(points[0]), swp_point_compare);
    for (size_t i = 0; i < n; i++) {
        bool dominated = false;
        for (size_t j = 0; j < n_front && !dominated; j++) {
            dominated = dominates(o, front[j], points[i].index);
        }
        if (dominated) {
            continue;
        }
        size_t kept = 0; /* equal in the first objective: a later one may beat those already in */
        for (size_t j = 0; j < n_front; j++) {
            if (!dominates(o, points[i].index, front[j])) {
                front[kept++] = front[j];
            }
        }
        front[kept++] = points[i].index;
        n_front       = kept;
    }
    free(points);
    *front_out = front;
    *n_out     = n_front;
    return WS_OK;
}

static ws_status print_front(const swp_ranking *ranking, const objectives *o, const char *const *first,
                             const char *columns, ws_error *err)
{
    size_t *front = NULL, n = 0;
    WS_TRY(find_front(o, &ranking->standing, err, &front, &n));
    const swp_point_table table  = {.selection = &ranking->selection,
                                    .order     = front,
                                    .n         = n,
                                    .first     = first,
                                    .columns   = columns,
                                    .format    = ranking->format};
    const ws_status       status = swp_point_table_print(&table, stdout, err);
    free(front);
    if (status == WS_OK && ranking->format == SWP_TABLE_TEXT) {
        swp_standing_say(&ranking->standing, &ranking->selection, true, stdout);
    }
    return status;
}

typedef struct pareto_options {
    swp_ranking_options shared;
    const char         *list; /* names of objectives; NULL = not given */
} pareto_options;

static ws_status read_and_print(const swp_ranking *ranking, const pareto_options *options, objectives *o,
                                ws_error *err)
{
    const char *first[MAX_OBJECTIVES + 1] = {NULL};
    WS_TRY(objectives_parse(options->list, err, o));
    for (size_t k = 0; k < o->n; k++) {
        first[k] = o->names[k];
        WS_TRY(swp_selection_estimates(&ranking->selection, o->names[k], err, &o->values[k]));
    }
    return print_front(ranking, o, first, options->shared.columns, err);
}

static ws_status print_pareto(const swp_ranking *ranking, void *options_of_pareto, ws_error *err)
{
    pareto_options *options = options_of_pareto;
    objectives      o       = {.n = 0};
    if (options->list == NULL) {
        WS_TRY(swp_ranking_default(ranking, "power_mean_w,total_tok_s", "ttft_p99_ms,total_tok_s", err,
                                   &options->list));
    }
    const ws_status status = read_and_print(ranking, options, &o, err);
    for (size_t k = 0; k < o.n; k++) {
        free(o.values[k]);
    }
    return status;
}

static const ws_arg args[] = {
    {.name   = "objectives",
     .kind   = WS_ARG_TEXT,
     .offset = offsetof(pareto_options, list),
     .value  = "A,B,..",
     .help =
         "what is traded (default power_mean_w,total_tok_s, without power ttft_p99_ms,total_tok_s); +NAME "
         "larger, -NAME smaller is better"},
};

int swp_cmd_pareto(int argc, char **argv)
{
    pareto_options            options = {.list = NULL};
    const swp_ranking_command command = {
        .program = "wattsweep pareto",
        .usage   = "FILE [--objectives A,B,..] [--where EXPR]",
        .about   = "The Pareto front: done jobs that no other job beats in every objective at once, in the\n"
                   "order of the first objective. Repeats are averaged first. Where some points meet the\n"
                   "spec's slo, it is their front; points that assume more memory than their board has are\n"
                   "left out.\n"
                   "Exit code: 0; 2 bad option or expression; 3 file cannot be read.",
        .section = {NULL, args, sizeof(args) / sizeof(args[0]), &options},
        .print   = print_pareto,
        .options = &options};
    return swp_ranking_run(&command, &options.shared, argc, argv);
}
