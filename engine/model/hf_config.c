#include "model/hf_config.h"

#include <stdlib.h>
#include <string.h>

#include "model/hf_blocks.h"
#include "model/hf_quant.h"
#include "model/hf_reader.h"

/* ---- sizes of the whole ---- */

static ws_dtype dtype_of(ws_hf_keys *keys)
{
    static const char *const names[] = {"torch_dtype", "dtype", NULL};
    const char              *name    = ws_json_string(ws_hf_get_any(keys, names));
    return name != NULL ? ws_dtype_from_name(name) : WS_DTYPE_COUNT;
}

static ws_status read_sizes(ws_hf_reader *r)
{
    ws_architecture    *arch   = r->arch;
    const ws_hf_family *family = r->family;
    WS_TRY(ws_hf_size(&r->keys, "hidden_size", WS_HF_HIDDEN_MAX, 0, &arch->hidden_size));
    WS_TRY(ws_hf_size(&r->keys, "vocab_size", WS_HF_VOCAB_MAX, family->vocab_size, &arch->vocab_size));
    WS_TRY(ws_hf_size(&r->keys, "num_hidden_layers", WS_ARCH_LAYERS_MAX, 0, &arch->n_layers));
    WS_TRY(ws_hf_size(&r->keys, "max_position_embeddings", WS_HF_POSITION_MAX, family->max_positions,
                      &arch->max_position_embeddings));
    WS_TRY(ws_hf_int(&r->keys, "num_nextn_predict_layers", 0, WS_ARCH_LAYERS_MAX, 0, &arch->n_mtp_layers));
    bool is_tied = false; /* the text model's own word goes before the file's */
    WS_TRY(ws_hf_bool(r->root, "tie_word_embeddings", ws_hf_has(r, WS_HF_TIED), &is_tied));
    WS_TRY(ws_hf_bool(&r->keys, "tie_word_embeddings", is_tied, &arch->is_tied));
    WS_TRY(ws_hf_bool(&r->keys, "lm_head_bias", ws_hf_has(r, WS_HF_HEAD_BIAS), &arch->has_lm_head_bias));
    arch->has_norm_bias = ws_hf_has(r, WS_HF_NORM_BIAS);
    arch->dtype         = dtype_of(&r->keys);
    if (arch->dtype == WS_DTYPE_COUNT) {
        arch->dtype = dtype_of(r->root);
    }
    return WS_OK;
}

/* OPT has learned positions, two more than it says, and may embed into a narrower space. */
static ws_status read_opt(ws_hf_reader *r)
{
    if (strcmp(r->family->model_type, "opt") != 0) {
        return WS_OK;
    }
    int64_t width = 0;
    WS_TRY(ws_hf_int(&r->keys, "word_embed_proj_dim", 1, WS_HF_HIDDEN_MAX, r->arch->hidden_size, &width));
    (void)ws_hf_get(&r->keys, "do_layer_norm_before");
    (void)ws_hf_get(&r->keys, "enable_bias");
    (void)ws_hf_get(&r->keys, "layer_norm_elementwise_affine");
    r->arch->n_positions = r->arch->max_position_embeddings + 2;
    if (width != r->arch->hidden_size) {
        return ws_json_problem(ws_json_member(r->keys.object, "word_embed_proj_dim"), r->keys.err,
                               "an embedding narrower than the model: not modelled");
    }
    return WS_OK;
}

/* ---- the file ---- */

static ws_json find_text_model(ws_json config)
{
    static const char *const names[] = {"text_config", "language_config", "llm_config"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ws_json part = ws_json_member(config, names[i]);
        if (ws_json_kind_of(part) == WS_JSON_OBJECT && ws_hf_is_given(ws_json_member(part, "hidden_size"))) {
            return part;
        }
    }
    const ws_json thinker = ws_json_member(config, "thinker_config"); /* Qwen's omni models */
    return ws_json_kind_of(thinker) == WS_JSON_OBJECT ? find_text_model(thinker) : config;
}

