#include "scenario/power_caps.h"

#include <math.h>

#include "power/power_curve.h"
#include "scenario/instance.h"

/* One instance whose NPUs are capped, and where its hardware's curve comes from. */
typedef struct capped {
    ws_instance_config      *c;
    const ws_node_entry     *node;
    const ws_instance_entry *entry;
    ws_power_curve           curve;
    double                   cap_w; /* of each NPU */
} capped;

/* ---- caps ---- */

/* The NPU's own cap: the instance's wins over the one of its hardware. */
static double own_cap_w(const capped *k)
{
    return k->entry->power_cap_w > 0.0 ? k->entry->power_cap_w : k->c->npu_power.cap_w;
}

static ws_json own_cap_place(const capped *k)
{
    if (k->entry->power_cap_w > 0.0) {
        return ws_json_member(k->entry->json, "power_cap_w");
    }
    const ws_json npu = ws_json_member(ws_json_member(k->node->power, "npu"), k->c->hardware);
    return npu.item != NULL ? ws_json_member(npu, "power_cap_w") : k->entry->json; /* or from a data sheet */
}

static ws_status check_own_cap(const capped *k, ws_error *err)
{
    const double least_w = ws_power_curve_min_w(&k->curve, k->c->npu_power.active_w);
    if (own_cap_w(k) > 0.0 && own_cap_w(k) < least_w) {
        return ws_json_problem(own_cap_place(k), err,
                               "expected at least %.1f W, what %s draws at its lowest core clock, found %g",
                               least_w, k->c->hardware, own_cap_w(k));
    }
    return WS_OK;
}

/* An even share of what the node's cap leaves for NPUs besides everything that is drawn at all times. */
static ws_status check_node_cap(const ws_scenario *s, const capped *k, double share_w, ws_error *err)
{
    const ws_node_config *node    = &s->nodes[k->c->node];
    const double          least_w = ws_power_curve_min_w(&k->curve, k->c->npu_power.active_w);
    const double          other_w = node->power.cap_w - share_w * (double)node->n_npus;
    if (share_w < least_w) {
        return ws_json_problem(
            ws_json_member(k->node->power, "power_cap_w"), err,
            "expected at least %.1f W: %.1f W for everything but NPUs and %.1f W for each of %lld NPUs, "
            "what %s draws at its lowest core clock; found %g",
            other_w + least_w * (double)node->n_npus, other_w, least_w, (long long)node->n_npus,
            k->c->hardware, node->power.cap_w);
    }
    return WS_OK;
}

/* ---- one instance ---- */

static ws_status read_curve(ws_inputs *inputs, capped *k, ws_error *err)
{
    ws_json sheet;
    WS_TRY(ws_inputs_hardware(inputs, k->c->hardware, err, &sheet));
    const ws_json curve = ws_json_member(sheet, "power_curve");
    if (curve.item == NULL) {
        return ws_json_problem(k->entry->json, err,
                               "a power cap on %s needs a power_curve in hardware/%s.json, found none",
                               k->c->hardware, k->c->hardware);
    }
    return ws_power_curve_read(curve, err, &k->curve);
}

/* Lower the clock until active power is the cap. Boards at rest do not draw more than the cap either. */
static ws_status slow_down(ws_inputs *inputs, const ws_scenario *s, const capped *k, ws_error *err)
{
    ws_instance_config *c     = k->c;
    ws_npu_power       *power = &c->npu_power;
    if (k->cap_w >= power->active_w) {
        return WS_OK;
    }
    const double clock = ws_power_curve_clock(&k->curve, power->active_w, k->cap_w);
    if (clock < 1.0) { /* not where the difference is lost in rounding */
        const ws_profile_request request = ws_instance_profile_request(s, c);
        WS_TRY(ws_inputs_cost_at_clock(inputs, &request, c->cost, clock, err, &c->cost));
        c->clock   = clock;
        c->profile = c->cost->profile;
    }
    power->active_w  = k->cap_w;
    power->standby_w = fmin(power->standby_w, k->cap_w);
    power->idle_w    = fmin(power->idle_w, k->cap_w);
    return WS_OK;
}

static ws_status apply_to_instance(ws_inputs *inputs, const ws_scenario *s, const ws_node_entry *node,
                                   const ws_instance_entry *entry, ws_instance_config *c, ws_error *err)
{
    const ws_node_config *host      = &s->nodes[c->node];
    capped                k         = {.c = c, .node = node, .entry = entry};
    const bool            has_share = host->power.cap_w > 0.0;
    if (own_cap_w(&k) <= 0.0 && !has_share) {
        return WS_OK;
    }
    WS_TRY(read_curve(inputs, &k, err));
    WS_TRY(check_own_cap(&k, err));
    k.cap_w = own_cap_w(&k) > 0.0 ? own_cap_w(&k) : INFINITY;
    if (has_share) {
        const double share_w =
            (host->power.cap_w - ws_node_power_fixed_w(&host->power)) / (double)host->n_npus;
        WS_TRY(check_node_cap(s, &k, share_w, err));
        k.cap_w = fmin(k.cap_w, share_w);
    }
    return slow_down(inputs, s, &k, err);
}

/* ---- caps where power is not tracked ---- */

static bool has_cap_key(ws_json object)
{
    const ws_json_kind kind = ws_json_kind_of(ws_json_member(object, "power_cap_w"));
    return kind != WS_JSON_ABSENT && kind != WS_JSON_NULL;
}

static bool block_has_cap(ws_json power)
{
    bool has_cap = has_cap_key(power);
    for (ws_json npu = ws_json_first(ws_json_member(power, "npu")); npu.item != NULL;
         npu         = ws_json_next(npu)) {
        has_cap = has_cap || has_cap_key(npu);
    }
    return has_cap;
}

static ws_status refuse_untracked(const ws_node_entry *node, ws_error *err)
{
    static const char needs[] =
        "power_cap_w needs power that is tracked: a power block on this node, and under reference "
        "fidelity on every node";
    ws_status status = block_has_cap(node->power) ? ws_json_problem(node->power, err, needs) : WS_OK;
    for (size_t j = 0; j < node->n_instances; j++) {
        if (node->instances[j].power_cap_w > 0.0) {
            status = ws_json_problem(ws_json_member(node->instances[j].json, "power_cap_w"), err, needs);
        }
    }
    return status;
}

ws_status ws_power_caps_apply(ws_inputs *inputs, ws_scenario *s, const ws_cluster_config *cluster,
                              ws_error *err)
{
    ws_status status = WS_OK;
    size_t    k      = 0;
    for (size_t i = 0; i < cluster->n_nodes; i++) {
        const ws_node_entry *node       = &cluster->nodes[i];
        const bool           is_tracked = s->has_power && s->nodes[i].power.is_tracked;
        status = ws_status_worse(status, is_tracked ? WS_OK : refuse_untracked(node, err));
        for (size_t j = 0; j < node->n_instances; j++, k++) {
            status =
                ws_status_worse(status, is_tracked ? apply_to_instance(inputs, s, node, &node->instances[j],
                                                                       &s->instances[k], err)
                                                   : WS_OK);
        }
    }
    return status;
}

void ws_power_caps_release(const ws_scenario *s)
{
    for (size_t k = 0; k < s->n_instances; k++) {
        if (s->instances[k].clock < 1.0) {
            ws_inputs_release(s->inputs, s->instances[k].cost);
        }
    }
}
