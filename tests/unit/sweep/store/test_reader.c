/* A file that is no result file, or a damaged one, gives a message with its path, never a crash; whatever can
 * be opened either reads or says what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/rewrite.h"
#include "store_check.h"

typedef struct place {
    char *folder;
    char  path[600];
} place;

static int set_up(void **state)
{
    place *p  = calloc(1, sizeof(*p));
    p->folder = fixture_folder();
    snprintf(p->path, sizeof(p->path), "%s/results.h5", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    fixture_remove(p->folder);
    free(p);
    return 0;
}

static void write_file(const place *p, swp_finish how)
{
    const swp_store_config config = {.path = p->path, .overwrite = true};
    const swp_layout       layout = fixture_layout(12);
    swp_store             *store  = NULL;
    fixture_row            f;

    assert_int_equal(swp_store_create(&config, &layout, NULL, &store), WS_OK);
    assert_int_equal(swp_store_begin(store, NULL), WS_OK);
    for (int64_t job = 0; job < 12; job++) {
        assert_int_equal(swp_store_write_row(store, fixture_make(job, &f), NULL), WS_OK);
    }
    assert_int_equal(swp_store_finish(store, how, NULL), WS_OK);
    swp_store_destroy(&store);
}

static void assert_refused(const place *p, const char *reason)
{
    ws_error    err    = WS_ERROR_INIT;
    swp_reader *reader = NULL;
    assert_int_equal(swp_reader_open(p->path, &err, &reader), WS_ERR_IO);
    assert_null(reader);
    if (strstr(ws_error_text(&err), p->path) == NULL || strstr(ws_error_text(&err), reason) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", reason, ws_error_text(&err));
    }
    ws_error_clear(&err);
}

static void put_file(const place *p, const void *bytes, size_t n)
{
    FILE *file = fopen(p->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void files_that_are_none(void **state)
{
    const place *p = *state;
    assert_refused(p, "No such file");
    put_file(p, "", 0);
    assert_refused(p, "not an HDF5 file");
    put_file(p, "requests,tokens\n", 16);
    assert_refused(p, "not an HDF5 file");
    place folder = {.folder = NULL};
    snprintf(folder.path, sizeof(folder.path), "%s", p->folder);
    assert_refused(&folder, "not a regular file");
}

static char *slurp(const place *p, size_t *n_out)
{
    FILE *file = fopen(p->path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n_out      = (size_t)ftell(file);
    char *bytes = malloc(*n_out);
    rewind(file);
    assert_int_equal(fread(bytes, 1, *n_out, file), *n_out);
    fclose(file);
    return bytes;
}

/* Opening and reading everything must end, with or without an error. */
static void read_whatever_is_there(const place *p)
{
    ws_error    err    = WS_ERROR_INIT;
    swp_reader *reader = NULL;
    if (swp_reader_open(p->path, &err, &reader) == WS_OK) {
        char              out[700];
        const swp_reader *source = reader;
        snprintf(out, sizeof(out), "%s.copy", p->path);
        const swp_rewrite_request request = {.sources   = &source,
                                             .n_sources = 1,
                                             .layout    = swp_reader_layout(reader),
                                             .n_threads = 1,
                                             .path      = out,
                                             .what      = "copied",
                                             .replace   = true};
        const ws_status           status  = swp_rewrite(&request, &err);
        assert_true(status == WS_OK || err.n_problems > 0);
        swp_reader_close(&reader);
    } else {
        assert_true(err.n_problems > 0);
    }
    ws_error_clear(&err);
}

static void truncated_files(void **state)
{
    const place *p = *state;
    for (int how = SWP_FINISH_REPACK; how <= SWP_FINISH_CLOSE; how++) {
        size_t n = 0;
        write_file(p, (swp_finish)how);
        char *bytes = slurp(p, &n);
        for (size_t cut = 1; cut <= 20; cut++) {
            put_file(p, bytes, n * cut / 21);
            read_whatever_is_there(p);
        }
        free(bytes);
    }
}

/* HDF5 1.10 believes the sizes in its heaps of texts ("GCOL") and reads beyond them where they are wrong, at
 * the latest when it opens the first attribute: nobody could look at them before. Their bytes are left alone.
 */
static bool *find_heaps(const char *bytes, size_t n)
{
    bool *is_heap = calloc(n, sizeof(is_heap[0]));
    assert_non_null(is_heap);
    for (size_t i = 0; i + 16 <= n; i++) {
        uint64_t size;
        memcpy(&size, bytes + i + 8, sizeof(size));
        for (size_t k = i; memcmp(bytes + i, "GCOL\1", 5) == 0 && k < n && k < i + size; k++) {
            is_heap[k] = true;
        }
    }
    return is_heap;
}

static void damaged_files(void **state)
{
    const place *p      = *state;
    uint32_t     random = 7;
    size_t       n      = 0;

    write_file(p, SWP_FINISH_REPACK);
    char *bytes   = slurp(p, &n);
    bool *is_heap = find_heaps(bytes, n);
    for (int trial = 0; trial < 60; trial++) {
        char *copy = malloc(n);
        memcpy(copy, bytes, n);
        for (int hit = 0; hit < 20; hit++) {
            random          = random * 1664525u + 1013904223u;
            const size_t at = (random >> 4) % n;
            copy[at]        = is_heap[at] ? copy[at] : (char)(random >> 24);
        }
        put_file(p, copy, n);
        read_whatever_is_there(p);
        free(copy);
    }
    free(is_heap);
    free(bytes);
}

static void file_of_another_program(void **state)
{
    const place *p = *state;
    write_file(p, SWP_FINISH_REPACK);
    size_t n     = 0;
    char  *bytes = slurp(p, &n);
    for (size_t i = 0; i + 9 < n; i++) {
        if (memcmp(bytes + i, "wattsweep", 10) == 0) { /* the attribute `program`, with its NUL */
            memcpy(bytes + i, "othertool", 9);
        }
    }
    put_file(p, bytes, n);
    free(bytes);
    assert_refused(p, "not a result file of wattsweep");
}

/* HDF5 1.10 itself loses a block or two when it gives up on damaged metadata; our own leaks still count. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5_serial";
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(files_that_are_none), TEST(truncated_files), TEST(damaged_files),
                                       TEST(file_of_another_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
