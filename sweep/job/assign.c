#include "job/assign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"

typedef struct assigner {
    const swp_parameter *param;
    const swp_choice    *value;
    ws_json_doc         *doc;
    swp_datasheet_fn     datasheet;
    void                *ctx;
    ws_error            *err;
} assigner;

/* ---- places ---- */

enum { POINTER_MAX = 512 };

/* Append a key to a pointer, escaped as RFC 6901 wants. */
static void pointer_add(char *pointer, const char *key)
{
    size_t n = strlen(pointer);
    if (n + 1 < POINTER_MAX) {
        pointer[n++] = '/';
    }
    for (; *key != '\0' && n + 3 < POINTER_MAX; key++) {
        if (*key == '~' || *key == '/') {
            pointer[n++] = '~';
            pointer[n++] = *key == '~' ? '0' : '1';
        } else {
            pointer[n++] = *key;
        }
    }
    pointer[n] = '\0';
}

/* "<parent>/<key>" in a buffer of POINTER_MAX bytes. */
static char *pointer_join(char *out, const char *parent, const char *key)
{
    snprintf(out, POINTER_MAX, "%s", parent);
    pointer_add(out, key);
    return out;
}

static ws_json at(const assigner *a, const char *pointer)
{
    return ws_json_resolve(ws_json_doc_root(a->doc), pointer);
}

static bool is_there(ws_json place)
{
    return ws_json_kind_of(place) != WS_JSON_ABSENT;
}

static ws_status set_value(const assigner *a, const char *pointer)
{
    if (is_there(a->value->json)) {
        return ws_json_set(a->doc, pointer, a->value->json, a->err);
    }
    return ws_json_set_number(a->doc, pointer, a->value->number, a->err);
}

static size_t n_nodes(const assigner *a)
{
    return ws_json_size(at(a, "/nodes"));
}

static size_t n_instances(const assigner *a, size_t node)
{
    char pointer[POINTER_MAX];
    snprintf(pointer, sizeof pointer, "/nodes/%zu/instances", node);
    return ws_json_size(at(a, pointer));
}

typedef ws_status (*place_fn)(const assigner *a, const char *pointer);

static ws_status each_node(const assigner *a, place_fn apply)
{
    char pointer[POINTER_MAX];
    for (size_t node = 0; node < n_nodes(a); node++) {
        snprintf(pointer, sizeof pointer, "/nodes/%zu", node);
        WS_TRY(apply(a, pointer));
    }
    return WS_OK;
}

static ws_status each_instance(const assigner *a, place_fn apply)
{
    char pointer[POINTER_MAX];
    for (size_t node = 0; node < n_nodes(a); node++) {
        for (size_t k = 0; k < n_instances(a, node); k++) {
            snprintf(pointer, sizeof pointer, "/nodes/%zu/instances/%zu", node, k);
            WS_TRY(apply(a, pointer));
        }
    }
    return WS_OK;
}

/* ---- known names ---- */

static ws_status set_member(const assigner *a, const char *object, const char *key)
{
    char pointer[POINTER_MAX];
    return set_value(a, pointer_join(pointer, object, key));
}

static void remove_member(const assigner *a, const char *object, const char *key)
{
    char pointer[POINTER_MAX];
    ws_json_remove(a->doc, pointer_join(pointer, object, key));
}

static ws_status set_tp_size(const assigner *a, const char *instance)
{
    remove_member(a, instance, "num_npus");
    return set_member(a, instance, "tp_size");
}

static ws_status set_pp_size(const assigner *a, const char *instance)
{
    if (is_there(ws_json_member(at(a, instance), "tp_size"))) {
        remove_member(a, instance, "num_npus"); /* without tp_size, num_npus says what tp_size is */
    }
    return set_member(a, instance, "pp_size");
}

static ws_status set_ep_size(const assigner *a, const char *instance)
{
    return set_member(a, instance, "ep_size");
}

static ws_json datasheet_of(swp_datasheet_fn datasheet, void *ctx, const char *hardware)
{
    return datasheet != NULL && hardware != NULL ? datasheet(ctx, hardware) : WS_JSON_NONE;
}

