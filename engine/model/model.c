#include "model/model.h"

#include <string.h>

#include "base/nearest_name.h"

/* Far above any model in existence, and small enough that every product of sizes below stays inside int64:
 * n * E * 3 * h * Fm * element bytes < 2^63. */
enum {
    HIDDEN_MAX   = 1 << 17,
    HEADS_MAX    = 1 << 12,
    WIDTH_MAX    = 1 << 20,
    EXPERTS_MAX  = 1 << 12,
    LAYERS_MAX   = 1 << 10,
    VOCAB_MAX    = 1 << 24,
    POSITION_MAX = 1 << 30
};

static const char *const k_section_names[WS_SECTION_COUNT] = {
    [WS_SECTION_PROLOGUE] = "prologue",   [WS_SECTION_PRE_ATTN] = "pre_attn",
    [WS_SECTION_POST_ATTN] = "post_attn", [WS_SECTION_MLP_DENSE] = "mlp_dense",
    [WS_SECTION_MLP_MOE] = "mlp_moe",     [WS_SECTION_HEAD] = "head",
};

/* ---- shape ---- */

/* A member that is there and not null; Hugging Face writes null for "take the default". */
static ws_json given_member(ws_json object, const char *key)
{
    const ws_json value = ws_json_member(object, key);
    return ws_json_kind_of(value) == WS_JSON_NULL ? WS_JSON_NONE : value;
}

static bool is_given(ws_json value)
{
    return ws_json_kind_of(value) != WS_JSON_ABSENT;
}

static ws_status read_required(ws_json shape, const char *key, int64_t max, ws_error *err, int64_t *out)
{
    const ws_json value = ws_json_member(shape, key);
    if (!is_given(value)) {
        return ws_json_problem(shape, err, "missing key \"%s\" (integer)", key);
    }
    return ws_json_read_int(value, 1, max, err, out);
}

/* Leaves *out, the fallback, where the key is absent or null. */
static ws_status read_optional(ws_json shape, const char *key, int64_t min, int64_t max, ws_error *err,
                               int64_t *out)
{
    const ws_json value = given_member(shape, key);
    return is_given(value) ? ws_json_read_int(value, min, max, err, out) : WS_OK;
}

static ws_status first_failure(ws_status a, ws_status b)
{
    return a != WS_OK ? a : b;
}

static ws_status read_widths(ws_json shape, ws_error *err, ws_model *model)
{
    static const struct {
        const char *key;
        size_t      offset;
        int64_t     max;
    } k_required[] = {
        {"hidden_size", offsetof(ws_model, hidden_size), HIDDEN_MAX},
        {"num_hidden_layers", offsetof(ws_model, n_layers), LAYERS_MAX},
        {"num_attention_heads", offsetof(ws_model, n_heads), HEADS_MAX},
        {"vocab_size", offsetof(ws_model, vocab_size), VOCAB_MAX},
        {"max_position_embeddings", offsetof(ws_model, max_position_embeddings), POSITION_MAX},
    };
    ws_status status = WS_OK;
    for (size_t i = 0; i < sizeof(k_required) / sizeof(k_required[0]); i++) {
        int64_t *member = (int64_t *)(void *)((char *)model + k_required[i].offset);
        status =
            first_failure(status, read_required(shape, k_required[i].key, k_required[i].max, err, member));
    }
    const char *width_key =
        is_given(given_member(shape, "intermediate_size")) ? "intermediate_size" : "ffn_dim";
    if (!is_given(given_member(shape, width_key))) {
        width_key = "intermediate_size"; /* the name to ask for */
    }
    return first_failure(status, read_required(shape, width_key, WIDTH_MAX, err, &model->intermediate_size));
}

static ws_status read_attention(ws_json shape, ws_error *err, ws_model *model)
{
    model->n_kv_heads = model->n_heads;
    model->head_dim   = model->n_heads > 0 ? model->hidden_size / model->n_heads : 0;
    ws_status status  = read_optional(shape, "num_key_value_heads", 1, HEADS_MAX, err, &model->n_kv_heads);
    status = first_failure(status, read_optional(shape, "head_dim", 1, HEADS_MAX, err, &model->head_dim));
    if (status == WS_OK && model->n_heads > 0 && model->head_dim == 0) {
        status = ws_json_problem(
            shape, err, "expected hidden_size >= num_attention_heads (or a head_dim), found %lld < %lld",
            (long long)model->hidden_size, (long long)model->n_heads);
    }
    return status;
}

