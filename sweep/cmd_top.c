/* wattsweep top, wattsweep pareto: the best configurations of a sweep. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cmd_util.h"
#include "commands.h"
#include "selection.h"

#define WHERE_ARG(variable)                                                                                  \
    {                                                                                                        \
        "--where", NULL, "EXPR", "only these rows: 'tp_size == 2 and ttft_p99_ms < 500'", &(variable), NULL, \
            NULL                                                                                             \
    }
#define COLUMNS_ARG(variable)                                                                                \
    {                                                                                                        \
        "--columns", NULL, "A,B,..", "show these columns instead", &(variable), NULL, NULL                   \
    }
#define FORMAT_ARG(variable)                                                                                 \
    {                                                                                                        \
        "--format", NULL, "FORMAT", "text (default), tsv, csv or json", &(variable), NULL, NULL              \
    }

/* What both commands begin with; release with swp_selection_close(), also after an error. */
static ws_status open_selection(const char *path, const char *where, const char *format_text, ws_error *err,
                                swp_table_format *format_out, swp_selection *selection_out)
{
    *selection_out = (swp_selection){.points = {.n = 0}};
    WS_TRY(swp_table_format_parse(format_text, err, format_out));
    return swp_selection_open(path, where, err, selection_out);
}

/* ---- top ---- */

typedef struct ranked {
    size_t point;
    double value; /* smaller is better */
} ranked;

static int by_value(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->value < y->value || x->value > y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->point < y->point ? -1 : x->point > y->point; /* ties: the earlier job first */
}

