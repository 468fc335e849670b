#include "scenario/inputs.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hardware/profile_clock.h"
#include "scenario/input_cache.h"
#include "workload/workload_generator.h"
#include "workload/workload_pack.h"
#include "workload/workload_read.h"

/* Token counts up to here get a table entry; longer steps are summed on demand. */
enum { MAX_TABLE_TOKENS = 4096, MAX_TABLE_SEQUENCES = 1024 };

struct ws_inputs {
    pthread_mutex_t lock;
    ws_files       *files; /* borrowed, or owned */
    bool            owns_files;
    char          **dirs; /* owned; bundled folder last */
    size_t          n_dirs;
    bool            has_bundled;
    ws_input_cache  cache;
};

ws_status ws_inputs_create(ws_files *files, const char *const *data_dirs, size_t n_data_dirs,
                           const char *bundled_dir, ws_inputs **inputs_out)
{
    *inputs_out       = NULL;
    ws_inputs *inputs = calloc(1, sizeof(*inputs));
    if (inputs == NULL) {
        return WS_ERR_NOMEM;
    }
    if (pthread_mutex_init(&inputs->lock, NULL) != 0) {
        free(inputs);
        return WS_ERR_NOMEM;
    }
    inputs->files       = files;
    inputs->has_bundled = bundled_dir != NULL;
    inputs->dirs        = calloc(n_data_dirs + 1, sizeof(*inputs->dirs));
    bool complete       = inputs->dirs != NULL;
    for (size_t i = 0; complete && i < n_data_dirs + 1; i++) {
        const char *dir = i < n_data_dirs ? data_dirs[i] : bundled_dir;
        if (dir != NULL) {
            inputs->dirs[inputs->n_dirs] = ws_strdup(dir);
            complete                     = inputs->dirs[inputs->n_dirs++] != NULL;
        }
    }
    if (!complete) {
        ws_inputs_destroy(&inputs);
        return WS_ERR_NOMEM;
    }
    *inputs_out = inputs;
    return WS_OK;
}

void ws_inputs_destroy(ws_inputs **inputs)
{
    if (*inputs == NULL) {
        return;
    }
    ws_input_cache_fini(&(*inputs)->cache);
    for (size_t i = 0; i < (*inputs)->n_dirs; i++) {
        free((*inputs)->dirs[i]);
    }
    free((*inputs)->dirs);
    if ((*inputs)->owns_files) {
        ws_files_destroy(&(*inputs)->files);
    }
    (void)pthread_mutex_destroy(&(*inputs)->lock); /* nobody holds it: the inputs are one thread's by now */
    free(*inputs);
    *inputs = NULL;
}

void ws_inputs_release(ws_inputs *inputs, const void *held)
{
    ws_input_cache_release(&inputs->cache, held);
}

ws_files *ws_inputs_files(ws_inputs *inputs)
{
    return inputs->files;
}

void ws_inputs_own_files(ws_inputs *inputs)
{
    inputs->owns_files = true;
}

void ws_inputs_lock(ws_inputs *inputs)
{
    const int failure = pthread_mutex_lock(&inputs->lock); /* cannot fail: neither robust nor recursive */
    WS_ASSERT(failure == 0);
}

void ws_inputs_unlock(ws_inputs *inputs)
{
    const int failure = pthread_mutex_unlock(&inputs->lock);
    WS_ASSERT(failure == 0);
}

const char *ws_inputs_bundled_dir(const ws_inputs *inputs)
{
    return inputs->has_bundled ? inputs->dirs[inputs->n_dirs - 1] : NULL;
}

static ws_data_dirs data_of(const ws_inputs *inputs)
{
    return (ws_data_dirs){inputs->files, (const char *const *)inputs->dirs, inputs->n_dirs};
}

bool ws_inputs_find(ws_inputs *inputs, const char *relative, char *buf, size_t cap)
{
    const ws_data_dirs data = data_of(inputs);
    return ws_files_find(&data, relative, buf, cap);
}

/* Parse a JSON file found by its relative name; out is NULL if no folder has it. */
static ws_status parse_found(ws_inputs *inputs, const char *relative, ws_error *err, ws_json_doc **out)
{
    char path[4096];
    *out = NULL;
    if (!ws_inputs_find(inputs, relative, path, sizeof(path))) {
        return WS_OK;
    }
    ws_bytes bytes;
    WS_TRY(ws_files_read(inputs->files, path, err, &bytes));
    return ws_json_doc_parse(path, bytes.data, bytes.len, err, out);
}