/* One number of npu_mem: the new board's, if it is known; that of another board would be none of this one. */
static ws_status replace_memory(const assigner *a, const char *npu_mem, const char *key, ws_json of_sheet)
{
    char pointer[POINTER_MAX];
    if (is_there(of_sheet)) {
        return ws_json_set(a->doc, pointer_join(pointer, npu_mem, key), of_sheet, a->err);
    }
    remove_member(a, npu_mem, key);
    return WS_OK;
}

/* Another board has another memory. What the file says of its own board without a data sheet stays. */
static ws_status set_hardware(const assigner *a, const char *instance)
{
    char          npu_mem[POINTER_MAX];
    const char   *had     = ws_json_string(ws_json_member(at(a, instance), "hardware"));
    const bool    is_same = had != NULL && strcmp(had, a->value->label) == 0;
    const ws_json sheet   = datasheet_of(a->datasheet, a->ctx, a->value->label);
    WS_TRY(set_member(a, instance, "hardware"));
    pointer_join(npu_mem, instance, "npu_mem");
    if (ws_json_kind_of(at(a, npu_mem)) != WS_JSON_OBJECT || (is_same && !is_there(sheet))) {
        return WS_OK;
    }
    WS_TRY(replace_memory(a, npu_mem, "mem_size", ws_json_member(sheet, "memory_gib")));
    return replace_memory(a, npu_mem, "mem_bw", ws_json_member(sheet, "memory_gbps"));
}

static void npu_power_pointer(char *out, const char *node)
{
    pointer_join(out, node, "power");
    pointer_add(out, "npu");
}

/* Give the node a power.npu entry for every hardware tag of its instances that has none. */
static ws_status fill_npu_power(const assigner *a, const char *node)
{
    char npu[POINTER_MAX];
    npu_power_pointer(npu, node);
    if (ws_json_kind_of(at(a, npu)) != WS_JSON_OBJECT) {
        return WS_OK;
    }
    const ws_json instances = ws_json_member(at(a, node), "instances");
    for (ws_json inst = ws_json_first(instances); is_there(inst); inst = ws_json_next(inst)) {
        const char *hardware = ws_json_string(ws_json_member(inst, "hardware"));
        if (hardware == NULL || is_there(ws_json_member(at(a, npu), hardware))) {
            continue;
        }
        const ws_json entry = ws_json_member(datasheet_of(a->datasheet, a->ctx, hardware), "power");
        if (is_there(entry)) {
            char pointer[POINTER_MAX];
            WS_TRY(ws_json_set(a->doc, pointer_join(pointer, npu, hardware), entry, a->err));
        }
    }
    return WS_OK;
}

/* Drop power.npu entries of other hardware: an entry no instance uses is an error for the simulator. */
static ws_status replace_npu_power(const assigner *a, const char *node)
{
    char npu[POINTER_MAX];
    npu_power_pointer(npu, node);
    ws_json entry = ws_json_first(at(a, npu));
    while (is_there(entry)) {
        const char   *key  = ws_json_key(entry);
        const ws_json next = ws_json_next(entry);
        if (key != NULL && strcmp(key, a->value->label) != 0) {
            remove_member(a, npu, key);
        }
        entry = next;
    }
    return fill_npu_power(a, node);
}

static ws_status set_standby(const assigner *a, const char *node)
{
    char npu[POINTER_MAX];
    npu_power_pointer(npu, node);
    WS_TRY(fill_npu_power(a, node));
    for (ws_json entry = ws_json_first(at(a, npu)); is_there(entry); entry = ws_json_next(entry)) {
        char pointer[POINTER_MAX], text[48], number[32];
        ws_json_pointer(entry, pointer, sizeof pointer);
        pointer_add(pointer, "standby_duration");
        if (is_there(a->value->json)) {
            WS_TRY(ws_json_set(a->doc, pointer, a->value->json, a->err));
        } else {
            snprintf(text, sizeof text, "%ss", ws_double_repr(a->value->number, number));
            WS_TRY(ws_json_set_string(a->doc, pointer, text, a->err));
        }
    }
    return WS_OK;
}

static ws_status set_power_cap(const assigner *a, const char *instance)
{
    return set_member(a, instance, "power_cap_w");
}

