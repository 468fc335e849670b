/* machine.h -- what a rank asks of the machine it runs on: time, sleep, other processes, signals, and a way
 * out.
 *
 * Whatever waits or looks at a clock in ranks/ does so through this table, so that tests can play hours of
 * silence in no time. */
#ifndef SWP_MACHINE_H
#define SWP_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/** All functions get ctx. */
typedef struct swp_machine {
    void *ctx;
    double (*now_s)(void *ctx);                      /**< monotonic clock, s */
    void (*sleep_ns)(void *ctx, long ns);            /**< 0 <= ns < 1e9 */
    bool (*is_process_gone)(void *ctx, int64_t pid); /**< of this host; true only if that is sure */
    bool (*was_asked_to_stop)(void *ctx);            /**< a signal came (ranks/signals.h) */
    void (*end_process)(void *ctx, int exit_code);   /**< at once, without leaving MPI; does not return */
} swp_machine;

/** The real one. */
const swp_machine *swp_machine_real(void);

static inline double swp_now_s(const swp_machine *machine)
{
    return machine->now_s(machine->ctx);
}

static inline void swp_sleep_ns(const swp_machine *machine, long ns)
{
    machine->sleep_ns(machine->ctx, ns);
}

#endif /* SWP_MACHINE_H */
