/* where.h -- --where EXPR: which rows of a frame a command looks at. Expressions are those of constraints
 * (expr.h), over any column's name: --where 'tp_size == 2 and ttft_p99_ms < 500'. */
#ifndef SWP_WHERE_H
#define SWP_WHERE_H

#include "frame.h"

/** Mark the rows for which the expression is true.
 * @param[in]  expression  NULL = every row
 * @param[out] keep_out    [frame->n], the caller frees
 * @return WS_OK; WS_ERR_INPUT with the column of what is wrong; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_where(const swp_frame *frame, const char *expression, ws_error *err,
                                 bool **keep_out);

#endif /* SWP_WHERE_H */
