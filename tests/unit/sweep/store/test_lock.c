/* One writer per file: a second one is refused and told who is in the way; the lock goes with its holder,
 * however that ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "store/lock.h"
#include "store_fixture.h"

static void second_writer_is_refused(void **state)
{
    char     *folder = fixture_folder();
    char      path[600], holder[64];
    swp_lock *first = NULL, *second = NULL;
    ws_error  err = WS_ERROR_INIT;

    (void)state;
    snprintf(path, sizeof(path), "%s/results.h5", folder);
    assert_false(swp_lock_is_held(path));
    assert_int_equal(swp_lock_acquire(path, true, &err, &first), WS_OK);
    assert_true(swp_lock_is_held(path));
    assert_int_equal(swp_lock_acquire(path, true, &err, &second), WS_ERR_IO);
    assert_null(second);
    snprintf(holder, sizeof(holder), "pid %ld on", (long)getpid());
    assert_non_null(strstr(ws_error_text(&err), holder));
    assert_non_null(strstr(ws_error_text(&err), path));
    swp_lock_release(&first);
    assert_null(first);
    assert_int_equal(swp_lock_acquire(path, true, &err, &second), WS_OK);
    swp_lock_release(&second);
    assert_false(swp_lock_is_held(path));
    swp_lock_release(&second); /* NULL is fine */
    ws_error_clear(&err);
    fixture_remove(folder);
}

static void killed_holder_frees_it(void **state)
{
    char     *folder = fixture_folder();
    char      path[600];
    swp_lock *lock = NULL;
    int       status, ready[2];
    char      byte;

    (void)state;
    snprintf(path, sizeof(path), "%s/results.h5", folder);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (swp_lock_acquire(path, true, NULL, &lock) != WS_OK || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(swp_lock_acquire(path, true, NULL, &lock), WS_ERR_IO);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    assert_int_equal(swp_lock_acquire(path, true, NULL, &lock),
                     WS_OK); /* the file is still there, its lock is not */
    swp_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
    fixture_remove(folder);
}

/* `status` and the other readers look whether a file is being written by taking a shared lock for a moment.
 * On a lock file that a killed sweep left they must not keep the next one out. */
static void somebody_who_asks_is_no_writer(void **state)
{
    char     *folder = fixture_folder();
    char      path[600], lock_path[620];
    swp_lock *lock = NULL;
    ws_error  err  = WS_ERROR_INIT;
    int       status, ready[2];
    char      byte;

    (void)state;
    snprintf(path, sizeof(path), "%s/results.h5", folder);
    snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(lock_path, O_RDWR | O_CREAT, 0666);
        if (fd < 0 || flock(fd, LOCK_SH) != 0 || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        ws_sleep_ns(50000000);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(swp_lock_acquire(path, true, &err, &lock), WS_OK);
    assert_true(swp_lock_is_held(path));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    swp_lock_release(&lock);
    close(ready[0]);
    close(ready[1]);
    ws_error_clear(&err);
    fixture_remove(folder);
}

static void folder_that_is_missing(void **state)
{
    char     *folder = fixture_folder();
    char      path[600], expected[640];
    ws_error  err  = WS_ERROR_INIT;
    swp_lock *lock = NULL;

    (void)state;
    snprintf(path, sizeof(path), "%s/none/results.h5", folder);
    snprintf(expected, sizeof(expected), "%s.lock: cannot create", path);
    assert_int_equal(swp_lock_acquire(path, true, &err, &lock), WS_ERR_IO);
    assert_non_null(strstr(ws_error_text(&err), expected));
    ws_error_clear(&err);
    fixture_remove(folder);
}

/* Two names of one file are one lock; a file that is there with one name needs no more than the lock file. */
static void hard_links_are_one_file(void **state)
{
    char     *folder = fixture_folder();
    char      path[600], other[600];
    swp_lock *first = NULL, *second = NULL;
    ws_error  err  = WS_ERROR_INIT;
    FILE     *file = NULL;

    (void)state;
    snprintf(path, sizeof(path), "%s/results.h5", folder);
    snprintf(other, sizeof(other), "%s/other.h5", folder);
    assert_non_null(file = fopen(path, "w"));
    fclose(file);
    assert_int_equal(swp_lock_acquire(path, true, &err, &first), WS_OK);
    swp_lock_release(&first);
    assert_int_equal(link(path, other), 0);
    assert_int_equal(swp_lock_acquire(path, true, &err, &first), WS_OK);
    assert_int_equal(swp_lock_acquire(other, true, &err, &second), WS_ERR_IO);
    assert_null(second);
    assert_non_null(strstr(ws_error_text(&err), other));
    swp_lock_release(&first);
    assert_int_equal(swp_lock_acquire(other, true, &err, &second), WS_OK);
    swp_lock_release(&second);
    ws_error_clear(&err);
    fixture_remove(folder);
}

enum { LINK, FOLDER, OTHER_TEXT, HARD_LINK, N_KINDS }; /* of what may be in the way */

static int put_obstacle(int kind, const char *target, const char *lock_path)
{
    switch (kind) {
    case LINK:
        return symlink(target, lock_path);
    case FOLDER:
        return mkdir(lock_path, 0777);
    case HARD_LINK:
        return link(target, lock_path);
    default:
        return rename(target, lock_path);
    }
}

/* What is at the lock file's name and is none stays as it is. */
static void what_is_no_lock_file_is_left_alone(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_KINDS; kind++) {
        char     *folder = fixture_folder();
        char      path[600], lock_path[620], target[600];
        swp_lock *lock = NULL;
        ws_error  err  = WS_ERROR_INIT;
        snprintf(path, sizeof(path), "%s/results.h5", folder);
        snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
        snprintf(target, sizeof(target), "%s/target", folder);
        FILE *file = fopen(target, "w");
        assert_non_null(file);
        fputs(kind == HARD_LINK ? "pid 1 on x\n" : "a diary\n", file);
        fclose(file);
        const int made = put_obstacle(kind, target, lock_path);
        assert_int_equal(made, 0);
        assert_int_equal(swp_lock_acquire(path, true, &err, &lock), WS_ERR_IO);
        assert_null(lock);
        assert_non_null(strstr(ws_error_text(&err), "is no lock file of a sweep"));
        assert_int_equal(access(lock_path, F_OK), 0);
        ws_error_clear(&err);
        fixture_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(second_writer_is_refused),
                                       cmocka_unit_test(killed_holder_frees_it),
                                       cmocka_unit_test(somebody_who_asks_is_no_writer),
                                       cmocka_unit_test(folder_that_is_missing),
                                       cmocka_unit_test(hard_links_are_one_file),
                                       cmocka_unit_test(what_is_no_lock_file_is_left_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
