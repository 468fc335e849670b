/* store_check.h -- compare files with the fixture's rows, for the store's tests. */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "store/row_cells.h"
#include "store_fixture.h"

/* Cells as the fixture makes them; row_start is left to the caller. */
static inline bool check_cells(const swp_reader *reader, const swp_column *column, size_t at, size_t n,
                               const void *expected, int64_t job)
{
    ws_error err   = WS_ERROR_INIT;
    char    *found = malloc(n * column->row_bytes + 1);
    bool     same  = swp_reader_read(reader, column, at, n, found, &err) == WS_OK;
    if (!same) {
        fprintf(stderr, "job %lld %s: %s\n", (long long)job, column->path, ws_error_text(&err));
    } else if (column->type == SWP_TYPE_F64) {
        for (size_t i = 0; i < n * column->inner_count; i++) {
            same = same && fixture_same(((const double *)(void *)found)[i], ((const double *)expected)[i]);
        }
    } else {
        same = memcmp(found, expected, n * column->row_bytes) == 0;
    }
    if (!same) {
        fprintf(stderr, "job %lld: %s is wrong\n", (long long)job, column->path);
    }
    ws_error_clear(&err);
    free(found);
    return same;
}

static inline int64_t read_i64(const swp_reader *reader, swp_role role, size_t row)
{
    int64_t           value  = -1;
    const swp_column *column = swp_columns_find(swp_reader_columns(reader), role, 0);
    return swp_reader_read(reader, column, row, 1, &value, NULL) == WS_OK ? value : -1;
}

/* Every column of one row of the file is what the fixture says about its job. */
static inline bool check_row(const swp_reader *reader, size_t at)
{
    const swp_columns *columns = swp_reader_columns(reader);
    const int64_t      job     = read_i64(reader, SWP_ROLE_JOB, at);
    const size_t       start[] = {0, (size_t)read_i64(reader, SWP_ROLE_SAMPLE_START, at),
                                  (size_t)read_i64(reader, SWP_ROLE_REQUEST_START, at)};
    char cells[FIXTURE_MAX_SAMPLES * FIXTURE_NODES * FIXTURE_NODE_CELLS * sizeof(double) + SWP_ERROR_LEN];
    fixture_row    f;
    const swp_row *row = fixture_make(job, &f);

    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        if (column->axis == SWP_AXIS_JOB) {
            swp_row_put_job(column, swp_reader_layout(reader), row, start, cells);
            if (!check_cells(reader, column, at, 1, cells, job)) {
                return false;
            }
            continue;
        }
        const size_t n = column->axis == SWP_AXIS_SAMPLE ? row->n_samples : row->n_requests;
        swp_row_put_ragged(column, row, 0, n, cells);
        if (n > 0 && !check_cells(reader, column, start[column->axis], n, cells, job)) {
            return false;
        }
    }
    return true;
}

static inline bool check_all_rows(const swp_reader *reader)
{
    for (size_t at = 0; at < swp_reader_n_rows(reader); at++) {
        if (!check_row(reader, at)) {
            return false;
        }
    }
    return true;
}

/* Jobs 0 .. n-1, once each, in order. */
static inline bool check_repacked(const swp_reader *reader, int64_t n)
{
    if (swp_reader_n_rows(reader) != (size_t)n) {
        fprintf(stderr, "expected %lld rows, found %zu\n", (long long)n, swp_reader_n_rows(reader));
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (read_i64(reader, SWP_ROLE_JOB, (size_t)i) != i) {
            fprintf(stderr, "row %lld is another job\n", (long long)i);
            return false;
        }
    }
    return check_all_rows(reader);
}

#endif /* STORE_CHECK_H */
