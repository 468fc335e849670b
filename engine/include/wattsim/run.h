/* wattsim/run.h -- simulating a scenario.
 *
 * ws_simulate() is a pure function of the scenario: no I/O, no globals; same input, same bytes out, on any
 * thread. A ws_run is the memory of a simulation, used again and again; it serves one simulation at a time.
 */
#ifndef WATTSIM_RUN_H
#define WATTSIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wattsim/error.h"
#include "wattsim/result.h"
#include "wattsim/scenario.h"
#include "wattsim/status.h"

typedef struct ws_run ws_run;

/** What ends a simulation early. Begins as WS_RUN_LIMITS_INIT; a member left at zero limits nothing. */
typedef struct ws_run_limits {
    size_t  struct_size;  /**< by WS_RUN_LIMITS_INIT */
    size_t  memory_bytes; /**< of the run; 0 = no limit */
    int64_t max_steps;    /**< batches over all instances; 0 = no limit */
    /** Polled every few thousand steps, on the simulating thread; true ends the run with WS_ERR_TIMEOUT. */
    bool (*should_stop)(void *ctx);
    void *ctx; /**< for should_stop */
} ws_run_limits;

/* clang-format off */
#define WS_RUN_LIMITS_INIT {sizeof(ws_run_limits), 0, 0, NULL, NULL}
/* clang-format on */

#ifdef __cplusplus
extern "C" {
#endif

/** @param[out] run_out  owned by the caller, release with ws_run_destroy()
 * @return WS_OK; WS_ERR_NOMEM */
WS_API WS_NODISCARD ws_status ws_run_create(ws_run **run_out);

/** NULL is allowed; leaves NULL. Results of the run go with it. */
WS_API void ws_run_destroy(ws_run **run);

/** Simulate a scenario.
 * @param[in]  limits      NULL = none
 * @param[out] result_out  borrowed from the run until its next simulation; needs the scenario to live
 * @return WS_OK; WS_ERR_INFEASIBLE if requests can never finish (names the instance and the shortage);
 * WS_ERR_TIMEOUT; WS_ERR_MEMORY_BUDGET; WS_ERR_ARG if limits are not ones this library knows; WS_ERR_NOMEM */
WS_API WS_NODISCARD ws_status ws_simulate(const ws_scenario *scenario, ws_run *run,
                                          const ws_run_limits *limits, ws_error *err,
                                          const ws_result **result_out);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_RUN_H */
