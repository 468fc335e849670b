#include "spec/spec_axes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_write.h"
#include "base/nearest_name.h"

#define ZIP_PREFIX "zip" /* "zip", "zip2", "zip_memory", ...: parameters that run together */

typedef struct axes_reader {
    swp_spec *spec;
    double    standby_bare_unit_s;
    ws_error *err;
} axes_reader;

static bool is_zip_group(ws_json place)
{
    const size_t len = strlen(ZIP_PREFIX);
    return strncmp(ws_json_key(place), ZIP_PREFIX, len) == 0 && ws_json_kind_of(place) == WS_JSON_OBJECT &&
           !swp_values_is_list(place);
}

static size_t count_params(ws_json parameters)
{
    size_t n = 0;
    for (ws_json item = ws_json_first(parameters); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        n += is_zip_group(item) ? ws_json_size(item) : 1;
    }
    return n;
}

static ws_status allocate(swp_spec *spec, size_t n_params)
{
    spec->params = ws_arena_calloc(&spec->arena, n_params, sizeof(swp_parameter));
    spec->axes   = ws_arena_calloc(&spec->arena, n_params, sizeof(swp_spec_axis));
    return spec->params == NULL || spec->axes == NULL ? WS_ERR_NOMEM : WS_OK;
}

static bool is_short_name_taken(const swp_spec *spec, const char *short_name)
{
    for (size_t i = 0; i < spec->n_params; i++) {
        if (strcmp(spec->params[i].short_name, short_name) == 0) {
            return true;
        }
    }
    return false;
}

/* Two names may shorten to one: the second gets "_b", the third "_c", ... at its end. */
static void make_short_name_unique(const swp_spec *spec, swp_parameter *param)
{
    const swp_parameter plain = *param;
    for (int k = 1; is_short_name_taken(spec, param->short_name); k++) {
        char      suffix[16];
        const int len  = k < 26 ? snprintf(suffix, sizeof suffix, "_%c", 'a' + k)
                                : snprintf(suffix, sizeof suffix, "_%d", k);
        const int room = (int)sizeof param->short_name - 1 - len;
        snprintf(param->short_name, sizeof param->short_name, "%.*s%s", room, plain.short_name, suffix);
    }
}

/* Names may repeat between zip groups. */
static ws_status check_name(axes_reader *r, ws_json place, swp_parameter *param)
{
    for (size_t i = 0; i < r->spec->n_params; i++) {
        if (strcmp(r->spec->params[i].name, param->name) == 0) {
            return ws_json_problem(place, r->err, "the parameter %s is given twice", param->name);
        }
    }
    make_short_name_unique(r->spec, param);
    return WS_OK;
}

static ws_status add_param(axes_reader *r, ws_json place, bool may_repeat)
{
    swp_parameter param;
    WS_TRY(swp_param_read(place, may_repeat, r->standby_bare_unit_s, &r->spec->arena, r->err, &param));
    WS_TRY(check_name(r, place, &param));
    r->spec->params[r->spec->n_params++] = param;
    return WS_OK;
}

static ws_status close_axis(axes_reader *r, ws_json place, size_t first_param)
{
    swp_spec *spec = r->spec;
    if (first_param == spec->n_params) {
        return ws_json_expected(place, r->err, "at least one parameter");
    }
    swp_spec_axis *axis = &spec->axes[spec->n_axes];
    *axis               = (swp_spec_axis){.first_param = first_param,
                                          .n_params    = spec->n_params - first_param,
                                          .n_values    = spec->params[first_param].n_values};
    for (size_t i = first_param; i < spec->n_params; i++) {
        if (spec->params[i].n_values != axis->n_values) {
            return ws_json_problem(place, r->err,
                                   "parameters that run together need equally many values: %s has %zu, %s "
                                   "has %zu",
                                   spec->params[first_param].name, axis->n_values, spec->params[i].name,
                                   spec->params[i].n_values);
        }
    }
    spec->n_axes++;
    return WS_OK;
}

static ws_status read_zip(axes_reader *r, ws_json group)
{
    const size_t first  = r->spec->n_params;
    ws_status    status = WS_OK;
    for (ws_json item = ws_json_first(group); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const ws_status one = add_param(r, item, true);
        status              = ws_status_worse(status, one);
    }
    WS_TRY(status);
    return close_axis(r, group, first);
}

static ws_status read_grid(axes_reader *r, ws_json parameters)
{
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(parameters); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const size_t first = r->spec->n_params;
        ws_status    one   = WS_OK;
        if (is_zip_group(item)) {
            one = read_zip(r, item);
        } else {
            one = add_param(r, item, false);
            if (one == WS_OK) {
                one = close_axis(r, item, first);
            }
        }
        status = ws_status_worse(status, one);
    }
    return status;
}

/* ---- listed points ---- */

/* All points must set the same parameters, so that every row has every column. */
static ws_status check_points(ws_json points, ws_error *err)
{
    const ws_json first  = ws_json_first(points);
    ws_status     status = WS_OK;
    for (ws_json point = first; ws_json_kind_of(point) != WS_JSON_ABSENT; point = ws_json_next(point)) {
        bool is_same = ws_json_kind_of(point) == WS_JSON_OBJECT && ws_json_size(point) == ws_json_size(first);
        for (ws_json item = ws_json_first(point); is_same && ws_json_kind_of(item) != WS_JSON_ABSENT;
             item         = ws_json_next(item)) {
            is_same = ws_json_kind_of(ws_json_member(first, ws_json_key(item))) != WS_JSON_ABSENT;
        }
        if (!is_same) {
            status =
                ws_json_problem(point, err, "expected an object with the same parameters as the first point");
        }
    }
    if (ws_json_kind_of(first) == WS_JSON_ABSENT) {
        return ws_json_expected(points, err, "at least one point");
    }
    return status;
}

