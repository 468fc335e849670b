/* Invariants: writing to a link writes what it leads to; in a sticky folder that everybody may write to
 * nothing of somebody else's is followed or replaced; a temporary file is always a new one of our own. */
#include <fcntl.h>
#include <errno.h>
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

#include "base/target.h"
#include "temp_folder.h"

enum { STRANGER = 65534 };

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

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_leads_to(const char *path, const char *expected)
{
    ws_error err    = WS_ERROR_INIT;
    char    *target = NULL;
    if (ws_target_resolve(path, &err, &target) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_string_equal(target, expected);
    free(target);
}

static void assert_refused(const char *path, ws_status status, const char *text)
{
    ws_error err    = WS_ERROR_INIT;
    char    *target = NULL;
    assert_int_equal(ws_target_resolve(path, &err, &target), status);
    assert_null(target);
    assert_non_null(strstr(ws_error_text(&err), text));
    ws_error_clear(&err);
}

static void links_are_followed(void **state)
{
    (void)state;
    make_file("file", "");
    assert_int_equal(mkdir("sub", 0777), 0);
    assert_int_equal(symlink("../file", "sub/one"), 0);
    assert_int_equal(symlink("sub/one", "two"), 0);
    assert_int_equal(symlink("sub/new", "dangling"), 0);
    assert_int_equal(symlink("round", "round"), 0);
    assert_leads_to("file", "file");
    assert_leads_to("absent", "absent");
    assert_leads_to("sub/one", "sub/../file");
    assert_leads_to("two", "sub/../file");
    assert_leads_to("dangling", "sub/new");
    assert_refused("round", WS_ERR_IO, "Too many levels");
    assert_refused("", WS_ERR_INPUT, "found \"\"");
}

/* What somebody else made, in a folder like /tmp; only root can make such a thing for a test. */
static void strangers_are_left_alone_in_shared_folders(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkdir("shared", 0777), 0);
    assert_int_equal(chmod("shared", 01777), 0);
    make_file("victim", "mine");
    assert_int_equal(symlink("../victim", "shared/own"), 0);
    assert_int_equal(symlink("../victim", "shared/link"), 0);
    assert_int_equal(lchown("shared/link", STRANGER, STRANGER), 0);
    make_file("shared/file", "");
    assert_int_equal(chown("shared/file", STRANGER, STRANGER), 0);
    assert_leads_to("shared/own", "shared/../victim");
    assert_refused("shared/link", WS_ERR_IO, "shared/link: a link of user 65534");
    assert_refused("shared/file", WS_ERR_IO, "shared/file: a file of user 65534");
    int      fd  = -1;
    ws_error err = WS_ERROR_INIT;
    assert_int_equal(ws_target_make("shared/file", NULL, &err, &fd), WS_ERR_IO);
    assert_int_equal(ws_target_make("shared/link", NULL, &err, &fd), WS_ERR_IO);
    ws_error_clear(&err);
    assert_int_equal(chmod("shared", 0777),
                     0); /* not sticky: anybody may replace anything, nothing to guard */
    assert_leads_to("shared/link", "shared/../victim");
}

static void temporary_files_are_new_ones(void **state)
{
    (void)state;
    struct stat info;
    ws_error    err = WS_ERROR_INIT;
    int         fd  = -1;
    make_file("model", "model");
    assert_int_equal(chmod("model", 0604), 0);
    make_file("t.tmp", "left over");
    assert_int_equal(ws_target_make("t.tmp", "model", &err, &fd), WS_OK);
    assert_int_equal(fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 0);
    assert_int_equal(info.st_mode & 0777, 0604);
    close(fd);
    assert_int_equal(symlink("model", "link.tmp"), 0);
    assert_int_equal(ws_target_make("link.tmp", NULL, &err, &fd), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), "link.tmp: is a link"));
    ws_error_clear(&err);
    assert_int_equal(link("model", "name.tmp"), 0);
    assert_int_equal(ws_target_make("name.tmp", NULL, &err, &fd), WS_ERR_IO);
    ws_error_clear(&err);
    assert_int_equal(mkfifo("fifo.tmp", 0666), 0);
    assert_int_equal(ws_target_make("fifo.tmp", NULL, &err, &fd), WS_ERR_IO);
    ws_error_clear(&err);
    assert_int_equal(stat("model", &info), 0);
    assert_int_equal(info.st_size, 5);
}

static void a_finished_file_takes_the_name(void **state)
{
    (void)state;
    struct stat info;
    make_file("finished.tmp", "new text");
    make_file("finished", "old");
    assert_int_equal(ws_target_rename("finished.tmp", "finished"), 0);
    assert_int_equal(stat("finished", &info), 0);
    assert_int_equal(info.st_size, 8);
    assert_int_equal(ws_target_rename("finished.tmp", "finished"), ENOENT); /* it is gone */
    make_file("other.tmp", "");
    assert_int_equal(ws_target_rename("other.tmp", "no/folder/f"), ENOENT);
    assert_int_equal(stat("finished", &info), 0);
    assert_int_equal(info.st_size, 8);
}

static void what_is_lost_is_said(void **state)
{
    (void)state;
    char note[WS_TARGET_NOTE_BYTES];
    make_file("alone", "");
    assert_false(ws_target_note("alone", note));
    assert_false(ws_target_note("nowhere", note));
    assert_int_equal(link("alone", "other"), 0);
    assert_true(ws_target_note("alone", note));
    assert_non_null(strstr(note, "alone: has 2 names"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(strangers_are_left_alone_in_shared_folders),
        cmocka_unit_test(temporary_files_are_new_ones),
        cmocka_unit_test(a_finished_file_takes_the_name),
        cmocka_unit_test(what_is_lost_is_said),
    };
    return cmocka_run_group_tests_name("base.target", tests, make_folder, remove_folder);
}