/* ---- models ---- */

static ws_status fetch_model(ws_inputs *inputs, const ws_model_choice *choice, ws_json where, const char *key,
                             ws_error *err)
{
    const ws_data_dirs data  = data_of(inputs);
    ws_strbuf          notes = WS_STRBUF_INIT;
    ws_model          *model = calloc(1, sizeof(*model));
    ws_status          status =
        model != NULL ? ws_model_input_read(&data, choice, where, &notes, err, model) : WS_ERR_NOMEM;
    if (status == WS_OK) {
        status = ws_input_cache_keep(&inputs->cache, WS_INPUT_MODEL, key, model, &notes);
    } else {
        free(model);
    }
    ws_strbuf_fini(&notes);
    return status;
}

ws_status ws_inputs_model(ws_inputs *inputs, const ws_model_choice *choice, ws_json where, ws_strbuf *notes,
                          ws_error *err, const ws_model **out)
{
    char key[WS_MODEL_NAME_MAX + 32];
    if (strlen(choice->name) >= WS_MODEL_NAME_MAX) {
        return ws_json_problem(where, err, "expected a model name shorter than %d characters",
                               WS_MODEL_NAME_MAX);
    }
    (void)snprintf(key, sizeof(key), "%d%d|%s", choice->approximate, choice->as_reference, choice->name);
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_MODEL, key);
    if (known == NULL) {
        WS_TRY(fetch_model(inputs, choice, where, key, err));
        known = ws_input_cache_find(&inputs->cache, WS_INPUT_MODEL, key);
    }
    if (known->notes != NULL) {
        ws_strbuf_puts(notes, known->notes);
    }
    *out = known->object;
    return WS_OK;
}

ws_status ws_inputs_model_on_ranks(ws_inputs *inputs, const ws_model *model, int64_t tp, const ws_model **out)
{
    const ws_model ranked = ws_model_on_ranks(model, tp);
    *out                  = model;
    if (ranked.n_kv_heads == model->n_kv_heads && ranked.vocab_size == model->vocab_size) {
        return WS_OK;
    }
    char key[WS_MODEL_NAME_MAX + 32];
    (void)snprintf(key, sizeof(key), "%" PRId64 "|%s", ranked.n_kv_heads, model->name);
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_RANK_MODEL, key);
    if (known != NULL) {
        *out = known->object;
        return WS_OK;
    }
    ws_model *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    *copy = ranked;
    *out  = copy;
    return ws_input_cache_keep(&inputs->cache, WS_INPUT_RANK_MODEL, key, copy, NULL);
}

/* ---- objects: what another process loaded ---- */

/* Names of objects in the file cache. */
static char *object_name(const char *what, const char *key)
{
    return ws_asprintf("%s|%s", what, key);
}

