/* row_wire.h -- rows as bytes, between the thread or rank that ran a job and the writer.
 *
 * A row is a fixed-width head followed by its arrays, each at a multiple of 8 bytes, so that reading one back
 * is setting pointers. Params and host are not carried: the writer knows them from job and rank. Same machine
 * type on both ends. */
#ifndef SWP_ROW_WIRE_H
#define SWP_ROW_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "result/row.h"

/** A growing block of packed rows; memory is malloc's, so that it can be handed on. */
typedef struct swp_rows {
    char    *data; /**< owned; free() */
    size_t   len, capacity;
    uint64_t n_rows;
} swp_rows;

/** The largest row that is sent: an MPI message has less than 2 GiB, and may hold some small rows besides. */
#define SWP_MAX_ROW_BYTES ((size_t)1 << 30)

/** Bytes of a packed row. */
size_t swp_row_packed_bytes(const swp_row *row);

/** Append a row. @return WS_OK; WS_ERR_NOMEM, rows unchanged */
WS_NODISCARD ws_status swp_rows_add(swp_rows *rows, const swp_row *row);

/** Read the row at an offset and move the offset behind it; the row borrows from data.
 * @return WS_OK; WS_ERR_INPUT if the bytes are no whole row (its sender died): each row carries a checksum */
WS_NODISCARD ws_status swp_rows_next(const char *data, size_t len, size_t *offset, swp_row *row_out);

/** Rows that were read, and the bytes they borrow from. */
typedef struct swp_row_block {
    char    *data; /**< owned */
    size_t   len;
    swp_row *rows; /**< [n_rows], owned */
    size_t   n_rows;
} swp_row_block;

/** Take over a block of packed rows and read it, up to the first row that is broken.
 * @param[in]  data       malloc's; released also after an error
 * @param[out] block_out  released with swp_row_block_fini()
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_row_block_read(char *data, size_t len, swp_row_block *block_out);

/** As packed and read again: a block of one row.
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_row_block_of(const swp_row *row, swp_row_block *block_out);

/** Memory it holds. */
size_t swp_row_block_bytes(const swp_row_block *block);

/** Release; leaves it empty. */
void swp_row_block_fini(swp_row_block *block);

#endif /* SWP_ROW_WIRE_H */
