#include "hardware/bundle_meta.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/strbuf.h"
#include "hardware/csv.h"

static const struct {
    const char *bins, *labels;
} axis_keys[WS__SKEW_AXES] = {
    [WS__SKEW_N]      = {"n_bins", "n_labels"},
    [WS__SKEW_RATE]   = {"skew_rate_bins", "skew_rate_labels"},
    [WS__SKEW_KV_BIG] = {"kv_big_bins", "kv_big_labels"},
    [WS__SKEW_KP]     = {"kp_bins", "kp_labels"},
};

/* The labels of ws__skew_builtin. Source: docs/model/serving.md 6.11, last table. */
static const ws__skew_labels builtin_labels[WS__SKEW_AXES] = {
    [WS__SKEW_N]      = {{"n<=2", "n<=4", "n<=8", "n<=16", "n<=32", "n<=64", "n<=128", "n>128"}},
    [WS__SKEW_RATE]   = {{"sr<=5%", "sr<=15%", "sr<=40%", "sr<=70%", "sr>70%"}},
    [WS__SKEW_KV_BIG] = {{"kvB<=1k", "kvB<=4k", "kvB<=16k", "kvB>16k"}},
    [WS__SKEW_KP]     = {{"kp=0", "kp<=2k", "kp>2k"}},
};

/* A place in the document: node 0 is none (libyaml counts from 1). */
typedef struct reader {
    yaml_document_t *document;
    const char      *path; /* of the file, for messages */
    ws_error        *err;
} reader;

static const yaml_node_t *node_of(const reader *r, int id)
{
    return id > 0 ? yaml_document_get_node(r->document, id) : NULL;
}

static bool scalar_is(const yaml_node_t *node, const char *text)
{
    return node != NULL && node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

/* The value of a key in a mapping; 0 if there is none or the place is no mapping. */
static int member(const reader *r, int id, const char *key)
{
    const yaml_node_t *node = node_of(r, id);
    if (node == NULL || node->type != YAML_MAPPING_NODE) {
        return 0;
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        if (scalar_is(node_of(r, p->key), key)) {
            return p->value;
        }
    }
    return 0;
}

static bool is_null(const yaml_node_t *node)
{
    return node == NULL || scalar_is(node, "") || scalar_is(node, "null") || scalar_is(node, "~");
}

static ws_status expected(const reader *r, int id, const char *key, const char *what)
{
    const yaml_node_t *node  = node_of(r, id);
    const bool         plain = node->type == YAML_SCALAR_NODE;
    return ws_error_add(r->err, WS_ERR_INPUT, "%s: line %zu: %s: expected %s, found %s%.40s%s", r->path,
                        node->start_mark.line + 1, key, what, plain ? "\"" : "",
                        plain ? (const char *)node->data.scalar.value : "a list or mapping",
                        plain ? "\"" : "");
}

static bool scalar_number(const yaml_node_t *node, double *out)
{
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           ws__parse_decimal((const char *)node->data.scalar.value, node->data.scalar.length, out);
}

/* Absent or null leaves *out as it is. */
static ws_status read_number(const reader *r, int parent, const char *key, double *out)
{
    const int id = member(r, parent, key);
    if (is_null(node_of(r, id))) {
        return WS_OK;
    }
    return scalar_number(node_of(r, id), out) ? WS_OK : expected(r, id, key, "a number");
}

static ws_status read_count(const reader *r, int parent, const char *key, int64_t *out)
{
    double value = (double)*out;
    WS_TRY(read_number(r, parent, key, &value));
    if (!(value >= 0.0 && value <= 1e12 && value == (double)(int64_t)value)) {
        return expected(r, member(r, parent, key), key, "an integer >= 0");
    }
    *out = (int64_t)value;
    return WS_OK;
}

static ws_status read_bool(const reader *r, int parent, const char *key, bool *out)
{
    const int          id   = member(r, parent, key);
    const yaml_node_t *node = node_of(r, id);
    if (is_null(node)) {
        return WS_OK;
    }
    const bool is_true  = scalar_is(node, "true") || scalar_is(node, "True") || scalar_is(node, "yes");
    const bool is_false = scalar_is(node, "false") || scalar_is(node, "False") || scalar_is(node, "no");
    if (!is_true && !is_false) {
        return expected(r, id, key, "true or false");
    }
    *out = is_true;
    return WS_OK;
}

/* Text of at most capacity - 1 bytes; longer text is an error. */
static ws_status read_text(const reader *r, int parent, const char *key, char *out, size_t capacity)
{
    const int          id   = member(r, parent, key);
    const yaml_node_t *node = node_of(r, id);
    if (is_null(node)) {
        return WS_OK;
    }
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.length >= capacity) {
        return expected(r, id, key, "a short text");
    }
    memcpy(out, node->data.scalar.value, node->data.scalar.length + 1);
    return WS_OK;
}

