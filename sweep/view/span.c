#include "view/span.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LISTED = 4 };

typedef struct item {
    const swp_cells *cells;
    size_t           row;
} item;

static int by_value(const void *a, const void *b)
{
    const item  *x = a, *y = b;
    const double v = swp_cells_number(x->cells, x->row), w = swp_cells_number(y->cells, y->row);
    if (v < w || v > w) {
        return v < w ? -1 : 1;
    }
    if (isnan(v) != isnan(w)) {
        return isnan(v) ? 1 : -1;
    }
    const size_t size = x->cells->column->row_bytes; /* texts, and what looks alike as a number */
    return memcmp(x->cells->data + x->row * size, y->cells->data + y->row * size, size);
}

ws_status swp_span_order_build(const swp_cells *cells, const size_t *rows, size_t n, swp_span_order *out)
{
    item *items = malloc((n + 1) * sizeof(items[0]));
    *out        = (swp_span_order){.cells   = cells,
                                   .place   = calloc(cells->n + 1, sizeof(out->place[0])),
                                   .scratch = malloc((n + 1) * sizeof(out->scratch[0]))};
    if (items == NULL || out->place == NULL || out->scratch == NULL) {
        free(items);
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        items[i] = (item){cells, rows[i]};
    }
    qsort(items, n, sizeof(items[0]), by_value);
    size_t place = 0;
    for (size_t i = 0; i < n; i++) {
        place += i > 0 && by_value(&items[i - 1], &items[i]) != 0;
        out->place[items[i].row] = place;
    }
    free(items);
    return WS_OK;
}

void swp_span_order_fini(swp_span_order *order)
{
    free(order->place);
    free(order->scratch);
    *order = (swp_span_order){.place = NULL};
}

static int by_place(const void *a, const void *b)
{
    const swp_span_row *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* The different values of the rows, in order; how many. */
static size_t gather(const swp_span_order *order, const size_t *rows, size_t n)
{
    swp_span_row *values = order->scratch;
    size_t        kept   = 1;
    for (size_t i = 0; i < n; i++) {
        values[i] = (swp_span_row){order->place[rows[i]], rows[i]};
    }
    qsort(values, n, sizeof(values[0]), by_place);
    for (size_t i = 1; i < n; i++) {
        if (values[i].place != values[kept - 1].place) {
            values[kept++] = values[i];
        }
    }
    return kept;
}

char *swp_span_text(const swp_span_order *order, const size_t *rows, size_t n, int digits,
                    char buf[SWP_CELL_TEXT])
{
    char                one[SWP_CELL_TEXT];
    const size_t        n_values   = gather(order, rows, n);
    const swp_span_row *values     = order->scratch;
    const bool          is_gapless = values[n_values - 1].place - values[0].place == n_values - 1;
    swp_cells_text(order->cells, values[0].row, digits, buf);
    if (n_values > 2 && is_gapless && order->cells->column->n_flags == 0 &&
        !swp_cells_is_text(order->cells)) {
        swp_cells_text(order->cells, values[n_values - 1].row, digits, one);
        snprintf(buf + strlen(buf), SWP_CELL_TEXT - strlen(buf), "..%s", one);
        return buf;
    }
    for (size_t i = 1; i < n_values && i < MAX_LISTED; i++) {
        swp_cells_text(order->cells, values[i].row, digits, one);
        snprintf(buf + strlen(buf), SWP_CELL_TEXT - strlen(buf), ", %s", one);
    }
    if (n_values > MAX_LISTED) {
        snprintf(buf + strlen(buf), SWP_CELL_TEXT - strlen(buf), ", %zu more", n_values - MAX_LISTED);
    }
    return buf;
}
