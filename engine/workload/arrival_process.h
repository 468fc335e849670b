/* workload/arrival_process.h -- when requests arrive: point processes on the simulated clock, in seconds.
 *
 * A process is plain data; its parameters are set before the first draw, the rest is its state. Times never
 * descend. */
#ifndef WS_ARRIVAL_PROCESS_H
#define WS_ARRIVAL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

typedef enum ws_arrival_kind {
    WS_ARRIVAL_CONSTANT, /**< evenly spaced at `rate` */
    WS_ARRIVAL_POISSON,  /**< exponential gaps at `rate` */
    WS_ARRIVAL_GAMMA, /**< gamma gaps at `rate` with coefficient of variation `cv`: 1 is Poisson, above bursty
                       */
    WS_ARRIVAL_ONOFF, /**< Poisson at `rate` for on_s, then at rate_off for off_s, and again */
    WS_ARRIVAL_PULSE, /**< pulse_size requests every period_s, each pulse evenly over spread_s */
    WS_ARRIVAL_RAMP,  /**< Poisson at a rate moving from `rate` to rate_end during ramp_s, then staying there
                       */
    WS_ARRIVAL_COUNT
} ws_arrival_kind;

typedef struct ws_arrival_process {
    ws_arrival_kind kind;
    double          rate; /* requests/s, > 0 (ramp: >= 0) */
    double          cv;   /* > 0 */
    double          rate_off, on_s, off_s;
    bool            has_random_phases; /* onoff: phase lengths exponential with means on_s, off_s */
    double          period_s, spread_s;
    int64_t         pulse_size;
    double          rate_end, ramp_s;

    double  now_s;       /* state: last arrival */
    int64_t n_arrivals;  /* state */
    double  phase_end_s; /* state: onoff */
    bool    is_on;       /* state: onoff */
    double  intensity;   /* state: ramp, expected arrivals so far on its own clock */
} ws_arrival_process;

/** Time of the next arrival, s, >= 0 and never before the last one. */
double ws_arrival_process_next_s(ws_arrival_process *process, ws_rng *rng);

#endif /* WS_ARRIVAL_PROCESS_H */
