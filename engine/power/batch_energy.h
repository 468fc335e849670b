/* power/batch_energy.h -- a batch as the power model sees it: when it is in flight, which part of its energy
 * is prefill and which decode, and what it has drawn. Plain data; docs/power-model.md "Phases" has the rules.
 */
#ifndef WS_BATCH_ENERGY_H
#define WS_BATCH_ENERGY_H

#include <stdint.h>

#include "base/status.h"
#include "power/components.h"

typedef struct ws_batch_energy {
    int64_t begin_ns, end_ns; /* in flight; INT64_MAX until its end is known */
    double  prefill_share;    /* of its energy, 0 to 1; decode has the rest */
    double  active_j;         /* of NPUs while its kernels ran */
    double  energy_j;         /* all it has drawn, active_j included */
} ws_batch_energy;

/** Energy that a batch drew, into the phases it is for. */
static WS_ALWAYS_INLINE void ws_batch_energy_add(ws_batch_energy *batch, double phase_j[WS_PHASE_COUNT],
                                                 double energy_j)
{
    const double prefill_j = batch->prefill_share * energy_j;
    phase_j[WS_PHASE_PREFILL] += prefill_j;
    phase_j[WS_PHASE_DECODE] += energy_j - prefill_j;
    batch->energy_j += energy_j;
}

#endif /* WS_BATCH_ENERGY_H */