static ws_status put_object(ws_files *files, const char *what, const char *key, const char *data, size_t len)
{
    char *name = object_name(what, key);
    if (name == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = ws_files_put_object(files, name, data, len);
    free(name);
    return status;
}

static bool find_object(const ws_files *files, const char *what, const char *key, ws_bytes *out)
{
    char      *name  = object_name(what, key);
    const bool found = name != NULL && ws_files_object(files, name, out);
    free(name);
    return found;
}

static ws_status share_workload(ws_files *files, const ws_input *e)
{
    char  *block = NULL;
    size_t len   = 0;
    WS_TRY(ws_workload_pack(e->object, &block, &len));
    const ws_status status = put_object(files, "workload", e->key, block, len);
    free(block);
    return status;
}

static ws_status share_profile(ws_files *files, const ws_input *e)
{
    const ws_bytes bytes = ws_profile_bytes(e->object);
    WS_TRY(put_object(files, "profile", e->key, bytes.data, bytes.len));
    return put_object(files, "profile notes", e->key, e->notes != NULL ? e->notes : "",
                      e->notes != NULL ? strlen(e->notes) : 0);
}

ws_status ws_inputs_share(const ws_inputs *inputs)
{
    for (const ws_input *e = inputs->cache.entries; e != NULL; e = e->next) {
        if (e->kind == WS_INPUT_WORKLOAD) {
            WS_TRY(share_workload(inputs->files, e));
        } else if (e->kind == WS_INPUT_PROFILE) {
            WS_TRY(share_profile(inputs->files, e));
        }
    }
    return WS_OK;
}

/* Take a profile from the file cache if it is there; *found_out tells. */
static ws_status adopt_profile(ws_inputs *inputs, const char *key, bool *found_out)
{
    ws_bytes          bytes, notes_text;
    const ws_profile *profile = NULL;
    if (find_object(inputs->files, "profile", key, &bytes) &&
        find_object(inputs->files, "profile notes", key, &notes_text)) {
        profile = ws_profile_at(bytes);
    }
    *found_out = profile != NULL;
    if (profile == NULL) {
        return WS_OK;
    }
    ws_strbuf notes = WS_STRBUF_INIT;
    ws_strbuf_append(&notes, notes_text.data, notes_text.len);
    const ws_status status =
        notes.failed ? WS_ERR_NOMEM
                     : ws_input_cache_keep_borrowed(&inputs->cache, WS_INPUT_PROFILE, key, profile, &notes);
    ws_strbuf_fini(&notes);
    return status;
}

/* Take a workload from the file cache, NULL if it is not there. */
static ws_status adopt_workload(const ws_inputs *inputs, const char *key, ws_workload **out)
{
    ws_bytes bytes;
    *out = NULL;
    return find_object(inputs->files, "workload", key, &bytes) ? ws_workload_view(bytes, out) : WS_OK;
}

/* ---- profiles and their sums ---- */

static void profile_key(const ws_profile_request *request, char *buf, size_t cap)
{
    const ws_model *model =
        request->model; /* heads and vocabulary: as its ranks hold it, or as the reference */
    (void)snprintf(buf, cap, "%s|%s|%d|%d|%" PRId64 "|%d|%d|%" PRId64 "|%" PRId64 "|%a", request->hardware,
                   model->name, (int)request->dtype, request->kv_fp8, request->tp_size, (int)request->choice,
                   request->fuse, model->n_kv_heads, model->vocab_size, request->memory_gbps);
}

/* Load a profile and keep it under its key. */
static ws_status fetch_profile(ws_inputs *inputs, const ws_profile_request *request, const char *key,
                               ws_error *err)
{
    bool is_here = false;
    WS_TRY(adopt_profile(inputs, key, &is_here));
    if (is_here) {
        return WS_OK;
    }
    const ws_data_dirs data    = data_of(inputs);
    ws_profile        *profile = NULL;
    ws_strbuf          fresh   = WS_STRBUF_INIT;
    ws_status          status  = ws_profile_load(&data, request, &fresh, err, &profile);
    if (status == WS_OK) {
        status = ws_input_cache_keep(&inputs->cache, WS_INPUT_PROFILE, key, profile, &fresh);
    }
    ws_strbuf_fini(&fresh);
    return status;
}

static ws_status load_profile(ws_inputs *inputs, const ws_profile_request *request, ws_strbuf *notes,
                              ws_error *err, const ws_profile **out)
{
    char key[512];
    profile_key(request, key, sizeof(key));
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_PROFILE, key);
    if (known == NULL) {
        WS_TRY(fetch_profile(inputs, request, key, err));
        known = ws_input_cache_find(&inputs->cache, WS_INPUT_PROFILE, key);
    }
    if (known->notes != NULL && notes != NULL) {
        ws_strbuf_puts(notes, known->notes);
    }
    *out = known->object;
    return WS_OK;
}

/* Only a roofline computes with a bandwidth: a measured profile is one, whatever is asked for. */
static ws_status drop_idle_bandwidth(ws_inputs *inputs, ws_profile_request *request, ws_error *err)
{
    const ws_profile *profile = NULL;
    const double      gbps    = request->memory_gbps;
    request->memory_gbps      = 0.0;
    if (gbps > 0.0) {
        WS_TRY(load_profile(inputs, request, NULL, err, &profile));
        request->memory_gbps = ws_profile_kind_of(profile) == WS_PROFILE_ROOFLINE ? gbps : 0.0;
    }
    return WS_OK;
}