/* The node's list of instances, repeated in order until there are as many as asked for. */
static ws_status set_num_instances(const assigner *a, const char *node)
{
    char         list[POINTER_MAX], pointer[POINTER_MAX], index[24];
    const size_t had    = ws_json_size(at(a, pointer_join(list, node, "instances")));
    const size_t wanted = (size_t)a->value->number;
    if (had == 0) {
        return ws_json_problem(at(a, node), a->err, "num_instances needs an instance to repeat");
    }
    for (size_t k = had; k < wanted; k++) {
        ws_json_doc *copy = NULL;
        WS_TRY(ws_json_doc_copy(ws_json_at(at(a, list), k % had), "instance", &copy));
        const ws_status status =
            ws_json_set(a->doc, pointer_join(pointer, list, "-"), ws_json_doc_root(copy), a->err);
        ws_json_doc_destroy(&copy);
        WS_TRY(status);
    }
    for (size_t k = had; k-- > wanted;) {
        snprintf(index, sizeof index, "%zu", k);
        ws_json_remove(a->doc, pointer_join(pointer, list, index));
    }
    return ws_json_set_number(a->doc, pointer_join(pointer, node, "num_instances"), (double)wanted, a->err);
}

#define MEM_UTIL_OPTION "npu_memory_utilization" /* an instance says it as npu_mem.mem_util */

static bool has_overrides(const ws_option *option)
{
    return option->per_instance || strcmp(option->name, MEM_UTIL_OPTION) == 0;
}

/* A swept option is for every instance: an instance's own value would hide it. */
static ws_status drop_override(const assigner *a, const char *instance)
{
    char npu_mem[POINTER_MAX];
    if (strcmp(a->param->option->name, MEM_UTIL_OPTION) == 0) {
        remove_member(a, pointer_join(npu_mem, instance, "npu_mem"), "mem_util");
    } else {
        remove_member(a, instance, a->param->option->name);
    }
    return WS_OK;
}

static ws_status assign_one(const assigner *a)
{
    switch (a->param->target) {
    case SWP_TARGET_PATCH:
        return ws_json_merge_patch(a->doc, a->value->json, a->err);
    case SWP_TARGET_HARDWARE:
        WS_TRY(each_instance(a, set_hardware));
        return each_node(a, replace_npu_power);
    case SWP_TARGET_NUM_INSTANCES:
        return each_node(a, set_num_instances);
    case SWP_TARGET_TP_SIZE:
        return each_instance(a, set_tp_size);
    case SWP_TARGET_PP_SIZE:
        return each_instance(a, set_pp_size);
    case SWP_TARGET_EP_SIZE:
        return each_instance(a, set_ep_size);
    case SWP_TARGET_STANDBY_DURATION:
        return each_node(a, set_standby);
    case SWP_TARGET_POWER_CAP:
        return each_instance(a, set_power_cap);
    case SWP_TARGET_OPTION:
        return has_overrides(a->param->option) ? each_instance(a, drop_override) : WS_OK;
    case SWP_TARGET_POINTER:
        return set_value(a, a->param->name);
    case SWP_TARGET_WORKLOAD:
    case SWP_TARGET_COUNT:
        break;
    }
    return WS_OK;
}

ws_status swp_assign_cluster(const swp_spec *spec, const uint32_t *value_index, swp_datasheet_fn datasheet,
                             void *ctx, ws_json_doc *cluster, ws_error *err)
{
    for (int target = 0; target < SWP_TARGET_COUNT; target++) {
        for (size_t i = 0; i < spec->n_params; i++) {
            const swp_parameter *param = &spec->params[i];
            if ((int)param->target == target) {
                const assigner a = {param, &param->values[value_index[i]], cluster, datasheet, ctx, err};
                WS_TRY(assign_one(&a));
            }
        }
    }
    return WS_OK;
}

bool swp_assign_touches_cluster(const swp_parameter *param)
{
    return param->target != SWP_TARGET_WORKLOAD &&
           (param->target != SWP_TARGET_OPTION || has_overrides(param->option));
}

/* ---- options and workload ---- */

