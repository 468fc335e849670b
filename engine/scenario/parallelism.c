#include "scenario/parallelism.h"

#include <inttypes.h>
#include <string.h>

/* Fill in num_npus, tp and pp from those given. */
static ws_status infer_degrees(ws_instance_entry *e, ws_error *err)
{
    const bool has_pp = e->pp_size > 0;
    e->pp_size        = has_pp ? e->pp_size : 1;
    if (e->num_npus > 0 && e->tp_size > 0) {
        if (e->num_npus == e->tp_size * e->pp_size) {
            return WS_OK;
        }
        const int64_t q = e->num_npus / e->tp_size;
        if (e->num_npus % e->tp_size != 0 || (e->pp_size != 1 && e->pp_size != q)) {
            return ws_json_problem(e->json, err,
                                   "expected num_npus = tp_size * pp_size, found %" PRId64 " for %" PRId64
                                   " * %" PRId64,
                                   e->num_npus, e->tp_size, e->pp_size);
        }
        e->pp_size = q;
    } else if (e->num_npus > 0) {
        if (e->num_npus % e->pp_size != 0) {
            return ws_json_problem(e->json, err,
                                   "expected num_npus divisible by pp_size = %" PRId64 ", found %" PRId64,
                                   e->pp_size, e->num_npus);
        }
        e->tp_size = e->num_npus / e->pp_size;
    } else if (e->tp_size > 0) {
        e->num_npus = e->tp_size * e->pp_size;
    } else {
        e->num_npus = e->tp_size = 1;
    }
    if (e->num_npus != e->tp_size * e->pp_size) {
        return ws_json_problem(e->json, err, "expected num_npus or tp_size next to pp_size = %" PRId64,
                               e->pp_size);
    }
    return WS_OK;
}

/* Where the config says it, else the whole instance. */
static ws_json place_of(const ws_instance_entry *e, const char *key)
{
    const ws_json said = ws_json_member(e->json, key);
    return said.item != NULL ? said : e->json;
}

static ws_json tp_place(const ws_instance_entry *e)
{
    const ws_json tp = ws_json_member(e->json, "tp_size");
    return tp.item != NULL ? tp : place_of(e, "num_npus");
}

static ws_status check_divides(const ws_instance_entry *e, const ws_model *model, int64_t whole,
                               const char *what, ws_error *err)
{
    if (whole % e->tp_size == 0) {
        return WS_OK;
    }
    return ws_json_problem(tp_place(e), err,
                           "expected a tp_size that divides the %" PRId64 " %s of %s, found %" PRId64, whole,
                           what, model->name, e->tp_size);
}

/* What vLLM asserts when it builds the layers of a rank. */
static ws_status check_tensor_parallelism(const ws_instance_entry *e, const ws_model *model, ws_error *err)
{
    const int64_t kv = model->n_kv_heads, tp = e->tp_size;
    WS_TRY(check_divides(e, model, model->n_heads, "attention heads", err));
    if (tp > kv ? tp % kv != 0 : kv % tp != 0) {
        return ws_json_problem(tp_place(e), err,
                               "expected a tp_size that divides the %" PRId64
                               " KV heads of %s or is a multiple of them, found %" PRId64,
                               kv, model->name, tp);
    }
    if (!model->is_moe) { /* experts are whole on their rank */
        WS_TRY(check_divides(e, model, model->intermediate_size, "columns (intermediate_size)", err));
    }
    return check_divides(e, model, ws_model_on_ranks(model, tp).vocab_size,
                         "entries of the padded vocabulary", err);
}

ws_status ws_parallelism_resolve(ws_instance_entry *e, const ws_model *model, ws_fidelity fidelity,
                                 ws_error *err)
{
    WS_TRY(infer_degrees(e, err));
    if (fidelity == WS_FIDELITY_PHYSICAL) {
        WS_TRY(check_tensor_parallelism(e, model, err));
    }
    if (e->ep_size == 0) {
        e->ep_size = model->is_moe ? e->tp_size : 1;
    }
    if (e->dp_group == NULL && e->ep_size > e->tp_size) {
        return ws_json_problem(place_of(e, "ep_size"), err,
                               "expected ep_size <= tp_size = %" PRId64 " without a dp_group, found %" PRId64,
                               e->tp_size, e->ep_size);
    }
    if (e->pp_size > model->n_layers) {
        return ws_json_problem(place_of(e, "pp_size"), err,
                               "expected pp_size <= %" PRId64 " layers, found %" PRId64, model->n_layers,
                               e->pp_size);
    }
    if (model->is_moe && model->n_experts % e->ep_size != 0) {
        return ws_json_problem(place_of(e, "ep_size"), err,
                               "expected ep_size to divide %" PRId64 " experts, found %" PRId64,
                               model->n_experts, e->ep_size);
    }
    return WS_OK;
}

/* ---- DP groups ---- */

static int64_t group_size(const ws_instance_config *instances, size_t n, int32_t group)
{
    int64_t size = 0;
    for (size_t i = 0; i < n; i++) {
        size += instances[i].dp_group == group;
    }
    return size;
}

