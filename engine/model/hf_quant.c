#include "model/hf_quant.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* ---- what is left as it is ---- */

/* Names that checkpoints have for a block's matrices, without "model.layers.N."; NULL = never quantised. Of
 * experts, what follows the family's path to them. */
static const struct {
    const char *names;
    bool        is_of_experts;
} paths[WS_MATRIX_COUNT] = {
    [WS_MATRIX_Q]       = {"self_attn.q_proj|self_attn.qkv_proj|mixer.q_proj", false},
    [WS_MATRIX_K]       = {"self_attn.k_proj|self_attn.qkv_proj|mixer.k_proj", false},
    [WS_MATRIX_V]       = {"self_attn.v_proj|self_attn.qkv_proj|mixer.v_proj", false},
    [WS_MATRIX_O]       = {"self_attn.o_proj|self_attn.out_proj|mixer.o_proj", false},
    [WS_MATRIX_Q_A]     = {"self_attn.q_a_proj", false},
    [WS_MATRIX_Q_B]     = {"self_attn.q_b_proj|self_attn.q_proj", false},
    [WS_MATRIX_KV_A]    = {"self_attn.kv_a_proj_with_mqa", false},
    [WS_MATRIX_KV_B]    = {"self_attn.kv_b_proj", false},
    [WS_MATRIX_INDEXER] = {"self_attn.indexer.wk|self_attn.indexer.wq_b", false},
    [WS_MATRIX_MIX_IN]  = {"linear_attn.in_proj_qkvz|linear_attn.in_proj_qkv|mixer.in_proj", false},
    [WS_MATRIX_MIX_OUT] = {"linear_attn.out_proj|mixer.out_proj", false},
    [WS_MATRIX_GATE_UP] = {"mlp.gate_proj|mlp.up_proj|mlp.gate_up_proj|feed_forward.gate_proj|mixer.up_proj",
                           false},
    [WS_MATRIX_DOWN]    = {"mlp.down_proj|feed_forward.down_proj|mixer.down_proj", false},
    [WS_MATRIX_EXPERT_UP] = {"experts.0.gate_proj|experts.0.up_proj|experts.0.w1|experts.gate_up_proj", true},
    [WS_MATRIX_EXPERT_DOWN] = {"experts.0.down_proj|experts.0.w2|experts.down_proj", true},
    [WS_MATRIX_SHARED_UP]   = {"shared_experts.gate_proj|shared_expert.gate_proj|share_expert.gate_proj|"
                                 "shared_experts.up_proj",
                               true},
    [WS_MATRIX_SHARED_DOWN] = {"shared_experts.down_proj|shared_expert.down_proj|share_expert.down_proj",
                               true},
};

/* A pattern without a '*' means a module and all below it. */
static bool matches(const char *pattern, const char *path)
{
    if (fnmatch(pattern, path, 0) == 0) {
        return true;
    }
    const size_t len = strlen(pattern);
    if (strncmp(path, pattern, len) == 0 && path[len] == '.') {
        return true;
    }
    char below[512];
    return snprintf(below, sizeof(below), "%s.*", pattern) < (int)sizeof(below) &&
           fnmatch(below, path, 0) == 0;
}

