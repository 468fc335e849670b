/* energy/reference_accounts.h -- energy as the reference simulator accounts for it: everything of a batch at
 * the moment it begins, standby at polls, power at heartbeats (docs/model/serving.md 8). */
#ifndef WS_REFERENCE_ACCOUNTS_H
#define WS_REFERENCE_ACCOUNTS_H

#include "energy/accounts.h"
#include "timing/batch_report.h"

/** Everything of a batch that begins on a tracked instance.
 * @param[in] batch  what it has drawn, J; NULL = energy is not kept by batch */
void ws_reference_charge_batch(ws_accounts *accounts, const ws_instance_config *instance,
                               ws_batch_energy *batch, const ws_batch_work *work, int64_t now_ns);

/** Standby state of an instance as the reference keeps it (docs/model/serving.md 0.3 steps 2 and 3, 8.3). */
typedef struct ws_reference_standby {
    bool    is_waiting;
    int64_t last_end_ns, last_calc_ns;
} ws_reference_standby;

/** A poll of the start NPU, before anything else happens: charge standby, or begin to wait. */
void ws_reference_charge_poll(ws_accounts *accounts, const ws_instance_config *instance,
                              ws_reference_standby *standby, int64_t now_ns);

/** A heartbeat's power reading, 0 W if the clock has not moved since the last one
 * (docs/model/serving.md 8.4). */
WS_NODISCARD ws_status ws_reference_read_power(ws_accounts *accounts, int64_t now_ns);

/** Idle seconds and idle energy: all that is not charged otherwise. */
void ws_reference_finish(ws_accounts *accounts, int64_t end_ns);

#endif /* WS_REFERENCE_ACCOUNTS_H */
