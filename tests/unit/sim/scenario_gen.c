#include "scenario_gen.h"

#include <string.h>

#include "base/units.h"

enum { MAX_INSTANCES = 4 };

typedef struct generator {
    ws_rng            rng;
    const gen_change *change;
    gen_scenario     *out;
    bool              has_cxl, has_block_rules;
    int               n_nodes, node_of[MAX_INSTANCES];
    int64_t           tp[MAX_INSTANCES], pp[MAX_INSTANCES], ep;
    int               n_prefills;
    bool              decode_first;
    double            npu_mem_gib;
    bool              offloads_attention;
} generator;

static int64_t below(generator *g, int64_t n)
{
    return (int64_t)ws_rng_below(&g->rng, (uint32_t)n);
}

static bool chance(generator *g, int percent)
{
    return below(g, 100) < percent;
}

static int64_t pick(generator *g, const int64_t *values, size_t n)
{
    return values[below(g, (int64_t)n)];
}
#define PICK(g, ...)                                                                                         \
    pick(g, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static double factor(const generator *g)
{
    return g->change->bandwidth_factor > 0 ? g->change->bandwidth_factor : 1.0;
}

/* ---- shape ---- */

static void choose_degrees(generator *g)
{
    gen_scenario *out = g->out;
    const int64_t tp = PICK(g, 1, 1, 2, 4), pp = PICK(g, 1, 1, 2, 3);
    for (size_t i = 0; i < MAX_INSTANCES; i++) {
        const int64_t other_tp = PICK(g, 1, 2, 4), other_pp = PICK(g, 1, 2, 4);
        g->tp[i] = out->kind == GEN_MIXED ? other_tp : tp;
        g->pp[i] = out->kind == GEN_MIXED ? other_pp : pp;
        g->pp[i] = g->change->tp_only ? 1 : g->pp[i];
    }
    g->ep = chance(g, 60) ? 0 : 1; /* 0: not given */
    if (out->kind == GEN_DP && out->is_moe) {
        out->n_instances = out->n_instances == 3 ? 2 : out->n_instances;
        g->ep            = (int64_t)out->n_instances * (chance(g, 50) ? 1 : g->tp[0] < 2 ? 1 : 2);
    }
}

static void choose_shape(generator *g)
{
    gen_scenario *out  = g->out;
    const int64_t kind = PICK(g, GEN_PLAIN, GEN_PLAIN, GEN_MIXED, GEN_PD, GEN_PD, GEN_DP);
    const bool    moe  = chance(g, 35);
    out->kind          = g->change->kind_plus_1 > 0 ? (gen_kind)(g->change->kind_plus_1 - 1) : (gen_kind)kind;
    out->is_moe        = moe && !g->change->tp_only;
    out->n_instances   = (size_t)PICK(g, 1, 2, 2, 3, 4);
    if (out->kind == GEN_PD || out->kind == GEN_DP) {
        out->n_instances = out->n_instances < 2 ? 2 : out->n_instances;
    }
    g->n_prefills   = out->n_instances > 2 && chance(g, 50) ? 2 : 1;
    g->decode_first = chance(g, 50);
    choose_degrees(g);
    g->n_nodes = chance(g, 40) ? 2 : 1;
    for (int i = 0; i < MAX_INSTANCES; i++) {
        const int node = (int)below(g, g->n_nodes);
        g->node_of[i]  = i == 0 || g->change->one_node ? 0 : i == 1 ? g->n_nodes - 1 : node;
    }
    g->n_nodes = out->n_instances < 2 || g->change->one_node ? 1 : g->n_nodes;
    for (int i = 0; i < MAX_INSTANCES; i++) {
        g->node_of[i] = g->node_of[i] < g->n_nodes ? g->node_of[i] : 0;
    }
}

/* ---- options ---- */

static void choose_serving_options(generator *g, ws_options *o)
{
    o->max_num_seqs                 = PICK(g, 1, 2, 4, 16, 128);
    o->max_num_batched_tokens       = PICK(g, 0, 32, 64, 256, 2048);
    o->long_prefill_token_threshold = PICK(g, 0, 0, 0, 17, 64);
    o->block_size                   = PICK(g, 1, 5, 8, 16, 16, 16, 64);
    o->enable_chunked_prefill       = chance(g, 80);
    o->enable_prefix_caching        = chance(g, 70);
    o->reserve_full_isl             = chance(g, 70);
    o->request_routing_policy       = below(g, 4);
    o->expert_routing_policy        = below(g, 3);
    o->prefix_storage               = PICK(g, 0, 0, WS_PREFIX_STORAGE_CPU, WS_PREFIX_STORAGE_CXL);
    o->enable_prefix_sharing        = chance(g, 40);
    o->seed                         = below(g, 1000);
}

static void choose_options(generator *g)
{
    ws_options *o           = &g->out->options;
    *o                      = ws_options_default();
    const bool is_reference = chance(g, 30), block_copy = chance(g, 80);
    const bool local = chance(g, 10), attention = chance(g, 15), interleave = chance(g, 50),
               cxl = chance(g, 40);
    choose_serving_options(g, o);
    o->log_interval_s   = (double)PICK(g, 1, 5, 20, 1000) * 1e-3;
    o->power_interval_s = (double)PICK(g, 0, 1, 7) * 1e-4;
    if (g->change->interval_s > 0) {
        o->log_interval_s = o->power_interval_s = g->change->interval_s;
    }
    o->enable_block_copy = block_copy;
    o->fidelity = (is_reference || g->change->reference) && !g->change->physical ? WS_FIDELITY_REFERENCE
                                                                                 : WS_FIDELITY_PHYSICAL;
    if (!g->change->tp_only) {
        o->enable_local_offloading = local;
        o->enable_attn_offloading  = attention && g->out->kind != GEN_PD;
        o->enable_sub_batch_interleaving =
            o->enable_attn_offloading && interleave && g->pp[0] == 1 && g->out->kind != GEN_MIXED;
    } else {
        o->prefix_storage =
            o->prefix_storage == WS_PREFIX_STORAGE_CXL ? WS_PREFIX_STORAGE_CPU : o->prefix_storage;
    }
    o->prefix_storage = g->change->no_tier ? WS_PREFIX_STORAGE_NONE : o->prefix_storage;
    o->enable_prefix_sharing =
        o->enable_prefix_sharing && o->prefix_storage != WS_PREFIX_STORAGE_NONE && g->out->kind != GEN_MIXED;
    if (g->change->one_request) { /* in one batch */
        o->max_num_batched_tokens = o->long_prefill_token_threshold = 0;
    }
    g->has_cxl       = cxl || o->prefix_storage == WS_PREFIX_STORAGE_CXL;
    g->out->has_pim  = o->enable_attn_offloading;
    g->out->has_tier = o->prefix_storage != WS_PREFIX_STORAGE_NONE && o->enable_prefix_caching;
}

static void choose_memory(generator *g)
{
    const int64_t kv_tokens = PICK(g, 300, 700, 700, 2000, 50000);
    const double  weights   = g->out->is_moe ? 2.2e6 : 0.5e6;
    const double  tokens    = g->change->plenty ? 1e6 : (double)kv_tokens;
    g->npu_mem_gib          = (weights + tokens * 1024.0) / 0.9 / (double)WS_BYTES_PER_GIB;
}

/* ---- the cluster ---- */

static const char *location(generator *g)
{
    static const char *const places[] = {"npu", "cpu", "cxl:0", "cxl:1"};
    return places[below(g, g->has_cxl ? 4 : 2)];
}

static void write_placement(generator *g, ws_strbuf *out)
{
    const bool  wanted  = chance(g, 15);
    const char *weights = location(g), *evict = location(g), *blocks = location(g), *layer = location(g);
    const bool  has_blocks = chance(g, 50), has_layers = chance(g, 50), moves_all = chance(g, 50);
    if (!wanted || g->change->tp_only) {
        return;
    }
    ws_strbuf_printf(out, ", \"placement\": {\"default\": {\"weights\": \"%s\", \"kv_evict_loc\": \"%s\"}",
                     moves_all ? weights : "npu", evict);
    if (has_blocks) {
        ws_strbuf_printf(out, ", \"blocks\": [{\"blocks\": \"1-2\", \"weights\": \"%s\"}]", blocks);
    }
    if (has_layers) {
        ws_strbuf_printf(out, ", \"layers\": {\"o_proj\": {\"weights\": \"%s\"}}", layer);
    }
    ws_strbuf_puts(out, "}");
}

static const char *role(const generator *g, size_t i)
{
    if (g->out->kind != GEN_PD) {
        return "null";
    }
    const size_t place = g->decode_first ? g->out->n_instances - 1 - i : i;
    return place < (size_t)g->n_prefills ? "\"prefill\"" : "\"decode\"";
}

static void write_instance(generator *g, size_t i, ws_strbuf *out)
{
    const int64_t seqs = PICK(g, 1, 3, 50);
    ws_strbuf_printf(
        out,
        "{\"model_name\": \"%s\", \"hardware\": \"TOY\", \"pd_type\": %s, \"tp_size\": %d, \"pp_size\": %d, "
        "\"npu_mem\": {\"mem_size\": %.12g, \"mem_bw\": %.9g, \"mem_latency\": 5}",
        g->out->is_moe ? WORLD_EXPERTS : WORLD_DENSE, role(g, i), (int)g->tp[i], (int)g->pp[i],
        g->npu_mem_gib, 1000.0 * factor(g));
    if (g->out->is_moe && g->ep > 0) {
        ws_strbuf_printf(out, ", \"ep_size\": %d", (int)g->ep);
    }
    if (g->out->kind == GEN_DP) {
        ws_strbuf_puts(out, ", \"dp_group\": \"all\"");
    }
    if (chance(g, 20)) {
        ws_strbuf_printf(out, ", \"max_num_seqs\": %d", (int)seqs);
    }
    write_placement(g, out);
    ws_strbuf_puts(out, "}");
}

static void write_power(const generator *g, double cpu_gib, ws_strbuf *out)
{
    if (g->change->no_power) {
        return;
    }
    ws_strbuf_puts(out,
                   ", \"power\": {\"base_node_power\": 60, "
                   "\"npu\": {\"TOY\": {\"idle_power\": 35, \"standby_power\": 300, \"active_power\": 600, "
                   "\"standby_duration\": \"300us\"");
    if (g->change->power_cap_w > 0) {
        ws_strbuf_printf(out, ", \"power_cap_w\": %.9g", g->change->power_cap_w);
    }
    ws_strbuf_printf(out,
                     "}}, \"cpu\": {\"idle_power\": 10, \"active_power\": 200, \"util\": 0.15}, "
                     "\"dram\": {\"dimm_size\": %.9g, \"idle_power\": 2.0, \"energy_per_bit\": 6.0}, ",
                     cpu_gib < 32 ? cpu_gib : 32);
    ws_strbuf_puts(out, "\"link\": {\"num_links\": 1, \"idle_power\": 5, \"energy_per_bit\": 4.0}, "
                        "\"nic\": {\"num_nics\": 1, \"idle_power\": 20}, "
                        "\"storage\": {\"num_devices\": 2, \"idle_power\": 5}}");
}

static void write_node(generator *g, int node, bool has_power, double cpu_gib, ws_strbuf *out)
{
    size_t n = 0;
    ws_strbuf_printf(
        out, "{\"cpu_mem\": {\"mem_size\": %.9g, \"mem_bw\": %.9g, \"mem_latency\": %d%s}, \"instances\": [",
        cpu_gib, g->change->instant_host ? 1e9 : 200.0 * factor(g), g->change->instant_host ? 0 : 7,
        g->out->has_pim ? ", \"pim_config\": \"DDR4_8GB_3200_pim\"" : "");
    for (size_t i = 0; i < g->out->n_instances; i++) {
        if (g->node_of[i] == node) {
            ws_strbuf_puts(out, n++ > 0 ? ", " : "");
            write_instance(g, i, out);
        }
    }
    ws_strbuf_printf(out, "], \"num_instances\": %d", (int)n);
    if (has_power && g->change->dark_node_plus_1 != node + 1) {
        write_power(g, cpu_gib, out);
    }
    ws_strbuf_puts(out, "}");
}

static void write_cluster(generator *g)
{
    ws_strbuf    *out  = &g->out->cluster;
    const double  link = (double)PICK(g, 1, 16, 100), latency = (double)PICK(g, 0, 500, 3000) + 0.5;
    const int64_t devices   = 2;
    const bool    has_power = chance(g, 85);
    const double  cpu_gib   = chance(g, 30) && !g->out->has_pim ? 0.003 : 64.0;
    ws_strbuf_printf(out, "{\"num_nodes\": %d, \"link_bw\": %.9g, \"link_latency\": %.9g, ", g->n_nodes,
                     link * factor(g), latency);
    if (g->has_cxl) {
        ws_strbuf_printf(out,
                         "\"cxl_mem\": {\"mem_size\": 0.01, \"mem_bw\": %.9g, \"mem_latency\": 250, "
                         "\"num_devices\": %d}, ",
                         60.0 * factor(g), (int)devices);
    }
    ws_strbuf_puts(out, "\"nodes\": [");
    for (int node = 0; node < g->n_nodes; node++) {
        ws_strbuf_puts(out, node > 0 ? ", " : "");
        write_node(g, node, has_power, cpu_gib, out);
    }
    ws_strbuf_puts(out, "]}");
}

/* ---- the workload ---- */

/* Token ids of one of three topics, so that prompts share prefixes. */
static void write_ids(ws_strbuf *out, const char *key, int64_t topic, int64_t from, int64_t n)
{
    ws_strbuf_printf(out, ", \"%s\": [", key);
    for (int64_t i = 0; i < n; i++) {
        ws_strbuf_printf(out, "%s%d", i > 0 ? "," : "", (int)(topic * 10000 + from + i));
    }
    ws_strbuf_puts(out, "]");
}

static void write_call(generator *g, ws_strbuf *out)
{
    const int64_t any_in = PICK(g, 1, 3, 16, 40, 128, 256, 300) + below(g, 3), any_outs = 1 + below(g, 14);
    const int64_t topic = below(g, 3), in = g->change->small ? 1 + any_in % 60 : any_in;
    const int64_t outs    = g->change->one_request    ? 1
                            : g->change->placeholders ? any_outs % 3
                            : g->change->small        ? 1 + any_outs % 5
                                                      : any_outs;
    const bool    has_ids = chance(g, 70);
    ws_strbuf_printf(out, "\"input_toks\": %d, \"output_toks\": %d", (int)in, (int)outs);
    if (has_ids) {
        write_ids(out, "input_tok_ids", topic, 0, in);
        write_ids(out, "output_tok_ids", topic, in, outs);
    }
}

static void write_session(generator *g, int line, int64_t arrival_ns, ws_strbuf *out)
{
    const int64_t n = 1 + below(g, 3);
    ws_strbuf_printf(out, "{\"session_id\": \"s%d\", \"arrival_time_ns\": %lld, \"sub_requests\": [", line,
                     (long long)arrival_ns);
    for (int64_t i = 0; i < n; i++) {
        ws_strbuf_puts(out, i > 0 ? ", {" : "{");
        write_call(g, out);
        ws_strbuf_printf(out, ", \"tool_duration_ns\": %d}", (int)PICK(g, 0, 1000, 2500000));
    }
    ws_strbuf_puts(out, "]}\n");
}

static void write_dataset(generator *g)
{
    const int64_t any_n = PICK(g, 1, 3, 6, 10), n = g->change->small && any_n > 3 ? 3 : any_n;
    const int64_t gap_ns     = PICK(g, 0, 20000, 400000, 5000000);
    int64_t       arrival_ns = PICK(g, 0, 1, 30000000);
    for (int line = 0; line < n; line++) {
        arrival_ns += gap_ns > 0 ? below(g, 2 * gap_ns) : 0;
        if (g->change->one_request) {
            ws_strbuf_printf(&g->out->dataset, "{\"arrival_time_ns\": %lld, ", (long long)arrival_ns);
            write_call(g, &g->out->dataset);
            ws_strbuf_puts(&g->out->dataset, "}\n");
            return;
        }
        if (chance(g, 20)) {
            write_session(g, line, arrival_ns, &g->out->dataset);
        } else {
            ws_strbuf_printf(&g->out->dataset, "{\"arrival_time_ns\": %lld, ", (long long)arrival_ns);
            write_call(g, &g->out->dataset);
            ws_strbuf_puts(&g->out->dataset, "}\n");
        }
    }
}

void gen_init(gen_scenario *out, uint64_t seed, const gen_change *change)
{
    generator g = {.change = change, .out = out};
    *out        = (gen_scenario){.cluster = WS_STRBUF_INIT, .dataset = WS_STRBUF_INIT};
    ws_rng_seed(&g.rng, seed);
    choose_shape(&g);
    choose_options(&g);
    choose_memory(&g);
    write_cluster(&g);
    write_dataset(&g);
}

void gen_fini(gen_scenario *scenario)
{
    ws_strbuf_fini(&scenario->cluster);
    ws_strbuf_fini(&scenario->dataset);
}
