/* Invariants of the real machine: each of the signals that ask a sweep to leave is noted and ends nothing,
 * nor does a reader that goes away; time passes, a process that is gone is known to be gone, and this one
 * ends at once when it has to. What depends on signals runs in a process of its own: what is noted stays
 * noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ranks/machine.h"
#include "ranks/signals.h"

/* Run in a process of its own. @return its exit code, or -1 if a signal ended it */
static int code_of(int (*run)(int argument), int argument, char *said, size_t cap)
{
    int pipe_ends[2], status = 0;
    assert_int_equal(pipe(pipe_ends), 0);
    fflush(NULL); /* so that the child has nothing to print */
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipe_ends[1], STDERR_FILENO);
        exit(run(argument));
    }
    close(pipe_ends[1]);
    const ssize_t n     = read(pipe_ends[0], said, cap - 1);
    said[n > 0 ? n : 0] = '\0';
    close(pipe_ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int catch_one(int number)
{
    const swp_machine *machine = swp_machine_real();
    swp_signals_catch();
    if (swp_signals_came() || machine->was_asked_to_stop(machine->ctx)) {
        return 1;
    }
    raise(number);
    return swp_signals_came() && machine->was_asked_to_stop(machine->ctx) ? 0 : 2;
}

static void test_each_signal_is_noted(void **state)
{
    (void)state;
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    char             said[64];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_int_equal(code_of(catch_one, numbers[i], said, sizeof said), 0);
    }
}

static int lose_the_reader(int argument)
{
    int pipe_ends[2];
    (void)argument;
    swp_signals_catch();
    if (pipe(pipe_ends) != 0) {
        return 3;
    }
    close(pipe_ends[0]);
    return write(pipe_ends[1], "x", 1) == -1 && !swp_signals_came() ? 0 : 1;
}

static void test_a_lost_reader_is_no_signal(void **state)
{
    (void)state;
    char said[64];
    assert_int_equal(code_of(lose_the_reader, 0, said, sizeof said), 0);
}

static int end_at_once(int code)
{
    const swp_machine *machine = swp_machine_real();
    machine->end_process(machine->ctx, code);
    return 1;
}

static void test_a_process_ends_at_once(void **state)
{
    (void)state;
    char said[64];
    assert_int_equal(code_of(end_at_once, 42, said, sizeof said), 42);
}

static void test_time_passes(void **state)
{
    (void)state;
    const swp_machine *machine = swp_machine_real();
    const double       begin_s = swp_now_s(machine);
    swp_sleep_ns(machine, 2000000);
    assert_true(swp_now_s(machine) - begin_s >= 0.002);
    assert_true(swp_now_s(machine) - begin_s < 60.0);
}

static void test_who_is_gone(void **state)
{
    (void)state;
    const swp_machine *machine = swp_machine_real();
    const pid_t        child   = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_false(machine->is_process_gone(machine->ctx, child));
    assert_false(machine->is_process_gone(machine->ctx, 1)); /* somebody else's */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(machine->is_process_gone(machine->ctx, child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_signal_is_noted),
        cmocka_unit_test(test_a_lost_reader_is_no_signal),
        cmocka_unit_test(test_a_process_ends_at_once),
        cmocka_unit_test(test_time_passes),
        cmocka_unit_test(test_who_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
