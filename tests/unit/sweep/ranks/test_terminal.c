/* Invariants: a terminal is found behind stderr, or behind the launcher's where stderr is a pipe into it;
 * lines and columns are what the terminal has, within sense; a file or a pipe is none. Every case is a
 * process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pty.h"
#include "ranks/terminal.h"

/* Forks; the child looks with `own` as its stderr, and `parents` as that of its parent, and reports by its
 * exit code. */
static int look(int own, int parents, bool is_launched, swp_terminal expected)
{
    int         status = 0;
    const pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        dup2(parents, STDERR_FILENO);
        const pid_t child = fork();
        if (child == 0) {
            dup2(own, STDERR_FILENO);
            const swp_terminal found = swp_terminal_find(is_launched);
            exit(found.is_live == expected.is_live && found.n_columns == expected.n_columns &&
                         found.n_lines == expected.n_lines
                     ? 0
                     : 1);
        }
        exit(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 2);
    }
    assert_int_equal(waitpid(parent, &status, 0), parent);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_a_terminal_and_its_size(void **state)
{
    (void)state;
    static const struct {
        unsigned short columns, lines;
        int            expected_columns, expected_lines;
    } cases[] = {{132, 50, 132, 50}, {5, 1, 20, 2}, {0, 0, 80, 24}, {100, 0, 80, 24}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const pty          t        = pty_open(cases[i].columns, cases[i].lines);
        const swp_terminal expected = {true, cases[i].expected_columns, cases[i].expected_lines};
        assert_int_equal(look(t.slave, t.slave, false, expected), 0);
        pty_close(&t);
    }
}

/* What a launched rank writes to goes to the launcher's terminal; to a file of its own it does not. */
static void test_the_launchers_terminal(void **state)
{
    (void)state;
    const pty          t    = pty_open(90, 30);
    const swp_terminal live = {true, 90, 30}, none = {false, 80, 24};
    int                pipe_ends[2];
    FILE              *file = tmpfile();
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(look(pipe_ends[1], t.slave, true, live), 0);
    assert_int_equal(look(pipe_ends[1], t.slave, false, none), 0);
    assert_int_equal(look(fileno(file), t.slave, true, none), 0);
    assert_int_equal(look(pipe_ends[1], pipe_ends[1], true, none), 0);
    fclose(file);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    pty_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_terminal_and_its_size),
        cmocka_unit_test(test_the_launchers_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