static ws_status find_family(ws_hf_reader *r, ws_json text, ws_json config)
{
    ws_json value = ws_json_member(text, "model_type");
    if (ws_json_string(value) == NULL) {
        value = ws_json_member(config, "model_type");
    }
    const char *type = ws_json_string(value);
    if (type == NULL || type[0] == '\0' || strlen(type) >= WS_ARCH_NAME_MAX) {
        return ws_json_problem(text, r->keys.err,
                               "expected a model_type (string), as Hugging Face configs have");
    }
    memcpy(r->arch->model_type, type, strlen(type) + 1);
    r->family           = ws_hf_family_find(type);
    const char *refusal = ws_hf_family_refusal(type);
    if (refusal != NULL) {
        return ws_json_problem(value, r->keys.err, "\"%s\": not modelled: %s", type, refusal);
    }
    if (r->family == NULL && !r->approximate) {
        const char *nearest = ws_hf_family_nearest(type);
        return ws_json_problem(value, r->keys.err,
                               "unknown model_type \"%s\"%s%s%s; --approximate-model reads it as \"llama\"",
                               type, nearest != NULL ? ", did you mean \"" : "",
                               nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    if (r->family == NULL) {
        ws_strbuf_printf(r->notes, "unknown model_type \"%s\": read as \"llama\"\n", type);
        r->family = ws_hf_family_find("llama");
    }
    return WS_OK;
}

static void note_other_parts(ws_json config, ws_strbuf *notes)
{
    static const char *const towers[] = {"vision_config", "audio_config", "vit_config", "visual"};
    for (size_t i = 0; i < sizeof(towers) / sizeof(towers[0]); i++) {
        if (ws_json_kind_of(ws_json_member(config, towers[i])) == WS_JSON_OBJECT) {
            ws_strbuf_printf(notes, "%s: left out, text only\n", towers[i]);
        }
    }
}

static ws_status read_quant(ws_hf_reader *r, ws_json quant)
{
    const char   *experts = ws_hf_experts_path(r->arch->model_type);
    const ws_json file    = ws_hf_get(r->root, "quantization_config");
    const ws_json text    = ws_hf_get(&r->keys, "quantization_config");
    const ws_json beside  = ws_json_member(quant, "quantization");
    if (ws_hf_is_given(beside)) {
        return ws_hf_quant_read(beside, experts, r->keys.err, r->arch);
    }
    if (ws_hf_is_given(file)) {
        return ws_hf_quant_read(file, experts, r->keys.err, r->arch);
    }
    return ws_hf_is_given(text) ? ws_hf_quant_read(text, experts, r->keys.err, r->arch) : WS_OK;
}

static ws_status read_all(ws_hf_reader *r, ws_json quant)
{
    WS_TRY(read_sizes(r));
    WS_TRY(read_opt(r));
    WS_TRY(ws_hf_blocks_read(r));
    WS_TRY(read_quant(r, quant));
    return ws_hf_check_unread(&r->keys, r->approximate, r->notes);
}

ws_status ws_hf_config_read(ws_json config, ws_json quant, bool approximate, ws_error *err, ws_strbuf *notes,
                            ws_architecture *out)
{
    if (ws_json_kind_of(config) != WS_JSON_OBJECT) {
        return ws_json_expected(config, err, "a model config (object)");
    }
    ws_hf_reader    *r      = calloc(1, sizeof(*r));
    ws_architecture *arch   = calloc(1, sizeof(*arch));
    ws_hf_keys       root   = {.object = config, .err = err};
    ws_status        status = WS_ERR_NOMEM;
    if (r != NULL && arch != NULL) {
        const ws_json text   = find_text_model(config);
        r->keys              = (ws_hf_keys){.object = text, .err = err};
        r->root              = text.item == config.item ? &r->keys : &root;
        r->approximate       = approximate;
        r->notes             = notes;
        r->arch              = arch;
        arch->kv_cache_dtype = WS_DTYPE_COUNT;
        note_other_parts(config, notes);
        status = find_family(r, text, config);
        if (status == WS_OK) {
            status = read_all(r, quant);
        }
    }
    if (status == WS_OK) {
        memcpy(out, arch, sizeof(*out));
    }
    free(arch);
    free(r);
    return status;
}
