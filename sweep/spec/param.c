#include "spec/param.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest_name.h"
#include "base/units.h"

#define WORKLOAD_PREFIX "workload."

typedef struct known_name {
    const char *name;
    swp_target  target;
} known_name;

static const known_name known_names[] = {
    {"tp_size", SWP_TARGET_TP_SIZE},       {"pp_size", SWP_TARGET_PP_SIZE},
    {"ep_size", SWP_TARGET_EP_SIZE},       {"num_instances", SWP_TARGET_NUM_INSTANCES},
    {"hardware", SWP_TARGET_HARDWARE},     {"standby_duration", SWP_TARGET_STANDBY_DURATION},
    {"power_cap_w", SWP_TARGET_POWER_CAP},
};
enum { N_KNOWN_NAMES = sizeof known_names / sizeof known_names[0] };

/* ---- what a name means ---- */

static bool is_patch_set(ws_json place)
{
    if (ws_json_kind_of(place) != WS_JSON_OBJECT || ws_json_size(place) == 0) {
        return false;
    }
    for (ws_json item = ws_json_first(place); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        if (ws_json_kind_of(item) != WS_JSON_OBJECT) {
            return false;
        }
    }
    return true;
}

static swp_target target_of_name(const char *name, const ws_option **option_out)
{
    *option_out = NULL;
    if (name[0] == '/') {
        return SWP_TARGET_POINTER;
    }
    if (strncmp(name, WORKLOAD_PREFIX, strlen(WORKLOAD_PREFIX)) == 0) {
        return SWP_TARGET_WORKLOAD;
    }
    for (size_t i = 0; i < N_KNOWN_NAMES; i++) {
        if (strcmp(name, known_names[i].name) == 0) {
            return known_names[i].target;
        }
    }
    *option_out = ws_option_find(name);
    return *option_out != NULL ? SWP_TARGET_OPTION : SWP_TARGET_COUNT;
}

static ws_status unknown_name(ws_json place, ws_error *err)
{
    size_t           n_options = 0;
    const ws_option *options   = ws_option_table(&n_options);
    const char      *names[N_KNOWN_NAMES + 256];
    size_t           n = 0;
    for (size_t i = 0; i < N_KNOWN_NAMES; i++) {
        names[n++] = known_names[i].name;
    }
    for (size_t i = 0; i < n_options && n < sizeof names / sizeof names[0]; i++) {
        names[n++] = options[i].name;
    }
    const char *nearest  = ws_nearest_name(ws_json_key(place), names, n);
    char        hint[96] = ""; /* names are short */
    if (nearest != NULL) {
        snprintf(hint, sizeof hint, ", did you mean \"%s\"?", nearest);
    }
    return ws_json_problem(
        place, err,
        "unknown parameter%s; expected a simulator option, tp_size, pp_size, ep_size, num_instances, "
        "hardware, standby_duration, power_cap_w, workload.<field>, a JSON Pointer into the cluster "
        "config, or named merge patches {\"label\": {...}}",
        hint);
}

