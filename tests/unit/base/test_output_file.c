/* Invariants: a committed file has exactly the bytes written, under its name; anything else leaves the target
 * as it was and no temporary behind; every failure carries the path and the system's text. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/output_file.h"
#include "temp_folder.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    return !temp_folder_make(folder, sizeof(folder)) || chdir(folder) != 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0 ? -1 : 0;
}

static ws_output_file *open_file(const char *path)
{
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = NULL;
    if (ws_output_file_open(path, &err, &file) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return file;
}

static void write_whole(const char *path, const char *text)
{
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = open_file(path);
    ws_output_file_puts(file, text);
    if (ws_output_file_commit(file, &err) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    ws_output_file_destroy(&file);
}

static void assert_contents(const char *path, const char *expected)
{
    char  got[256] = "";
    FILE *stream   = fopen(path, "r");
    assert_non_null(stream);
    got[fread(got, 1, sizeof(got) - 1, stream)] = '\0';
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(got, expected);
}

static void assert_entries(const char *path, int expected)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "test $(ls -A %s | wc -l) -eq %d", path, expected);
    assert_int_equal(system(command), 0);
}

static void parents_are_created_and_nothing_else_stays(void **state)
{
    (void)state;
    write_whole("a/b//c.txt", "hello");
    assert_contents("a/b/c.txt", "hello");
    assert_entries("a/b", 1);
}

static void a_whole_file_at_once(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    assert_int_equal(ws_output_write("once/f", "all of it", 9, &err), WS_OK);
    assert_contents("once/f", "all of it");
    assert_int_equal(ws_output_write("once/f", NULL, 0, &err), WS_OK);
    assert_contents("once/f", "");
    assert_entries("once", 1);
    assert_int_equal(ws_output_write("once", "x", 1, &err), WS_ERR_INPUT); /* a folder */
    ws_error_clear(&err);
}

static void the_target_changes_only_with_commit(void **state)
{
    (void)state;
    write_whole("t/f", "old");
    ws_output_file *file = open_file("t/f");
    ws_output_file_puts(file, "new");
    assert_contents("t/f", "old");
    ws_output_file_destroy(&file);
    assert_null(file);
    assert_contents("t/f", "old");
    assert_entries("t", 1);
    write_whole("t/f", "new");
    assert_contents("t/f", "new");
}

static void large_writes_keep_their_order(void **state)
{
    (void)state;
    enum { N = 300000 };
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = open_file("large");
    char           *big  = malloc(N);
    assert_non_null(big);
    memset(big, 'b', N);
    ws_output_file_puts(file, "a");
    ws_output_file_write(file, big, N);
    for (int i = 0; i < N; i++) {
        ws_output_file_write(file, "c", 1);
    }
    assert_int_equal(ws_output_file_commit(file, &err), WS_OK);
    ws_output_file_destroy(&file);
    FILE *stream = fopen("large", "r");
    assert_non_null(stream);
    assert_int_equal(fgetc(stream), 'a');
    for (int i = 0; i < N; i++) {
        assert_int_equal(fgetc(stream), 'b');
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(fgetc(stream), 'c');
    }
    assert_int_equal(fgetc(stream), EOF);
    assert_int_equal(fclose(stream), 0);
    free(big);
}