ws_status swp_assign_options(const swp_spec *spec, const uint32_t *value_index, ws_options *options,
                             ws_error *err)
{
    for (size_t i = 0; i < spec->n_params; i++) {
        const swp_parameter *param = &spec->params[i];
        if (param->target != SWP_TARGET_OPTION) {
            continue;
        }
        const swp_choice *value = &param->values[value_index[i]];
        WS_TRY(is_there(value->json) ? ws_option_set_json(options, param->option, value->json, err)
                                     : ws_option_set_text(options, param->option, value->label, err));
    }
    return WS_OK;
}

ws_status swp_assign_workload(const swp_spec *spec, const uint32_t *value_index, ws_json_doc *workload,
                              ws_error *err)
{
    for (size_t i = 0; i < spec->n_params; i++) {
        const swp_parameter *param = &spec->params[i];
        if (param->target != SWP_TARGET_WORKLOAD) {
            continue;
        }
        char pointer[POINTER_MAX];
        snprintf(pointer, sizeof pointer, "%s", param->name + strlen("workload"));
        for (char *c = pointer; *c != '\0'; c++) {
            *c = *c == '.' ? '/' : *c;
        }
        const assigner a = {param, &param->values[value_index[i]], workload, NULL, NULL, err};
        WS_TRY(set_value(&a, pointer));
    }
    return WS_OK;
}

/* ---- facts ---- */

/* A size: `otherwise` where the config does not say it, NaN where what it says is none. */
static double size_or(ws_json place, double otherwise)
{
    if (!is_there(place)) {
        return otherwise;
    }
    const double number = ws_json_number(place);
    return number >= 1.0 ? number : NAN;
}

/* Unlike fmax and fmin: what one instance does not say makes the extreme of all unknown. */
static double larger_of(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

static double smaller_of(double a, double b)
{
    return isnan(a) || isnan(b) ? NAN : fmin(a, b);
}

/* tp, pp and NPUs of an instance, by the config format's rules of inference (docs/model/serving.md 1.4). */
static void add_instance(ws_json instance, ws_json datasheet, swp_cluster_facts *facts)
{
    const double npus = size_or(ws_json_member(instance, "num_npus"), 0.0);
    double       tp   = size_or(ws_json_member(instance, "tp_size"), 0.0);
    double       pp   = size_or(ws_json_member(instance, "pp_size"), 1.0);
    if (tp == 0.0) {
        tp = npus == 0.0 ? 1.0 : floor(npus / pp);
    } else if (npus > tp * pp) {
        pp = floor(npus / tp);
    }
    facts->num_npus += isnan(npus) ? NAN : tp * pp;
    facts->tp_size        = larger_of(facts->tp_size, tp);
    facts->pp_size        = larger_of(facts->pp_size, pp);
    facts->ep_size        = larger_of(facts->ep_size, size_or(ws_json_member(instance, "ep_size"), 1.0));
    const ws_json said    = ws_json_member(ws_json_member(instance, "npu_mem"), "mem_size");
    const double  mem_gib = ws_json_number(is_there(said) ? said : ws_json_member(datasheet, "memory_gib"));
    facts->npu_mem_gb =
        smaller_of(facts->npu_mem_gb, mem_gib * (double)WS_BYTES_PER_GIB / (double)WS_BYTES_PER_GB);
    facts->num_instances += 1.0;
}

swp_cluster_facts swp_cluster_facts_of(ws_json cluster, swp_datasheet_fn datasheet, void *ctx)
{
    static const swp_cluster_facts unknown = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    swp_cluster_facts              facts   = {.npu_mem_gb = INFINITY};
    for (ws_json node = ws_json_first(ws_json_member(cluster, "nodes")); is_there(node);
         node         = ws_json_next(node)) {
        const ws_json instances = ws_json_member(node, "instances");
        facts.num_nodes += 1.0;
        for (ws_json inst = ws_json_first(instances); is_there(inst); inst = ws_json_next(inst)) {
            if (ws_json_kind_of(inst) != WS_JSON_OBJECT) {
                return unknown;
            }
            const char *hardware = ws_json_string(ws_json_member(inst, "hardware"));
            add_instance(inst, datasheet_of(datasheet, ctx, hardware), &facts);
        }
        if (ws_json_size(instances) == 0) {
            return unknown;
        }
    }
    return facts.num_nodes > 0.0 ? facts : unknown;
}
