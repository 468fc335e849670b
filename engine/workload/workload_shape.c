#include "workload/workload_shape.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "workload/workload_builder.h"

bool ws_workload_shape_selects(const ws_workload_shape *shape)
{
    return shape->from_s > 0.0 || shape->to_s > 0.0 || shape->sample < 1.0;
}

bool ws_workload_shape_is_none(const ws_workload_shape *shape)
{
    return !ws_workload_shape_selects(shape) && shape->max_arrivals == 0 && shape->time_scale == 1.0 &&
           shape->rate == 0.0;
}

double ws_workload_rate(const ws_workload *w)
{
    const size_t n = w->n_initial;
    if (n < 2) {
        return NAN;
    }
    const int64_t first_ns = w->requests[w->initial[0]].arrival_ns;
    const int64_t last_ns  = w->requests[w->initial[n - 1]].arrival_ns;
    return last_ns > first_ns ? (double)(n - 1) / ws_seconds(last_ns - first_ns) : NAN;
}

/* ---- which arrivals ---- */

/* SplitMix64's finalizer. Source: Steele, Lea and Flood, OOPSLA 2014. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* The draw of an arrival, in [0, 1): a function of its number, so that neither the cut nor the share changes
 * that of another. */
static double draw(const ws_workload_shape *shape, size_t id)
{
    const uint64_t stream = mixed(shape->seed + 0x9e3779b97f4a7c15ULL);
    return (double)(mixed(stream + (uint64_t)id * 0x9e3779b97f4a7c15ULL) >> 11) * 0x1p-53;
}

/* Sessions of one name share a state, so they stay or go together: the draw is that of the one whose state it
 * is. */
static size_t drawn_id(const ws_workload *w, size_t id)
{
    const int32_t session = w->requests[id].session;
    return session < 0 ? id : w->sessions[session].first_request;
}

static bool is_kept(const ws_workload *w, const ws_workload_shape *shape, size_t id)
{
    const double arrival_s = ws_seconds(w->requests[id].arrival_ns);
    return arrival_s >= shape->from_s && (shape->to_s == 0.0 || arrival_s < shape->to_s) &&
           (shape->sample >= 1.0 || draw(shape, drawn_id(w, id)) < shape->sample);
}

static bool begins_arrival(const ws_workload *w, size_t id)
{
    return w->requests[id].session_step == 0;
}

/* A request and, if it begins a session, the calls behind it. Returns the id behind them. */
static ws_status copy_arrival(const ws_workload *w, size_t id, int64_t from_ns, ws_workload_builder *builder,
                              size_t *next_out)
{
    const bool is_session = w->requests[id].session >= 0;
    WS_TRY(is_session ? ws_workload_builder_begin_session(builder) : WS_OK);
    size_t next = id;
    do {
        WS_TRY(ws_workload_builder_add_copy(builder, w, next, from_ns));
        next++;
    } while (is_session && next < w->n_requests && !begins_arrival(w, next));
    *next_out = next;
    return WS_OK;
}

/* Sessions of one name point to the newest kept one, as they did to the newest of all. `newest` has room for
 * one number a session of the source. */
static void relink_sessions(const ws_workload *w, const size_t *source_of, int32_t *newest, ws_workload *kept)
{
    for (size_t i = 0; i < kept->n_sessions; i++) { /* ascending: the last one stays */
        newest[w->requests[source_of[i]].session] = (int32_t)i;
    }
    for (size_t i = 0; i < kept->n_sessions; i++) {
        const ws_workload_session *session = &kept->sessions[i];
        const int32_t              state   = newest[w->requests[source_of[i]].session];
        for (uint32_t k = 0; k < session->n_requests; k++) {
            kept->requests[session->first_request + k].session = state;
        }
    }
}

/* All kept arrivals, at their times from from_s on. source_of[i] becomes the source id that began session i.
 */
static ws_status copy_kept(const ws_workload *w, const ws_workload_shape *shape, ws_workload_builder *builder,
                           size_t *source_of)
{
    const int64_t from_ns = (int64_t)llround(shape->from_s * (double)WS_NS_PER_S);
    int64_t       n_kept  = 0;
    for (size_t id = 0; id < w->n_requests && (shape->max_arrivals == 0 || n_kept < shape->max_arrivals);) {
        size_t next = id + 1;
        if (begins_arrival(w, id) && is_kept(w, shape, id)) {
            if (w->requests[id].session >= 0) {
                source_of[builder->workload->n_sessions] = id;
            }
            WS_TRY(copy_arrival(w, id, from_ns, builder, &next));
            n_kept++;
        }
        id = next;
    }
    return WS_OK;
}

/* ---- when ---- */

