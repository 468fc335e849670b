#include "spec/spec_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "spec/spec_axes.h"

#define MAX_SEED 9007199254740991.0 /* 2^53 - 1: exact in JSON, HDF5 and Python alike */

/* ---- the top level, as JSON places ---- */

typedef struct spec_places {
    const char *name, *title;
    ws_json     cluster, workload, options, parameters, sampling, constraints, slo, outputs;
    int64_t     repeats, seed;
} spec_places;

#define PLACE(key, flags, help)                                                                              \
    {                                                                                                        \
#key, WS_FIELD_JSON, offsetof(spec_places, key), flags, 0, 0, help                                   \
    }

static const ws_field spec_fields[] = {
    {"name", WS_FIELD_STRING, offsetof(spec_places, name), 0, 0, 0, "name of the sweep"},
    {"title", WS_FIELD_STRING, offsetof(spec_places, title), 0, 0, 0, "one line for people"},
    PLACE(cluster, WS_FIELD_REQUIRED, "cluster config: a path, or the object itself"),
    PLACE(workload, 0, "dataset and num_reqs, a generator spec, or {path} of one"),
    PLACE(options, 0, "simulator options, the same for every job"),
    PLACE(parameters, 0, "what varies"),
    PLACE(sampling, 0, "which points of the grid"),
    PLACE(constraints, 0, "expressions every point must meet"),
    PLACE(slo, 0, "latency bounds, ms, of each request or of the run"),
    PLACE(outputs, 0, "what is kept of each job"),
    {"repeats", WS_FIELD_INT, offsetof(spec_places, repeats), 0, 1, 1e6, "runs of each point"},
    {"seed", WS_FIELD_INT, offsetof(spec_places, seed), 0, 0, MAX_SEED, "seed of the first repeat"},
};

/* ---- parts ---- */

