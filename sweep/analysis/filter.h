/* filter.h -- --where EXPR: which rows of a results a command looks at. Expressions are those of constraints
 * (spec/expr.h), over any column's name: --where 'tp_size == 2 and ttft_p99_ms < 500'. */
#ifndef SWP_FILTER_H
#define SWP_FILTER_H

#include "analysis/result_table.h"

/** Mark the rows for which the expression is true.
 * @param[in]  expression  NULL = every row
 * @param[out] keep_out    [results->n], the caller frees
 * @return WS_OK; WS_ERR_INPUT with the column of what is wrong; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_filter(const swp_result_table *results, const char *expression, ws_error *err,
                                  bool **keep_out);

#endif /* SWP_FILTER_H */
