#include "scenario/placement.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct reader {
    const ws_model *model;
    int32_t         node;
    int64_t         n_cxl_devices;
    ws_error       *err;
} reader;

static ws_status read_location(const reader *r, ws_json json, ws_location *out)
{
    const char *text = ws_json_string(json);
    if (text == NULL) {
        return ws_json_expected(json, r->err, "\"npu\", \"cpu\" or \"cxl:<device>\"");
    }
    if (strncasecmp(text, "npu", 3) == 0) {
        *out = (ws_location){WS_LOCATION_LOCAL, 0};
        return WS_OK;
    }
    if (strncasecmp(text, "cpu", 3) == 0) {
        *out = (ws_location){WS_LOCATION_REMOTE, r->node};
        return WS_OK;
    }
    if (strncasecmp(text, "cxl", 3) != 0 || (text[3] != '\0' && text[3] != ':')) {
        return ws_json_expected(json, r->err, "\"npu\", \"cpu\" or \"cxl:<device>\"");
    }
    char      *end    = NULL;
    const long device = text[3] == ':' ? strtol(text + 4, &end, 10) : 0;
    if (text[3] == ':' && (end == text + 4 || *end != '\0' || device < 0)) {
        return ws_json_expected(json, r->err, "\"cxl:<device>\" with a device number >= 0");
    }
    if (device >= r->n_cxl_devices) {
        return ws_json_problem(json, r->err,
                               "expected one of %lld CXL devices (cxl_mem.num_devices), found %ld",
                               (long long)r->n_cxl_devices, device);
    }
    *out = (ws_location){WS_LOCATION_CXL, (int32_t)device};
    return WS_OK;
}

typedef struct rule {
    ws_json weights, kv_loc, kv_evict_loc, blocks;
} rule;

static ws_status read_rule(const reader *r, ws_json json, bool has_blocks, rule *raw, ws_location *weights,
                           ws_location *evict)
{
    static const ws_field fields[] = {
        {"weights", WS_FIELD_JSON, offsetof(rule, weights), 0, 0, 0, "where weights live"},
        {"kv_loc", WS_FIELD_JSON, offsetof(rule, kv_loc), 0, 0, 0, "where KV lives; checked, without effect"},
        {"kv_evict_loc", WS_FIELD_JSON, offsetof(rule, kv_evict_loc), 0, 0, 0,
         "where recalled KV comes from"},
        {"blocks", WS_FIELD_JSON, offsetof(rule, blocks), WS_FIELD_REQUIRED, 0, 0, "block range"},
    };
    ws_location ignored;
    *raw = (rule){0};
    WS_TRY(ws_json_read_object(json, fields, has_blocks ? 4 : 3, raw, r->err));
    if (raw->weights.item != NULL) {
        WS_TRY(read_location(r, raw->weights, weights));
    }
    if (raw->kv_loc.item != NULL) {
        WS_TRY(read_location(r, raw->kv_loc, &ignored));
    }
    return raw->kv_evict_loc.item != NULL ? read_location(r, raw->kv_evict_loc, evict) : WS_OK;
}

/* ---- block rules ---- */

static bool parse_index(const char **text, long *out)
{
    char *end = NULL;
    while (isspace((unsigned char)**text)) {
        (*text)++;
    }
    *out              = strtol(*text, &end, 10);
    const bool parsed = end != *text;
    *text             = end;
    while (isspace((unsigned char)**text)) {
        (*text)++;
    }
    return parsed;
}

/* Put a location on the blocks a part such as "4-7" or "8" names; parts that cannot be read select nothing.
 */
static int64_t apply_part(const char *part, size_t len, int64_t n_layers, ws_location location, bool sets,
                          ws_location *blocks)
{
    char copy[64];
    long from = 0, to = 0;
    if (len == 0 || len >= sizeof(copy)) {
        return 0;
    }
    memcpy(copy, part, len);
    copy[len]        = '\0';
    const char *text = copy;
    if (!isdigit((unsigned char)copy[strspn(copy, " \t")]) || !parse_index(&text, &from)) {
        return 0;
    }
    to = from;
    if (*text == '-') {
        text++;
        if (!parse_index(&text, &to)) {
            return 0;
        }
    }
    if (*text != '\0') {
        return 0;
    }
    int64_t n = 0;
    for (long i = from < to ? from : to; i <= (from < to ? to : from); i++) {
        if (i >= 0 && i < n_layers) {
            n++;
            if (sets && blocks != NULL) {
                blocks[i] = location;
            }
        }
        if (i >= n_layers) {
            break;
        }
    }
    return n;
}

static int64_t apply_range(const char *range, int64_t n_layers, ws_location location, bool sets,
                           ws_location *blocks)
{
    int64_t n = 0;
    while (*range != '\0') {
        const size_t len = strcspn(range, ",");
        n += apply_part(range, len, n_layers, location, sets, blocks);
        range += len;
        range += *range == ',';
    }
    return n;
}

static ws_status read_blocks(const reader *r, ws_json list, ws_arena *arena, ws_placement *out)
{
    const int64_t n_layers = r->model->n_layers;
    if (ws_json_kind_of(list) != WS_JSON_ARRAY) {
        return ws_json_expected(list, r->err, "array of rules");
    }
    for (ws_json item = ws_json_first(list); item.item != NULL; item = ws_json_next(item)) {
        rule        raw;
        ws_location weights = out->weights, evict = out->kv_evict;
        WS_TRY(read_rule(r, item, true, &raw, &weights, &evict));
        const char *range = ws_json_string(raw.blocks);
        if (range == NULL) {
            return ws_json_expected(raw.blocks, r->err, "a range such as \"0-3,8\"");
        }
        if (apply_range(range, n_layers, weights, false, NULL) == 0) {
            continue; /* selects no block: no rule */
        }
        if (out->blocks == NULL) {
            out->blocks = ws_arena_alloc(arena, (size_t)n_layers, sizeof(*out->blocks));
            if (out->blocks == NULL) {
                return WS_ERR_NOMEM;
            }
            for (int64_t i = 0; i < n_layers; i++) {
                out->blocks[i] = out->weights;
            }
        }
        (void)apply_range(range, n_layers, weights, raw.weights.item != NULL, out->blocks);
    }
    return WS_OK;
}

