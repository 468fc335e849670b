/* energy/charge.h -- the one rule of how a batch is charged to the accounts: what is known of it is charged
 * as soon as it is known (ws_charging).
 *
 * Physical: NPU state intervals, bytes moved spread over their step, CPU busy while a batch is in flight on
 * its node. Reference: everything of a batch at the moment it begins (energy/reference_accounts.h). */
#ifndef WS_CHARGE_H
#define WS_CHARGE_H

#include "energy/accounts.h"
#include "timing/batch_report.h"

/** A batch is formed and begins, on any instance, tracked or not: open its account and charge what is known
 * of it by now (ws_charging).
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_charge_begin(ws_accounts *accounts, const ws_instance_config *instance,
                                       int64_t batch_id, ws_batch_purpose purpose,
                                       const ws_batch_report *report, int64_t now_ns);

/** A batch that began at start_ns ends: charge what is known of it only now. Its instance is tracked. */
void ws_charge_end(ws_accounts *accounts, const ws_instance_config *instance, int64_t batch_id,
                   const ws_batch_report *report, int64_t start_ns, int64_t now_ns);

/** Event engine: a kernel of a batch begins or ends on an NPU. Ignored if the instance is not tracked. */
void ws_charge_note_kernel(ws_accounts *accounts, const ws_instance_config *instance, int64_t npu,
                           int64_t batch_id, bool is_start, int64_t now_ns);

/** Charge what is drawn all the time and the last wait, and close the series and all accounts.
 * @return WS_OK; WS_ERR_NOMEM, also for a charge that failed */
WS_NODISCARD ws_status ws_charge_finish(ws_accounts *accounts, int64_t end_ns);

#endif /* WS_CHARGE_H */
