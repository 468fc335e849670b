/* Invariants: files are found as given first, then under the folders in order, absolute paths only as given;
 * the bundled folder is $WATTSWEEP_CONFIGS where that is set, else the configs folder of the tree the program
 * was built in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine.h"
#include "temp_folder.h"

static ws_files *files_with(const char *const *paths, size_t n)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ws_files_put(files, paths[i], "x", 1), WS_OK);
    }
    return files;
}

static void files_are_found_as_given_before_folders(void **state)
{
    (void)state;
    static const char *const present[] = {"here.json", "first/here.json", "first/a.json", "second/a.json",
                                          "second/b.json"};
    static const char *const dirs[]    = {"first", "second"};
    ws_files                *files     = files_with(present, 5);
    const ws_data_dirs       data      = {files, dirs, 2};
    char                     found[64];
    assert_true(ws_find_file(&data, "here.json", found, sizeof(found)));
    assert_string_equal(found, "here.json");
    assert_true(ws_find_file(&data, "a.json", found, sizeof(found)));
    assert_string_equal(found, "first/a.json");
    assert_true(ws_find_file(&data, "b.json", found, sizeof(found)));
    assert_string_equal(found, "second/b.json");
    assert_false(ws_find_file(&data, "/b.json", found, sizeof(found)));
    assert_false(ws_find_file(&data, "c.json", found, sizeof(found)));
    ws_files_destroy(&files);
}

static void paths_longer_than_the_buffer_are_not_found(void **state)
{
    (void)state;
    static const char *const present[] = {"folder/a.json"};
    static const char *const dirs[]    = {"folder"};
    ws_files                *files     = files_with(present, 1);
    const ws_data_dirs       data      = {files, dirs, 1};
    char                     found[8];
    assert_false(ws_find_file(&data, "a.json", found, sizeof(found)));
    ws_files_destroy(&files);
}

static void the_environment_names_the_bundled_folder(void **state)
{
    (void)state;
    char dir[TEMP_PATH_MAX], found[4096];
    assert_true(temp_folder_make(dir, sizeof(dir)));
    assert_int_equal(setenv("WATTSWEEP_CONFIGS", dir, 1), 0);
    assert_true(ws_bundled_dir(found, sizeof(found)));
    assert_string_equal(found, dir);
    assert_int_equal(rmdir(dir), 0);
    assert_false(ws_bundled_dir(found, sizeof(found))); /* there is no such folder */
    assert_int_equal(unsetenv("WATTSWEEP_CONFIGS"), 0);
}

static void the_build_tree_finds_its_own_configs(void **state)
{
    (void)state;
    const char *source_dir = getenv("WS_SOURCE_DIR");
    if (source_dir == NULL) {
        skip();
    }
    char found[4096];
    assert_true(ws_bundled_dir(found, sizeof(found)));
    assert_int_equal(strncmp(found, source_dir, strlen(source_dir)), 0);
    assert_string_equal(found + strlen(source_dir), "/configs");
    assert_false(ws_bundled_dir(found, 4)); /* no room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_as_given_before_folders),
        cmocka_unit_test(paths_longer_than_the_buffer_are_not_found),
        cmocka_unit_test(the_environment_names_the_bundled_folder),
        cmocka_unit_test(the_build_tree_finds_its_own_configs),
    };
    return cmocka_run_group_tests_name("scenario.paths", tests, NULL, NULL);
}
