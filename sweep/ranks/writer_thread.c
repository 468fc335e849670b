#include "ranks/writer_thread.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/units.h"

#define POLL_S 0.25

typedef struct block {
    struct block *next;
    swp_row_block rows;
} block;

struct swp_writer {
    swp_row_sink       sink;
    swp_store         *store;
    const swp_builder *builder;
    pthread_t          thread;
    pthread_mutex_t    mutex;
    pthread_cond_t     wake;
    /* under the mutex */
    block *first, **last;
    size_t backlog_bytes;
    bool   is_stopping, wants_flush, has_failed;
    char (*hosts)[SWP_HOST_LEN]; /* [n_ranks] */
    size_t n_ranks;
    /* the thread's own until it is joined */
    ws_status  status;
    ws_error   err;
    uint32_t  *value_index;
    swp_value *params;
};

static void fail(swp_writer *w, ws_status status)
{
    w->status = w->status == WS_OK ? status : w->status;
    pthread_mutex_lock(&w->mutex);
    w->has_failed = true;
    pthread_mutex_unlock(&w->mutex);
}

static void write_row(swp_writer *w, swp_row *row)
{
    swp_space_point(swp_builder_space(w->builder), (uint64_t)row->job, w->value_index);
    swp_builder_params(w->builder, w->value_index, w->params);
    row->params = w->params;
    if (row->rank >= 0 && (size_t)row->rank < w->n_ranks) {
        row->host = w->hosts[row->rank];
    }
    const ws_status status = swp_store_write_row(w->store, row, &w->err);
    if (status != WS_OK) {
        fail(w, status);
    }
}

static void write_block(swp_writer *w, block *b)
{
    for (size_t i = 0; i < b->rows.n_rows && w->status == WS_OK; i++) {
        write_row(w, &b->rows.rows[i]);
    }
}

/* Take the next block, or NULL after a pause or at the end. */
static block *next_block(swp_writer *w, bool *is_over_out, bool *wants_flush_out)
{
    pthread_mutex_lock(&w->mutex);
    if (w->first == NULL && !w->is_stopping && !w->wants_flush) {
        ws_cond_wait_s(&w->wake, &w->mutex, POLL_S);
    }
    block *b = w->first;
    if (b != NULL) {
        w->first = b->next;
        w->last  = w->first == NULL ? &w->first : w->last;
    }
    *is_over_out     = b == NULL && w->is_stopping;
    *wants_flush_out = b == NULL && w->wants_flush;
    w->wants_flush   = w->wants_flush && b != NULL;
    pthread_mutex_unlock(&w->mutex);
    return b;
}

static void *writer_main(void *arg)
{
    swp_writer *w           = arg;
    bool        is_over     = false;
    bool        wants_flush = false;
    swp_store_enter_thread();
    while (!is_over) {
        block *b = next_block(w, &is_over, &wants_flush);
        if (b != NULL) {
            write_block(w, b);
            pthread_mutex_lock(&w->mutex);
            w->backlog_bytes -= swp_row_block_bytes(&b->rows);
            pthread_mutex_unlock(&w->mutex);
            swp_row_block_fini(&b->rows);
            free(b);
        } else if (w->status == WS_OK) {
            const ws_status status =
                wants_flush ? swp_store_flush(w->store, &w->err) : swp_store_poll(w->store, &w->err);
            if (status != WS_OK) {
                fail(w, status);
            }
        }
    }
    return NULL;
}

/* ---- the sink: called by the coordinator ---- */

static void set_host(void *ctx, int rank, const char *host)
{
    swp_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    if (rank >= 0 && (size_t)rank < w->n_ranks) {
        snprintf(w->hosts[rank], SWP_HOST_LEN, "%s", host);
    }
    pthread_mutex_unlock(&w->mutex);
}

static ws_status push(void *ctx, swp_row_block rows)
{
    swp_writer *w = ctx;
    block      *b = malloc(sizeof(*b));
    if (b == NULL) {
        swp_row_block_fini(&rows);
        return WS_ERR_NOMEM;
    }
    *b = (block){.rows = rows};
    pthread_mutex_lock(&w->mutex);
    *w->last = b;
    w->last  = &b->next;
    w->backlog_bytes += swp_row_block_bytes(&rows);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    return WS_OK;
}

static size_t backlog_bytes(void *ctx)
{
    swp_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    const size_t bytes = w->backlog_bytes;
    pthread_mutex_unlock(&w->mutex);
    return bytes;
}

static void flush_soon(void *ctx)
{
    swp_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    w->wants_flush = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

static bool has_failed(void *ctx)
{
    swp_writer *w = ctx;
    pthread_mutex_lock(&w->mutex);
    const bool failed = w->has_failed;
    pthread_mutex_unlock(&w->mutex);
    return failed;
}

/* ---- beginning and ending ---- */

static void release(swp_writer **writer)
{
    swp_writer *w = *writer;
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    ws_error_clear(&w->err);
    free(w->hosts);
    free(w->value_index);
    free(w->params);
    free(w);
    *writer = NULL;
}

ws_status swp_writer_start(swp_store *store, const swp_builder *builder, size_t n_ranks,
                           swp_writer **writer_out)
{
    *writer_out           = NULL;
    const size_t n_params = swp_builder_spec(builder)->n_params;
    swp_writer  *w        = calloc(1, sizeof(*w));
    if (w == NULL || ws_cond_init(&w->wake) != WS_OK) {
        free(w);
        return WS_ERR_NOMEM;
    }
    w->store   = store;
    w->builder = builder;
    w->last    = &w->first;
    w->n_ranks = n_ranks;
    w->sink    = (swp_row_sink){.ctx           = w,
                                .set_host      = set_host,
                                .push          = push,
                                .backlog_bytes = backlog_bytes,
                                .flush_soon    = flush_soon,
                                .has_failed    = has_failed};
    pthread_mutex_init(&w->mutex, NULL);
    w->hosts       = calloc(n_ranks, sizeof(*w->hosts));
    w->value_index = calloc(n_params + 1, sizeof(*w->value_index));
    w->params      = calloc(n_params + 1, sizeof(*w->params));
    if (w->hosts == NULL || w->value_index == NULL || w->params == NULL ||
        pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        release(&w);
        return WS_ERR_NOMEM;
    }
    *writer_out = w;
    return WS_OK;
}

const swp_row_sink *swp_writer_sink(swp_writer *w)
{
    return &w->sink;
}

double swp_writer_cpu_s(swp_writer *w)
{
    clockid_t       clock;
    struct timespec spent;
    if (pthread_getcpuclockid(w->thread, &clock) != 0 || clock_gettime(clock, &spent) != 0) {
        return NAN;
    }
    return (double)spent.tv_sec + (double)spent.tv_nsec * WS_S_PER_NS;
}

ws_status swp_writer_stop(swp_writer **writer, ws_error *err)
{
    swp_writer *w = *writer;
    if (w == NULL) {
        return WS_OK;
    }
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    const ws_status status = w->status;
    if (status != WS_OK) {
        ws_error_add(err, status, "%s",
                     w->err.n_problems > 0 ? ws_error_text(&w->err) : ws_status_text(status));
    }
    release(writer);
    return status;
}
