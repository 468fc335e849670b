/* timing/step.h -- one batch of a dense model on a tensor-parallel group, by the clock (docs/model/timing.md
 * 2, 4.2, 5.4, 5.5). Closed form: compute from summed tables, collectives from the ring recurrence, loads and
 * stores from one queue. */
#ifndef WS_STEP_H
#define WS_STEP_H

#include "scenario/scenario_internal.h"
#include "timing/batch_report.h"

/** Time a batch that starts at now_ns on all NPUs of the instance.
 * @param[in] tail_ns  when the memory queue becomes free
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