static ws_status rank_points(const swp_selection *selection, const char *by, ws_error *err,
                             size_t **order_out, size_t *n_out)
{
    const char   *name;
    const double  sign      = swp_objective_is_larger_better(by, &name) ? -1.0 : 1.0;
    swp_estimate *estimates = NULL;

    WS_TRY(swp_selection_estimates(selection, name, err, &estimates));
    ranked *points = malloc((selection->points.n + 1) * sizeof(points[0]));
    size_t *order  = malloc((selection->points.n + 1) * sizeof(order[0]));
    size_t  n      = 0;
    for (size_t i = 0; points != NULL && i < selection->points.n; i++) {
        if (!isnan(estimates[i].mean)) {
            points[n++] = (ranked){i, sign * estimates[i].mean};
        }
    }
    free(estimates);
    if (points == NULL || order == NULL) {
        free(points);
        free(order);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    qsort(points, n, sizeof(points[0]), by_value);
    for (size_t i = 0; i < n; i++) {
        order[i] = points[i].point;
    }
    free(points);
    *order_out = order;
    *n_out     = n;
    return WS_OK;
}

/* Was power tracked in any of the points? */
static ws_status has_power(const swp_selection *selection, ws_error *err, bool *has_out)
{
    swp_estimate *estimates = NULL;

    *has_out = false;
    WS_TRY(swp_selection_estimates(selection, "power_mean_w", err, &estimates));
    for (size_t i = 0; i < selection->points.n; i++) {
        *has_out = *has_out || !isnan(estimates[i].mean);
    }
    free(estimates);
    return WS_OK;
}

/* What is asked for where nothing was named. */
static ws_status default_objectives(const swp_selection *selection, const char *with_power,
                                    const char *without, ws_error *err, const char **out)
{
    bool has = false;
    WS_TRY(has_power(selection, err, &has));
    *out = has ? with_power : without;
    return WS_OK;
}

static ws_status print_top(const swp_selection *selection, const char *by, double most, const char *columns,
                           swp_table_format format, ws_error *err)
{
    size_t     *order = NULL, n = 0;
    const char *name;

    if (by == NULL) {
        WS_TRY(default_objectives(selection, "j_per_token", "total_tok_s", err, &by));
    }
    swp_objective_is_larger_better(by, &name);
    const char *const first[] = {name, NULL};

    WS_TRY(rank_points(selection, by, err, &order, &n));
    n                      = (double)n > most ? (size_t)most : n;
    const ws_status status = swp_selection_print(selection, order, n, first, columns, format, stdout, err);
    free(order);
    return status;
}

int swp_cmd_top(int argc, char **argv)
{
    const char            *by = NULL, *where = NULL, *columns = NULL, *format_text = "text";
    double                 n       = 10.0;
    const swp_arg          args[]  = {{"--by", NULL, "COLUMN",
                                       "rank by this (default j_per_token, total_tok_s without power); +NAME largest "
                                                 "first, -NAME smallest first",
                                       &by, NULL, NULL},
                                      {"--number", "-n", "N", "rows to show (default 10)", NULL, &n, NULL},
                                      WHERE_ARG(where),
                                      COLUMNS_ARG(columns),
                                      FORMAT_ARG(format_text)};
    const swp_command_line command = {
        "top FILE [--by COLUMN] [-n N] [--where EXPR]",
        "The best configurations: done jobs in the order of one metric, repeats averaged (with\n"
        "95% confidence intervals). Metrics know which way is better.\n"
        "Exit code: 0; 2 bad option or expression; 3 file cannot be read.",
        args,
        sizeof(args) / sizeof(args[0]),
        1,
        1};
    int              n_files = 0;
    const int        go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error         err     = WS_ERROR_INIT;
    swp_selection    selection;
    swp_table_format format;

    if (go_on != SWP_ARGS_GO_ON) {
        return go_on;
    }
    if (n < 1.0) {
        return swp_cmd_exit(ws_error_add(&err, WS_ERR_INPUT, "-n: expected a number >= 1"), &err);
    }
    ws_status status = open_selection(argv[1], where, format_text, &err, &format, &selection);
    if (status == WS_OK) {
        status = print_top(&selection, by, n, columns, format, &err);
    }
    swp_selection_close(&selection);
    return swp_cmd_exit(status, &err);
}

/* ---- pareto ---- */

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

static bool is_known(const objectives *o, size_t point)
{
    for (size_t k = 0; k < o->n; k++) {
        if (isnan(cost(o, k, point))) {
            return false;
        }
    }
    return true;
}

/* The front, points in the order of the first objective. A dominated point is dominated by one that comes
 * before it in that order, and if so by one of the front; comparing with the front alone keeps large files
 * quick. */
static ws_status find_front(const objectives *o, size_t n_points, ws_error *err, size_t **front_out,
                            size_t *n_out)
{
    ranked *points = malloc((n_points + 1) * sizeof(points[0]));
    size_t *front  = malloc((n_points + 1) * sizeof(front[0]));
    size_t  n = 0, n_front = 0;

    if (points == NULL || front == NULL) {
        free(points);
        free(front);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n_points; i++) {
        if (is_known(o, i)) {
            points[n++] = (ranked){i, cost(o, 0, i)};
        }
    }
    qsort(points, n, sizeof(points[0]), by_value);
    for (size_t i = 0; i < n; i++) {
        bool dominated = false;
        for (size_t j = 0; j < n_front && !dominated; j++) {
            dominated = dominates(o, front[j], points[i].point);
        }
        if (dominated) {
            continue;
        }
        size_t kept = 0; /* equal in the first objective: a later one may beat those already in */
        for (size_t j = 0; j < n_front; j++) {
            if (!dominates(o, points[i].point, front[j])) {
                front[kept++] = front[j];
            }
        }
        front[kept++] = points[i].point;
        n_front       = kept;
    }
    free(points);
    *front_out = front;
    *n_out     = n_front;
    return WS_OK;
}

static ws_status print_pareto(const swp_selection *selection, const char *list, const char *columns,
                              swp_table_format format, ws_error *err)
{
    objectives  o                         = {.n = 0};
    const char *first[MAX_OBJECTIVES + 1] = {NULL};
    size_t     *front = NULL, n = 0;

    if (list == NULL) {
        WS_TRY(
            default_objectives(selection, "power_mean_w,total_tok_s", "ttft_p99_ms,total_tok_s", err, &list));
    }
    ws_status status = objectives_parse(list, err, &o);

    for (size_t k = 0; k < o.n && status == WS_OK; k++) {
        first[k] = o.names[k];
        status   = swp_selection_estimates(selection, o.names[k], err, &o.values[k]);
    }
    if (status == WS_OK) {
        status = find_front(&o, selection->points.n, err, &front, &n);
    }
    if (status == WS_OK) {
        status = swp_selection_print(selection, front, n, first, columns, format, stdout, err);
    }
    for (size_t k = 0; k < o.n; k++) {
        free(o.values[k]);
    }
    free(front);
    return status;
}

int swp_cmd_pareto(int argc, char **argv)
{
    const char            *list = NULL, *where = NULL, *columns = NULL, *format_text = "text";
    const swp_arg          args[]  = {{"--objectives", NULL, "A,B,..",
                                       "what is traded (default power_mean_w,total_tok_s, without power "
                                                 "ttft_p99_ms,total_tok_s); +NAME larger, -NAME "
                                                 "smaller is better",
                                       &list, NULL, NULL},
                                      WHERE_ARG(where),
                                      COLUMNS_ARG(columns),
                                      FORMAT_ARG(format_text)};
    const swp_command_line command = {
        "pareto FILE [--objectives A,B,..] [--where EXPR]",
        "The Pareto front: done jobs that no other job beats in every objective at once, in the\n"
        "order of the first objective. Repeats are averaged first.\n"
        "Exit code: 0; 2 bad option or expression; 3 file cannot be read.",
        args,
        sizeof(args) / sizeof(args[0]),
        1,
        1};
    int              n_files = 0;
    const int        go_on   = swp_args_parse(&command, argc, argv, &n_files);
    ws_error         err     = WS_ERROR_INIT;
    swp_selection    selection;
    swp_table_format format;

    if (go_on != SWP_ARGS_GO_ON) {
        return go_on;
    }
    ws_status status = open_selection(argv[1], where, format_text, &err, &format, &selection);
    if (status == WS_OK) {
        status = print_pareto(&selection, list, columns, format, &err);
    }
    swp_selection_close(&selection);
    return swp_cmd_exit(status, &err);
}
