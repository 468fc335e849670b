/* timing/step.h -- one batch of a dense model on a tensor-parallel group, by the clock (docs/model/timing.md
 * 2, 4.2, 5.4, 5.5). Closed form: compute from summed tables, collectives from the ring recurrence, loads and
 * stores from one queue. */
#ifndef WS_STEP_H
#define WS_STEP_H

#include "scenario/scenario_internal.h"

typedef struct ws_step {
    int64_t first_load_ns;            /* end of the first entry load: the next event after the start */
    int64_t start_end_ns, end_end_ns; /* program end on the start and on the end NPU (equal for one NPU) */
    int64_t tail_ns;                  /* when the memory queue is empty again */
    int64_t compute_ns;               /* sum of all ops of one NPU */
    int64_t first_kernel_ns, last_kernel_ns; /* begin of the first, end of the last if all enter together */
    int64_t n_collectives, collective_ns;    /* all-reduces and the time of one when all enter together */
    int64_t collective_bytes;                /* payload of one all-reduce */
    int64_t input_bytes, output_bytes;       /* entry load and exit store of one NPU */
    bool    extrapolates;                    /* some lookup left the profile's grid */
} ws_step;

/** When the last NPU has ended its program. */
static inline int64_t ws_step_end_ns(const ws_step *step)
{
    return step->end_end_ns > step->start_end_ns ? step->end_end_ns : step->start_end_ns;
}

/** Time a batch that starts at now_ns on all NPUs of the instance.
 * @param[in] tail_ns  when the memory queue gets free
 * @param[in] scratch  [2 * tp_size] */
void ws_step_time(const ws_instance_config *instance, const ws_batch *batch, int64_t now_ns, int64_t tail_ns,
                  int64_t *scratch, ws_step *out);

/** Transfers of n NPUs pass a memory one after the other, in the order of the times they are issued at.
 * @param[in,out] at_ns  [n] issue times, replaced by end times; equal ones go in order of index
 * @param[in] order      [n] scratch
 * @return when the queue is empty again */
int64_t ws_queue_transfers(int64_t n, int64_t transfer_ns, int64_t tail_ns, int64_t *at_ns, int64_t *order);

/** What attention sees of a batch (docs/model/serving.md 6.3). */
ws_attention_query ws_batch_attention(const ws_batch *batch);

#endif /* WS_STEP_H */
