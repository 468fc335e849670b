/* The chunks of a finished file are, byte for byte, those that HDF5 itself writes through the filters the
 * file names, in the same places for any number of threads; only chunks of blank text are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/h5_file.h"
#include "store/h5_column.h"
#include "store_fixture.h"

enum {
    N_JOBS     = 3000,
    N_SAMPLES  = 13000,
    N_REQUESTS = 70000
}; /* more than one chunk, and no whole number of them */

static const size_t n_rows[SWP_AXIS_COUNT] = {N_JOBS, N_SAMPLES, N_REQUESTS};

/* Numbers that compress somewhat; texts only in the last fifth of the rows. */
static char *make_rows(const swp_column *column, size_t n)
{
    char    *rows   = calloc(n + 1, column->row_bytes);
    uint32_t random = (uint32_t)column->role * 97 + (uint32_t)column->index;
    assert_non_null(rows);
    for (size_t i = 0; i < n * column->row_bytes; i++) {
        random = random * 1664525u + 1013904223u;
        if (column->type != SWP_TYPE_CHAR || i / column->row_bytes >= 4 * n / 5) {
            rows[i] = (char)(i % 8 < 2 ? random >> 24 : i / 1000);
        }
    }
    return rows;
}

/* Rows of a column come in pieces of changing length, of all columns in turn. */
static void write_all(swp_h5_file *file, char **rows)
{
    ws_error err                  = WS_ERROR_INIT;
    size_t   done[SWP_AXIS_COUNT] = {0};
    for (size_t round = 0; done[0] < N_JOBS || done[1] < N_SAMPLES || done[2] < N_REQUESTS; round++) {
        for (int axis = 0; axis < SWP_AXIS_COUNT; axis++) {
            const size_t left  = n_rows[axis] - done[axis];
            const size_t piece = 1 + round * 7919 % 9973;
            const size_t n     = piece < left ? piece : left;
            for (size_t i = 0; i < file->columns.n; i++) {
                const swp_column *column = &file->columns.list[i];
                if (column->axis == (swp_row_axis)axis) {
                    assert_int_equal(swp_h5_file_write(file, i, done[axis], n,
                                                       rows[i] + done[axis] * column->row_bytes, &err),
                                     WS_OK);
                }
            }
            done[axis] += n;
        }
    }
}

typedef struct place {
    char       *folder, path[600], other[600];
    swp_layout  layout;
    swp_columns columns;
    char      **rows; /* [columns.n] */
} place;

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    snprintf(p->path, sizeof(p->path), "%s/a.h5", p->folder);
    snprintf(p->other, sizeof(p->other), "%s/b.h5", p->folder);
    p->layout = fixture_layout(N_JOBS);
    assert_int_equal(swp_columns_build(&p->layout, NULL, &p->columns), WS_OK);
    p->rows = calloc(p->columns.n, sizeof(p->rows[0]));
    for (size_t i = 0; i < p->columns.n; i++) {
        p->rows[i] = make_rows(&p->columns.list[i], n_rows[p->columns.list[i].axis]);
    }
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    for (size_t i = 0; i < p->columns.n; i++) {
        free(p->rows[i]);
    }
    free(p->rows);
    swp_columns_fini(&p->columns);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static void make_file(place *p, const char *path, size_t n_threads)
{
    swp_h5_file_options options = {.live = false, .n_threads = n_threads, .history = ""};
    swp_h5_file        *file    = NULL;
    memcpy(options.n_rows, n_rows, sizeof(n_rows));
    assert_int_equal(swp_h5_file_make(path, &p->layout, &options, NULL, &file), WS_OK);
    write_all(file, p->rows);
    assert_int_equal(swp_h5_file_close(&file, false, NULL), WS_OK);
}

/* ---- chunks as they lie in a file ---- */

typedef struct raw_chunk {
    hsize_t  offset[SWP_MAX_RANK], n_bytes;
    haddr_t  place;
    unsigned filters; /* that were left out */
    char    *bytes;
} raw_chunk;

static raw_chunk read_chunk(hid_t data, hsize_t index)
{
    raw_chunk   chunk = {.offset = {0}};
    uint32_t    left_out;
    const hid_t space = H5Dget_space(data);
    assert_true(H5Dget_chunk_info(data, space, index, chunk.offset, &chunk.filters, &chunk.place,
                                  &chunk.n_bytes) >= 0);
    chunk.bytes = malloc(chunk.n_bytes);
    assert_true(H5Dread_chunk(data, H5P_DEFAULT, chunk.offset, &left_out, chunk.bytes) >= 0);
    H5Sclose(space);
    return chunk;
}