/* A model is MoE when it names a number of experts; 0 experts, as some dense configs write, is dense. */
static ws_status read_experts(ws_json shape, ws_error *err, ws_model *model)
{
    const char *key =
        is_given(given_member(shape, "num_local_experts")) ? "num_local_experts" : "num_experts";
    int64_t   n_experts = 0, per_token = 1;
    ws_status status = read_optional(shape, key, 0, EXPERTS_MAX, err, &n_experts);
    status =
        first_failure(status, read_optional(shape, "num_experts_per_tok", 0, EXPERTS_MAX, err, &per_token));
    model->moe_intermediate_size = model->intermediate_size;
    status           = first_failure(status, read_optional(shape, "moe_intermediate_size", 1, WIDTH_MAX, err,
                                                           &model->moe_intermediate_size));
    model->is_moe    = n_experts > 0;
    model->n_experts = n_experts > 0 ? n_experts : 1;
    model->experts_per_token = per_token < 1 ? 1 : per_token;
    if (model->experts_per_token > model->n_experts) {
        model->experts_per_token = model->n_experts;
    }
    return status;
}

static ws_status read_text(ws_json object, const char *key, char *buf, ws_error *err)
{
    const ws_json value = ws_json_member(object, key);
    if (!is_given(value)) {
        return ws_json_problem(object, err, "missing key \"%s\" (string)", key);
    }
    const char *text = ws_json_string(value);
    if (text == NULL || text[0] == '\0' || strlen(text) >= WS_MODEL_NAME_MAX) {
        return ws_json_expected(value, err, "a string of 1 to 159 characters");
    }
    memcpy(buf, text, strlen(text) + 1);
    return WS_OK;
}

static ws_dtype read_torch_dtype(ws_json shape)
{
    const char *name = ws_json_string(ws_json_member(shape, "torch_dtype"));
    return name != NULL ? ws_dtype_from_name(name) : WS_DTYPE_COUNT;
}

/* Hugging Face configs carry dozens of keys that change nothing here: they are ignored. */
static ws_status read_shape(ws_json shape, ws_error *err, ws_model *model)
{
    if (ws_json_kind_of(shape) != WS_JSON_OBJECT) {
        return ws_json_expected(shape, err, "a model config (object)");
    }
    ws_status status   = read_text(shape, "model_type", model->model_type, err);
    status             = first_failure(status, read_widths(shape, err, model));
    status             = first_failure(status, read_attention(shape, err, model));
    status             = first_failure(status, read_experts(shape, err, model));
    model->torch_dtype = read_torch_dtype(shape);
    return status;
}

/* ---- architecture ---- */

/* Attention belongs between pre_attn and post_attn, experts in mlp_moe: step costs are built on that. */
static bool may_hold(ws_section section, ws_category category)
{
    switch (category) {
    case WS_CATEGORY_ATTENTION:
        return section == WS_SECTION_PRE_ATTN;
    case WS_CATEGORY_MOE:
        return section == WS_SECTION_MLP_MOE;
    case WS_CATEGORY_PER_SEQUENCE:
        return section == WS_SECTION_HEAD;
    case WS_CATEGORY_DENSE:
        break;
    }
    return true;
}

static ws_status read_layer(ws_json value, ws_section section, ws_error *err, ws_layer *layer_out)
{
    const char *name = ws_json_string(value);
    if (name == NULL) {
        return ws_json_expected(value, err, "a layer name (string)");
    }
    const ws_layer layer = ws_layer_from_name(name);
    if (layer == WS_LAYER_COUNT) {
        const char *known[WS_LAYER_COUNT];
        for (int i = 0; i < WS_LAYER_COUNT; i++) {
            known[i] = ws_layer_name((ws_layer)i);
        }
        const char *nearest = ws_nearest_name(name, known, WS_LAYER_COUNT);
        return nearest != NULL
                   ? ws_json_problem(value, err, "unknown layer \"%s\", did you mean \"%s\"?", name, nearest)
                   : ws_json_problem(value, err, "unknown layer \"%s\"", name);
    }
    if (!may_hold(section, ws_layer_category(layer))) {
        return ws_json_problem(value, err, "layer \"%s\" cannot stand in section \"%s\"", name,
                               k_section_names[section]);
    }
    *layer_out = layer;
    return WS_OK;
}

