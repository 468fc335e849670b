#include <stdlib.h>

#include "base/sized.h"
#include "sim/event_loop_physical.h"
#include "sim/event_loop_reference.h"
#include "sim/result_build.h"
#include "sim/run.h"
#include "sim/run_failure.h"
#include "sim/run_setup.h"

ws_status ws_run_create(ws_run **run_out)
{
    *run_out    = NULL;
    ws_run *run = calloc(1, sizeof(*run));
    if (run == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_arena_init(&run->arena, 0);
    *run_out = run;
    return WS_OK;
}

void ws_run_destroy(ws_run **run)
{
    if (*run != NULL) {
        ws_arena_fini(&(*run)->arena);
    }
    free(*run);
    *run = NULL;
}

ws_status ws_simulate(const ws_scenario *scenario, ws_run *run, const ws_run_limits *limits, ws_error *err,
                      const ws_result **result_out)
{
    ws_run_limits known;
    *result_out = NULL;
    WS_TRY(ws_sized_read("ws_run_limits", limits, sizeof(known), &known, err));
    const ws_arena arena     = run->arena;
    *run                     = (ws_run){.arena = arena, .scenario = scenario, .limits = known, .err = err};
    run->arena.limit_bytes   = run->limits.memory_bytes;
    run->arena.refused_bytes = 0;
    ws_arena_reset(&run->arena);
    ws_status status = ws_run_set_up(run);
    if (status == WS_OK) {
        status = scenario->fidelity == WS_FIDELITY_REFERENCE ? ws_event_loop_reference(run)
                                                             : ws_event_loop_physical(run);
    }
    if (status == WS_OK && run->n_completed == 0 && run->n_rejected > 0) {
        status = ws_run_explain_empty(run);
    }
    if (status == WS_OK) {
        status = ws_run_build_result(run);
    }
    if (status == WS_ERR_NOMEM && run->arena.refused_bytes > 0) {
        status = ws_run_explain_memory(run);
    }
    WS_TRY(status);
    *result_out = &run->result;
    return WS_OK;
}
