/* span.h -- several values of a column said in one cell: "16..256", "18ns, 1ms". */
#ifndef SWP_SPAN_H
#define SWP_SPAN_H

#include "analysis/result_table.h"

typedef struct swp_span_row {
    size_t place, row;
} swp_span_row;

/** The order of a column's values. */
typedef struct swp_span_order {
    const swp_cells *cells;   /* borrowed */
    size_t          *place;   /* [cells->n] of the row's value among the different ones, smallest first */
    swp_span_row    *scratch; /* [rows there are] */
} swp_span_order;

/** @param[in] rows  [n] the rows there are
 * @return WS_OK; WS_ERR_NOMEM. Release with swp_span_order_fini(), also after an error. */
WS_NODISCARD ws_status swp_span_order_build(const swp_cells *cells, const size_t *rows, size_t n,
                                            swp_span_order *out);
void                   swp_span_order_fini(swp_span_order *order);

/** The values of some rows: the one they share; first..last of numbers between which no other row has one;
 * else a list, cut after a few.
 * @param[in]  rows    [n] different ones of those the order was built of, n >= 1
 * @param[in]  digits  significant ones
 * @param[out] buf     at least SWP_CELL_TEXT bytes
 * @return buf */
char *swp_span_text(const swp_span_order *order, const size_t *rows, size_t n, int digits,
                    char buf[SWP_CELL_TEXT]);

#endif /* SWP_SPAN_H */