static void links_stay_links(void **state)
{
    (void)state;
    write_whole("real", "1");
    assert_int_equal(symlink("real", "link"), 0);
    write_whole("link", "2");
    struct stat info;
    assert_int_equal(lstat("link", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_contents("real", "2");
    assert_int_equal(mkdir("there", 0777), 0);
    assert_int_equal(symlink("there/new", "dangling"), 0);
    write_whole("dangling", "3");
    assert_int_equal(lstat("dangling", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_contents("there/new", "3");
    assert_entries("there", 1);
}

static void mode_and_owner_stay(void **state)
{
    (void)state;
    struct stat info;
    write_whole("mode", "1");
    assert_int_equal(chmod("mode", 0640), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown("mode", 65534, 65534), 0);
    }
    write_whole("mode", "2");
    assert_int_equal(stat("mode", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(info.st_uid, geteuid() == 0 ? 65534 : geteuid());
}

static void streams_are_committed_too(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    write_whole("stream", "old");
    ws_output_file *file = open_file("stream");
    assert_true(fputs("new", ws_output_file_stream(file)) >= 0);
    ws_output_file_destroy(&file);
    assert_contents("stream", "old");
    file = open_file("stream");
    assert_true(fputs("new", ws_output_file_stream(file)) >= 0);
    assert_int_equal(ws_output_file_commit(file, &err), WS_OK);
    ws_output_file_destroy(&file);
    assert_contents("stream", "new");
    file = open_file("/dev/full");
    assert_true(fputs("new", ws_output_file_stream(file)) >= 0);
    assert_int_equal(ws_output_file_commit(file, &err), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), strerror(ENOSPC)));
    ws_output_file_destroy(&file);
    ws_error_clear(&err);
}

static void a_full_disk_is_an_error_of_commit(void **state)
{
    (void)state;
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = open_file("/dev/full");
    ws_output_file_puts(file, "x");
    assert_int_equal(ws_output_file_commit(file, &err), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), "/dev/full"));
    assert_non_null(strstr(ws_error_text(&err), strerror(ENOSPC)));
    ws_output_file_destroy(&file);
    ws_error_clear(&err);
    struct stat info;
    assert_int_equal(stat("/dev/full", &info), 0);
    assert_true(S_ISCHR(info.st_mode)); /* still the device */
}

static void check_no_file(const char *path)
{
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = NULL;
    assert_int_equal(ws_output_path_check(path, &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), path[0] == '\0' ? "found \"\"" : "is a folder, expected"));
    ws_error_clear(&err);
    assert_int_equal(ws_output_file_open(path, &err, &file), WS_ERR_INPUT);
    assert_null(file);
    ws_error_clear(&err);
}

static void check_unwritable(const char *path, int error)
{
    ws_error        err  = WS_ERROR_INIT;
    ws_output_file *file = NULL;
    assert_int_equal(ws_output_path_check(path, &err), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), path));
    assert_non_null(strstr(ws_error_text(&err), strerror(error)));
    ws_error_clear(&err);
    assert_int_equal(ws_output_file_open(path, &err, &file), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), strerror(error)));
    assert_null(file);
    ws_error_clear(&err);
}

static void unwritable_paths_are_known_beforehand(void **state)
{
    (void)state;
    write_whole("plain", "x");
    assert_int_equal(mkdir("dir", 0777), 0);
    check_unwritable("plain/below", ENOTDIR);
    check_unwritable("plain/far/below", ENOTDIR);
    check_no_file("dir");
    check_no_file("dir/");
    check_no_file("no_such_dir/");
    check_no_file("");
    assert_int_equal(access("no_such_dir", F_OK), -1);
}

static void checking_creates_nothing(void **state)
{
    (void)state;
    ws_error err = WS_ERROR_INIT;
    assert_int_equal(mkdir("empty", 0777), 0);
    assert_int_equal(ws_output_path_check("empty/x/y.csv", &err), WS_OK);
    assert_int_equal(ws_output_path_check("y.csv", &err), WS_OK);
    assert_int_equal(ws_output_path_check("-", &err), WS_OK);
    assert_int_equal(ws_output_path_check("/dev/null", &err), WS_OK);
    assert_entries("empty", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents_are_created_and_nothing_else_stays),
        cmocka_unit_test(a_whole_file_at_once),
        cmocka_unit_test(the_target_changes_only_with_commit),
        cmocka_unit_test(large_writes_keep_their_order),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(mode_and_owner_stay),
        cmocka_unit_test(streams_are_committed_too),
        cmocka_unit_test(a_full_disk_is_an_error_of_commit),
        cmocka_unit_test(unwritable_paths_are_known_beforehand),
        cmocka_unit_test(checking_creates_nothing),
    };
    return cmocka_run_group_tests_name("base.output_file", tests, make_folder, remove_folder);
}