static ws_status read_section(ws_json list, ws_section section, ws_error *err, ws_layer_sequence *out)
{
    if (ws_json_kind_of(list) != WS_JSON_ARRAY || ws_json_size(list) > WS_SECTION_LAYERS_MAX) {
        return ws_json_expected(list, err, "a list of at most 16 layer names");
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(list); is_given(item); item = ws_json_next(item)) {
        ws_layer layer               = WS_LAYER_COUNT;
        status                       = first_failure(status, read_layer(item, section, err, &layer));
        out->layers[out->n_layers++] = layer;
    }
    return status;
}

static int64_t count_in(const ws_layer_sequence *sequence, ws_layer layer)
{
    int64_t count = 0;
    for (size_t i = 0; i < sequence->n_layers; i++) {
        count += sequence->layers[i] == layer;
    }
    return count;
}

/* What step costs rely on: a first and a last row, one attention a block, an MLP of the model's kind. */
static ws_status check_sections(ws_json sequence, const ws_model *model, ws_error *err)
{
    ws_status status = WS_OK;
    if (model->sections[WS_SECTION_PROLOGUE].n_layers == 0 ||
        model->sections[WS_SECTION_HEAD].n_layers == 0) {
        status =
            ws_json_problem(sequence, err, "expected at least one layer in \"prologue\" and in \"head\"");
    }
    if (count_in(&model->sections[WS_SECTION_PRE_ATTN], WS_LAYER_ATTENTION) != 1) {
        status = ws_json_problem(sequence, err, "expected \"attention\" exactly once in \"pre_attn\"");
    }
    if (ws_model_mlp(model)->n_layers == 0) {
        status = ws_json_problem(sequence, err, "expected layers in \"%s\", because the model is %s",
                                 k_section_names[model->is_moe ? WS_SECTION_MLP_MOE : WS_SECTION_MLP_DENSE],
                                 model->is_moe ? "a mixture of experts" : "dense");
    }
    return status;
}

static ws_status read_sequence(ws_json sequence, ws_error *err, ws_model *model)
{
    ws_json  lists[WS_SECTION_COUNT];
    ws_field fields[WS_SECTION_COUNT];
    for (int section = 0; section < WS_SECTION_COUNT; section++) {
        fields[section] = (ws_field){.key    = k_section_names[section],
                                     .type   = WS_FIELD_JSON,
                                     .offset = (size_t)section * sizeof(lists[0]),
                                     .flags  = WS_FIELD_REQUIRED,
                                     .help   = "layers of this section, in order"};
    }
    WS_TRY(ws_json_read_object(sequence, fields, WS_SECTION_COUNT, lists, err));
    ws_status status = WS_OK;
    for (int section = 0; section < WS_SECTION_COUNT; section++) {
        status = first_failure(
            status, read_section(lists[section], (ws_section)section, err, &model->sections[section]));
    }
    return status == WS_OK ? check_sections(sequence, model, err) : status;
}

static ws_status read_arch(ws_json arch, ws_error *err, ws_model *model)
{
    struct arch_file {
        const char *model_type;
        ws_json     sequence;
    } file;
    static const ws_field k_fields[] = {
        {.key    = "model_type",
         .type   = WS_FIELD_STRING,
         .offset = offsetof(struct arch_file, model_type),
         .flags  = WS_FIELD_REQUIRED,
         .help   = "model family, as in the model's config"},
        {.key    = "sequence",
         .type   = WS_FIELD_JSON,
         .offset = offsetof(struct arch_file, sequence),
         .flags  = WS_FIELD_REQUIRED,
         .help   = "layers per section"},
    };
    WS_TRY(ws_json_read_object(arch, k_fields, sizeof(k_fields) / sizeof(k_fields[0]), &file, err));
    if (model->model_type[0] != '\0' && strcmp(file.model_type, model->model_type) != 0) {
        return ws_json_problem(arch, err, "expected the architecture of \"%s\", found \"%s\"",
                               model->model_type, file.model_type);
    }
    return read_sequence(file.sequence, err, model);
}

