/* A signal that meets one thread is seen by the others; a call that hangs is ended by the watchdog. */
#include "base/clock.h"
#include "ranks/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void *meet_signal(void *arg)
{
    (void)arg;
    pthread_kill(pthread_self(), SIGUSR1);
    return NULL;
}

static void test_a_signal_to_one_thread_is_seen_by_another(void **state)
{
    (void)state;
    pthread_t thread;
    swp_signals_catch();
    assert_false(swp_signals_came());
    assert_int_equal(pthread_create(&thread, NULL, meet_signal, NULL), 0);
    while (!swp_signals_came()) { /* before the other is joined: nothing else orders the two */
        ws_sleep_ns(1000000);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

/* How a process ends that calls this, -1 if by a signal. */
static int exit_code_of(void (*call)(void))
{
    int         status = 0;
    const pid_t child  = fork();
    if (child == 0) {
        call();
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void hang(void)
{
    swp_watchdog_start(0.01, 75, "a call that hangs, as this test wants it\n");
    for (;;) {
        pause();
    }
}

static void come_back(void)
{
    swp_watchdog_start(1.0, 75, "not expected\n");
    swp_watchdog_stop();
    sleep(2);
}

static void test_the_watchdog_ends_what_hangs_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(exit_code_of(hang), 75);
    assert_int_equal(exit_code_of(come_back), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_watchdog_ends_what_hangs_and_nothing_else),
        cmocka_unit_test(test_a_signal_to_one_thread_is_seen_by_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
