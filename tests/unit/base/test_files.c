/* What was read once stays as it was; a packed cache answers as the one it came from, and reads nothing else.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "temp_folder.h"

typedef struct fixture {
    char      dir[64];
    ws_files *files;
} fixture;

static void path_in(const fixture *f, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", f->dir, name);
}

static void write_file(const fixture *f, const char *name, const char *text)
{
    char path[128];
    path_in(f, name, path);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    *state     = f;
    if (!temp_folder_make(f->dir, sizeof(f->dir))) {
        return -1;
    }
    write_file(f, "b.json", "{}");
    write_file(f, "a.csv", "1,2\n");
    return ws_files_create(&f->files) == WS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const names[] = {"a.csv", "b.json", "late", "pipe"};
    fixture                 *f       = *state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        path_in(f, names[i], path);
        unlink(path);
    }
    rmdir(f->dir);
    ws_files_destroy(&f->files);
    free(f);
    return 0;
}

static void check_contents(ws_files *files, const char *path, const char *expected)
{
    ws_bytes bytes = {0};
    assert_int_equal(ws_files_read(files, path, NULL, &bytes), WS_OK);
    assert_int_equal(bytes.len, strlen(expected));
    assert_string_equal(bytes.data, expected);
}

static void test_reads_and_remembers(void **state)
{
    fixture *f = *state;
    char     path[128];
    path_in(f, "a.csv", path);
    check_contents(f->files, path, "1,2\n");
    write_file(f, "a.csv", "changed");
    check_contents(f->files, path, "1,2\n");
    assert_true(ws_files_has(f->files, path));
}

static void test_absence_is_remembered_and_explained(void **state)
{
    fixture *f = *state;
    char     path[128], expected[256];
    path_in(f, "late", path);
    assert_false(ws_files_has(f->files, path));
    write_file(f, "late", "here now");
    ws_bytes bytes = {.len = 77};
    ws_error err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_read(f->files, path, &err, &bytes), WS_ERR_INPUT);
    assert_int_equal(bytes.len, 77);
    snprintf(expected, sizeof(expected), "%s: cannot be read: No such file or directory", path);
    assert_string_equal(ws_error_text(&err), expected);
    ws_error_clear(&err);
}

static void test_only_regular_files(void **state)
{
    fixture *f = *state;
    char     path[128];
    assert_false(ws_files_has(f->files, f->dir));
    path_in(f, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(ws_files_has(f->files, path)); /* returns, instead of waiting for a writer */
}

static void test_obstacles_are_named(void **state)
{
    fixture *f = *state;
    char     b[128], nowhere[128];
    path_in(f, "b.json", b);
    path_in(f, "nowhere", nowhere);
    assert_null(ws_files_obstacle(f->files, b));
    assert_null(ws_files_obstacle(f->files, nowhere));
    assert_string_equal(ws_files_obstacle(f->files, f->dir), "Is a directory");
    assert_true(ws_is_folder(f->dir));
    assert_false(ws_is_folder(b));
    assert_false(ws_is_folder(nowhere));
}

static void test_outputs_are_no_inputs(void **state)
{
    fixture *f   = *state;
    ws_error err = WS_ERROR_INIT;
    char     a[128], b[128], link_to_b[128], none[128];
    path_in(f, "none", none);
    path_in(f, "a.csv", a);
    path_in(f, "b.json", b);
    path_in(f, "late", link_to_b);
    assert_int_equal(symlink(b, link_to_b), 0);
    assert_int_equal(ws_files_check_output(f->files, "--output", b, &err), WS_OK); /* nothing was read yet */
    assert_true(ws_files_has(f->files, b));
    assert_int_equal(ws_files_check_output(f->files, "--output", a, &err), WS_OK);
    assert_int_equal(ws_files_check_output(f->files, "--output", none, &err), WS_OK);
    assert_int_equal(ws_files_check_output(f->files, "--output", link_to_b, &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "--output: "));
    assert_true(ws_is_same_file(b, link_to_b));
    assert_false(ws_is_same_file(a, b));
    assert_false(ws_is_same_file(none, none));
    ws_error_clear(&err);
}

static void test_files_without_a_size_are_read(void **state)
{
    fixture *f     = *state;
    ws_bytes bytes = {0};
    if (access("/proc/self/status", R_OK) != 0) {
        skip();
    }
    assert_int_equal(ws_files_read(f->files, "/proc/self/status", NULL, &bytes), WS_OK);
    assert_true(bytes.len > 100);
}

static void test_listing_is_sorted(void **state)
{
    fixture *f = *state;
    char     none[128];
    path_in(f, "none", none);
    assert_string_equal(ws_files_list(f->files, f->dir), "a.csv\nb.json");
    assert_string_equal(ws_files_list(f->files, none), "");
}

static void test_put_replaces(void **state)
{
    fixture *f = *state;
    char     path[128];
    path_in(f, "b.json", path);
    check_contents(f->files, path, "{}");
    assert_int_equal(ws_files_put(f->files, path, "[1]", 3), WS_OK);
    check_contents(f->files, path, "[1]");
    assert_int_equal(ws_files_put(f->files, "made up", "x", 1), WS_OK);
    check_contents(f->files, "made up", "x");
}

