#include "sim/series_build.h"

#include <math.h>

#include "base/units.h"

typedef struct power_columns {
    double *power_w, *inst_w, *node_w, *component_w;
} power_columns;

static ws_status alloc_power_columns(ws_run *run, size_t n, power_columns *out)
{
    out->power_w     = ws_arena_calloc(&run->arena, n, sizeof(double));
    out->inst_w      = ws_arena_calloc(&run->arena, n, sizeof(double));
    out->node_w      = ws_arena_calloc(&run->arena, n * run->scenario->n_nodes, sizeof(double));
    out->component_w = ws_arena_calloc(&run->arena, n * WS_COMPONENT_COUNT, sizeof(double));
    const bool complete =
        out->power_w != NULL && out->inst_w != NULL && out->node_w != NULL && out->component_w != NULL;
    return complete ? WS_OK : WS_ERR_NOMEM;
}

/* One interval from powers per node and component: `row` has them scaled by 1 / scale. */
static void put_power_row(const ws_run *run, const power_columns *columns, size_t i, const double *row,
                          double scale)
{
    const size_t n_nodes = run->scenario->n_nodes;
    for (size_t node = 0; node < n_nodes; node++) {
        double node_w = 0;
        for (size_t k = 0; k < WS_COMPONENT_COUNT; k++) {
            const double w = row[node * WS_COMPONENT_COUNT + k] * scale;
            columns->component_w[i * WS_COMPONENT_COUNT + k] += w;
            node_w += w;
        }
        columns->power_w[i] += node_w;
        columns->node_w[i * n_nodes + node] = run->result.node_tracked[node] ? node_w : NAN;
    }
}

static void put_ledger_rows(const ws_run *run, const ws_ledger *ledger, const ws_sampler *samples,
                            const power_columns *columns)
{
    const size_t n_nodes = run->scenario->n_nodes;
    double       from_s  = 0;
    for (size_t i = 0; i < samples->n_samples && i < ledger->n_bins; i++) {
        const double to_s = samples->columns[WS_SERIES_TIME_S][i];
        put_power_row(run, columns, i, ledger->bin_j + i * n_nodes * WS_COMPONENT_COUNT,
                      1.0 / (to_s - from_s));
        for (size_t node = 0; node < n_nodes; node++) {
            columns->inst_w[i] += ledger->tick_w[i * n_nodes + node];
        }
        from_s = to_s;
    }
}

static void put_reading_rows(const ws_run *run, const power_columns *columns)
{
    const ws_accounts *accounts = &run->power;
    const size_t       width    = run->scenario->n_nodes * WS_COMPONENT_COUNT;
    for (size_t i = 0; i < accounts->readings.n; i++) {
        put_power_row(run, columns, i, accounts->readings.power_w + i * width, 1.0);
        columns->inst_w[i] = columns->power_w[i];
    }
}

ws_status ws_series_build(ws_run *run, const ws_sampler *samples, const ws_accounts *accounts, ws_series *out)
{
    *out = (ws_series){.interval_s = (double)samples->interval_ns * WS_S_PER_NS,
                       .n_samples  = samples->n_samples};
    for (size_t k = 0; k < WS_SERIES_COUNT; k++) {
        out->columns[k] = samples->columns[k];
    }
    if (!run->result.has_cxl) {
        out->columns[WS_SERIES_CXL_MEM_GB] = NULL;
    }
    if (!run->scenario->has_power) {
        return WS_OK;
    }
    power_columns columns;
    WS_TRY(alloc_power_columns(run, samples->n_samples, &columns));
    if (run->scenario->fidelity == WS_FIDELITY_REFERENCE) {
        put_reading_rows(run, &columns);
    } else {
        put_ledger_rows(run, &accounts->ledger, samples, &columns);
    }
    out->columns[WS_SERIES_POWER_W]      = columns.power_w;
    out->columns[WS_SERIES_POWER_INST_W] = columns.inst_w;
    out->node_power_w                    = columns.node_w;
    out->component_power_w               = columns.component_w;
    return WS_OK;
}

/* The rest of the run behind the last full interval. */
static ws_status take_last_sample(ws_run *run, ws_sampler *samples, const ws_sample_state *state)
{
    if (run->now_ns <= samples->last_ns) {
        return WS_OK;
    }
    return ws_sampler_take(samples, state, run->now_ns, (double)(run->now_ns - samples->last_ns));
}

ws_status ws_series_finish(ws_run *run)
{
    const ws_sample_state state = ws_run_sample_state(run);
    const bool has_rest         = run->now_ns > run->samples.last_ns; /* readings go with samples, one each */
    WS_TRY(take_last_sample(run, &run->samples, &state));
    if (run->scenario->fidelity == WS_FIDELITY_REFERENCE && run->scenario->has_power && has_rest) {
        WS_TRY(ws_reference_read_power(&run->power, run->now_ns));
    }
    if (run->scenario->has_power) {
        WS_TRY(ws_charge_finish(&run->power, run->now_ns));
    }
    if (run->has_log_samples) {
        WS_TRY(take_last_sample(run, &run->log_samples, &state));
        if (run->scenario->has_power) {
            WS_TRY(ws_charge_finish(&run->log_power, run->now_ns));
        }
    }
    return WS_OK;
}
