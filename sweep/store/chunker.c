#include "store/chunker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/h5_column.h"
#include "store/h5_util.h"
#include "store/packer.h"

/* Chunks go to the file as they lie in memory; its numbers are little-endian. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "a big-endian machine would have to swap bytes here");

/* Where a column stands. */
typedef struct tail {
    char  *block;      /* of the packer; NULL = no rows wait */
    size_t chunk_rows; /* of a whole chunk */
    size_t n_waiting;  /* rows in the block */
    size_t n_come;     /* rows that came, those in the block too */
} tail;

struct swp_chunker {
    swp_chunker_config config;
    swp_packer        *packer;
    tail              *tails; /* [columns->n] */
    ws_error          *err;   /* of the call being made */
};

static ws_status no_memory(const char *path, ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "%s: out of memory", path);
    return WS_ERR_NOMEM;
}

/* ---- writing ---- */

static ws_status write_chunk(void *ctx, const swp_chunk *chunk, const void *packed, size_t n_bytes)
{
    swp_chunker      *c                    = ctx;
    const swp_column *column               = &c->config.columns->list[chunk->column];
    const hsize_t     offset[SWP_MAX_RANK] = {chunk->first_row};
    if (H5Dwrite_chunk(c->config.datasets[chunk->column], H5P_DEFAULT, 0, offset, n_bytes, packed) < 0) {
        return swp_h5_fail(c->err, c->config.path, "cannot write %s", column->path);
    }
    return WS_OK;
}

/* ---- creating ---- */

static size_t longest_chunk_bytes(const swp_chunker *c)
{
    size_t longest = 0;
    for (size_t i = 0; i < c->config.columns->n; i++) {
        const size_t bytes = c->tails[i].chunk_rows * c->config.columns->list[i].row_bytes;
        longest            = bytes > longest ? bytes : longest;
    }
    return longest;
}

ws_status swp_chunker_create(const swp_chunker_config *config, ws_error *err, swp_chunker **chunker_out)
{
    const swp_columns *columns = config->columns;
    *chunker_out               = NULL;
    swp_chunker *c             = calloc(1, sizeof(*c));
    if (c == NULL) {
        return no_memory(config->path, err);
    }
    c->config = *config;
    c->tails  = calloc(columns->n, sizeof(c->tails[0]));
    for (size_t i = 0; c->tails != NULL && i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        c->tails[i].chunk_rows   = swp_h5_final_chunk_rows(column, config->n_rows[column->axis]);
    }
    if (c->tails == NULL ||
        swp_packer_create(config->n_threads, longest_chunk_bytes(c), write_chunk, c, &c->packer) != WS_OK) {
        swp_chunker_destroy(&c);
        return no_memory(config->path, err);
    }
    *chunker_out = c;
    return WS_OK;
}

void swp_chunker_destroy(swp_chunker **chunker)
{
    swp_chunker *c = *chunker;
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; c->tails != NULL && i < c->config.columns->n; i++) {
        free(c->tails[i].block);
    }
    swp_packer_destroy(&c->packer);
    free(c->tails);
    free(c);
    *chunker = NULL;
}

/* ---- rows ---- */

/* What HDF5 puts behind the last row of the last chunk: the fill value (set_fill in store/h5_objects.c). */
static void pad(const swp_column *column, char *rows, size_t n)
{
    if (column->type != SWP_TYPE_F64) {
        memset(rows, 0, n * column->row_bytes);
        return;
    }
    double *values = (double *)(void *)rows;
    for (size_t i = 0; i < n * column->inner_count; i++) {
        values[i] = NAN;
    }
}

/* Hand the waiting rows to the packer, as one chunk. */
static ws_status put_chunk(swp_chunker *c, size_t index)
{
    const swp_column *column = &c->config.columns->list[index];
    tail             *t      = &c->tails[index];
    char             *block  = t->block;
    const size_t      n      = t->n_waiting;
    const swp_chunk   chunk  = {.column = index, .first_row = t->n_come - n};

    t->block     = NULL;
    t->n_waiting = 0;
    /* Blank text is the fill value: such a chunk need not be there, error texts are rare. */
    if (column->type == SWP_TYPE_CHAR && swp_h5_is_blank(block, n * column->row_bytes)) {
        swp_packer_return(c->packer, block);
        return WS_OK;
    }
    pad(column, block + n * column->row_bytes, t->chunk_rows - n);
    return swp_packer_put(c->packer, chunk, block, t->chunk_rows * column->row_bytes,
                          swp_h5_is_shuffled(column) ? swp_type_size(column->type) : 1);
}

ws_status swp_chunker_append(swp_chunker *c, size_t index, size_t start, size_t n, const char *rows,
                             ws_error *err)
{
    const swp_column *column = &c->config.columns->list[index];
    tail             *t      = &c->tails[index];

    WS_ASSERT(start == t->n_come && start + n <= c->config.n_rows[column->axis]);
    c->err = err;
    while (n > 0) {
        const size_t room  = t->chunk_rows - t->n_waiting;
        const size_t count = n < room ? n : room;
        if (t->block == NULL) {
            t->block = swp_packer_take(c->packer);
        }
        if (t->block == NULL) {
            return no_memory(c->config.path, err);
        }
        memcpy(t->block + t->n_waiting * column->row_bytes, rows, count * column->row_bytes);
        t->n_waiting += count;
        t->n_come += count;
        rows += count * column->row_bytes;
        n -= count;
        if (t->n_waiting == t->chunk_rows || t->n_come == c->config.n_rows[column->axis]) {
            WS_TRY(put_chunk(c, index));
        }
    }
    return WS_OK;
}

ws_status swp_chunker_drain(swp_chunker *c, ws_error *err)
{
    c->err = err;
    return swp_packer_drain(c->packer);
}