ws_status ws_inputs_cost(ws_inputs *inputs, const ws_profile_request *asked, ws_strbuf *notes, ws_error *err,
                         const ws_step_cost **out)
{
    const ws_profile         *profile = NULL;
    ws_profile_request        own     = *asked;
    const ws_profile_request *request = &own;
    WS_TRY(drop_idle_bandwidth(inputs, &own, err));
    WS_TRY(load_profile(inputs, request, notes, err, &profile));
    char key[512], label[512];
    profile_key(request, key, sizeof(key));
    (void)snprintf(label, sizeof(label), "%s / %s", request->hardware, request->model->name);
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_COST, key);
    if (known == NULL) {
        ws_step_cost              *cost   = NULL;
        ws_strbuf                  fresh  = WS_STRBUF_INIT;
        const ws_step_cost_request tables = {.profile       = profile,
                                             .model         = request->model,
                                             .label         = label,
                                             .max_tokens    = MAX_TABLE_TOKENS,
                                             .max_sequences = MAX_TABLE_SEQUENCES,
                                             .drops_rotary  = strstr(request->hardware, "TPU") != NULL};
        ws_status                  status = ws_step_cost_create(&tables, &fresh, err, &cost);
        if (status == WS_OK) {
            status = ws_input_cache_keep(&inputs->cache, WS_INPUT_COST, key, cost, &fresh);
        }
        ws_strbuf_fini(&fresh);
        WS_TRY(status);
        known = ws_input_cache_find(&inputs->cache, WS_INPUT_COST, key);
    }
    if (known->notes != NULL && notes != NULL) {
        ws_strbuf_puts(notes, known->notes);
    }
    *out = known->object;
    return WS_OK;
}

static ws_status make_slowed(ws_inputs *inputs, const ws_profile_request *request, const ws_step_cost *cost,
                             double clock, ws_error *err, ws_step_cost **out)
{
    ws_json     sheet;
    ws_profile *profile = NULL;
    WS_TRY(ws_inputs_hardware(inputs, request->hardware, err, &sheet));
    WS_TRY(ws_profile_at_clock(cost->profile, sheet, request, clock, err, &profile));
    return ws_step_cost_with_profile(cost, profile, out);
}

ws_status ws_inputs_cost_at_clock(ws_inputs *inputs, const ws_profile_request *asked,
                                  const ws_step_cost *cost, double clock, ws_error *err,
                                  const ws_step_cost **out)
{
    ws_profile_request        own     = *asked;
    const ws_profile_request *request = &own;
    WS_TRY(drop_idle_bandwidth(inputs, &own, err));
    char key[512], name[600];
    profile_key(request, key, sizeof(key));
    (void)snprintf(name, sizeof(name), "%s|%a", key, clock); /* %a: every clock its own text */
    ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_SLOWED_COST, name);
    if (known != NULL) {
        *out = ws_input_cache_hold(&inputs->cache, known);
        return WS_OK;
    }
    ws_step_cost *slowed = NULL;
    WS_TRY(make_slowed(inputs, request, cost, clock, err, &slowed));
    WS_TRY(ws_input_cache_keep_held(&inputs->cache, WS_INPUT_SLOWED_COST, name, slowed));
    *out = slowed;
    return WS_OK;
}

/* ---- workloads ---- */

static void prefixes_key(const ws_workload *workload, int64_t block_size, char *buf, size_t cap)
{
    (void)snprintf(buf, cap, "%p|%" PRId64, (const void *)workload, block_size);
}

ws_status ws_inputs_dataset(ws_inputs *inputs, const char *path, int64_t max_lines, ws_error *err,
                            const ws_workload **out)
{
    char key[4096 + 32];
    (void)snprintf(key, sizeof(key), "%" PRId64 "|%s", max_lines, path != NULL ? path : "");
    ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_WORKLOAD, key);
    if (known != NULL) {
        *out = ws_input_cache_hold(&inputs->cache, known);
        return WS_OK;
    }
    ws_workload *workload = NULL;
    WS_TRY(adopt_workload(inputs, key, &workload));
    if (workload == NULL) {
        WS_TRY(path != NULL ? ws_workload_read(inputs->files, path, max_lines, err, &workload)
                            : ws_workload_default(&workload));
    }
    WS_TRY(ws_input_cache_keep_held(&inputs->cache, WS_INPUT_WORKLOAD, key, workload));
    *out = workload;
    return WS_OK;
}