static ws_status read_options(ws_json options, ws_options *out, ws_error *err)
{
    if (ws_json_kind_of(options) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    if (ws_json_kind_of(options) != WS_JSON_OBJECT) {
        return ws_json_expected(options, err, "an object of simulator options");
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(options); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const ws_option *option = ws_option_find(ws_json_key(item));
        const ws_status  one =
            option != NULL ? ws_option_set_json(out, option, item, err) : swp_unknown_option(item, err);
        status = ws_status_worse(status, one);
    }
    return status;
}

static ws_status read_slo(ws_json slo, ws_slo *out, ws_error *err)
{
    if (ws_json_kind_of(slo) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    if (ws_json_kind_of(slo) != WS_JSON_OBJECT) {
        return ws_json_expected(slo, err, "an object of bounds such as {\"ttft_p99_ms\": 2000}");
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(slo); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const size_t part = ws_slo_find(ws_json_key(item), strlen(ws_json_key(item)));
        if (part == WS_SLO_N_PARTS) {
            status = ws_json_problem(item, err,
                                     "unknown bound; expected ttft, tpot, itl, latency or queue, with _mean, "
                                     "_p50, _p90, _p95, _p99 (of the run) or nothing (of each request), and "
                                     "_ms: for example ttft_p99_ms; or attainment");
            continue;
        }
        const ws_status one =
            ws_json_read_double(item, 1e-9, ws_slo_part_most(part), err, ws_slo_part(out, part));
        status = ws_status_worse(status, one);
    }
    if (status == WS_OK && out->attainment > 0.0 && !ws_slo_is_set(out)) {
        return ws_json_problem(slo, err,
                               "\"attainment\" is the share of requests that must be within bounds; "
                               "expected a bound next to it, such as ttft_ms");
    }
    return status;
}

static ws_status hash_slo(swp_spec *spec)
{
    ws_strbuf text = WS_STRBUF_INIT;
    ws_slo_put_text(&spec->slo, &text);
    const ws_status status = text.failed ? WS_ERR_NOMEM : WS_OK;
    ws_sha256_hex(ws_strbuf_text(&text), text.len, spec->slo_sha256);
    ws_strbuf_fini(&text);
    return status;
}

static ws_status read_outputs(ws_json place, swp_spec *spec, ws_error *err)
{
    static const ws_field fields[] = {
        {"timeseries", WS_FIELD_BOOL, offsetof(swp_spec, wants_timeseries), 0, 0, 0,
         "keep power and throughput over time"},
        {"requests", WS_FIELD_BOOL, offsetof(swp_spec, wants_requests), 0, 0, 0, "keep every request"},
    };
    spec->wants_timeseries = true;
    spec->wants_requests   = false;
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    return ws_json_read_object(place, fields, 2, spec, err);
}

static ws_status read_constraints(ws_json place, swp_spec *spec, ws_error *err)
{
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    if (ws_json_kind_of(place) != WS_JSON_ARRAY) {
        return ws_json_expected(place, err, "a list of expressions such as \"tp_size * num_instances <= 8\"");
    }
    spec->constraints = ws_arena_alloc(&spec->arena, ws_json_size(place), sizeof(swp_constraint));
    if (spec->constraints == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(place); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const char *text = ws_json_string(item);
        if (text == NULL) {
            status = ws_json_expected(item, err, "an expression as text");
            continue;
        }
        spec->constraints[spec->n_constraints++] = (swp_constraint){.text = text, .place = item};
    }
    return status;
}

typedef struct sampling_places {
    const char *method;
    int64_t     n, seed;
    ws_json     points;
} sampling_places;

static ws_status read_sampling(ws_json place, swp_spec *spec, ws_json *points_out, ws_error *err)
{
    static const ws_field fields[] = {
        {"method", WS_FIELD_STRING, offsetof(sampling_places, method), 0, 0, 0, "grid, zip, list or random"},
        {"n", WS_FIELD_INT, offsetof(sampling_places, n), 0, 1, 9e15, "points to draw (random)"},
        {"seed", WS_FIELD_INT, offsetof(sampling_places, seed), 0, 0, MAX_SEED, "of the draw (random)"},
        {"points", WS_FIELD_JSON, offsetof(sampling_places, points), 0, 0, 0, "the points (list)"},
    };
    sampling_places raw = {.method = "grid", .seed = spec->seed};
    if (ws_json_kind_of(place) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    WS_TRY(ws_json_read_object(place, fields, sizeof fields / sizeof fields[0], &raw, err));
    size_t k = 0;
    while (k < SWP_SAMPLING_COUNT && strcmp(raw.method, swp_sampling_name((swp_sampling)k)) != 0) {
        k++;
    }
    if (k == SWP_SAMPLING_COUNT) {
        return ws_json_expected(ws_json_member(place, "method"), err, "grid, zip, list or random");
    }
    spec->sampling      = (swp_sampling)k;
    spec->n_sampled     = (uint64_t)raw.n;
    spec->sampling_seed = (uint64_t)raw.seed;
    *points_out         = raw.points;
    if ((spec->sampling == SWP_SAMPLING_RANDOM) != (raw.n > 0)) {
        return ws_json_problem(place, err, "\"n\" belongs to the method random, and random needs it");
    }
    if ((spec->sampling == SWP_SAMPLING_LIST) != (ws_json_kind_of(raw.points) == WS_JSON_ARRAY)) {
        return ws_json_problem(
            place, err, "\"points\" (a list of objects) belongs to the method list, and list needs it");
    }
    return WS_OK;
}

static ws_status check_kind(ws_json place, unsigned kinds, const char *expected, ws_error *err)
{
    return (kinds >> ws_json_kind_of(place)) & 1u ? WS_OK : ws_json_expected(place, err, expected);
}

static void read_seed_and_repeats(ws_json root, const spec_places *places, swp_spec *spec)
{
    spec->repeats = places->repeats;
    spec->seed =
        ws_json_kind_of(ws_json_member(root, "seed")) != WS_JSON_ABSENT ? places->seed : spec->options.seed;
    spec->sampling_seed = (uint64_t)spec->seed;
}

/* Bare numbers of standby_duration are ns unless the options say seconds. */
static double standby_bare_unit_s(const ws_options *options)
{
    const bool in_s =
        options->standby_unit == WS_STANDBY_UNIT_S ||
        (options->standby_unit == WS_STANDBY_UNIT_AUTO && options->fidelity == WS_FIDELITY_REFERENCE);
    return in_s ? 1.0 : WS_S_PER_NS;
}

static ws_status read_spec(swp_spec *spec, ws_error *err)
{
    const ws_json root   = ws_json_doc_root(spec->doc);
    spec_places   places = {.name = "sweep", .repeats = 1};
    ws_json       points = WS_JSON_NONE;
    ws_status     status =
        ws_json_read_object(root, spec_fields, sizeof spec_fields / sizeof spec_fields[0], &places, err);
    spec->options  = ws_options_default();
    spec->slo      = WS_SLO_NONE;
    spec->name     = places.name;
    spec->cluster  = places.cluster;
    spec->workload = places.workload;
    if (ws_json_kind_of(places.cluster) != WS_JSON_ABSENT) {
        status =
            ws_status_worse(status, check_kind(places.cluster, 1u << WS_JSON_STRING | 1u << WS_JSON_OBJECT,
                                               "a path or a cluster config", err));
    }
    status = ws_status_worse(
        status, check_kind(places.workload, 1u << WS_JSON_ABSENT | 1u << WS_JSON_OBJECT,
                           "an object such as {\"dataset\": \"trace.jsonl\", \"num_reqs\": 300}", err));
    status = ws_status_worse(status, read_options(places.options, &spec->options, err));
    read_seed_and_repeats(root, &places, spec);
    status                   = ws_status_worse(status, read_slo(places.slo, &spec->slo, err));
    status                   = ws_status_worse(status, hash_slo(spec));
    status                   = ws_status_worse(status, read_outputs(places.outputs, spec, err));
    status                   = ws_status_worse(status, read_constraints(places.constraints, spec, err));
    const ws_status sampling = read_sampling(places.sampling, spec, &points, err);
    status                   = ws_status_worse(status, sampling);
    /* What parameters mean depends on it; where it is wrong they are read as a grid's, so that all problems
     * come at once. */
    const bool is_like_grid = ws_json_kind_of(places.parameters) == WS_JSON_OBJECT &&
                              ws_json_kind_of(ws_json_member(places.sampling, "points")) == WS_JSON_ABSENT;
    if (sampling != WS_OK) {
        spec->sampling = SWP_SAMPLING_GRID;
        points         = WS_JSON_NONE;
    }
    if (sampling == WS_OK || is_like_grid) {
        status = ws_status_worse(
            status, swp_axes_read(spec, places.parameters, points, standby_bare_unit_s(&spec->options), err));
    }
    return status;
}

ws_status swp_spec_parse(const char *name, const char *text, size_t len, ws_error *err, swp_spec **spec_out)
{
    *spec_out      = NULL;
    swp_spec *spec = calloc(1, sizeof(*spec));
    if (spec == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_arena_init(&spec->arena, 0);
    ws_sha256_hex(text, len, spec->sha256);
    ws_status status = ws_json_doc_parse(name, text, len, err, &spec->doc);
    if (status == WS_OK) {
        status = read_spec(spec, err);
    }
    if (status != WS_OK) {
        swp_spec_destroy(&spec);
        return status;
    }
    *spec_out = spec;
    return WS_OK;
}
