#include "analysis/selection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/filter.h"

ws_status swp_selection_open(const char *path, const char *where, ws_error *err, swp_selection *out)
{
    bool *keep = NULL;

    *out = (swp_selection){.points = {.n = 0}};
    WS_TRY(swp_result_table_open(path, err, &out->results));
    WS_TRY(swp_filter(&out->results, where, err, &keep));
    const ws_status status = swp_points_build(&out->results, keep, err, &out->points);
    free(keep);
    return status;
}

void swp_selection_close(swp_selection *selection)
{
    swp_points_fini(&selection->points);
    swp_result_table_close(&selection->results);
}

ws_status swp_selection_estimates(const swp_selection *selection, const char *name, ws_error *err,
                                  swp_estimate **out)
{
    swp_cells cells;

    *out = NULL;
    WS_TRY(swp_result_table_read(&selection->results, name, err, &cells));
    if (swp_cells_is_text(&cells)) {
        swp_cells_fini(&cells);
        return ws_error_add(err, WS_ERR_INPUT, "%s: \"%s\" is text, expected a number",
                            swp_reader_path(selection->results.reader), name);
    }
    swp_estimate *estimates = malloc((selection->points.n + 1) * sizeof(estimates[0]));
    for (size_t i = 0; estimates != NULL && i < selection->points.n; i++) {
        estimates[i] = swp_points_estimate(&selection->points, i, &cells);
    }
    swp_cells_fini(&cells);
    *out = estimates;
    return estimates == NULL ? ws_error_add(err, WS_ERR_NOMEM, "out of memory") : WS_OK;
}

bool swp_objective_is_larger_better(const char *text, const char **name_out)
{
    *name_out = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    if (text[0] == '-' || text[0] == '+') {
        return text[0] == '+';
    }
    const ws_metric metric = ws_metric_from_name(text);
    return metric < WS_METRIC_COUNT && !ws_metric_is_cost(metric);
}

/* Every metric of every point. */
static ws_status add_metrics(const swp_selection *selection, ws_error *err, swp_ties *ties)
{
    for (int m = 0; m < WS_METRIC_COUNT; m++) {
        swp_estimate *values = NULL;
        WS_TRY(swp_selection_estimates(selection, ws_metric_name((ws_metric)m), err, &values));
        for (size_t i = 0; i < selection->points.n; i++) {
            swp_ties_add(ties, i, values[i].mean);
        }
        free(values);
    }
    return WS_OK;
}

ws_status swp_selection_ties(const swp_selection *selection, ws_error *err, swp_ties *ties_out)
{
    if (swp_ties_init(ties_out, selection->points.n) != WS_OK) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    WS_TRY(add_metrics(selection, err, ties_out));
    if (swp_ties_find(ties_out) != WS_OK) {
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    return WS_OK;
}
