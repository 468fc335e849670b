#include "workload/distribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 10000000 };

/* What a distribution object may hold, of whatever kind; bounds are checked by the caller's range. */
typedef struct distribution_object {
    const char *distribution, *file;
    double      value, mean, sigma, min, max;
    ws_json     values;
} distribution_object;

#define MEMBER(member) offsetof(distribution_object, member)
#define REQUIRED WS_FIELD_REQUIRED
#define POSITIVE (WS_FIELD_REQUIRED | WS_FIELD_POSITIVE)
#define NUMBER_MAX 1e12 /* far above every range the callers allow */
#define KIND_FIELD                                                                                           \
    {                                                                                                        \
        "distribution", WS_FIELD_STRING, MEMBER(distribution), REQUIRED, 0, 0, "kind of distribution"        \
    }
#define CLAMP_FIELDS                                                                                         \
    {"min", WS_FIELD_DOUBLE, MEMBER(min), 0, 0, NUMBER_MAX, "smaller draws become this"},                    \
    {                                                                                                        \
        "max", WS_FIELD_DOUBLE, MEMBER(max), 0, 0, NUMBER_MAX, "larger draws become this"                    \
    }

static const ws_field k_fixed[] = {
    KIND_FIELD,
    {"value", WS_FIELD_DOUBLE, MEMBER(value), REQUIRED, 0, NUMBER_MAX, "every draw"},
};
static const ws_field k_uniform[] = {
    KIND_FIELD,
    {"min", WS_FIELD_DOUBLE, MEMBER(min), REQUIRED, 0, NUMBER_MAX, "least draw"},
    {"max", WS_FIELD_DOUBLE, MEMBER(max), REQUIRED, 0, NUMBER_MAX, "largest draw"},
};
static const ws_field k_lognormal[] = {
    KIND_FIELD,
    {"mean", WS_FIELD_DOUBLE, MEMBER(mean), POSITIVE, 0, NUMBER_MAX, "mean before clamping"},
    {"sigma", WS_FIELD_DOUBLE, MEMBER(sigma), REQUIRED, 0, 10, "deviation of the natural logarithm"},
    CLAMP_FIELDS,
};
static const ws_field k_exponential[] = {
    KIND_FIELD,
    {"mean", WS_FIELD_DOUBLE, MEMBER(mean), POSITIVE, 0, NUMBER_MAX, "mean before clamping"},
    CLAMP_FIELDS,
};
static const ws_field k_empirical[] = {
    KIND_FIELD,
    {"values", WS_FIELD_JSON, MEMBER(values), 0, 0, 0, "list of numbers, drawn with equal chances"},
    {"file", WS_FIELD_STRING, MEMBER(file), 0, 0, 0,
     "path of a JSON file holding such a list, instead of values"},
    CLAMP_FIELDS,
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct kind_row {
    const char     *name;
    const ws_field *fields;
    size_t          n_fields;
} kind_row;

static const kind_row k_kinds[WS_DISTRIBUTION_COUNT] = {
    [WS_DISTRIBUTION_FIXED]       = {"fixed", k_fixed, COUNT_OF(k_fixed)},
    [WS_DISTRIBUTION_UNIFORM]     = {"uniform", k_uniform, COUNT_OF(k_uniform)},
    [WS_DISTRIBUTION_LOGNORMAL]   = {"lognormal", k_lognormal, COUNT_OF(k_lognormal)},
    [WS_DISTRIBUTION_EXPONENTIAL] = {"exponential", k_exponential, COUNT_OF(k_exponential)},
    [WS_DISTRIBUTION_EMPIRICAL]   = {"empirical", k_empirical, COUNT_OF(k_empirical)},
};

void ws_distribution_help(ws_strbuf *out)
{
    for (size_t kind = 0; kind < WS_DISTRIBUTION_COUNT; kind++) {
        ws_strbuf_printf(out, "  \"distribution\": \"%s\"\n", k_kinds[kind].name);
        for (size_t i = 1; i < k_kinds[kind].n_fields; i++) { /* the first is "distribution" itself */
            ws_strbuf_printf(out, "    %-14s %s\n", k_kinds[kind].fields[i].key,
                             k_kinds[kind].fields[i].help);
        }
    }
}

/* ---- reading ---- */

static ws_status read_kind(ws_json value, ws_error *err, ws_distribution_kind *out)
{
    static const char k_expected[] =
        "a number, or an object with \"distribution\": fixed, uniform, lognormal, "
        "exponential or empirical";
    if (ws_json_kind_of(value) != WS_JSON_OBJECT) {
        return ws_json_expected(value, err, k_expected);
    }
    const ws_json member = ws_json_member(value, "distribution");
    const char   *name   = ws_json_string(member);
    if (name == NULL) {
        return ws_json_expected(ws_json_kind_of(member) == WS_JSON_ABSENT ? value : member, err, k_expected);
    }
    for (size_t kind = 0; kind < WS_DISTRIBUTION_COUNT; kind++) {
        if (strcmp(k_kinds[kind].name, name) == 0) {
            *out = (ws_distribution_kind)kind;
            return WS_OK;
        }
    }
    return ws_json_expected(member, err, "fixed, uniform, lognormal, exponential or empirical");
}

/* A constant, a bound or an empirical value: inside the caller's range, whole where draws are. */
static ws_status check_number(ws_json place, const char *key, double number,
                              const ws_distribution_range *range, ws_error *err)
{
    if (number >= range->min && number <= range->max && (!range->is_integer || number == floor(number))) {
        return WS_OK;
    }
    return ws_json_problem(place, err, "expected %s in %.15g..%.15g%s%s, found %.15g",
                           range->is_integer ? "an integer" : "a number", range->min, range->max,
                           key != NULL ? " as " : "", key != NULL ? key : "", number);
}

static ws_status read_values(ws_json list, const ws_distribution_range *range, ws_error *err,
                             ws_distribution *out)
{
    const size_t n = ws_json_size(list);
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || n == 0 || n > VALUES_MAX) {
        return ws_json_expected(list, err, "a list of 1 to 10000000 numbers");
    }
    out->values = malloc(n * sizeof(*out->values));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (ws_json item = ws_json_first(list); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const double number = ws_json_number(item);
        if (isnan(number)) {
            return ws_json_expected(item, err, "a number");
        }
        WS_TRY(check_number(item, NULL, number, range, err));
        out->values[out->n_values++] = number;
    }
    return WS_OK;
}