/* ---- bucket axes ---- */

static size_t sequence_length(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SEQUENCE_NODE
               ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
               : 0;
}

static ws_status read_axis(const reader *r, int axes, ws__skew_axis axis, ws__bundle_meta *meta)
{
    const int          bins_id   = member(r, axes, axis_keys[axis].bins);
    const int          labels_id = member(r, axes, axis_keys[axis].labels);
    const yaml_node_t *bins = node_of(r, bins_id), *labels = node_of(r, labels_id);
    if (is_null(bins) && is_null(labels)) {
        return WS_OK;
    }
    if (bins == NULL || labels == NULL) {
        return expected(r, axes, axis_keys[axis].bins, "bins and labels together");
    }
    const size_t n = sequence_length(labels);
    if (n == 0 || n > WS__SKEW_LABELS_MAX) {
        return expected(r, labels_id, axis_keys[axis].labels, "a list of 1 to 32 labels");
    }
    if (sequence_length(bins) != n + 1) {
        return expected(r, bins_id, axis_keys[axis].bins,
                        "a list with one number more than there are labels");
    }
    for (size_t i = 0; i < n; i++) {
        const int bin = bins->data.sequence.items.start[i + 1], label = labels->data.sequence.items.start[i];
        const yaml_node_t *text = node_of(r, label);
        if (!scalar_number(node_of(r, bin), &meta->bins[axis].upper[i])) {
            return expected(r, bin, axis_keys[axis].bins, "a number");
        }
        if (text->type != YAML_SCALAR_NODE || text->data.scalar.length >= WS__LABEL_MAX) {
            return expected(r, label, axis_keys[axis].labels, "a label of at most 23 bytes");
        }
        memcpy(meta->labels[axis].text[i], text->data.scalar.value, text->data.scalar.length + 1);
    }
    meta->bins[axis].n_labels = (uint32_t)n;
    return WS_OK;
}

static ws_status read_axes(const reader *r, int parent, ws__bundle_meta *meta)
{
    const int axes   = member(r, parent, "bucket_axes");
    ws_status status = WS_OK;
    for (int axis = 0; axes != 0 && axis < WS__SKEW_AXES; axis++) {
        status = ws_status_worse(status, read_axis(r, axes, (ws__skew_axis)axis, meta));
    }
    return status;
}

bool ws__bundle_label(const ws__bundle_meta *meta, ws__skew_axis axis, const char *text, size_t len,
                      uint32_t *label_out)
{
    for (uint32_t i = 0; i < meta->bins[axis].n_labels; i++) {
        const char *known = meta->labels[axis].text[i];
        if (strlen(known) == len && memcmp(known, text, len) == 0) {
            *label_out = i;
            return true;
        }
    }
    return false;
}

bool ws__bundle_bucket_key(const ws__bundle_meta *meta, const char *text, size_t len, ws__alpha *out)
{
    const char *part = text, *end = text + len;
    for (int i = 0; i <= WS__SKEW_AXES; i++) {
        const char *bar  = memchr(part, '|', (size_t)(end - part));
        const char *stop = bar != NULL ? bar : end;
        if ((bar == NULL) != (i == WS__SKEW_AXES)) {
            return false;
        }
        if (i > 0) {
            if (!ws__bundle_label(meta, (ws__skew_axis)(i - 1), part, (size_t)(stop - part),
                                  &out->label[i - 1])) {
                return false;
            }
        } else {
            double pc;
            if (stop - part < 4 || memcmp(part, "pc=", 3) != 0 ||
                !ws__parse_decimal(part + 3, (size_t)(stop - part) - 3, &pc) || !(pc >= 0.0 && pc <= 1e12) ||
                pc != (double)(int64_t)pc) {
                return false;
            }
            out->prefill_tokens = (int64_t)pc;
        }
        part = stop + 1;
    }
    return true;
}