ws_status ws_model_read(const char *name, ws_json shape, ws_json arch, ws_error *err, ws_model *out)
{
    if (strlen(name) >= WS_MODEL_NAME_MAX) {
        return ws_error_add(err, WS_ERR_INPUT, "%.40s...: model name longer than %d characters", name,
                            WS_MODEL_NAME_MAX - 1);
    }
    ws_model model;
    memset(&model, 0, sizeof(model));
    memcpy(model.name, name, strlen(name) + 1);
    const ws_status status = read_shape(shape, err, &model); /* first: the sections depend on is_moe */
    WS_TRY(first_failure(status, read_arch(arch, err, &model)));
    *out = model;
    return WS_OK;
}

/* ---- sizes ---- */

const ws_layer_sequence *ws_model_mlp(const ws_model *model)
{
    return &model->sections[model->is_moe ? WS_SECTION_MLP_MOE : WS_SECTION_MLP_DENSE];
}

int64_t ws_model_layer_count(const ws_model *model, ws_layer layer)
{
    const int64_t per_block = count_in(&model->sections[WS_SECTION_PRE_ATTN], layer) +
                              count_in(&model->sections[WS_SECTION_POST_ATTN], layer) +
                              count_in(ws_model_mlp(model), layer);
    return count_in(&model->sections[WS_SECTION_PROLOGUE], layer) +
           count_in(&model->sections[WS_SECTION_HEAD], layer) + model->n_layers * per_block;
}

/* Bytes of the layers whose heads are sharded; divisions before products, as the source has them. */
static ws_layer_bytes attention_side_bytes(const ws_model *m, ws_layer layer, int64_t tokens,
                                           int64_t kv_tokens, int64_t p, int64_t b)
{
    const int64_t  q = m->n_heads * m->head_dim, kd = m->n_kv_heads * m->head_dim;
    const int64_t  heads = m->n_heads / p, kv_heads = m->n_kv_heads / p;
    ws_layer_bytes bytes = {0, 0, 0};
    switch (layer) {
    case WS_LAYER_QKV_PROJ:
        bytes.input  = tokens * m->hidden_size * b;
        bytes.weight = m->hidden_size * ((q + 2 * kd) / p) * b;
        bytes.output = tokens * ((q + 2 * kd) / p) * b;
        break;
    case WS_LAYER_QK_NORM:
        bytes.input  = tokens * (q + kd) / p * b;
        bytes.weight = 2 * m->head_dim * b;
        bytes.output = bytes.input;
        break;
    case WS_LAYER_ROTARY_EMB:
        bytes.input  = (heads + kv_heads) * tokens * m->head_dim * b;
        bytes.output = bytes.input;
        break;
    case WS_LAYER_ATTENTION:
        bytes.output = heads * tokens * m->head_dim * b;
        bytes.input  = bytes.output + 2 * kv_heads * kv_tokens * m->head_dim * b;
        break;
    case WS_LAYER_O_PROJ:
        bytes.input  = tokens * (q / p) * b;
        bytes.weight = q / p * m->hidden_size * b;
        bytes.output = tokens * m->hidden_size * b;
        break;
    default:
        WS_ASSERT(false && "not an attention-side layer");
    }
    return bytes;
}

static ws_layer_bytes mlp_bytes(const ws_model *m, ws_layer layer, int64_t tokens, int64_t p, int64_t b)
{
    const int64_t hidden = tokens * m->hidden_size * b;
    const int64_t inner  = tokens * (m->intermediate_size / p) * b;
    const int64_t dense  = m->hidden_size * (m->intermediate_size / p) * b;
    switch (layer) {
    case WS_LAYER_GATE_UP_PROJ:
        return (ws_layer_bytes){hidden, 2 * dense, 2 * inner};
    case WS_LAYER_ACT_FN:
        return (ws_layer_bytes){2 * inner, 0, inner};
    case WS_LAYER_DOWN_PROJ:
        return (ws_layer_bytes){inner, dense, hidden};
    default:
        WS_ASSERT(layer == WS_LAYER_MOE);
        return (ws_layer_bytes){hidden,
                                m->hidden_size * m->n_experts * b +
                                    m->n_experts / p * 3 * m->hidden_size * m->moe_intermediate_size * b,
                                hidden};
    }
}