/* The first folder that has it; "." adds nothing; a path from the root is looked up as it is. */
static void test_folders_are_searched_in_order(void **state)
{
    fixture                 *f      = *state;
    static const char *const dirs[] = {"no such folder", ".", "one", "two"};
    const ws_data_dirs       all = {f->files, dirs, 4}, first = {f->files, dirs, 2};
    static const char *const made[] = {"one/a", "two/a", "two/b", "here", "one/here", "/root.json"};
    char                     found[32];
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        assert_int_equal(ws_files_put(f->files, made[i], "{}", 2), WS_OK);
    }
    static const struct {
        const char *path, *found;
    } cases[] = {{"a", "one/a"}, {"b", "two/b"}, {"here", "here"}, {"/root.json", "/root.json"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(ws_files_find(&all, cases[i].path, found, sizeof(found)));
        assert_string_equal(found, cases[i].found);
    }
    assert_false(ws_files_find(&all, "root.json", found, sizeof(found)));
    assert_false(ws_files_find(&all, "/b", found, sizeof(found)));
    assert_false(ws_files_find(&first, "a", found, sizeof(found)));
    assert_false(ws_files_find(&all, "a", found, sizeof("one/a") - 1)); /* no room for the NUL */
}

static void test_packed_cache_answers_alike(void **state)
{
    fixture *f = *state;
    char     a[128], b[128], late[128];
    path_in(f, "a.csv", a);
    path_in(f, "b.json", b);
    path_in(f, "late", late);
    assert_true(ws_files_has(f->files, b));
    assert_true(ws_files_has(f->files, a));
    assert_false(ws_files_has(f->files, late));
    (void)ws_files_list(f->files, f->dir);

    char     *block = NULL;
    size_t    len   = 0;
    ws_files *other = NULL;
    assert_int_equal(ws_files_pack(f->files, &block, &len), WS_OK);
    assert_int_equal(ws_files_map(block, len, true, &other), WS_OK);
    write_file(f, "late", "here now");
    check_contents(other, a, "1,2\n");
    check_contents(other, b, "{}");
    assert_false(ws_files_has(other, late));
    assert_false(ws_files_has(other, "/proc/self/status")); /* exists, but was not packed */
    assert_string_equal(ws_files_list(other, f->dir), "a.csv\nb.json");
    assert_string_equal(ws_files_list(other, "/"), "");

    const char *path = NULL;
    ws_bytes    bytes;
    assert_true(ws_files_at(other, 0, &path, &bytes));
    assert_string_equal(path, b);
    assert_true(ws_files_at(other, 1, &path, &bytes));
    assert_string_equal(path, a);
    assert_false(ws_files_at(other, 2, &path, &bytes));
    ws_files_destroy(&other);
    free(block);
}

static void test_damaged_blocks_are_refused(void **state)
{
    fixture *f = *state;
    assert_int_equal(ws_files_put(f->files, "p", "contents", 8), WS_OK);
    char  *block = NULL;
    size_t len   = 0;
    assert_int_equal(ws_files_pack(f->files, &block, &len), WS_OK);
    for (size_t cut = 0; cut < len; cut++) {
        ws_files *other = NULL;
        assert_int_equal(ws_files_map(block, cut, true, &other), WS_ERR_INPUT);
        assert_null(other);
    }
    free(block);
}

/* Objects travel with the files, under names of their own, whole and aligned for any type. */
static void test_objects_travel_along(void **state)
{
    fixture     *f          = *state;
    const double numbers[3] = {1.5, -2.0, 3e300};
    ws_bytes     bytes = {NULL, 0}, contents = {NULL, 0};
    assert_int_equal(ws_files_put(f->files, "same name", "odd", 3), WS_OK);
    assert_int_equal(ws_files_put_object(f->files, "same name", "first", 5), WS_OK);
    assert_int_equal(ws_files_put_object(f->files, "same name", (const char *)numbers, sizeof(numbers)),
                     WS_OK);
    assert_false(ws_files_object(f->files, "other name", &bytes));
    char     *block = NULL;
    size_t    len   = 0;
    ws_files *other = NULL;
    assert_int_equal(ws_files_pack(f->files, &block, &len), WS_OK);
    ws_files_drop_objects(f->files); /* the file of the same name stays, and so does the block */
    assert_false(ws_files_object(f->files, "same name", &bytes));
    check_contents(f->files, "same name", "odd");
    assert_int_equal(ws_files_map(block, len, false, &other), WS_OK);
    check_contents(other, "same name", "odd");
    assert_true(ws_files_object(other, "same name", &bytes));
    assert_int_equal(bytes.len, sizeof(numbers));
    assert_memory_equal(bytes.data, numbers, sizeof(numbers));
    assert_int_equal((uintptr_t)bytes.data % _Alignof(max_align_t), 0);
    assert_true(bytes.data > block);                       /* in place, not a copy */
    assert_true(ws_files_has(other, "/proc/self/status")); /* not sealed */
    assert_int_equal(ws_files_read(other, "same name", NULL, &contents), WS_OK);
    assert_true(contents.data > block);
    ws_files_destroy(&other);
    free(block);
}

/* Test vectors of FIPS 180-2: "abc" and the empty text. */
static void test_sha256(void **state)
{
    (void)state;
    char hex[65];
    ws_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ws_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_and_remembers),        TEST(test_absence_is_remembered_and_explained),
        TEST(test_only_regular_files),         TEST(test_files_without_a_size_are_read),
        TEST(test_obstacles_are_named),        TEST(test_outputs_are_no_inputs),
        TEST(test_listing_is_sorted),          TEST(test_put_replaces),
        TEST(test_packed_cache_answers_alike), TEST(test_damaged_blocks_are_refused),
        TEST(test_objects_travel_along),       TEST(test_folders_are_searched_in_order),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
