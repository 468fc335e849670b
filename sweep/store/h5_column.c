#include "store/h5_column.h"

#include <string.h>

#include "store/window.h"
#include "engine.h"

#define FINAL_CHUNK_BYTES ((size_t)512 << 10)
#define LIVE_CHUNK_BYTES ((size_t)1 << 20)

/* ---- shapes and types ---- */

int swp_h5_column_dims(const swp_column *column, const swp_layout *layout, size_t n,
                       hsize_t dims_out[SWP_MAX_RANK])
{
    dims_out[0] = n;
    switch (column->inner) {
    case SWP_INNER_NONE:
        return 1;
    case SWP_INNER_TEXT:
        dims_out[1] = column->inner_count;
        return 2;
    case SWP_INNER_NODE:
        dims_out[1] = layout->max_nodes;
        return 2;
    case SWP_INNER_COMPONENT:
        dims_out[1] = WS_COMPONENT_COUNT;
        return 2;
    case SWP_INNER_NODE_COMPONENT:
        dims_out[1] = layout->max_nodes;
        dims_out[2] = WS_COMPONENT_COUNT;
        return 3;
    case SWP_INNER_NODE_PHASE:
        dims_out[1] = layout->max_nodes;
        dims_out[2] = WS_COMPONENT_COUNT;
        dims_out[3] = WS_PHASE_COUNT;
        return 4;
    case SWP_INNER_NODE_STATE:
        dims_out[1] = layout->max_nodes;
        dims_out[2] = WS_STATE_COUNT;
        return 3;
    }
    return 0;
}

hid_t swp_h5_memory_type(swp_type type)
{
    switch (type) {
    case SWP_TYPE_I8:
        return H5T_NATIVE_INT8;
    case SWP_TYPE_I32:
        return H5T_NATIVE_INT32;
    case SWP_TYPE_I64:
        return H5T_NATIVE_INT64;
    case SWP_TYPE_F64:
        return H5T_NATIVE_DOUBLE;
    case SWP_TYPE_CHAR:
        return H5T_C_S1; /* length 1: netCDF's character */
    }
    return -1;
}

hid_t swp_h5_file_type(swp_type type)
{
    switch (type) {
    case SWP_TYPE_I8:
        return H5T_STD_I8LE;
    case SWP_TYPE_I32:
        return H5T_STD_I32LE;
    case SWP_TYPE_I64:
        return H5T_STD_I64LE;
    case SWP_TYPE_F64:
        return H5T_IEEE_F64LE;
    case SWP_TYPE_CHAR:
        return H5T_C_S1;
    }
    return -1;
}

/* ---- chunks ---- */

/* Rows of so many bytes, at least one. */
static size_t rows_of_bytes(const swp_column *column, size_t n_bytes)
{
    const size_t fit = n_bytes / (column->row_bytes > 0 ? column->row_bytes : 1);
    return fit > 0 ? fit : 1;
}

/* Job columns: a divisor of the window that copying them goes by, so that few rows wait for the next window.
 */
size_t swp_h5_final_chunk_rows(const swp_column *column, size_t n_rows)
{
    const size_t fit  = rows_of_bytes(column, FINAL_CHUNK_BYTES);
    size_t       rows = fit;
    if (column->axis == SWP_AXIS_JOB) {
        for (rows = SWP_WINDOW_ROWS; rows > fit && rows > 1; rows /= 2) {
        }
    }
    return rows < n_rows ? rows : n_rows;
}

size_t swp_h5_live_chunk_rows(const swp_column *column, size_t most)
{
    const size_t fit = rows_of_bytes(column, LIVE_CHUNK_BYTES);
    return fit < most ? fit : most;
}

size_t swp_h5_live_state_chunk_rows(size_t least, int64_t n_jobs)
{
    const size_t rows = n_jobs > (int64_t)least ? (size_t)n_jobs : least;
    return rows < LIVE_CHUNK_BYTES ? rows : LIVE_CHUNK_BYTES;
}

bool swp_h5_is_shuffled(const swp_column *column)
{
    return column->type != SWP_TYPE_I8 && column->type != SWP_TYPE_CHAR;
}

bool swp_h5_is_blank(const char *text, size_t n_bytes)
{
    return n_bytes == 0 || (text[0] == '\0' && memcmp(text, text + 1, n_bytes - 1) == 0);
}

/* ---- blocks ---- */

bool swp_h5_block_open(hid_t data, const swp_column *column, const swp_layout *layout, size_t start, size_t n,
                       swp_h5_block *block_out)
{
    hsize_t   count[SWP_MAX_RANK], first[SWP_MAX_RANK] = {start};
    const int rank = swp_h5_column_dims(column, layout, n, count);
    *block_out = (swp_h5_block){.file = H5Dget_space(data), .memory = H5Screate_simple(rank, count, NULL)};
    return block_out->file >= 0 && block_out->memory >= 0 &&
           H5Sselect_hyperslab(block_out->file, H5S_SELECT_SET, first, NULL, count, NULL) >= 0;
}

void swp_h5_block_close(swp_h5_block *block)
{
    const hid_t problems = H5Eget_current_stack(); /* of the transfer: every call begins by forgetting them */
    if (block->memory >= 0) {
        H5Sclose(block->memory);
    }
    if (block->file >= 0) {
        H5Sclose(block->file);
    }
    if (problems >= 0) {
        H5Eset_current_stack(problems); /* takes it */
    }
}