static ws_status read_values_file(ws_files *files, const char *path, const ws_distribution_range *range,
                                  ws_error *err, ws_distribution *out)
{
    ws_bytes     bytes;
    ws_json_doc *doc = NULL;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, &doc));
    const ws_status status = read_values(ws_json_doc_root(doc), range, err, out);
    ws_json_doc_destroy(&doc);
    return status;
}

static ws_status read_empirical(ws_files *files, ws_json value, const distribution_object *object,
                                const ws_distribution_range *range, ws_error *err, ws_distribution *out)
{
    const bool has_values = ws_json_kind_of(object->values) != WS_JSON_ABSENT;
    if (has_values == (object->file != NULL)) {
        return ws_json_problem(value, err, "expected either \"values\" or \"file\", found %s",
                               has_values ? "both" : "neither");
    }
    return has_values ? read_values(object->values, range, err, out)
                      : read_values_file(files, object->file, range, err, out);
}

static ws_status read_object(ws_files *files, ws_json value, const ws_distribution_range *range,
                             ws_error *err, ws_distribution *out)
{
    WS_TRY(read_kind(value, err, &out->kind));
    distribution_object object = {.value = range->min, .min = range->min, .max = range->max};
    WS_TRY(ws_json_read_object(value, k_kinds[out->kind].fields, k_kinds[out->kind].n_fields, &object, err));
    WS_TRY(check_number(value, "value", object.value, range, err));
    WS_TRY(check_number(value, "min", object.min, range, err));
    WS_TRY(check_number(value, "max", object.max, range, err));
    if (object.min > object.max) {
        return ws_json_problem(value, err, "expected min <= max, found %.15g > %.15g", object.min,
                               object.max);
    }
    out->mean  = out->kind == WS_DISTRIBUTION_FIXED ? object.value : object.mean;
    out->sigma = object.sigma;
    out->min   = object.min;
    out->max   = object.max;
    if (out->kind == WS_DISTRIBUTION_FIXED) {
        out->min = out->max = object.value;
    }
    return out->kind == WS_DISTRIBUTION_EMPIRICAL ? read_empirical(files, value, &object, range, err, out)
                                                  : WS_OK;
}

ws_status ws_distribution_read(ws_files *files, ws_json value, const ws_distribution_range *range,
                               ws_error *err, ws_distribution *out)
{
    *out = (ws_distribution){.is_integer = range->is_integer, .min = range->min, .max = range->max};
    if (ws_json_kind_of(value) == WS_JSON_NUMBER) {
        out->kind = WS_DISTRIBUTION_FIXED;
        out->mean = out->min = out->max = ws_json_number(value);
        return check_number(value, NULL, out->mean, range, err);
    }
    return read_object(files, value, range, err, out);
}

void ws_distribution_fini(ws_distribution *distribution)
{
    free(distribution->values);
    *distribution = (ws_distribution){.values = NULL};
}

/* ---- drawing ---- */

/* E[exp(N(mu, sigma))] = exp(mu + sigma^2 / 2) */
static double draw_lognormal(const ws_distribution *d, ws_rng *rng)
{
    return exp(log(d->mean) - d->sigma * d->sigma / 2.0 + d->sigma * ws_rng_normal(rng));
}

static double draw_raw(const ws_distribution *d, ws_rng *rng)
{
    switch (d->kind) {
    case WS_DISTRIBUTION_UNIFORM: /* of whole numbers: every one of min..max alike */
        return d->is_integer ? floor(d->min + ws_rng_uniform(rng) * (d->max - d->min + 1.0))
                             : d->min + ws_rng_uniform(rng) * (d->max - d->min);
    case WS_DISTRIBUTION_LOGNORMAL:
        return draw_lognormal(d, rng);
    case WS_DISTRIBUTION_EXPONENTIAL:
        return ws_rng_exponential(rng, d->mean);
    case WS_DISTRIBUTION_EMPIRICAL:
        return d->values[ws_rng_below(rng, (uint32_t)d->n_values)];
    case WS_DISTRIBUTION_FIXED:
    case WS_DISTRIBUTION_COUNT:
        break;
    }
    return d->mean;
}

double ws_distribution_draw(const ws_distribution *distribution, ws_rng *rng)
{
    const double raw  = draw_raw(distribution, rng);
    const double draw = distribution->is_integer ? rint(raw) : raw;
    return fmin(fmax(draw, distribution->min), distribution->max);
}