static ws_status scale_times(ws_workload *w, double factor, const char *name, ws_error *err)
{
    for (size_t i = 0; i < w->n_initial; i++) {
        ws_workload_request *request = &w->requests[w->initial[i]];
        const double         ns      = (double)request->arrival_ns * factor;
        if (!(ns <= (double)WS_WORKLOAD_TIME_MAX_NS)) {
            return ws_error_add(
                err, WS_ERR_INPUT,
                "%s: expected all arrivals within 104 days, found one after %.3g s once times "
                "are multiplied by %.6g",
                name, ns * WS_S_PER_NS, factor);
        }
        request->arrival_ns = llround(ns);
    }
    return WS_OK;
}

static ws_status find_factor(const ws_workload *w, const ws_workload_shape *shape, const char *name,
                             ws_error *err, double *factor_out)
{
    *factor_out = shape->time_scale;
    if (shape->rate == 0.0) {
        return WS_OK;
    }
    const double rate = ws_workload_rate(w);
    *factor_out       = rate / shape->rate;
    if (!isnan(rate)) {
        return WS_OK;
    }
    return ws_error_add(
        err, WS_ERR_INPUT,
        "%s: rate: expected at least two different arrivals to change the mean rate of, found "
        "%zu %s",
        name, w->n_initial,
        w->n_initial == 1 ? "request or session" : "requests or sessions, all at the same time");
}

/* ---- the whole ---- */

static ws_status check(const ws_workload_shape *shape, const char *name, ws_error *err)
{
    ws_status status = WS_OK;
    if (shape->to_s > 0.0 && shape->from_s >= shape->to_s) {
        status = ws_error_add(err, WS_ERR_INPUT, "%s: expected from_s < to_s, found %g >= %g", name,
                              shape->from_s, shape->to_s);
    }
    if (shape->rate > 0.0 && shape->time_scale != 1.0) {
        status = ws_error_add(err, WS_ERR_INPUT,
                              "%s: expected rate or time_scale, found both (%g and %g): each says how fast "
                              "requests arrive",
                              name, shape->rate, shape->time_scale);
    }
    return status;
}

static ws_status complain_empty(const ws_workload *source, const ws_workload_shape *shape, const char *name,
                                ws_error *err)
{
    const int64_t first_ns = source->requests[source->initial[0]].arrival_ns;
    const int64_t last_ns  = source->requests[source->initial[source->n_initial - 1]].arrival_ns;
    char          until[32];
    if (shape->to_s > 0.0) {
        (void)snprintf(until, sizeof(until), "%g s", shape->to_s);
    } else {
        (void)snprintf(until, sizeof(until), "the end");
    }
    return ws_error_add(err, WS_ERR_INPUT,
                        "%s: expected at least one arrival from %g s to %s with a sample of %g, found none: "
                        "the %zu of the workload lie between %.6g s and %.6g s",
                        name, shape->from_s, until, shape->sample, source->n_initial, ws_seconds(first_ns),
                        ws_seconds(last_ns));
}

/* The kept arrivals and their sessions. source_of and newest have room for every session of the source. */
static ws_status copy_workload(const ws_workload *source, const ws_workload_shape *shape,
                               ws_workload_builder *builder, size_t *source_of, int32_t *newest)
{
    WS_TRY(copy_kept(source, shape, builder, source_of));
    relink_sessions(source, source_of, newest, builder->workload);
    return WS_OK;
}

static ws_status change_times(const ws_workload_shape *shape, const char *name, ws_error *err,
                              ws_workload *kept)
{
    double factor = 1.0;
    WS_TRY(find_factor(kept, shape, name, err, &factor));
    WS_TRY(scale_times(kept, factor, name, err));
    return ws_workload_sort_initial(kept); /* times that become equal are served in the order of the file */
}

ws_status ws_workload_reshape(const ws_workload *source, const ws_workload_shape *shape, const char *name,
                              ws_error *err, ws_workload **out)
{
    *out = NULL;
    WS_TRY(check(shape, name, err));
    ws_workload_builder builder   = {.workload = NULL};
    size_t             *source_of = calloc(source->n_sessions + 1, sizeof(*source_of));
    int32_t            *newest    = calloc(source->n_sessions + 1, sizeof(*newest));
    ws_status           status    = WS_ERR_NOMEM;
    if (source_of != NULL && newest != NULL && ws_workload_builder_init(&builder) == WS_OK) {
        status = copy_workload(source, shape, &builder, source_of, newest);
    }
    if (status == WS_OK && builder.workload->n_requests == 0) {
        status = complain_empty(source, shape, name, err);
    }
    if (status == WS_OK) {
        status = ws_workload_builder_finish(&builder, out);
    }
    if (status == WS_OK) {
        status = change_times(shape, name, err, *out);
    }
    if (status != WS_OK) {
        ws_workload_destroy(out);
    }
    ws_workload_builder_fini(&builder);
    free(source_of);
    free(newest);
    return status;
}