static ws_status join_group(ws_instance_config *instances, const ws_instance_entry *const *entries, size_t i,
                            int32_t *n_groups, ws_error *err)
{
    for (size_t j = 0; j < i; j++) {
        if (entries[j]->dp_group == NULL || strcmp(entries[j]->dp_group, entries[i]->dp_group) != 0) {
            continue;
        }
        if (entries[j]->tp_size != entries[i]->tp_size || entries[j]->pp_size != entries[i]->pp_size ||
            entries[j]->ep_size != entries[i]->ep_size) {
            return ws_json_problem(
                entries[i]->json, err,
                "expected the same tp_size, pp_size and ep_size as the other members of dp_group \"%s\"",
                entries[i]->dp_group);
        }
        instances[i].dp_group = instances[j].dp_group;
        return WS_OK;
    }
    instances[i].dp_group = (*n_groups)++;
    return WS_OK;
}

static ws_status split_experts(ws_instance_config *c, const ws_instance_entry *e, int64_t n_members,
                               ws_error *err)
{
    c->ep_total = e->ep_size;
    c->local_ep = e->ep_size;
    if (c->dp_group == WS_NO_GROUP) {
        return WS_OK;
    }
    if (!c->model->is_moe) {
        c->ep_total = c->local_ep = 1;
        return WS_OK;
    }
    c->local_ep = e->ep_size / n_members;
    if (e->ep_size % n_members != 0 || c->local_ep > e->tp_size) {
        return ws_json_problem(place_of(e, "ep_size"), err,
                               "expected ep_size to be a multiple of the %" PRId64
                               " members of dp_group \"%s\", at most "
                               "tp_size each, found %" PRId64,
                               n_members, e->dp_group, e->ep_size);
    }
    return WS_OK;
}

ws_status ws_parallelism_group(ws_instance_config *instances, const ws_instance_entry *const *entries,
                               size_t n, ws_error *err)
{
    int32_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        instances[i].dp_group = WS_NO_GROUP;
        if (entries[i]->dp_group != NULL) {
            WS_TRY(join_group(instances, entries, i, &n_groups, err));
        }
    }
    for (size_t i = 0; i < n; i++) {
        WS_TRY(
            split_experts(&instances[i], entries[i], group_size(instances, n, instances[i].dp_group), err));
    }
    return WS_OK;
}

/* ---- models ---- */

static bool hands_on(const ws_instance_config *a, const ws_instance_config *b)
{
    return a->role != WS_ROLE_COMBINED && b->role != WS_ROLE_COMBINED;
}

/* What makes two instances one engine; NULL if nothing does. */
static const char *bond_of(const ws_instance_config *a, const ws_instance_config *b)
{
    return a->dp_group != WS_NO_GROUP && a->dp_group == b->dp_group ? "are members of one dp_group"
           : hands_on(a, b)                                         ? "hand requests on (pd_type)"
                                                                    : NULL;
}

ws_status ws_parallelism_check_models(const ws_instance_config       *instances,
                                      const ws_instance_entry *const *entries, size_t n, ws_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const bool  is_alone = instances[i].dp_group == WS_NO_GROUP && instances[i].role == WS_ROLE_COMBINED;
        const char *bond     = NULL;
        for (size_t j = 0; !is_alone && bond == NULL && j < i; j++) { /* the first one stands for all */
            bond = bond_of(&instances[i], &instances[j]);
            if (bond != NULL && strcmp(instances[i].model->name, instances[j].model->name) != 0) {
                return ws_json_problem(place_of(entries[i], "model_name"), err,
                                       "expected %s, the model of instance %d, because they %s, found %s",
                                       instances[j].model->name, instances[j].index, bond,
                                       instances[i].model->name);
            }
        }
    }
    return WS_OK;
}

/* ---- topology ---- */

static void set_dims(ws_network *net, int64_t d0, int64_t d1, int64_t d2)
{
    const int64_t dims[WS_DIMS_MAX] = {d0, d1, d2};
    net->n_dims                     = WS_DIMS_MAX;
    memcpy(net->size, dims, sizeof(dims));
    while (net->n_dims > 1 && net->size[net->n_dims - 1] == 1) {
        net->n_dims--;
    }
}

static void choose_dims(const ws_instance_config *instances, size_t n, ws_network *net)
{
    int64_t n_npus = 0, n_stages = 0, n_members = 0;
    for (size_t i = 0; i < n; i++) {
        const ws_instance_config *c = &instances[i];
        if (c->dp_group == 0) { /* the first group met decides */
            const int64_t members = group_size(instances, n, 0);
            if (c->pp_size > 1) {
                set_dims(net, c->tp_size, c->pp_size, members);
            } else {
                set_dims(net, c->tp_size, members, 1);
            }
            return;
        }
        const int64_t copies = c->role == WS_ROLE_PREFILL ? 2 : 1; /* shadow receivers count */
        n_npus += copies * c->num_npus;
        n_stages += copies * c->pp_size;
        n_members += copies;
    }
    WS_ASSERT(n_stages > 0 && n_members > 0);
    if (n_npus == n_stages) {
        set_dims(net, n_npus / n_members, n_members, 1);
    } else {
        set_dims(net, n_npus / n_stages, n_stages, 1);
    }
}

