#include "profiling/profile_calibrate.h"

#include <math.h>
#include <stdbool.h>

static const double FACTOR_FIRST = 1.5, FACTOR_LAST = 1.01; /* of the pattern search */
static const double EFFICIENCY_MAX = 2.0, LAYER_WEIGHT = 0.25;

ws_status ws__roofline_check(const ws__calibration_target *target, ws__check_report *out)
{
    ws__profile_draft draft   = WS__PROFILE_DRAFT_INIT;
    ws_profile       *profile = NULL;
    ws_status         status  = ws__roofline_expand(&target->roofline, &draft);
    if (status == WS_OK) {
        status = ws__profile_build(&draft, &profile);
    }
    if (status == WS_OK) {
        status = ws__check_points(profile, target->measured, out);
    }
    if (status == WS_OK) {
        ws__check_steps(profile, target->reference, target->roofline.model, out);
    }
    ws_profile_destroy(&profile);
    ws__profile_draft_fini(&draft);
    return status;
}

typedef struct calibration {
    const ws__calibration_target *targets;
    size_t                        n_targets;
    bool                          with_attention;
} calibration;

typedef struct misfit {
    double total, step;
} misfit;

static bool is_attention(int kind)
{
    return kind == WS__CHECK_DECODE || kind == WS__CHECK_PREFILL || kind == WS__CHECK_MIXED;
}

static ws_status find_misfit(const calibration *c, misfit *out)
{
    misfit sum = {0.0, 0.0};
    for (size_t t = 0; t < c->n_targets; t++) {
        ws__check_report report;
        WS_TRY(ws__roofline_check(&c->targets[t], &report));
        double layers = 0.0;
        int    n      = 0;
        for (int kind = 0; kind < WS__CHECK_STEP; kind++) {
            if (report.classes[kind].n_points > 0 && (c->with_attention || !is_attention(kind))) {
                layers += report.classes[kind].mean;
                n++;
            }
        }
        sum.step += report.classes[WS__CHECK_STEP].mean;
        sum.total += report.classes[WS__CHECK_STEP].mean + (n > 0 ? LAYER_WEIGHT * layers / n : 0.0);
    }
    *out = (misfit){sum.total / (double)c->n_targets, sum.step / (double)c->n_targets};
    return WS_OK;
}

/* Try one value; keep it if the misfit falls. */
static ws_status try_value(const calibration *c, double *parameter, double value, misfit *best,
                           bool *improved)
{
    const double before = *parameter;
    misfit       trial;
    *parameter             = value;
    const ws_status status = find_misfit(c, &trial);
    if (status == WS_OK && trial.total < best->total) {
        *best     = trial;
        *improved = true;
    } else {
        *parameter = before;
    }
    return status;
}

ws_status ws__calibrate(const ws__calibration_target *targets, size_t n_targets, bool with_attention,
                        ws__datasheet *sheet)
{
    const calibration c            = {targets, n_targets, with_attention};
    ws__efficiency   *e            = &sheet->efficiency;
    double *const     parameters[] = {&sheet->launch_overhead_us,
                                      &e->matrix,
                                      &e->memory,
                                      &e->elementwise,
                                      &e->attention,
                                      &e->kv}; /* those of attention last */
    const size_t      n_parameters = with_attention ? 6 : 4;
    misfit            best;
    WS_TRY(find_misfit(&c, &best));
    for (double factor = FACTOR_FIRST; factor > FACTOR_LAST;) {
        bool improved = false;
        for (size_t p = 0; p < n_parameters; p++) {
            const double up = *parameters[p] * factor;
            if (p == 0 || up <= EFFICIENCY_MAX) {
                WS_TRY(try_value(&c, parameters[p], up, &best, &improved));
            }
            WS_TRY(try_value(&c, parameters[p], *parameters[p] / factor, &best, &improved));
        }
        factor = improved ? factor : sqrt(factor);
    }
    sheet->typical_error = best.step;
    return WS_OK;
}