ws_layer_bytes ws_model_layer_bytes(const ws_model *model, ws_layer layer, int64_t tokens, int64_t kv_tokens,
                                    int64_t parallel, int64_t element_bytes)
{
    WS_ASSERT(tokens >= 0 && kv_tokens >= 0 && parallel >= 1 && element_bytes >= 1);
    const int64_t b = element_bytes, hidden = tokens * model->hidden_size * b;
    const int64_t vocab = model->vocab_size / parallel;
    switch (layer) {
    case WS_LAYER_EMBEDDING:
        return (ws_layer_bytes){2 * tokens * b, vocab * model->hidden_size * b, hidden};
    case WS_LAYER_LAYERNORM:
    case WS_LAYER_FINAL_LAYERNORM:
        return (ws_layer_bytes){hidden, model->hidden_size * b, hidden};
    case WS_LAYER_LM_HEAD:
        return (ws_layer_bytes){hidden, model->hidden_size * vocab * b, tokens * vocab * b};
    case WS_LAYER_SAMPLER:
        return (ws_layer_bytes){tokens * vocab * b, 0, 4 * tokens};
    case WS_LAYER_GATE_UP_PROJ:
    case WS_LAYER_ACT_FN:
    case WS_LAYER_DOWN_PROJ:
    case WS_LAYER_MOE:
        return mlp_bytes(model, layer, tokens, parallel, b);
    default:
        return attention_side_bytes(model, layer, tokens, kv_tokens, parallel, b);
    }
}

static int64_t weight_bytes(const ws_model *model, ws_layer layer, int64_t parallel, int64_t element_bytes)
{
    return ws_model_layer_bytes(model, layer, 1, 0, parallel, element_bytes).weight;
}

/* The source counts these layers whatever the architecture file lists, and leaves qk_norm out. */
int64_t ws_model_stage_weight_bytes(const ws_model *model, const ws_model_stage *stage, int64_t element_bytes)
{
    const int64_t tp    = stage->tp;
    const int64_t norm  = weight_bytes(model, WS_LAYER_LAYERNORM, tp, element_bytes);
    const int64_t mlp   = model->is_moe ? weight_bytes(model, WS_LAYER_MOE, stage->ep_total, element_bytes)
                                        : weight_bytes(model, WS_LAYER_GATE_UP_PROJ, tp, element_bytes) +
                                            weight_bytes(model, WS_LAYER_DOWN_PROJ, tp, element_bytes);
    const int64_t block = 2 * norm + weight_bytes(model, WS_LAYER_QKV_PROJ, tp, element_bytes) +
                          weight_bytes(model, WS_LAYER_O_PROJ, tp, element_bytes) + mlp;
    const int64_t first = weight_bytes(model, WS_LAYER_EMBEDDING, tp, element_bytes);
    const int64_t head =
        model->is_tied && stage->is_first ? 0 : weight_bytes(model, WS_LAYER_LM_HEAD, tp, element_bytes);
    const int64_t last = norm + head;
    return block * stage->n_blocks + (stage->is_first ? first : 0) + (stage->is_last ? last : 0);
}

int64_t ws_model_rank_weight_bytes(const ws_model *model, int64_t tp, int64_t pp, int64_t ep_total,
                                   int64_t element_bytes)
{
    const ws_model_stage stage  = {.n_blocks = model->n_layers / (pp > 1 ? pp : 1),
                                   .is_first = true,
                                   .is_last  = true,
                                   .tp       = tp,
                                   .ep_total = ep_total};
    ws_model             untied = *model; /* the reference knows no tied head */
    untied.is_tied              = false;
    return ws_model_stage_weight_bytes(&untied, &stage, element_bytes);
}

ws_model ws_model_on_ranks(const ws_model *model, int64_t tp)
{
    enum { VOCAB_MULTIPLE = 64 };
    ws_model copy   = *model;
    copy.n_kv_heads = model->n_kv_heads < tp ? tp : model->n_kv_heads;
    copy.vocab_size = (model->vocab_size + VOCAB_MULTIPLE - 1) / VOCAB_MULTIPLE * VOCAB_MULTIPLE;
    return copy;
}

int64_t ws_model_kv_bytes_per_token(const ws_model *model, int64_t kv_element_bytes)
{
    return 2 * model->n_kv_heads * model->head_dim * model->n_layers * kv_element_bytes;
}