static size_t count_chunks(hid_t data)
{
    hsize_t     n     = 0;
    const hid_t space = H5Dget_space(data);
    assert_true(H5Dget_num_chunks(data, space, &n) >= 0);
    H5Sclose(space);
    return (size_t)n;
}

static void same_chunk(hid_t a, hid_t b, hsize_t index_a, hsize_t index_b, bool same_place)
{
    raw_chunk x = read_chunk(a, index_a), y = read_chunk(b, index_b);
    assert_int_equal(x.offset[0], y.offset[0]);
    assert_int_equal(x.filters, 0);
    assert_int_equal(y.filters, 0);
    assert_int_equal(x.n_bytes, y.n_bytes);
    assert_memory_equal(x.bytes, y.bytes, x.n_bytes);
    assert_true(!same_place || x.place == y.place);
    free(x.bytes);
    free(y.bytes);
}

/* ---- tests ---- */

/* The same rows through H5Dwrite(), in a dataset of the same form in another file. */
static hid_t write_by_hdf5(hid_t file, hid_t model, const swp_column *column, const char *rows)
{
    const hid_t list = H5Dget_create_plist(model), type = H5Dget_type(model), space = H5Dget_space(model);
    const hid_t twin = H5Dcreate2(file, column->name, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(twin >= 0);
    assert_true(H5Dwrite(twin, swp_h5_memory_type(column->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) >= 0);
    assert_true(H5Dflush(twin) >= 0);
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(list);
    return twin;
}

/* @return chunks of blank text that ours leaves out */
static size_t compare_with_hdf5(hid_t ours, hid_t other_file, const swp_column *column, const char *rows)
{
    const hid_t  twin = write_by_hdf5(other_file, ours, column, rows);
    const size_t n = count_chunks(ours), n_twin = count_chunks(twin);
    assert_true(n > 0 && n <= n_twin && (column->type == SWP_TYPE_CHAR || n == n_twin));
    for (size_t k = 0; k < n; k++) { /* blank ones come first */
        same_chunk(ours, twin, k, n_twin - n + k, false);
    }
    H5Dclose(twin);
    return n_twin - n;
}

static void same_rows(hid_t data, const swp_column *column, size_t n, const char *expected)
{
    char *found = malloc((n + 1) * column->row_bytes);
    assert_true(H5Dread(data, swp_h5_memory_type(column->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, found) >= 0);
    assert_memory_equal(found, expected, n * column->row_bytes);
    free(found);
}

static void chunks_are_hdf5s_own(void **state)
{
    place *p      = *state;
    size_t n_left = 0;
    make_file(p, p->path, 3);
    const hid_t file  = H5Fopen(p->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t other = H5Fcreate(p->other, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (size_t i = 0; i < p->columns.n; i++) {
        const swp_column *column = &p->columns.list[i];
        const hid_t       group  = H5Gcreate2(other, column->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        const hid_t       data   = H5Dopen2(file, column->path, H5P_DEFAULT);
        n_left += compare_with_hdf5(data, group, column, p->rows[i]);
        same_rows(data, column, n_rows[column->axis], p->rows[i]);
        H5Dclose(data);
        H5Gclose(group);
        H5Ldelete(other, column->name, H5P_DEFAULT); /* two groups have a column of this name */
    }
    assert_int_equal(n_left, 1); /* of /error: 2048 rows a chunk, blank up to row 2400 */
    H5Fclose(other);
    H5Fclose(file);
}

static void same_file(place *p, size_t n_threads)
{
    make_file(p, p->other, n_threads);
    const hid_t a = H5Fopen(p->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t b = H5Fopen(p->other, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t i = 0; i < p->columns.n; i++) {
        const hid_t x = H5Dopen2(a, p->columns.list[i].path, H5P_DEFAULT);
        const hid_t y = H5Dopen2(b, p->columns.list[i].path, H5P_DEFAULT);
        assert_int_equal(count_chunks(x), count_chunks(y));
        for (size_t k = 0; k < count_chunks(x); k++) {
            same_chunk(x, y, k, k, true);
        }
        H5Dclose(x);
        H5Dclose(y);
    }
    H5Fclose(a);
    H5Fclose(b);
}

static void threads_make_no_difference(void **state)
{
    place *p = *state;
    make_file(p, p->path, 1);
    static const size_t n_threads[] = {0, 2, 3, 8};
    for (size_t i = 0; i < sizeof(n_threads) / sizeof(n_threads[0]); i++) {
        same_file(p, n_threads[i]);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(chunks_are_hdf5s_own), TEST(threads_make_no_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
