#include "scenario/input_cache.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "hardware/step_cost.h"
#include "serving/prefix_index.h"
#include "workload/workload.h"

/* Workloads, and costs at a clock, kept although nobody holds them: a sweep comes back to the same few, or to
 * none. */
enum { MAX_SPARE = 16 };

static void object_destroy(ws_input_kind kind, void *object)
{
    switch (kind) {
    case WS_INPUT_MODEL:
    case WS_INPUT_RANK_MODEL:
        free(object);
        break;
    case WS_INPUT_PROFILE:
        ws_profile_destroy(&(ws_profile *){object});
        break;
    case WS_INPUT_COST:
    case WS_INPUT_SLOWED_COST:
        ws_step_cost_destroy(&(ws_step_cost *){object});
        break;
    case WS_INPUT_WORKLOAD:
        ws_workload_destroy(&(ws_workload *){object});
        break;
    case WS_INPUT_PREFIXES:
        ws_prefix_index_destroy(&(ws_prefix_index *){object});
        break;
    case WS_INPUT_HARDWARE:
        ws_json_doc_destroy(&(ws_json_doc *){object});
        break;
    }
}

static void entry_destroy(ws_input *e)
{
    if (!e->is_borrowed) {
        object_destroy(e->kind, e->object);
    }
    free(e->key);
    free(e->notes);
    free(e);
}

void ws_input_cache_fini(ws_input_cache *cache)
{
    while (cache->entries != NULL) {
        ws_input *e    = cache->entries;
        cache->entries = e->next;
        entry_destroy(e);
    }
}

ws_input *ws_input_cache_find(const ws_input_cache *cache, ws_input_kind kind, const char *key)
{
    for (ws_input *e = cache->entries; e != NULL; e = e->next) {
        if (e->kind == kind && strcmp(e->key, key) == 0) {
            return e;
        }
    }
    return NULL;
}

ws_status ws_input_cache_keep(ws_input_cache *cache, ws_input_kind kind, const char *key, void *object,
                              const ws_strbuf *notes)
{
    ws_input *e = calloc(1, sizeof(*e));
    if (e != NULL) {
        e->key   = ws_strdup(key);
        e->notes = notes != NULL && notes->len > 0 ? ws_strdup(notes->data) : NULL;
    }
    if (e == NULL || e->key == NULL || (notes != NULL && notes->len > 0 && e->notes == NULL)) {
        object_destroy(kind, object);
        if (e != NULL) {
            free(e->key);
        }
        free(e);
        return WS_ERR_NOMEM;
    }
    e->kind        = kind;
    e->object      = object;
    e->next        = cache->entries;
    cache->entries = e;
    return WS_OK;
}

ws_status ws_input_cache_keep_borrowed(ws_input_cache *cache, ws_input_kind kind, const char *key,
                                       const void *object, const ws_strbuf *notes)
{
    WS_TRY(ws_input_cache_keep(cache, kind, key, NULL, notes));
    cache->entries->object      = (void *)(uintptr_t)object;
    cache->entries->is_borrowed = true;
    return WS_OK;
}

/* ---- what is held ---- */

/* What is used often is dropped last, such as the dataset that a sweep makes many shapes of. */
const void *ws_input_cache_hold(ws_input_cache *cache, ws_input *known)
{
    known->n_users++;
    for (ws_input **at = &cache->entries; *at != NULL; at = &(*at)->next) {
        if (*at == known) {
            *at            = known->next;
            known->next    = cache->entries;
            cache->entries = known;
            break;
        }
    }
    return known->object;
}

/* Drop an entry and, of a workload, its prefix indexes. */
static void drop_entry(ws_input_cache *cache, const ws_input *dropped)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof(prefix), "%p|", dropped->object);
    for (ws_input **at = &cache->entries; *at != NULL;) {
        ws_input *e = *at;
        if (e == dropped || (e->kind == WS_INPUT_PREFIXES && strncmp(e->key, prefix, strlen(prefix)) == 0)) {
            *at = e->next;
            entry_destroy(e);
        } else {
            at = &e->next;
        }
    }
}

/* Drop the oldest of a kind that nobody holds while there are more than a few of them. */
static void drop_spare(ws_input_cache *cache, ws_input_kind kind)
{
    for (;;) {
        const ws_input *oldest  = NULL;
        size_t          n_spare = 0;
        for (const ws_input *e = cache->entries; e != NULL; e = e->next) { /* newest first */
            if (e->kind == kind && e->n_users == 0) {
                n_spare++;
                oldest = e;
            }
        }
        if (n_spare <= MAX_SPARE) {
            return;
        }
        drop_entry(cache, oldest);
    }
}

void ws_input_cache_release(ws_input_cache *cache, const void *held)
{
    for (ws_input *e = cache->entries; e != NULL; e = e->next) {
        if (held != NULL && e->object == held) {
            WS_ASSERT(e->n_users > 0);
            e->n_users--;
        }
    }
}

ws_status ws_input_cache_keep_held(ws_input_cache *cache, ws_input_kind kind, const char *key, void *object)
{
    drop_spare(cache, kind);
    WS_TRY(ws_input_cache_keep(cache, kind, key, object, NULL));
    cache->entries->n_users = 1;
    return WS_OK;
}
