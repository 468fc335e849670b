#include "spec/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

char *swp_arena_strdup(ws_arena *arena, const char *text)
{
    const size_t len  = strlen(text) + 1;
    char        *copy = ws_arena_alloc(arena, len, 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *swp_number_label(double number, char buf[32])
{
    if (number == floor(number) && fabs(number) < 1e15) {
        snprintf(buf, 32, "%.0f", number + 0.0); /* -0 is 0 */
        return buf;
    }
    return ws_double_repr(number, buf);
}

/* Rounded to 12 significant digits: 0.7 + 0.05 is 0.75, not 0.7500000000000001. */
static double tidy(double x)
{
    char buf[32];
    snprintf(buf, sizeof buf, "%.12g", x);
    return strtod(buf, NULL);
}

/* ---- generators ---- */

typedef enum generator_kind { GEN_LINSPACE, GEN_LOGSPACE, GEN_RANGE, GEN_COUNT } generator_kind;

static const char *const generator_keys[GEN_COUNT]  = {"linspace", "logspace", "range"};
static const char *const generator_forms[GEN_COUNT] = {"[first, last, count]", "[first > 0, last > 0, count]",
                                                       "[start, stop, step], step leading to stop"};

static bool find_generator(ws_json place, generator_kind *kind_out, ws_json *args_out)
{
    if (ws_json_kind_of(place) != WS_JSON_OBJECT || ws_json_size(place) != 1) {
        return false;
    }
    for (int k = 0; k < GEN_COUNT; k++) {
        const ws_json args = ws_json_member(place, generator_keys[k]);
        if (ws_json_kind_of(args) == WS_JSON_ARRAY) {
            *kind_out = (generator_kind)k;
            *args_out = args;
            return true;
        }
    }
    return false;
}

bool swp_values_is_list(ws_json place)
{
    generator_kind kind;
    ws_json        args;
    return ws_json_kind_of(place) == WS_JSON_ARRAY || find_generator(place, &kind, &args);
}

/* A bound of a generator: a number, or a duration with its unit, in seconds. */
static bool read_bound(ws_json place, double *out, bool *has_unit_out)
{
    const char *text = ws_json_string(place);
    int64_t     ns   = 0;
    if (text != NULL && ws_duration_has_unit(text) && ws_duration_parse(text, 1.0, &ns) == WS_OK) {
        *out          = ws_seconds(ns);
        *has_unit_out = true;
        return true;
    }
    *out          = ws_json_number(place);
    *has_unit_out = false;
    return ws_json_kind_of(place) == WS_JSON_NUMBER;
}

/* Where a sequence passes zero, what rounding leaves of it is not a number of its own: -0.3 + 3 * 0.1 is 0.
 */
static double tidy_sum(double x, double a, double b)
{
    return fabs(x) < 1e-12 * fmax(fabs(a), fabs(b)) ? 0.0 : tidy(x);
}

static double generate(generator_kind kind, double a, double b, double step, size_t i, size_t n)
{
    if (i == 0 || (i + 1 == n && kind != GEN_RANGE)) {
        return i == 0 ? a : b; /* the ends exactly */
    }
    if (kind == GEN_RANGE) {
        return tidy_sum(a + step * (double)i, a, b);
    }
    const double share = (double)i / (double)(n - 1);
    return kind == GEN_LINSPACE ? tidy_sum(a + (b - a) * share, a, b)
                                : tidy(exp(log(a) + (log(b) - log(a)) * share));
}

/* How many values a generator with these arguments has; 0 if they make no sense. */
static size_t generator_count(generator_kind kind, double a, double b, double third)
{
    if ((kind == GEN_LOGSPACE && !(a > 0.0 && b > 0.0)) || !isfinite(b - a)) {
        return 0;
    }
    double n = third;
    if (kind == GEN_RANGE) {
        if (third == 0.0) {
            return 0;
        }
        n = floor((b - a) / third * (1.0 + 1e-12) + 1e-9) + 1.0; /* the stop counts despite rounding */
    } else if (n != floor(n) || (n == 1.0 && a != b)) {
        return 0;
    }
    return n >= 1.0 && n <= SWP_MAX_VALUES ? (size_t)n : 0;
}

static ws_status label_number(swp_choice *value, ws_arena *arena)
{
    char buf[32];
    value->label = swp_arena_strdup(arena, swp_number_label(value->number, buf));
    return value->label == NULL ? WS_ERR_NOMEM : WS_OK;
}

static ws_status label_seconds(swp_choice *value, ws_arena *arena)
{
    char number[32], buf[40];
    snprintf(buf, sizeof buf, "%ss", swp_number_label(value->number, number));
    value->label = swp_arena_strdup(arena, buf);
    return value->label == NULL ? WS_ERR_NOMEM : WS_OK;
}

/* Generated values never turn back: equal ones are neighbours. */
static ws_status check_progress(const swp_choice_list *list, ws_json args, ws_error *err)
{
    for (size_t i = 1; i < list->n; i++) {
        if (list->values[i].number == list->values[i - 1].number) {
            return ws_json_problem(args, err, "the value %s is listed twice", list->values[i].label);
        }
    }
    return WS_OK;
}

static ws_status read_generated(generator_kind kind, ws_json args, bool may_repeat, ws_arena *arena,
                                ws_error *err, swp_choice_list *out)
{
    double bound[3] = {0.0};
    bool   unit[3]  = {false};
    bool   is_sound = ws_json_size(args) == 3;
    for (size_t i = 0; i < 3 && is_sound; i++) {
        is_sound = read_bound(ws_json_at(args, i), &bound[i], &unit[i]);
    }
    is_sound       = is_sound && unit[0] == unit[1] && unit[2] == (kind == GEN_RANGE && unit[0]);
    const size_t n = is_sound ? generator_count(kind, bound[0], bound[1], bound[2]) : 0;
    if (n == 0) {
        return ws_json_problem(args, err, "expected %s with at most %d values", generator_forms[kind],
                               SWP_MAX_VALUES);
    }
    out->n         = n;
    out->has_units = unit[0];
    out->values    = ws_arena_alloc(arena, n, sizeof(swp_choice));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const double number = generate(kind, bound[0], bound[1], bound[2], i, n);
        out->values[i]      = (swp_choice){.number = number, .json = WS_JSON_NONE};
        WS_TRY(unit[0] ? label_seconds(&out->values[i], arena) : label_number(&out->values[i], arena));
    }
    return may_repeat ? WS_OK : check_progress(out, args, err);
}

/* ---- lists ---- */

static ws_status read_scalar(ws_json item, ws_arena *arena, ws_error *err, swp_choice *out)
{
    *out = (swp_choice){.number = NAN, .json = item};
    switch (ws_json_kind_of(item)) {
    case WS_JSON_NUMBER:
        out->number = ws_json_number(item);
        return label_number(out, arena);
    case WS_JSON_BOOL:
        out->number = ws_json_bool(item) ? 1.0 : 0.0;
        out->label  = ws_json_bool(item) ? "true" : "false";
        return WS_OK;
    case WS_JSON_NULL:
        out->label = "null";
        return WS_OK;
    case WS_JSON_STRING:
        out->label = ws_json_string(item);
        return WS_OK;
    case WS_JSON_ABSENT:
    case WS_JSON_ARRAY:
    case WS_JSON_OBJECT:
        break;
    }
    return ws_json_expected(item, err, "a number, text, true, false or null");
}

static int compare_labels(const void *a, const void *b)
{
    const swp_choice *const *left  = a;
    const swp_choice *const *right = b;
    const int                order = strcmp((*left)->label, (*right)->label);
    if (order != 0) {
        return order;
    }
    return *left < *right ? -1 : 1;
}

/* A value listed twice would make two rows that are one job. */
static ws_status check_distinct(const swp_choice_list *list, ws_arena *arena, ws_error *err)
{
    const swp_choice **sorted = ws_arena_alloc(arena, list->n, sizeof(*sorted));
    if (sorted == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < list->n; i++) {
        sorted[i] = &list->values[i];
    }
    qsort(sorted, list->n, sizeof(*sorted), compare_labels);
    ws_status status = WS_OK;
    for (size_t i = 1; i < list->n; i++) {
        if (strcmp(sorted[i - 1]->label, sorted[i]->label) == 0) {
            status = ws_json_problem(sorted[i]->json, err, "the value %s is listed twice", sorted[i]->label);
        }
    }
    return status;
}

ws_status swp_values_read(ws_json place, bool may_repeat, ws_arena *arena, ws_error *err,
                          swp_choice_list *out)
{
    generator_kind kind = GEN_COUNT;
    ws_json        args = WS_JSON_NONE;
    *out                = (swp_choice_list){.n = 0};
    if (find_generator(place, &kind, &args)) {
        return read_generated(kind, args, may_repeat, arena, err, out);
    }
    if (ws_json_kind_of(place) != WS_JSON_ARRAY || ws_json_size(place) == 0) {
        return ws_json_expected(place, err,
                                "a list of values, {\"linspace\": [...]}, {\"logspace\": [...]} or "
                                "{\"range\": [...]}");
    }
    if (ws_json_size(place) > SWP_MAX_VALUES) {
        return ws_json_problem(place, err, "expected at most %d values, found %zu", SWP_MAX_VALUES,
                               ws_json_size(place));
    }
    out->values = ws_arena_alloc(arena, ws_json_size(place), sizeof(swp_choice));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(place); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        status = ws_status_worse(status, read_scalar(item, arena, err, &out->values[out->n++]));
    }
    WS_TRY(status);
    return may_repeat ? WS_OK : check_distinct(out, arena, err);
}
