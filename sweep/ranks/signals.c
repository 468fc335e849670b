#include "ranks/signals.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A handler can only reach globals: the mutable globals of the program. Atomic, since it runs on whichever
 * thread the signal meets and others read what it writes; without locks, which a handler must not take. */
static atomic_int            signal_came;
static atomic_int            watchdog_exit_code;
static _Atomic(const char *) watchdog_text;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2, "handlers take no locks");

static void note(int number)
{
    (void)number;
    atomic_store(&signal_came, 1);
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
    return atomic_load(&signal_came) != 0;
}

static void bite(int number)
{
    const char *text = atomic_load(&watchdog_text);
    (void)number;
    (void)!write(STDERR_FILENO, text, strlen(text)); /* nothing else can be done about it here */
    _exit(atomic_load(&watchdog_exit_code));
}

void swp_watchdog_start(double limit_s, int exit_code, const char *text)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = bite;
    sigemptyset(&action.sa_mask);
    atomic_store(&watchdog_exit_code, exit_code);
    atomic_store(&watchdog_text, text);
    sigaction(SIGALRM, &action, NULL);
    alarm((unsigned)fmax(ceil(fmin(limit_s, 1e9)), 1.0));
}

void swp_watchdog_stop(void)
{
    alarm(0);
}