/* Far beyond any link; sums over the steps of a run stay inside int64. */
#define MAX_LINK_GBPS 1e9
#define MAX_LINK_NS 1e9

static ws_status read_per_dim(ws_json json, int n_dims, double min, double max, ws_error *err, double *out)
{
    const bool is_array = ws_json_kind_of(json) == WS_JSON_ARRAY;
    if (is_array && ws_json_size(json) != (size_t)n_dims) {
        return ws_json_problem(json, err,
                               "expected a number or one entry for each of %d topology dimensions, found %zu",
                               n_dims, ws_json_size(json));
    }
    ws_json item = is_array ? ws_json_first(json) : json;
    for (int k = 0; k < n_dims; k++) {
        WS_TRY(ws_json_read_double(item, min, max, err, &out[k]));
        item = is_array ? ws_json_next(item) : item;
    }
    return WS_OK;
}

ws_status ws_topology_build(const ws_instance_config *instances, size_t n_instances, ws_json link_bw,
                            ws_json link_latency, ws_error *err, ws_network *out)
{
    *out = (ws_network){0};
    choose_dims(instances, n_instances, out);
    WS_TRY(read_per_dim(link_bw, out->n_dims, 1e-6, MAX_LINK_GBPS, err, out->bw_gbps));
    return read_per_dim(link_latency, out->n_dims, 0, MAX_LINK_NS, err, out->latency_ns);
}

/* Dimensions of the collectives of experts, of a DP group: of one instance's ranks where these are enough. */
static unsigned expert_dims(const ws_instance_config *c, unsigned tp_dims, unsigned group_dim)
{
    if (c->ep_total <= c->tp_size) {
        return tp_dims;
    }
    return c->tp_size > 1 ? tp_dims | group_dim : group_dim;
}

/* Which dimensions an instance's collectives involve in the cluster's network (docs/model/serving.md 1.6). */
static void choose_cluster_dims(const ws_network *cluster, ws_instance_config *c)
{
    const unsigned all = (1U << cluster->n_dims) - 1U;
    if (c->dp_group == WS_NO_GROUP) {
        c->tp_dims = cluster->n_dims == 1 ? all : 1U;
        c->ep_dims = cluster->n_dims > 1 && c->ep_total > 1 ? 1U : all;
        return;
    }
    const unsigned group_dim = c->pp_size > 1 ? 4U : 2U;
    c->tp_dims               = 1U;
    c->ep_dims               = expert_dims(c, c->tp_dims, group_dim);
}

static void choose_own_network(const ws_network *cluster, int64_t n_members, ws_instance_config *c)
{
    const unsigned group_bit = 1U << WS_DIM_GROUP;
    const int      second = cluster->n_dims > 1 ? 1 : 0, last = cluster->n_dims - 1;
    const int      link[WS_DIMS_MAX] = {0, second, last};
    c->network                       = (ws_network){
                              .n_dims = WS_DIMS_MAX, .size = {c->tp_size, c->pp_size, n_members}, .reduce_bw = c->npu_mem_gbps};
    for (int k = 0; k < WS_DIMS_MAX; k++) {
        c->network.bw_gbps[k]    = cluster->bw_gbps[link[k]];
        c->network.latency_ns[k] = cluster->latency_ns[link[k]];
    }
    c->tp_dims = 1U << WS_DIM_TP;
    c->ep_dims = expert_dims(c, c->tp_dims, group_bit);
}

void ws_topology_localize(ws_scenario *s)
{
    for (size_t i = 0; i < s->n_instances; i++) {
        ws_instance_config *c = &s->instances[i];
        if (s->fidelity == WS_FIDELITY_REFERENCE) {
            c->network = s->network;
            choose_cluster_dims(&s->network, c);
        } else {
            const int64_t members =
                c->dp_group == WS_NO_GROUP ? 1 : group_size(s->instances, s->n_instances, c->dp_group);
            choose_own_network(&s->network, members, c);
        }
    }
}

/* ---- blocks ---- */

/* A single one for MoE without block copy and block rules (docs/model/serving.md Q-10). */
WS_HOT int64_t ws_instance_n_blocks(const ws_scenario *s, const ws_instance_config *c)
{
    const bool repeats = c->placement.blocks != NULL || !c->model->is_moe || c->options.enable_block_copy ||
                         s->fidelity == WS_FIDELITY_PHYSICAL;
    return repeats ? c->model->n_layers : 1;
}

/* Stages just before the last one take the remainder (docs/model/serving.md 6.10). */
WS_HOT int64_t ws_stage_n_blocks(int64_t n_blocks, int64_t n_stages, int64_t stage)
{
    const int64_t rest = n_blocks % n_stages;
    return n_blocks / n_stages + (stage < n_stages - 1 && stage >= n_stages - 1 - rest);
}
