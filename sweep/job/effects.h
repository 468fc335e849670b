/* effects.h -- which parameters of a sweep change nothing.
 *
 * At points spread over the space, scenarios that differ in one parameter only are compared by what a
 * simulation reads of them (ws_scenario_fingerprint): no list of special cases, and nothing is simulated.
 * What is read but does not matter (a limit that is never reached) shows in the results, see ties at the end
 * of a run. */
#ifndef SWP_EFFECTS_H
#define SWP_EFFECTS_H

#include "base/strbuf.h"
#include "job/builder.h"

/** Append a line for each parameter none of whose values changes anything at any point tried, and one for
 * values of a parameter that are the same everywhere. Takes two seconds at most; what was not decided by then
 * is not told.
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_effects_find(swp_builder *builder, ws_strbuf *notes);

#endif /* SWP_EFFECTS_H */