ws_status ws_inputs_generated(ws_inputs *inputs, ws_json spec, uint64_t seed, ws_error *err,
                              const ws_workload **out)
{
    char *text = ws_json_print(spec, false);
    char *key  = text != NULL ? ws_asprintf("%" PRIu64 "|%s", seed, text) : NULL;
    free(text);
    if (key == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = WS_OK;
    ws_input *known  = ws_input_cache_find(&inputs->cache, WS_INPUT_WORKLOAD, key);
    if (known != NULL) {
        (void)ws_input_cache_hold(&inputs->cache, known);
    } else {
        ws_workload *workload = NULL;
        status                = adopt_workload(inputs, key, &workload);
        if (status == WS_OK && workload == NULL) {
            status = ws_workload_generate(inputs->files, spec, seed, err, &workload);
        }
        if (status == WS_OK) {
            status = ws_input_cache_keep_held(&inputs->cache, WS_INPUT_WORKLOAD, key, workload);
        }
        known = inputs->cache.entries;
    }
    free(key);
    WS_TRY(status);
    *out = known->object;
    return WS_OK;
}

static char *shaped_key(const ws_inputs *inputs, const ws_workload *source, const ws_workload_shape *shape)
{
    for (const ws_input *e = inputs->cache.entries; e != NULL; e = e->next) {
        if (e->object == source) { /* %a: every number its own text */
            return ws_asprintf("shape %a %a %a %" PRId64 " %a %a %" PRIu64 "|%s", shape->from_s, shape->to_s,
                               shape->sample, shape->max_arrivals, shape->time_scale, shape->rate,
                               shape->sample < 1.0 ? shape->seed : 0, e->key);
        }
    }
    return NULL;
}

/* What a workload is made from another with. */
typedef struct reshaping {
    const ws_workload       *source;
    const ws_workload_shape *shape;
    const char              *name; /* of the shape, in messages */
} reshaping;

static ws_status hold_reshaped(ws_inputs *inputs, const char *key, const reshaping *r, ws_error *err,
                               const ws_workload **out)
{
    ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_WORKLOAD, key);
    if (known != NULL) {
        *out = ws_input_cache_hold(&inputs->cache, known);
        return WS_OK;
    }
    ws_workload *workload = NULL;
    WS_TRY(adopt_workload(inputs, key, &workload));
    if (workload == NULL) {
        WS_TRY(ws_workload_reshape(r->source, r->shape, r->name, err, &workload));
    }
    WS_TRY(ws_input_cache_keep_held(&inputs->cache, WS_INPUT_WORKLOAD, key, workload));
    *out = workload;
    return WS_OK;
}

ws_status ws_inputs_reshaped(ws_inputs *inputs, const ws_workload *source, const ws_workload_shape *shape,
                             const char *name, ws_error *err, const ws_workload **out)
{
    if (ws_workload_shape_is_none(shape)) {
        *out = source;
        return WS_OK;
    }
    const reshaping r      = {source, shape, name};
    char           *key    = shaped_key(inputs, source, shape);
    const ws_status status = key != NULL ? hold_reshaped(inputs, key, &r, err, out) : WS_ERR_NOMEM;
    free(key);
    ws_inputs_release(inputs, source);
    return status;
}

ws_status ws_inputs_prefixes(ws_inputs *inputs, const ws_workload *workload, int64_t block_size,
                             const ws_prefix_index **out)
{
    char key[64];
    prefixes_key(workload, block_size, key, sizeof(key));
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_PREFIXES, key);
    if (known != NULL) {
        *out = known->object;
        return WS_OK;
    }
    ws_prefix_index *index = NULL;
    WS_TRY(ws_prefix_index_create(workload, block_size, &index));
    *out = index;
    return ws_input_cache_keep(&inputs->cache, WS_INPUT_PREFIXES, key, index, NULL);
}

/* ---- data sheets ---- */

ws_status ws_inputs_hardware(ws_inputs *inputs, const char *tag, ws_error *err, ws_json *out)
{
    *out                  = WS_JSON_NONE;
    const ws_input *known = ws_input_cache_find(&inputs->cache, WS_INPUT_HARDWARE, tag);
    if (known == NULL) {
        char         relative[512];
        ws_json_doc *doc = NULL;
        (void)snprintf(relative, sizeof(relative), "hardware/%.400s.json", tag);
        WS_TRY(parse_found(inputs, relative, err, &doc));
        if (doc == NULL) {
            return WS_OK;
        }
        WS_TRY(ws_input_cache_keep(&inputs->cache, WS_INPUT_HARDWARE, tag, doc, NULL));
        known = ws_input_cache_find(&inputs->cache, WS_INPUT_HARDWARE, tag);
    }
    *out = ws_json_doc_root(known->object);
    return WS_OK;
}
