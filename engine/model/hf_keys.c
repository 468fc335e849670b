#include "model/hf_keys.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* Keys that change neither weights nor KV cache nor work nor traffic, with '*' for any text. */
static const char *const without_effect[] = {
    /* where the file comes from, and how it is used */
    "_*",
    "architectures",
    "auto_map",
    "transformers_version",
    "model_type",
    "name_or_path",
    "custom_pipelines",
    "problem_type",
    "task_specific_params",
    "finetuning_task",
    "id2label",
    "label2id",
    "num_labels",
    "tokenizer_class",
    "prefix",
    "use_cache",
    "pretraining_tp",
    "ep_size",
    "for_llm_compressor",
    "unsloth_*",
    "return_dict",
    "return_dict_in_generate",
    "output_*",
    "torchscript",
    "tf_legacy_loss",
    "use_bfloat16",
    "is_decoder",
    "is_encoder_decoder",
    "add_cross_attention",
    "cross_attention_hidden_size",
    "tie_encoder_decoder",
    "chunk_size_feed_forward",
    "pruned_heads",
    "use_flash_attn",
    "attn_implementation",
    "use_mamba_kernels",
    "num_logits_to_keep",
    "keys_to_ignore_at_inference",
    "cache_implementation",
    /* tokens and sampling */
    "*_token_id",
    "*_token_ids",
    "*_token_index",
    "eos_token",
    "bos_token",
    "pad_token",
    "vocab_size_per_layer_input",
    "suppress_tokens",
    "begin_suppress_tokens",
    "bad_words_ids",
    "forced_*",
    "max_length",
    "min_length",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
    "repetition_penalty",
    "length_penalty",
    "diversity_penalty",
    "encoder_no_repeat_ngram_size",
    "no_repeat_ngram_size",
    "early_stopping",
    "exponential_decay_length_penalty",
    "remove_invalid_values",
    "ignore_index",
    "*_placeholder",
    /* training */
    "*dropout",
    "*_drop",
    "dropout_*",
    "*_pdrop",
    "layerdrop",
    "initializer_*",
    "init_*",
    "*_init",
    "*_init_*",
    "*loss_coef*",
    "*loss_alpha",
    "*aux_loss*",
    "aux_*",
    "z_loss*",
    "router_jitter_noise",
    "input_jitter_noise",
    "seq_aux",
    "use_return_dict",
    "gradient_checkpointing",
    "rescale_prenorm_residual",
    "residual_in_fp32",
    "time_step_*",
    /* positions and scales inside kernels */
    "rope_*",
    "*_rope_theta",
    "*rotary*",
    "rotary_*",
    "mrope_*",
    "rope_parameters",
    "original_max_position_embeddings",
    "initial_context_length",
    "max_model_len",
    "seq_length",
    "model_max_length",
    "sliding_window_size",
    "no_rope_layers",
    "no_rope_layer_interval",
    "nope_layer_interval",
    "floor_scale",
    "attn_scale",
    "attn_temperature_tuning",
    "use_llama4_scaling",
    "llama_4_scaling",
    "query_pre_attn_scalar",
    "attention_multiplier",
    "embedding_multiplier",
    "residual_multiplier",
    "logits_scaling",
    "logit_scale",
    "*softcapping",
    "attention_value_scale",
    "indexer_rope_interleave",
    "partial_rotary_factor",
    "scale_*",
    "attention_scale*",
    "norm_topk_prob",
    "scoring_func",
    "topk_method",
    "routed_scaling_factor",
    "moe_router_*",
    "router_scaling_factor",
    "score_function",
    "moe_renormalize*",
    "route_scale",
    "n_group",
    "topk_group",
    "num_expert_group",
    "swiglu_limit*",
    "swiglu_alpha",
    "*_eps",
    "*_epsilon",
    "rms_norm_eps",
    "hidden_act",
    "hidden_activation",
    "activation_function",
    "mlp_hidden_act",
    "mamba_hidden_act",
    "*_activation",
    "use_bidirectional_attention",
    "moe_use_hardware_topk",
    "norm_topk",
    "use_bidirectional*",
    "norm_before_gate",
    "chunk_size",
    "mamba_chunk_size",
    "moe_gate_*",
    "norm_after_topk",
    "use_rope",
    "use_qk_rope",
    "compression_ratio*",
    "attention_chunk_size_*",
    /* other towers and drafts: a note says that they are left out (hf_config.c) */
    "vision_*",
    "image_*",
    "audio_*",
    "video_*",
    "mm_*",
    "multimodal_*",
    "projector_*",
    "spatial_merge_size",
    "use_unified_vision_chunk",
    "deepstack_*",
    "mtp_*",
    "num_mtp_modules",
    "use_mtp",
    "media_*",
    "boi_*",
    "eoi_*",
    "boa_*",
    "eoa_*",
};