static ws_status read_layers(const reader *r, ws_json map, ws_placement *out)
{
    if (ws_json_kind_of(map) != WS_JSON_OBJECT) {
        return ws_json_expected(map, r->err, "object of layer rules");
    }
    for (ws_json item = ws_json_first(map); item.item != NULL; item = ws_json_next(item)) {
        const ws_layer layer = ws_layer_from_name(ws_json_key(item));
        if (layer == WS_LAYER_COUNT) {
            return ws_json_problem(item, r->err, "unknown layer \"%s\"", ws_json_key(item));
        }
        if (ws_json_size(item) == 0) {
            continue; /* an empty rule is no rule */
        }
        rule        raw;
        ws_location weights = out->weights, evict = out->kv_evict;
        WS_TRY(read_rule(r, item, false, &raw, &weights, &evict));
        out->has_layer[layer] = true;
        out->layers[layer]    = weights;
    }
    return WS_OK;
}

typedef struct placement_fields {
    ws_json defaults, blocks, layers;
} placement_fields;

ws_status ws_placement_read(ws_json json, ws_arena *arena, const ws_placement_site *site, ws_error *err,
                            ws_placement *out)
{
    static const ws_field fields[] = {
        {"default", WS_FIELD_JSON, offsetof(placement_fields, defaults), WS_FIELD_NULLABLE, 0, 0,
         "rule for everything"},
        {"blocks", WS_FIELD_JSON, offsetof(placement_fields, blocks), WS_FIELD_NULLABLE, 0, 0,
         "rules by block range"},
        {"layers", WS_FIELD_JSON, offsetof(placement_fields, layers), WS_FIELD_NULLABLE, 0, 0,
         "rules by layer name"},
    };
    const reader r = {
        .model = site->model, .node = site->node, .n_cxl_devices = site->n_cxl_devices, .err = err};
    placement_fields raw = {0};
    *out = (ws_placement){.weights = {WS_LOCATION_LOCAL, 0}, .kv_evict = {WS_LOCATION_REMOTE, site->node}};
    if (json.item == NULL) {
        return WS_OK;
    }
    WS_TRY(ws_json_read_object(json, fields, 3, &raw, err));
    if (raw.defaults.item != NULL) {
        rule unused;
        WS_TRY(read_rule(&r, raw.defaults, false, &unused, &out->weights, &out->kv_evict));
    }
    if (raw.blocks.item != NULL) {
        WS_TRY(read_blocks(&r, raw.blocks, arena, out));
    }
    return raw.layers.item != NULL ? read_layers(&r, raw.layers, out) : WS_OK;
}

ws_location ws_placement_weights(const ws_placement *placement, int64_t block, ws_layer layer)
{
    if (placement->has_layer[layer]) {
        return placement->layers[layer];
    }
    return block != WS_NO_BLOCK_INDEX && placement->blocks != NULL ? placement->blocks[block]
                                                                   : placement->weights;
}

bool ws_placement_is_off_npu(const ws_placement *placement, const ws_model *model)
{
    bool is_off = placement->weights.kind != WS_LOCATION_LOCAL;
    for (int i = 0; i < WS_LAYER_COUNT; i++) {
        is_off = is_off || (placement->has_layer[i] && placement->layers[i].kind != WS_LOCATION_LOCAL);
    }
    for (int64_t i = 0; placement->blocks != NULL && i < model->n_layers; i++) {
        is_off = is_off || placement->blocks[i].kind != WS_LOCATION_LOCAL;
    }
    return is_off;
}

/* The weights of an instance, and where they are. */
typedef struct placed_weights {
    const ws_placement *placement;
    const ws_model     *model;
    int64_t             tp_size, ep_total, element_bytes;
} placed_weights;

static int64_t section_cxl_bytes(const placed_weights *w, const ws_layer_sequence *sequence, int64_t block)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < sequence->n_layers; i++) {
        const ws_layer layer = sequence->layers[i];
        const int64_t  ranks = layer == WS_LAYER_MOE ? w->ep_total : w->tp_size;
        if (ws_placement_weights(w->placement, block, layer).kind == WS_LOCATION_CXL) {
            bytes += ranks * ws_model_layer_bytes(w->model, layer, 1, 0, ranks, w->element_bytes).weight;
        }
    }
    return bytes;
}

int64_t ws_placement_cxl_bytes(const ws_placement *placement, const ws_model *model, int64_t tp_size,
                               int64_t ep_total, int64_t element_bytes)
{
    static const ws_section  outer[] = {WS_SECTION_PROLOGUE, WS_SECTION_HEAD};
    const ws_layer_sequence *inner[] = {&model->sections[WS_SECTION_PRE_ATTN],
                                        &model->sections[WS_SECTION_POST_ATTN], ws_model_mlp(model)};
    const placed_weights     w       = {placement, model, tp_size, ep_total, element_bytes};
    int64_t                  bytes   = 0;
    for (int i = 0; i < 2; i++) {
        bytes += section_cxl_bytes(&w, &model->sections[outer[i]], WS_NO_BLOCK_INDEX);
    }
    for (int64_t block = 0; block < model->n_layers; block++) {
        for (int i = 0; i < 3; i++) {
            bytes += section_cxl_bytes(&w, inner[i], block);
        }
    }
    return bytes;
}