/* {"tp_size": [1, 2], ...}: the points turned into columns, so that one reader serves all methods. */
static ws_status transpose_points(swp_spec *spec, ws_json points, ws_error *err)
{
    ws_strbuf      text = WS_STRBUF_INIT;
    ws_json_writer w;
    ws_json_writer_init(&w, &text, 0);
    ws_json_begin_object(&w);
    const ws_json first = ws_json_first(points);
    for (ws_json column = ws_json_first(first); ws_json_kind_of(column) != WS_JSON_ABSENT;
         column         = ws_json_next(column)) {
        ws_json_put_key(&w, ws_json_key(column));
        ws_json_begin_array(&w);
        for (ws_json point = first; ws_json_kind_of(point) != WS_JSON_ABSENT; point = ws_json_next(point)) {
            ws_json_put_json(&w, ws_json_member(point, ws_json_key(column)));
        }
        ws_json_end_array(&w);
    }
    ws_json_end_object(&w);
    char     *name   = ws_asprintf("%s (points by parameter)", ws_json_doc_name(spec->doc));
    ws_status status = text.failed || name == NULL ? WS_ERR_NOMEM : WS_OK;
    if (status == WS_OK) {
        status = ws_json_doc_parse(name, text.data, text.len, err, &spec->points_doc);
    }
    free(name);
    ws_strbuf_fini(&text);
    return status;
}

/* A column of labels of a named patch set becomes a column of the patches. */
static ws_status pick_patches(axes_reader *r, ws_json column, ws_json patch_set)
{
    swp_parameter set;
    WS_TRY(swp_param_read(patch_set, true, r->standby_bare_unit_s, &r->spec->arena, r->err, &set));
    swp_parameter param = set;
    param.n_values      = 0;
    param.values        = ws_arena_alloc(&r->spec->arena, ws_json_size(column), sizeof(swp_choice));
    if (param.values == NULL) {
        return WS_ERR_NOMEM;
    }
    for (ws_json item = ws_json_first(column); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const char  *label = ws_json_string(item);
        const size_t k     = label != NULL ? swp_param_find_value(&set, label) : set.n_values;
        if (set.target != SWP_TARGET_PATCH || k == set.n_values) {
            return ws_json_problem(item, r->err, "expected the name of a patch of /parameters/%s", set.name);
        }
        param.values[param.n_values++] = set.values[k];
    }
    WS_TRY(check_name(r, column, &param));
    r->spec->params[r->spec->n_params++] = param;
    return WS_OK;
}

static ws_status read_list(axes_reader *r, ws_json parameters, ws_json points)
{
    WS_TRY(check_points(points, r->err));
    WS_TRY(transpose_points(r->spec, points, r->err));
    const ws_json columns = ws_json_doc_root(r->spec->points_doc);
    WS_TRY(allocate(r->spec, ws_json_size(columns)));
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(parameters); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        if (ws_json_kind_of(ws_json_member(columns, ws_json_key(item))) == WS_JSON_ABSENT) {
            status = ws_json_problem(item, r->err, "no point of the list uses this parameter");
        }
    }
    for (ws_json column = ws_json_first(columns); ws_json_kind_of(column) != WS_JSON_ABSENT;
         column         = ws_json_next(column)) {
        const ws_json   patch_set = ws_json_member(parameters, ws_json_key(column));
        const ws_status one       = ws_json_kind_of(patch_set) != WS_JSON_ABSENT
                                        ? pick_patches(r, column, patch_set)
                                        : add_param(r, column, true);
        status                    = ws_status_worse(status, one);
    }
    WS_TRY(status);
    return close_axis(r, points, 0);
}

ws_status swp_axes_read(swp_spec *spec, ws_json parameters, ws_json points, double standby_bare_unit_s,
                        ws_error *err)
{
    axes_reader        r    = {.spec = spec, .standby_bare_unit_s = standby_bare_unit_s, .err = err};
    const ws_json_kind kind = ws_json_kind_of(parameters);
    if (kind != WS_JSON_ABSENT && kind != WS_JSON_OBJECT) {
        return ws_json_expected(parameters, err, "an object of parameters");
    }
    if (spec->sampling == SWP_SAMPLING_LIST) {
        return read_list(&r, parameters, points);
    }
    if (kind == WS_JSON_ABSENT) {
        return WS_OK; /* a sweep of one point, or of its repeats */
    }
    WS_TRY(allocate(spec, count_params(parameters)));
    if (spec->sampling == SWP_SAMPLING_ZIP) {
        return ws_json_size(parameters) == 0 ? WS_OK : read_zip(&r, parameters);
    }
    return read_grid(&r, parameters);
}

ws_status swp_unknown_option(ws_json place, ws_error *err)
{
    size_t           n       = 0;
    const ws_option *options = ws_option_table(&n);
    const char     **names   = calloc(n + 1, sizeof(*names));
    if (names == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = options[i].name;
    }
    const char *nearest = ws_nearest_name(ws_json_key(place), names, n);
    if (nearest != NULL) {
        ws_json_problem(place, err, "unknown option, did you mean \"%s\"?", nearest);
    } else {
        ws_json_problem(place, err, "unknown option");
    }
    free(names);
    return WS_ERR_INPUT;
}