/* Python's re.match() with the constructs that such lists use; POSIX has no \d. */
static bool matches_regex(const char *pattern, const char *path)
{
    char   text[1024] = "^(";
    size_t len        = 2;
    for (const char *c = pattern; *c != '\0' && len + 8 < sizeof(text); c++) {
        if (c[0] == '\\' && c[1] == 'd') {
            memcpy(text + len, "[0-9]", 5);
            len += 5;
            c++;
        } else {
            text[len++] = *c;
        }
    }
    memcpy(text + len, ")", 2);
    regex_t compiled;
    if (regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    const bool is_match = regexec(&compiled, path, 0, NULL, 0) == 0;
    regfree(&compiled);
    return is_match;
}

static bool is_of_another_tower(const char *pattern)
{
    static const char *const towers[] = {"vision", "visual", "audio", "mtp", "projector"};
    for (size_t i = 0; i < sizeof(towers) / sizeof(towers[0]); i++) {
        if (strstr(pattern, towers[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Is a module, "3.self_attn.q_proj" for layer 3, left as it is by an entry of the list? */
static bool is_excluded_by(const char *entry, const char *module)
{
    char full[512 + sizeof("model.layers.")];
    (void)snprintf(full, sizeof(full), "model.layers.%s", module);
    if (strncmp(entry, "re:", 3) == 0) {
        return matches_regex(entry + 3, full);
    }
    if (is_of_another_tower(entry)) {
        return false;
    }
    const char *layers = strstr(entry, "layers.");
    if (layers != NULL) {
        return matches(layers + strlen("layers."), module);
    }
    return strchr(entry, '*') != NULL ? matches(entry, full) : strstr(full, entry) != NULL;
}

static bool is_excluded(ws_json list, const char *module)
{
    for (ws_json item = ws_json_first(list); ws_json_kind_of(item) != WS_JSON_ABSENT;
         item         = ws_json_next(item)) {
        const char *entry = ws_json_string(item);
        if (entry != NULL && is_excluded_by(entry, module)) {
            return true;
        }
    }
    return false;
}

/* Is a matrix of a layer left as it is, under any of its names? */
static bool is_left(ws_json list, int64_t layer, ws_matrix_kind kind, const char *experts_path)
{
    const char *prefix = paths[kind].is_of_experts ? experts_path : "";
    for (const char *name = paths[kind].names; *name != '\0';) {
        const size_t len = strcspn(name, "|");
        char         module[512];
        (void)snprintf(module, sizeof(module), "%lld.%s%s%.*s", (long long)layer, prefix,
                       prefix[0] != '\0' ? "." : "", (int)len, name);
        if (is_excluded(list, module)) {
            return true;
        }
        name += len + (name[len] == '|');
    }
    return false;
}

static void mark_layers(ws_json list, const char *experts_path, ws_architecture *arch)
{
    for (int64_t layer = 0; layer < arch->n_layers; layer++) {
        arch->quantised[layer] = 0;
        for (int kind = 0; kind < WS_MATRIX_COUNT; kind++) {
            if (paths[kind].names != NULL && !is_left(list, layer, (ws_matrix_kind)kind, experts_path)) {
                arch->quantised[layer] |= UINT32_C(1) << kind;
            }
        }
    }
}

/* ---- how the rest is stored ---- */

static ws_json first_given(ws_json object, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        const ws_json value = ws_json_member(object, names[i]);
        if (ws_json_kind_of(value) != WS_JSON_ABSENT && ws_json_kind_of(value) != WS_JSON_NULL) {
            return value;
        }
    }
    return WS_JSON_NONE;
}

static int64_t int_or(ws_json value, int64_t fallback)
{
    const double number = ws_json_number(value);
    return number >= 1.0 && number <= 1e9 ? (int64_t)number : fallback;
}

static ws_status read_group(ws_json config, int64_t fallback, ws_architecture *arch)
{
    static const char *const names[] = {"group_size", "q_group_size", NULL};
    arch->quant_group                = int_or(first_given(config, names), fallback);
    return WS_OK;
}

static ws_status read_fp8(ws_json config, ws_architecture *arch)
{
    const ws_json block = ws_json_member(config, "weight_block_size");
    arch->quant         = WS_QUANT_FP8;
    if (ws_json_kind_of(block) == WS_JSON_ARRAY && ws_json_size(block) == 2) {
        arch->quant       = WS_QUANT_FP8_BLOCK;
        arch->quant_group = int_or(ws_json_at(block, 0), 128) * int_or(ws_json_at(block, 1), 128);
    }
    return WS_OK;
}

static ws_status read_weight_only(ws_json config, ws_error *err, ws_architecture *arch)
{
    static const char *const names[] = {"bits", "w_bit", NULL};
    const ws_json            bits    = first_given(config, names);
    const int64_t            n_bits  = int_or(bits, 4);
    if (n_bits != 4 && n_bits != 8) {
        return ws_json_problem(bits, err, "weights of %lld bits: not modelled (4 and 8 are)",
                               (long long)n_bits);
    }
    arch->quant             = n_bits == 4 ? WS_QUANT_W4A16 : WS_QUANT_W8A16;
    arch->head_is_quantised = ws_json_bool(ws_json_member(config, "lm_head"));
    return read_group(config, 128, arch);
}

/* The formats of one group of compressed-tensors. */
static ws_status read_scheme(ws_json group, ws_error *err, ws_quant *quant_out, int64_t *group_out)
{
    const ws_json weights  = ws_json_member(group, "weights");
    const ws_json inputs   = ws_json_member(group, "input_activations");
    const char   *type     = ws_json_string(ws_json_member(weights, "type"));
    const char   *strategy = ws_json_string(ws_json_member(weights, "strategy"));
    const int64_t bits     = int_or(ws_json_member(weights, "num_bits"), 0);
    const bool    is_float = type != NULL && strcmp(type, "float") == 0;
    const bool    is_alone =
        ws_json_kind_of(inputs) == WS_JSON_NULL || ws_json_kind_of(inputs) == WS_JSON_ABSENT;
    *group_out = int_or(ws_json_member(weights, "group_size"), 0);
    if (bits == 8 && is_float) {
        *quant_out = strategy != NULL && strcmp(strategy, "block") == 0 ? WS_QUANT_FP8_BLOCK : WS_QUANT_FP8;
        *group_out = *quant_out == WS_QUANT_FP8_BLOCK ? 128 * 128 : 0;
    } else if (bits == 8) {
        *quant_out = is_alone ? WS_QUANT_W8A16 : WS_QUANT_INT8;
    } else if (bits == 4 && is_float) {
        *quant_out = *group_out == 32 ? WS_QUANT_MXFP4 : WS_QUANT_NVFP4;
    } else if (bits == 4) {
        *quant_out = WS_QUANT_W4A16;
    } else {
        return ws_json_problem(ws_json_kind_of(weights) == WS_JSON_ABSENT ? group : weights, err,
                               "weights of %lld bits: not modelled (4 and 8 are)", (long long)bits);
    }
    return WS_OK;
}

static ws_status read_schemes(ws_json config, ws_error *err, ws_architecture *arch)
{
    const ws_json groups = ws_json_member(config, "config_groups");
    if (ws_json_kind_of(groups) != WS_JSON_OBJECT || ws_json_size(groups) == 0) {
        return ws_json_problem(config, err, "expected config_groups with the format of weights");
    }
    for (ws_json group = ws_json_first(groups); ws_json_kind_of(group) != WS_JSON_ABSENT;
         group         = ws_json_next(group)) {
        ws_quant quant    = WS_QUANT_NONE;
        int64_t  elements = 0;
        WS_TRY(read_scheme(group, err, &quant, &elements));
        if (arch->quant != WS_QUANT_NONE && arch->quant != quant) {
            return ws_json_problem(group, err,
                                   "weights of several formats (%s and %s) in one checkpoint: not modelled",
                                   ws_quant_name(arch->quant), ws_quant_name(quant));
        }
        arch->quant       = quant;
        arch->quant_group = elements;
    }
    return WS_OK;
}

/* NVIDIA's ModelOpt names an algorithm. */
static ws_status read_algorithm(ws_json config, ws_error *err, ws_architecture *arch)
{
    static const struct {
        const char *name;
        ws_quant    quant;
        int64_t     group;
    } known[]           = {{"FP8", WS_QUANT_FP8, 0},
                           {"FP8_PER_CHANNEL_PER_TOKEN", WS_QUANT_FP8, 0},
                           {"FP8_PB_WO", WS_QUANT_FP8_BLOCK, 128 * 128},
                           {"NVFP4", WS_QUANT_NVFP4, 16},
                           {"W4A16_AWQ", WS_QUANT_W4A16, 128},
                           {"W4A16", WS_QUANT_W4A16, 128},
                           {"W8A16", WS_QUANT_W8A16, 0},
                           {"W8A8_SQ_PER_CHANNEL", WS_QUANT_INT8, 0},
                           {"INT8_SQ", WS_QUANT_INT8, 0}};
    const ws_json value = ws_json_member(config, "quant_algo");
    const char   *name  = ws_json_string(value);
    for (size_t i = 0; name != NULL && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            arch->quant = known[i].quant;
            return read_group(config, known[i].group, arch);
        }
    }
    return ws_json_problem(name != NULL ? value : config, err, "quant_algo \"%s\": not modelled",
                           name != NULL ? name : "(missing)");
}

static ws_status read_method(ws_json config, ws_error *err, ws_architecture *arch)
{
    const ws_json value  = ws_json_member(config, "quant_method");
    const char   *method = ws_json_string(value);
    if (method == NULL || strcmp(method, "modelopt") == 0 || strcmp(method, "modelopt_fp4") == 0) {
        return read_algorithm(config, err, arch);
    }
    if (strcmp(method, "fp8") == 0 || strcmp(method, "fbgemm_fp8") == 0) {
        return read_fp8(config, arch);
    }
    if (strcmp(method, "compressed-tensors") == 0) {
        return read_schemes(config, err, arch);
    }
    if (strcmp(method, "awq") == 0 || strcmp(method, "gptq") == 0) {
        return read_weight_only(config, err, arch);
    }
    if (strcmp(method, "mxfp4") == 0) {
        arch->quant       = WS_QUANT_MXFP4;
        arch->quant_group = 32;
        return WS_OK;
    }
    return ws_json_problem(value, err, "quantization \"%s\": not modelled", method);
}

static void read_kv_cache(ws_json config, ws_architecture *arch)
{
    static const char *const names[] = {"kv_cache_scheme", "kv_cache_quant_algo", NULL};
    const ws_json            scheme  = first_given(config, names);
    const char              *name    = ws_json_string(scheme);
    const bool               is_fp8 =
        (name != NULL && strcmp(name, "FP8") == 0) || int_or(ws_json_member(scheme, "num_bits"), 0) == 8;
    arch->kv_cache_dtype = is_fp8 ? WS_DTYPE_FP8 : WS_DTYPE_COUNT;
}

ws_status ws_hf_quant_read(ws_json config, const char *experts_path, ws_error *err, ws_architecture *arch)
{
    static const char *const names[] = {"modules_to_not_convert", "ignore", "exclude_modules",
                                        "ignored_layers", NULL};
    if (ws_json_kind_of(config) != WS_JSON_OBJECT) {
        return ws_json_expected(config, err, "an object that says how weights are stored");
    }
    WS_TRY(read_method(config, err, arch));
    mark_layers(first_given(config, names), experts_path, arch);
    read_kv_cache(config, arch);
    return WS_OK;
}
