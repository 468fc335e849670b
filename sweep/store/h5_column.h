/* h5_column.h -- a column as HDF5 sees it: shape, types, chunks, and where its rows lie. Internal to the
 * store. */
#ifndef SWP_H5_COLUMN_H
#define SWP_H5_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#include "result/columns.h"
#include "result/layout.h"

#define SWP_MAX_RANK 4

/** Shape of n rows of a column. @return rank, <= SWP_MAX_RANK */
int swp_h5_column_dims(const swp_column *column, const swp_layout *layout, size_t n,
                       hsize_t dims_out[SWP_MAX_RANK]);

/** The type of an element in memory, and in the file, whose numbers are little-endian. */
hid_t swp_h5_memory_type(swp_type type);
hid_t swp_h5_file_type(swp_type type);

/** Rows a chunk of a final file has, in a column of n_rows. */
size_t swp_h5_final_chunk_rows(const swp_column *column, size_t n_rows);

/** Rows a chunk of a live file has. @param[in] most  rows worth gathering before a write */
size_t swp_h5_live_chunk_rows(const swp_column *column, size_t most);

/** Rows a chunk of /state has in a live file: all jobs, if they are not too many. So the chunk is there after
 * the first write, and later rows change bytes that lie well before the end of the file.
 * @param[in] least  rows worth gathering before a write */
size_t swp_h5_live_state_chunk_rows(size_t least, int64_t n_jobs);

/** True for columns that a final file shuffles before it deflates them. */
bool swp_h5_is_shuffled(const swp_column *column);

/** True if text of so many bytes is all NUL: the fill value, which need not be written. */
bool swp_h5_is_blank(const char *text, size_t n_bytes);

/** Rows [start, start + n) of a column: where they lie in its dataset, and the same in memory. */
typedef struct swp_h5_block {
    hid_t file, memory;
} swp_h5_block;

/** @param[out] block_out  release with swp_h5_block_close(), also after a failure
 *  @return false if HDF5 fails */
bool swp_h5_block_open(hid_t data, const swp_column *column, const swp_layout *layout, size_t start, size_t n,
                       swp_h5_block *block_out);
void swp_h5_block_close(swp_h5_block *block);

#endif /* SWP_H5_COLUMN_H */
