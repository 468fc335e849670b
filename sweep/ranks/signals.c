#include "ranks/signals.h"

#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A handler can only reach globals: the mutable globals of the program. */
static volatile sig_atomic_t signal_came;
static volatile sig_atomic_t watchdog_exit_code;
static const char *volatile watchdog_text;

static void note(int number)
{
    (void)number;
    signal_came = 1;
}

void swp_signals_catch(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note;
    action.sa_flags   = SA_RESTART; /* reads and writes of the file go on */
    sigemptyset(&action.sa_mask);
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads the progress may leave: the sweep goes on */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

bool swp_signals_came(void)
{
    return signal_came != 0;
}

static void bite(int number)
{
    const char *text = watchdog_text;
    (void)number;
    (void)!write(STDERR_FILENO, text, strlen(text)); /* nothing else can be done about it here */
    _exit(watchdog_exit_code);
}

void swp_watchdog_start(double limit_s, int exit_code, const char *text)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = bite;
    sigemptyset(&action.sa_mask);
    watchdog_exit_code = exit_code;
    watchdog_text      = text;
    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)fmax(ceil(fmin(limit_s, 1e9)), 1.0));
}

void swp_watchdog_stop(void)
{
    alarm(0);
}
