#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

/* A handler can only reach a global: the one mutable global of the program. */
static volatile sig_atomic_t signal_came;

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
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

bool swp_signals_came(void)
{
    return signal_came != 0;
}
