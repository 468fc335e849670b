#include "workload/arrival_process.h"

#include <math.h>

#include "base/status.h"

/* No caller takes later arrivals. Phases that vanish in the rounding of large times must not be walked
 * through forever. */
static const double k_horizon_s = 1e8;

static double next_pulse(const ws_arrival_process *p)
{
    const int64_t pulse = p->n_arrivals / p->pulse_size, place = p->n_arrivals % p->pulse_size;
    return (double)pulse * p->period_s + (double)place * (p->spread_s / (double)p->pulse_size);
}

/* Enter the next phase at the end of the last one; the process starts with an on phase at 0. */
static void next_phase(ws_arrival_process *p, ws_rng *rng)
{
    p->is_on          = !p->is_on;
    const double mean = p->is_on ? p->on_s : p->off_s;
    p->phase_end_s += p->has_random_phases ? ws_rng_exponential(rng, mean) : mean;
}

/* Gaps have no memory, so a gap that reaches past the end of a phase is drawn anew from there. */
static double next_onoff(ws_arrival_process *p, ws_rng *rng)
{
    double now_s = p->now_s;
    while (now_s < k_horizon_s) {
        const double rate = p->is_on ? p->rate : p->rate_off;
        if (now_s < p->phase_end_s && rate > 0.0) {
            const double arrival_s = now_s + ws_rng_exponential(rng, 1.0 / rate);
            if (arrival_s < p->phase_end_s) {
                return arrival_s;
            }
        }
        now_s = p->phase_end_s;
        next_phase(p, rng);
    }
    return now_s;
}

/* Arrivals of a unit Poisson process, mapped through the inverse of the expected count
 * r0 t + (r1 - r0) t^2 / (2 T) for t <= T, growing at r1 behind. Both roots of the quadratic are the same
 * one, in the form that does not cancel. */
static double next_ramp(ws_arrival_process *p, ws_rng *rng)
{
    p->intensity += ws_rng_exponential(rng, 1.0);
    const double at_end = (p->rate + p->rate_end) / 2.0 * p->ramp_s;
    if (p->intensity >= at_end) {
        return p->ramp_s + (p->intensity - at_end) / p->rate_end;
    }
    const double slope = (p->rate_end - p->rate) / p->ramp_s;
    return 2.0 * p->intensity / (p->rate + sqrt(fmax(0.0, p->rate * p->rate + 2.0 * slope * p->intensity)));
}

static double next_arrival(ws_arrival_process *p, ws_rng *rng)
{
    switch (p->kind) {
    case WS_ARRIVAL_CONSTANT:
        return (double)p->n_arrivals / p->rate;
    case WS_ARRIVAL_POISSON:
        return p->now_s + ws_rng_exponential(rng, 1.0 / p->rate);
    case WS_ARRIVAL_GAMMA: /* mean shape * scale = 1 / rate, cv = 1 / sqrt(shape) */
        return p->now_s + ws_rng_gamma(rng, 1.0 / (p->cv * p->cv), p->cv * p->cv / p->rate);
    case WS_ARRIVAL_ONOFF:
        return next_onoff(p, rng);
    case WS_ARRIVAL_PULSE:
        return next_pulse(p);
    case WS_ARRIVAL_RAMP:
        return next_ramp(p, rng);
    case WS_ARRIVAL_COUNT:
        break;
    }
    WS_ASSERT(false && "unknown arrival process");
    return 0.0;
}

double ws_arrival_process_next_s(ws_arrival_process *process, ws_rng *rng)
{
    process->now_s = fmax(process->now_s, next_arrival(process, rng)); /* rounding must not step back */
    process->n_arrivals++;
    return process->now_s;
}