/* Does the text match one of the list? */
static bool is_without_effect(const char *key)
{
    for (size_t i = 0; i < sizeof(without_effect) / sizeof(without_effect[0]); i++) {
        if (fnmatch(without_effect[i], key, 0) == 0) {
            return true;
        }
    }
    return false;
}

ws_json ws_hf_get(ws_hf_keys *keys, const char *key)
{
    size_t position = 0;
    for (ws_json member = ws_json_first(keys->object); ws_json_kind_of(member) != WS_JSON_ABSENT;
         member         = ws_json_next(member), position++) {
        if (strcmp(ws_json_key(member), key) == 0) {
            if (position < WS_HF_MEMBERS_MAX) {
                keys->is_read[position] = true;
            }
            return ws_json_kind_of(member) == WS_JSON_NULL ? WS_JSON_NONE : member;
        }
    }
    return WS_JSON_NONE;
}

ws_json ws_hf_get_any(ws_hf_keys *keys, const char *const *names)
{
    ws_json found = WS_JSON_NONE;
    for (size_t i = 0; names[i] != NULL; i++) {
        const ws_json value = ws_hf_get(keys, names[i]);
        if (ws_json_kind_of(found) == WS_JSON_ABSENT) {
            found = value;
        }
    }
    return found;
}

static ws_status int_of(ws_json value, int64_t min, int64_t max, int64_t fallback, ws_error *err,
                        int64_t *out)
{
    *out = fallback;
    return ws_json_kind_of(value) == WS_JSON_ABSENT ? WS_OK : ws_json_read_int(value, min, max, err, out);
}

ws_status ws_hf_int(ws_hf_keys *keys, const char *key, int64_t min, int64_t max, int64_t fallback,
                    int64_t *out)
{
    return int_of(ws_hf_get(keys, key), min, max, fallback, keys->err, out);
}

ws_status ws_hf_int_any(ws_hf_keys *keys, const char *const *names, int64_t min, int64_t max,
                        int64_t fallback, int64_t *out)
{
    return int_of(ws_hf_get_any(keys, names), min, max, fallback, keys->err, out);
}

ws_status ws_hf_size(ws_hf_keys *keys, const char *key, int64_t max, int64_t fallback, int64_t *out)
{
    WS_TRY(ws_hf_int(keys, key, 1, max, fallback, out));
    return *out > 0 ? WS_OK : ws_json_problem(keys->object, keys->err, "missing key \"%s\" (integer)", key);
}

ws_status ws_hf_bool(ws_hf_keys *keys, const char *key, bool fallback, bool *out)
{
    const ws_json value = ws_hf_get(keys, key);
    *out                = fallback;
    if (ws_json_kind_of(value) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    if (ws_json_kind_of(value) != WS_JSON_BOOL) {
        return ws_json_expected(value, keys->err, "true or false");
    }
    *out = ws_json_bool(value);
    return WS_OK;
}

ws_status ws_hf_check_list(const ws_hf_keys *keys, ws_json list, size_t n)
{
    char expected[64];
    if (ws_json_kind_of(list) == WS_JSON_ARRAY && ws_json_size(list) >= n) {
        return WS_OK;
    }
    (void)snprintf(expected, sizeof(expected), "a list with an entry per layer (%zu)", n);
    return ws_json_expected(list, keys->err, expected);
}

static bool says_nothing(ws_json value)
{
    switch (ws_json_kind_of(value)) {
    case WS_JSON_NUMBER:
        return !(ws_json_number(value) < 0.0 || ws_json_number(value) > 0.0);
    case WS_JSON_BOOL:
        return !ws_json_bool(value);
    case WS_JSON_STRING:
        return ws_json_string(value)[0] == '\0';
    case WS_JSON_ARRAY:
    case WS_JSON_OBJECT:
        return ws_json_size(value) == 0;
    case WS_JSON_NULL:
    case WS_JSON_ABSENT:
        break;
    }
    return true;
}

ws_status ws_hf_check_unread(const ws_hf_keys *keys, bool approximate, ws_strbuf *notes)
{
    ws_status status   = WS_OK;
    size_t    position = 0;
    for (ws_json member = ws_json_first(keys->object); ws_json_kind_of(member) != WS_JSON_ABSENT;
         member         = ws_json_next(member), position++) {
        const char *key = ws_json_key(member);
        if ((position < WS_HF_MEMBERS_MAX && keys->is_read[position]) || says_nothing(member) ||
            is_without_effect(key)) {
            continue;
        }
        if (approximate) {
            ws_strbuf_printf(notes, "\"%s\" is left out: not modelled\n", key);
            continue;
        }
        status = ws_json_problem(
            member, keys->err,
            "\"%s\": not modelled, and not known to be without effect; --approximate-model leaves "
            "it out",
            key);
    }
    return status;
}
