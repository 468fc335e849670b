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
    if (part < N_REQUEST_BOUNDS) {
        return request_bounds[part].name;
    }
    return is_of_run(part) ? ws_metric_name(metric_of(part)) : "attainment";
}

double ws_slo_part_most(size_t part)
{
    return part == ATTAINMENT ? 1.0 : MAX_BOUND_MS;
}

double *ws_slo_part(ws_slo *slo, size_t part)
{
    WS_ASSERT(part < WS_SLO_N_PARTS);
    if (part < N_REQUEST_BOUNDS) {
        return (double *)(void *)((char *)slo + request_bounds[part].offset);
    }
    return is_of_run(part) ? &slo->run_ms[part - N_REQUEST_BOUNDS] : &slo->attainment;
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

enum { SHOWN_MAX = 64 }; /* bytes of a mistaken part in its message */

/** Read one "name=number" of len characters. False if it is none. */
static bool parse_part(const char *text, size_t len, ws_slo *slo)
{
    const size_t name_len = strcspn(text, "=,");
    const size_t part     = name_len + 1 < len ? ws_slo_find(text, name_len) : WS_SLO_N_PARTS;
    if (part == WS_SLO_N_PARTS || text[name_len] != '=') {
        return false;
    }
    char  *end;
    double value            = strtod(text + name_len + 1, &end);
    *ws_slo_part(slo, part) = value;
    return end == text + len && value > 0.0 && value <= ws_slo_part_most(part);
}

ws_status ws_slo_parse(const char *text, ws_error *err, ws_slo *slo)
{
    WS_ASSERT(text != NULL);
    ws_slo read = *slo;
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        if (!parse_part(at, len, &read)) {
            return ws_error_add(
                err, WS_ERR_INPUT,
                "--slo: expected NAME=MS with MS above 0 and a name of ttft_ms, tpot_ms, itl_ms, "
                "latency_ms, queue_ms (each request) or ttft_p99_ms and the like (the run), or "
                "attainment=SHARE up to 1, found '%.*s'",
                (int)(len < SHOWN_MAX ? len : SHOWN_MAX), at);
        }
        at += len;
        if (*at == '\0') {
            *slo = read;
            return WS_OK;
        }
    }
}

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
