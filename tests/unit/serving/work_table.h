/* work_table.h -- all that batches computed of a request, as its token runs and work runs tell it, batch by
 * batch. */
#ifndef WS_TEST_WORK_TABLE_H
#define WS_TEST_WORK_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serving/token_runs.h"

enum { WORK_BATCHES_MAX = 8192 };

/* Tokens of one request that each batch of an instance computed. */
typedef struct work_table {
    int32_t n_tokens[WORK_BATCHES_MAX];
} work_table;

static inline void work_table_add(work_table *table, int64_t batch, int32_t n_tokens)
{
    assert_true(batch >= 0 && batch < WORK_BATCHES_MAX);
    table->n_tokens[batch] += n_tokens;
}

static inline void work_table_add_run(work_table *table, int64_t first, int32_t count, int32_t stride,
                                      int32_t n_tokens)
{
    for (int32_t k = 0; k < count; k++) {
        work_table_add(table, first + (int64_t)k * stride, n_tokens);
    }
}

static inline void work_table_expand(work_table *table, const ws_request *request)
{
    const ws_token_run open = ws_token_runs_open(request);
    memset(table, 0, sizeof(*table));
    for (const ws_work_run *run = request->works; run != NULL; run = run->next) {
        assert_int_equal(run->instance, request->instance);
        work_table_add_run(table, run->first_batch, run->count, run->stride, run->n_tokens);
    }
    for (const ws_token_run *run = request->runs; run != NULL; run = run->next) {
        work_table_add_run(table, run->first_batch, run->count, run->stride, 1);
    }
    work_table_add_run(table, open.first_batch, open.count, open.stride, 1);
}

#endif /* WS_TEST_WORK_TABLE_H */
