#include "job/dataset_workload.h"

#include <string.h>

#define WORKLOAD_PREFIX "workload."
#define KEYS_TEXT "dataset, num_reqs, from_s, to_s, sample, time_scale, rate"

static const char *const k_keys[] = {"num_reqs", "from_s", "to_s", "sample", "time_scale", "rate"};

enum { N_KEYS = sizeof k_keys / sizeof k_keys[0] };

static const ws_option *option_of(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(k_keys[i], key) == 0) {
            return ws_option_find(key);
        }
    }
    return NULL;
}

static bool is_given(ws_json place)
{
    return ws_json_kind_of(place) != WS_JSON_ABSENT;
}

bool swp_is_dataset(ws_json workload)
{
    return is_given(ws_json_member(workload, "dataset"));
}

ws_status swp_dataset_options(ws_json workload, ws_options *options, ws_error *err)
{
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(workload); is_given(item); item = ws_json_next(item)) {
        const ws_option *option = option_of(ws_json_key(item));
        if (option != NULL) {
            status = ws_status_worse(status, ws_option_set_json(options, option, item, err));
        } else if (strcmp(ws_json_key(item), "dataset") != 0) {
            status =
                ws_json_problem(item, err, "unknown key of a dataset's workload; expected one of " KEYS_TEXT);
        }
    }
    return status;
}

/* ---- parameters ---- */

static ws_status check_value(const ws_option *option, const swp_parameter *param, const swp_choice *value,
                             const char *spec_name, ws_error *err)
{
    ws_options scratch = ws_options_default();
    ws_error   own     = WS_ERROR_INIT;
    if (is_given(value->json)) {
        return ws_option_set_json(&scratch, option, value->json, err);
    }
    const ws_status status = ws_option_set_text(&scratch, option, value->label, &own);
    if (own.n_problems > 0) { /* a value that a rule gave has no place of its own */
        (void)ws_error_add(err, status, "%s: /parameters/%s: %s", spec_name, param->name,
                           ws_error_text(&own));
    }
    ws_error_clear(&own);
    return status;
}

static ws_status check_parameter(const swp_parameter *param, const char *spec_name, ws_error *err)
{
    const char      *key    = param->name + strlen(WORKLOAD_PREFIX);
    const ws_option *option = option_of(key);
    ws_status        status = WS_OK;
    if (strcmp(key, "dataset") == 0) {
        return WS_OK;
    }
    if (option == NULL) {
        return ws_error_add(
            err, WS_ERR_INPUT,
            "%s: /parameters/%s: the workload is a dataset, which has no such field, so that it "
            "would change nothing; expected workload.<key> with a key of " KEYS_TEXT,
            spec_name, param->name);
    }
    for (size_t i = 0; i < param->n_values; i++) {
        status = ws_status_worse(status, check_value(option, param, &param->values[i], spec_name, err));
    }
    return status;
}

/* Whether the workload or a parameter of it says what an option is. */
static bool says(ws_json workload, const swp_parameter *params, size_t n_params, const char *key)
{
    bool is_said = is_given(ws_json_member(workload, key));
    for (size_t i = 0; i < n_params; i++) {
        is_said = is_said || (params[i].target == SWP_TARGET_WORKLOAD &&
                              strcmp(params[i].name + strlen(WORKLOAD_PREFIX), key) == 0);
    }
    return is_said;
}

ws_status swp_dataset_check(ws_json workload, ws_json spec_options, const swp_parameter *params,
                            size_t n_params, const char *spec_name, ws_error *err)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < n_params; i++) {
        if (params[i].target == SWP_TARGET_WORKLOAD) {
            status = ws_status_worse(status, check_parameter(&params[i], spec_name, err));
        } else if (params[i].target == SWP_TARGET_OPTION && option_of(params[i].option->name) != NULL &&
                   says(workload, params, n_params, params[i].option->name)) {
            status =
                ws_error_add(err, WS_ERR_INPUT,
                             "%s: /parameters/%s: changes nothing, since the workload says it too; leave "
                             "one of the two out",
                             spec_name, params[i].name);
        }
    }
    for (ws_json item = ws_json_first(spec_options); is_given(item); item = ws_json_next(item)) {
        if (option_of(ws_json_key(item)) != NULL && says(workload, params, n_params, ws_json_key(item))) {
            status =
                ws_json_problem(item, err, "changes nothing, since the workload says it too; leave one out");
        }
    }
    return status;
}

void swp_dataset_describe(const ws_options *options, ws_strbuf *out)
{
    const ws_options defaults = ws_options_default();
    for (size_t i = 0; i < N_KEYS; i++) {
        char             usual[64], text[64];
        const ws_option *option = ws_option_find(k_keys[i]);
        ws_option_get_text(&defaults, option, usual);
        ws_option_get_text(options, option, text);
        if (strcmp(usual, text) != 0) {
            ws_strbuf_printf(out, " %s=%s", k_keys[i], text);
        }
    }
}
