/* clang-format off */
/* wattsim/wattsim.h -- the simulator as a library: load a scenario, simulate it, read the result.
 *
 *   ws_scenario     *scenario = NULL;
 *   ws_run          *run      = NULL;
 *   const ws_result *result   = NULL;
 *   ws_error         err      = WS_ERROR_INIT;
 *   if (ws_scenario_load("cluster.json", NULL, &err, &scenario) == WS_OK && ws_run_create(&run) == WS_OK &&
 *       ws_simulate(scenario, run, NULL, &err, &result) == WS_OK) {
 *       printf("%g J\n", ws_result_metric(result, "energy_j"));
 *   }
 *
 * Rules of all of these headers:
 *
 * Names      Functions and types begin with ws_, macros with WS_ or WATTSIM_. Nothing else is exported.
 * Owners     What a _create, _open or _load gives through its `_out` parameter belongs to the caller, who
 *            releases it with the _destroy of its type. Every other pointer is borrowed; its comment says from
 *            what, and for how long.
 * Errors     Functions that can fail return a ws_status and leave every problem of the input as text in the
 *            ws_error. The library prints nothing and ends no process, except by abort() on a broken invariant
 *            of its own, such as a forbidden NULL.
 * Threads    The library has no global state and starts no threads. Scenarios may be read, and inputs used, by
 *            any number of threads at once; everything else by one at a time.
 * Growing    A later version may add members to a struct whose first member is `struct_size`. Begin it with its
 *            _INIT macro, which sets that member and leaves the others zero. A program compiled for an earlier
 *            header goes on working: zero means what the library did before there was the member. A program
 *            that asks an earlier library for more than it knows is refused with WS_ERR_ARG. Structs without
 *            the member never change; all others are opaque.
 *
 * docs/library.md is the guide. */
/* clang-format on */
#ifndef WATTSIM_WATTSIM_H
#define WATTSIM_WATTSIM_H

#include "wattsim/error.h"
#include "wattsim/options.h"
#include "wattsim/result.h"
#include "wattsim/run.h"
#include "wattsim/scenario.h"
#include "wattsim/status.h"
#include "wattsim/version.h"

#endif /* WATTSIM_WATTSIM_H */
