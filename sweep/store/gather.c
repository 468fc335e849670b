#include "store/gather.h"

#include <stdlib.h>
#include <string.h>

/* A read may cover rows nobody asked for if that saves a call: up to this many bytes at a time. */
#define READ_BYTES ((size_t)4 << 20)
#define GAP_BYTES ((size_t)64 << 10)

typedef struct gatherer {
    const swp_reader *reader;
    const swp_column *source; /* the reader's column */
    const swp_column *target;
    char             *block;
    char             *scratch;
    size_t            scratch_bytes;
    ws_error         *err;
} gatherer;

static int by_place(const void *a, const void *b)
{
    const swp_span *x = a, *y = b;
    if (x->source != y->source) {
        return x->source < y->source ? -1 : 1;
    }
    return x->start < y->start ? -1 : x->start > y->start;
}

static bool is_sorted(const swp_span *spans, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (by_place(&spans[i - 1], &spans[i]) > 0) {
            return false;
        }
    }
    return true;
}

static ws_status place(const gatherer *g, const swp_span *span, const char *rows)
{
    const size_t from_bytes = g->source->row_bytes, to_bytes = g->target->row_bytes;
    char        *to = g->block + span->to * to_bytes;

    if (span->count == 0) {
        return WS_OK;
    }
    if (from_bytes == to_bytes && g->source->type == g->target->type) {
        memcpy(to, rows, span->count * to_bytes);
        return WS_OK;
    }
    for (size_t i = 0; i < span->count; i++) {
        if (swp_column_convert(g->source, rows + i * from_bytes, g->target, to + i * to_bytes) != WS_OK) {
            return ws_error_add(g->err, WS_ERR_ARG, "%s: %s does not fit the new file",
                                swp_reader_path(g->reader), g->source->path);
        }
    }
    return WS_OK;
}

/* Read rows [first, end) once and place the spans that lie in them. */
static ws_status read_group(gatherer *g, const swp_span *spans, size_t n, size_t first, size_t end)
{
    const size_t bytes = (end - first) * g->source->row_bytes;
    if (g->scratch == NULL || bytes > g->scratch_bytes) {
        free(g->scratch);
        g->scratch_bytes = 0;
        g->scratch       = malloc(bytes + 1);
        if (g->scratch == NULL) {
            return ws_error_add(g->err, WS_ERR_NOMEM, "out of memory");
        }
        g->scratch_bytes = bytes;
    }
    WS_TRY(swp_reader_read(g->reader, g->source, first, end - first, g->scratch, g->err));
    for (size_t i = 0; i < n; i++) {
        WS_TRY(place(g, &spans[i], g->scratch + (spans[i].start - first) * g->source->row_bytes));
    }
    return WS_OK;
}

/* Spans of one source, ascending: join neighbours into groups and read each group at once. */
static ws_status gather_source(gatherer *g, const swp_span *spans, size_t n)
{
    const size_t row_bytes = g->source->row_bytes;
    for (size_t i = 0; i < n;) {
        size_t end = spans[i].start + spans[i].count;
        size_t j   = i + 1;
        while (j < n && spans[j].start >= end && (spans[j].start - end) * row_bytes <= GAP_BYTES &&
               (spans[j].start + spans[j].count - spans[i].start) * row_bytes <= READ_BYTES) {
            end = spans[j].start + spans[j].count;
            j++;
        }
        WS_TRY(read_group(g, spans + i, j - i, spans[i].start, end));
        i = j;
    }
    return WS_OK;
}

ws_status swp_gather(const swp_reader *const *sources, swp_span *spans, size_t n_spans,
                     const swp_column *target, void *block, ws_error *err)
{
    gatherer  g      = {.target = target, .block = block, .err = err};
    ws_status status = WS_OK;

    if (!is_sorted(spans, n_spans)) {
        qsort(spans, n_spans, sizeof(spans[0]), by_place);
    }
    for (size_t i = 0; i < n_spans && status == WS_OK;) {
        size_t j = i;
        while (j < n_spans && spans[j].source == spans[i].source) {
            j++;
        }
        g.reader = sources[spans[i].source];
        g.source = swp_columns_by_path(swp_reader_columns(g.reader), target->path);
        if (g.source != NULL) {
            status = gather_source(&g, spans + i, j - i);
        }
        for (size_t k = i; g.source == NULL && k < j; k++) {
            swp_column_fill(target, spans[k].count, (char *)block + spans[k].to * target->row_bytes);
        }
        i = j;
    }
    free(g.scratch);
    return status;
}