/* "/nodes/0/npu_mem/mem_util" becomes "npu_mem_mem_util": the end of a name tells most. */
static void make_short_name(const char *name, char *out, size_t cap)
{
    const char  *from = name;
    const size_t len  = strlen(name);
    if (len >= cap) {
        from = name + (len - (cap - 1));
        while (isalnum((unsigned char)*from)) {
            from++; /* not in the middle of a word */
        }
        from = *from == '\0' ? name + (len - (cap - 1)) : from;
    }
    size_t n = 0;
    for (; *from != '\0' && n + 1 < cap; from++) {
        if (isalnum((unsigned char)*from)) {
            out[n++] = *from;
        } else if (n > 0 && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    out[n] = '\0';
    if (n == 0) { /* no letter or digit we know: datasets need a name all the same */
        snprintf(out, cap, "unnamed");
    }
}

/* ---- checking values ---- */

/* Problems of generated values have no place of their own: they are put at the parameter's. */
static ws_json place_of(const swp_choice *value, ws_json param_place)
{
    return ws_json_kind_of(value->json) == WS_JSON_ABSENT ? param_place : value->json;
}

static ws_status check_count(const swp_choice *value, ws_json place, ws_error *err)
{
    if (ws_json_kind_of(value->json) == WS_JSON_BOOL || !(value->number >= 1.0 && value->number <= 1e6) ||
        value->number != floor(value->number)) {
        return ws_json_problem(place_of(value, place), err, "expected an integer >= 1, found %s",
                               value->label);
    }
    return WS_OK;
}

static ws_status check_text(const swp_choice *value, ws_json place, ws_error *err)
{
    if (ws_json_kind_of(value->json) != WS_JSON_STRING) {
        return ws_json_problem(place_of(value, place), err, "expected text, found %s", value->label);
    }
    return WS_OK;
}

static ws_status check_duration(swp_choice *value, ws_json place, double bare_unit_s, ws_error *err)
{
    int64_t ns = 0;
    if (ws_json_kind_of(value->json) == WS_JSON_BOOL ||
        ws_duration_parse(value->label, bare_unit_s, &ns) != WS_OK) {
        return ws_json_problem(place_of(value, place), err,
                               "expected a duration >= 0 such as \"18s\" or \"250us\", found %s",
                               value->label);
    }
    value->number = ws_seconds(ns);
    return WS_OK;
}

static ws_status check_cap(const swp_choice *value, ws_json place, ws_error *err)
{
    if (ws_json_kind_of(value->json) == WS_JSON_BOOL || !(value->number > 0.0 && value->number <= 1e9)) {
        return ws_json_problem(place_of(value, place), err, "expected a power cap in W > 0, found %s",
                               value->label);
    }
    return WS_OK;
}

/* The option's own range check, on a scratch set of options. */
static ws_status check_option(const ws_option *option, swp_choice *value, ws_json place, ws_error *err)
{
    ws_options scratch = ws_options_default();
    if (ws_json_kind_of(value->json) != WS_JSON_ABSENT) {
        WS_TRY(ws_option_set_json(&scratch, option, value->json, err));
    } else {
        ws_error        own    = WS_ERROR_INIT;
        const ws_status status = ws_option_set_text(&scratch, option, value->label, &own);
        if (status != WS_OK) {
            ws_json_problem(place, err, "%s", ws_error_text(&own));
        }
        ws_error_clear(&own);
        WS_TRY(status);
    }
    if (option->type == WS_OPTION_SECONDS) {
        memcpy(&value->number, (const char *)&scratch + option->offset, sizeof value->number);
    }
    return WS_OK;
}

static ws_status check_value(const swp_parameter *param, swp_choice *value, ws_json place, double bare_unit_s,
                             ws_error *err)
{
    switch (param->target) {
    case SWP_TARGET_HARDWARE:
        return check_text(value, place, err);
    case SWP_TARGET_NUM_INSTANCES:
    case SWP_TARGET_TP_SIZE:
    case SWP_TARGET_PP_SIZE:
    case SWP_TARGET_EP_SIZE:
        return check_count(value, place, err);
    case SWP_TARGET_STANDBY_DURATION:
        return check_duration(value, place, bare_unit_s, err);
    case SWP_TARGET_POWER_CAP:
        return check_cap(value, place, err);
    case SWP_TARGET_OPTION:
        WS_ASSERT(param->option != NULL);
        return check_option(param->option, value, place, err);
    case SWP_TARGET_PATCH:
    case SWP_TARGET_WORKLOAD:
    case SWP_TARGET_POINTER:
    case SWP_TARGET_COUNT:
        break;
    }
    return WS_OK;
}

/* ---- values by target ---- */

static ws_status read_patches(ws_json place, ws_arena *arena, swp_parameter *out)
{
    out->values = ws_arena_alloc(arena, ws_json_size(place), sizeof(swp_choice));
    if (out->values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (ws_json item = ws_json_first(place); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        out->values[out->n_values++] = (swp_choice){.number = NAN, .label = ws_json_key(item), .json = item};
    }
    out->kind = SWP_PARAM_TEXT;
    return WS_OK;
}

static bool takes_durations(const swp_parameter *param)
{
    return param->target == SWP_TARGET_STANDBY_DURATION ||
           (param->option != NULL && param->option->type == WS_OPTION_SECONDS);
}

/* The narrowest kind that holds every value; true and 1 are two values, which only their labels tell apart.
 */
static swp_param_kind common_kind(const swp_parameter *param)
{
    size_t n_bools = 0;
    bool   all_int = param->unit[0] != 's';
    for (size_t i = 0; i < param->n_values; i++) {
        const swp_choice *value = &param->values[i];
        if (isnan(value->number)) {
            return SWP_PARAM_TEXT;
        }
        n_bools += ws_json_kind_of(value->json) == WS_JSON_BOOL;
        all_int = all_int && value->number == floor(value->number) && fabs(value->number) < 9e15;
    }
    if (n_bools > 0) {
        return n_bools == param->n_values ? SWP_PARAM_BOOL : SWP_PARAM_TEXT;
    }
    return all_int ? SWP_PARAM_INT : SWP_PARAM_DOUBLE;
}

static int compare_numbers(const void *a, const void *b)
{
    const swp_choice *const *x = a, *const *y = b;
    if ((*x)->number != (*y)->number) {
        return (*x)->number < (*y)->number ? -1 : 1;
    }
    return *x < *y ? -1 : *x > *y;
}

/* "1s" and "1000ms", or a rule from 1 to 1, would make two rows that are one job. */
static ws_status check_distinct(const swp_parameter *param, ws_json place, ws_arena *arena, ws_error *err)
{
    const swp_choice **sorted = ws_arena_alloc(arena, param->n_values, sizeof(*sorted));
    if (sorted == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < param->n_values; i++) {
        sorted[i] = &param->values[i];
    }
    qsort(sorted, param->n_values, sizeof(*sorted), compare_numbers);
    ws_status status = WS_OK;
    for (size_t i = 1; i < param->n_values; i++) {
        if (sorted[i - 1]->number == sorted[i]->number) {
            status = ws_json_problem(place_of(sorted[i], place), err, "the values %s and %s are the same",
                                     sorted[i - 1]->label, sorted[i]->label);
        }
    }
    return status;
}

static ws_status read_list(ws_json place, bool may_repeat, double bare_unit_s, ws_arena *arena, ws_error *err,
                           swp_parameter *out)
{
    swp_choice_list list;
    WS_TRY(swp_values_read(place, may_repeat, arena, err, &list));
    out->n_values = list.n;
    out->values   = list.values;
    if (list.has_units && !takes_durations(out)) {
        return ws_json_problem(place, err, "expected numbers without unit");
    }
    ws_status status = WS_OK;
    for (size_t i = 0; i < list.n; i++) {
        const ws_status one = check_value(out, &list.values[i], place, bare_unit_s, err);
        status              = ws_status_worse(status, one);
    }
    out->kind = common_kind(out);
    if (status == WS_OK && !may_repeat && out->kind != SWP_PARAM_TEXT) {
        status = check_distinct(out, place, arena, err);
    }
    return status;
}

ws_status swp_param_read(ws_json place, bool may_repeat, double standby_bare_unit_s, ws_arena *arena,
                         ws_error *err, swp_parameter *out)
{
    *out      = (swp_parameter){.unit = "1"};
    out->name = swp_arena_strdup(arena, ws_json_key(place));
    if (out->name == NULL) {
        return WS_ERR_NOMEM;
    }
    make_short_name(out->name, out->short_name, sizeof out->short_name);
    out->target = target_of_name(out->name, &out->option);
    if (out->target == SWP_TARGET_COUNT) {
        if (!is_patch_set(place)) {
            return unknown_name(place, err);
        }
        out->target = SWP_TARGET_PATCH;
        return read_patches(place, arena, out);
    }
    if (takes_durations(out)) {
        out->unit = "s";
    } else if (out->target == SWP_TARGET_POWER_CAP) {
        out->unit = "W";
    }
    return read_list(place, may_repeat, standby_bare_unit_s, arena, err, out);
}

size_t swp_param_find_value(const swp_parameter *param, const char *label)
{
    size_t i = 0;
    while (i < param->n_values && strcmp(param->values[i].label, label) != 0) {
        i++;
    }
    return i;
}

bool swp_param_is_structural(const swp_parameter *param)
{
    switch (param->target) {
    case SWP_TARGET_PATCH:
    case SWP_TARGET_HARDWARE:
    case SWP_TARGET_NUM_INSTANCES:
    case SWP_TARGET_TP_SIZE:
    case SWP_TARGET_PP_SIZE:
    case SWP_TARGET_EP_SIZE:
        return true;
    case SWP_TARGET_STANDBY_DURATION:
    case SWP_TARGET_POWER_CAP: /* the data sheet is read whatever the cap */
        return false;
    case SWP_TARGET_OPTION:
    case SWP_TARGET_WORKLOAD:
        return param->kind == SWP_PARAM_TEXT;
    case SWP_TARGET_POINTER:
    case SWP_TARGET_COUNT:
        break;
    }
    return true;
}
