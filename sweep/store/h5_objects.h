/* h5_objects.h -- every group, dataset, scale and attribute of a new result file. Internal to the store. */
#ifndef SWP_H5_OBJECTS_H
#define SWP_H5_OBJECTS_H

#include "store/h5_file.h"

#define SWP_MAX_RANK 4

/** Names of root attributes that are no layout->attributes: NULL-terminated. */
extern const char *const swp_own_attributes[];

/** Shape of n rows of a column. @return rank, <= SWP_MAX_RANK */
int swp_column_dims(const swp_column *column, const swp_layout *layout, size_t n,
                    hsize_t dims_out[SWP_MAX_RANK]);

hid_t swp_memory_type(swp_type type);

/** Rows a chunk of a final file has, in a column of n_rows. */
size_t swp_final_chunk_rows(const swp_column *column, size_t n_rows);

/** Rows a chunk of /state has in a live file: all jobs, if they are not too many. So the chunk is there after
 * the first write, and later rows change bytes that lie well before the end of the file. */
size_t swp_live_state_chunk_rows(const swp_file *file);

/** True for columns that a final file shuffles before it deflates them. */
bool swp_is_shuffled(const swp_column *column);

/** Rows [start, start + n) of a column: where they lie in its dataset, and the same in memory. */
typedef struct swp_block {
    hid_t file, memory;
} swp_block;

/** @param[out] block_out  release with swp_block_close(), also after a failure
 *  @return false if HDF5 fails */
bool swp_block_open(hid_t data, const swp_column *column, const swp_layout *layout, size_t start, size_t n,
                    swp_block *block_out);
void swp_block_close(swp_block *block);

/** Make all objects in the open, empty file->id and keep the columns' handles. */
WS_NODISCARD ws_status swp_file_make_objects(swp_file *file, const swp_file_options *options, ws_error *err);

#endif /* SWP_H5_OBJECTS_H */