static ws_status read_inline_alphas(const reader *r, int id, const ws__bundle_meta *meta,
                                    ws__profile_draft *draft)
{
    const yaml_node_t *node = node_of(r, id);
    if (node->type != YAML_MAPPING_NODE) {
        return expected(r, id, "alpha_by_bucket", "a mapping of bucket keys to numbers");
    }
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *key   = node_of(r, p->key);
        ws__alpha          entry = {.alpha = 0.0};
        if (!scalar_number(node_of(r, p->value), &entry.alpha)) {
            return expected(r, p->value, "alpha_by_bucket", "a number");
        }
        if (key->type == YAML_SCALAR_NODE && ws__bundle_bucket_key(meta, (const char *)key->data.scalar.value,
                                                                   key->data.scalar.length, &entry)) {
            WS_TRY(ws__draft_add_alpha(draft, &entry));
        }
    }
    return WS_OK;
}

/* ---- the file ---- */

static ws_status read_skew(const reader *r, int root, int64_t tp, ws__profile_draft *draft,
                           ws__bundle_meta *meta)
{
    const int fit = member(r, root, "skew_fit");
    WS_TRY(read_bool(r, fit, "enabled", &meta->has_skew));
    if (!meta->has_skew) {
        return WS_OK;
    }
    char tp_key[24];
    (void)snprintf(tp_key, sizeof(tp_key), "%" PRId64, tp);
    const int of_tp = member(r, member(r, fit, "per_tp"), tp_key);
    if (is_null(node_of(r, of_tp))) {
        return read_number(r, fit, "alpha_default", &meta->alpha_default);
    }
    WS_TRY(read_axes(r, fit, meta));
    WS_TRY(read_axes(r, of_tp, meta)); /* a tp's own axes replace those of the fit */
    WS_TRY(read_number(r, of_tp, "alpha_default", &meta->alpha_default));
    const int alphas        = member(r, of_tp, "alpha_by_bucket");
    meta->has_inline_alphas = !is_null(node_of(r, alphas));
    if (meta->has_inline_alphas) {
        return read_inline_alphas(r, alphas, meta, draft);
    }
    return read_text(r, of_tp, "bucket_table", meta->bucket_table, sizeof(meta->bucket_table));
}

static ws_status read_root(const reader *r, int64_t tp, ws__profile_draft *draft, ws__bundle_meta *meta)
{
    const int root = yaml_document_get_root_node(r->document) != NULL ? 1 : 0;
    if (root != 0 && node_of(r, root)->type != YAML_MAPPING_NODE) {
        return expected(r, root, "the document", "a mapping");
    }
    const struct {
        const char *key;
        char       *text;
    } texts[] = {{"gpu", meta->gpu},
                 {"hardware", meta->hardware},
                 {"model", meta->model},
                 {"variant", meta->variant},
                 {"vllm_version", meta->vllm_version}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        WS_TRY(read_text(r, root, texts[i].key, texts[i].text, WS__META_TEXT_MAX));
    }
    const int effective = member(r, root, "engine_effective");
    WS_TRY(read_count(r, effective, "max_num_seqs", &meta->max_num_seqs));
    WS_TRY(read_count(r, effective, "max_num_batched_tokens", &meta->max_num_batched_tokens));
    return read_skew(r, root, tp, draft, meta);
}

static ws_status parse(const char *path, ws_bytes bytes, int64_t tp, ws_error *err, ws__profile_draft *draft,
                       ws__bundle_meta *meta)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return WS_ERR_NOMEM;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.data, bytes.len);
    yaml_document_t document;
    ws_status       status;
    if (yaml_parser_load(&parser, &document) == 0) {
        status = parser.error == YAML_MEMORY_ERROR
                     ? WS_ERR_NOMEM
                     : ws_error_add(err, WS_ERR_INPUT, "%s: line %zu: expected YAML, found: %s", path,
                                    parser.problem_mark.line + 1,
                                    parser.problem != NULL ? parser.problem : "something else");
    } else {
        const reader r = {&document, path, err};
        status         = read_root(&r, tp, draft, meta);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return status;
}

ws_status ws__bundle_meta_read(ws_files *files, const char *dir, int64_t tp, ws_error *err,
                               ws__profile_draft *draft, ws__bundle_meta *out)
{
    *out = (ws__bundle_meta){.has_skew = false};
    memcpy(out->bins, ws__skew_builtin, sizeof(out->bins));
    memcpy(out->labels, builtin_labels, sizeof(out->labels));
    char *path = ws_asprintf("%s/meta.yaml", dir);
    if (path == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = WS_OK;
    if (ws_files_has(files, path)) {
        ws_bytes bytes;
        status = ws_files_read(files, path, err, &bytes);
        if (status == WS_OK) {
            status = parse(path, bytes, tp, err, draft, out);
        }
    }
    free(path);
    return status;
}

const char *ws__yaml_library_version(void)
{
    return yaml_get_version_string();
}
