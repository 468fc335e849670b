#include "result/slo.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_REQUEST_BOUNDS = 5, ATTAINMENT = WS_SLO_N_PARTS - 1 };
#define MAX_BOUND_MS 1e15

static const struct {
    const char *name;
    size_t      offset; /* in ws_slo */
} request_bounds[N_REQUEST_BOUNDS] = {{"ttft_ms", offsetof(ws_slo, ttft_ms)},
                                      {"tpot_ms", offsetof(ws_slo, tpot_ms)},
                                      {"itl_ms", offsetof(ws_slo, itl_ms)},
                                      {"latency_ms", offsetof(ws_slo, latency_ms)},
                                      {"queue_ms", offsetof(ws_slo, queue_ms)}};

/* ---- parts ---- */

static bool is_of_run(size_t part)
{
    return part >= N_REQUEST_BOUNDS && part < ATTAINMENT;
}

static ws_metric metric_of(size_t part)
{
    return (ws_metric)(WS_METRIC_TTFT_MEAN_MS + (part - N_REQUEST_BOUNDS));
}

const char *ws_slo_part_name(size_t part)
{
    WS_ASSERT(part < WS_SLO_N_PARTS);
    return part < N_REQUEST_BOUNDS ? request_bounds[part].name
           : is_of_run(part)       ? ws_metric_name(metric_of(part))
                                   : "attainment";
}

double ws_slo_part_most(size_t part)
{
    return part == ATTAINMENT ? 1.0 : MAX_BOUND_MS;
}

double *ws_slo_part(ws_slo *slo, size_t part)
{
    WS_ASSERT(part < WS_SLO_N_PARTS);
    return part < N_REQUEST_BOUNDS ? (double *)(void *)((char *)slo + request_bounds[part].offset)
           : is_of_run(part)       ? &slo->run_ms[part - N_REQUEST_BOUNDS]
                                   : &slo->attainment;
}

static double value_of(const ws_slo *slo, size_t part)
{
    ws_slo copy = *slo;
    return *ws_slo_part(&copy, part);
}

size_t ws_slo_find(const char *name, size_t len)
{
    size_t part = 0;
    while (part < WS_SLO_N_PARTS &&
           (strlen(ws_slo_part_name(part)) != len || strncmp(ws_slo_part_name(part), name, len) != 0)) {
        part++;
    }
    return part;
}

/* ---- the whole ---- */

static bool is_bound(double value)
{
    return value > 0.0 && isfinite(value);
}

bool ws_slo_is_set(const ws_slo *slo)
{
    for (size_t part = 0; part < ATTAINMENT; part++) {
        if (is_bound(value_of(slo, part))) {
            return true;
        }
    }
    return false;
}

bool ws_slo_is_valid(const ws_slo *slo)
{
    for (size_t part = 0; part < ATTAINMENT; part++) {
        const double value = value_of(slo, part);
        if (!(value >= 0.0)) { /* also if it is no number */
            return false;
        }
    }
    return slo->attainment == 0.0 || (slo->attainment > 0.0 && slo->attainment <= 1.0 && ws_slo_is_set(slo));
}

static double wanted_share(const ws_slo *slo)
{
    return slo->attainment > 0.0 ? slo->attainment : WS_SLO_ATTAINMENT;
}

/* A latency that no request has, such as the time per further token where all answers have one, breaks no
 * bound. */
static bool breaks(const ws_slo *slo, size_t part, const double *metrics)
{
    return is_of_run(part) && is_bound(value_of(slo, part)) && metrics[metric_of(part)] > value_of(slo, part);
}

static bool misses_share(const ws_slo *slo, const double *metrics)
{
    return !(metrics[WS_METRIC_SLO_ATTAINMENT] >= wanted_share(slo));
}

bool ws_slo_is_met(const ws_slo *slo, const double *metrics)
{
    for (size_t part = 0; part < ATTAINMENT; part++) {
        if (breaks(slo, part, metrics)) {
            return false;
        }
    }
    return !misses_share(slo, metrics);
}

/* ---- as text ---- */

/* As people write it where that is exact: 2000, 0.95. */
static void put_number(double value, ws_strbuf *out)
{
    char text[32];
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value) {
        snprintf(text, sizeof text, "%.17g", value);
    }
    ws_strbuf_puts(out, text);
}

void ws_slo_put_text(const ws_slo *slo, ws_strbuf *out)
{
    const char *before = "";
    for (size_t part = 0; part < WS_SLO_N_PARTS && ws_slo_is_set(slo); part++) {
        const double value = value_of(slo, part);
        if (is_bound(value)) {
            ws_strbuf_printf(out, "%s%s=", before, ws_slo_part_name(part));
            put_number(value, out);
            before = ",";
        }
    }
}

void ws_slo_put_broken(const ws_slo *slo, const double *metrics, ws_strbuf *out)
{
    const char *before = "";
    for (size_t part = 0; part < ATTAINMENT; part++) {
        if (breaks(slo, part, metrics)) {
            ws_strbuf_printf(out, "%s%s %.4g > %.6g", before, ws_slo_part_name(part),
                             metrics[metric_of(part)], value_of(slo, part));
            before = ", ";
        }
    }
    if (misses_share(slo, metrics)) {
        ws_strbuf_printf(out, "%sslo_attainment %.4g < %.6g", before, metrics[WS_METRIC_SLO_ATTAINMENT],
                         wanted_share(slo));
    }
}
