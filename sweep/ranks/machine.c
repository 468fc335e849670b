#include "ranks/machine.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "job/runner.h"
#include "ranks/signals.h"

static double now_s(void *ctx)
{
    (void)ctx;
    return ws_wall_s();
}

static void sleep_ns(void *ctx, long ns)
{
    (void)ctx;
    ws_sleep_ns(ns);
}

static bool is_process_gone(void *ctx, int64_t pid)
{
    (void)ctx;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool was_asked_to_stop(void *ctx)
{
    (void)ctx;
    return swp_signals_came();
}

static void end_process(void *ctx, int exit_code)
{
    (void)ctx;
    _exit(exit_code);
}

const swp_machine *swp_machine_real(void)
{
    static const swp_machine real = {.now_s             = now_s,
                                     .sleep_ns          = sleep_ns,
                                     .is_process_gone   = is_process_gone,
                                     .was_asked_to_stop = was_asked_to_stop,
                                     .end_process       = end_process};
    return &real;
}
