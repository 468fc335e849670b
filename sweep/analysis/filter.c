#include "analysis/filter.h"

#include <stdlib.h>
#include <string.h>

#include "spec/expr.h"

#define MAX_NAMES 32 /* different columns in one expression */

typedef struct lookup {
    const swp_result_table *results;
    size_t                  n;
    swp_cells               cells[MAX_NAMES];
    char                    names[MAX_NAMES + 1][128]; /* the last is scratch */
    char                    texts[MAX_NAMES][SWP_CELL_TEXT];
    ws_error               *err;
    ws_status               status; /* of reading a column */
} lookup;

static swp_expr_name resolve(void *ctx, const char *name, size_t len)
{
    static const swp_expr_name none = {.slot = -1};
    lookup                    *look = ctx;
    ws_component               component;

    if (len >= sizeof(look->names[0])) {
        return none;
    }
    memcpy(look->names[look->n], name, len);
    look->names[look->n][len] = '\0';
    for (size_t i = 0; i < look->n; i++) {
        if (strcmp(look->names[i], look->names[look->n]) == 0) {
            return (swp_expr_name){.slot = (int)i, .is_text = swp_cells_is_text(&look->cells[i])};
        }
    }
    if (swp_result_table_find(look->results, look->names[look->n], &component) == NULL) {
        return (swp_expr_name){.slot    = -1,
                               .nearest = swp_result_table_nearest(look->results, look->names[look->n])};
    }
    if (look->n == MAX_NAMES) {
        look->status =
            ws_error_add(look->err, WS_ERR_INPUT, "--where: more than %d different columns", MAX_NAMES);
        return none;
    }
    look->status =
        swp_result_table_read(look->results, look->names[look->n], look->err, &look->cells[look->n]);
    if (look->status != WS_OK) {
        return none;
    }
    const int slot = (int)look->n++;
    return (swp_expr_name){.slot = slot, .is_text = swp_cells_is_text(&look->cells[slot])};
}

static void evaluate(lookup *look, const swp_expr *expr, bool *keep)
{
    swp_quantity values[MAX_NAMES];
    for (size_t row = 0; row < look->results->n; row++) {
        for (size_t i = 0; i < look->n; i++) {
            const bool is_text = swp_cells_is_text(&look->cells[i]);
            values[i].number   = swp_cells_number(&look->cells[i], row);
            values[i].text     = is_text ? swp_cells_text(&look->cells[i], row, 0, look->texts[i]) : NULL;
        }
        const double truth = swp_expr_eval(expr, values);
        keep[row]          = truth > 0.0 || truth < 0.0; /* unknown is not true */
    }
}

static ws_status compile_and_evaluate(lookup *look, const char *expression, bool *keep)
{
    char      message[200] = "";
    swp_expr *expr         = NULL;

    const ws_status status = swp_expr_compile(expression, resolve, look, message, &expr);
    if (look->status != WS_OK) {
        swp_expr_destroy(&expr);
        return look->status;
    }
    if (status != WS_OK) {
        return ws_error_add(look->err, status, "--where: %s", message);
    }
    evaluate(look, expr, keep);
    swp_expr_destroy(&expr);
    return WS_OK;
}

ws_status swp_filter(const swp_result_table *results, const char *expression, ws_error *err, bool **keep_out)
{
    bool     *keep   = malloc(results->n + 1);
    lookup   *look   = calloc(1, sizeof(*look));
    ws_status status = WS_OK;

    *keep_out = NULL;
    if (keep == NULL || look == NULL) {
        free(keep);
        free(look);
        return ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    }
    memset(keep, 1, results->n + 1);
    if (expression != NULL) {
        look->results = results;
        look->err     = err;
        status        = compile_and_evaluate(look, expression, keep);
        for (size_t i = 0; i < look->n; i++) {
            swp_cells_fini(&look->cells[i]);
        }
    }
    free(look);
    if (status != WS_OK) {
        free(keep);
        return status;
    }
    *keep_out = keep;
    return WS_OK;
}
