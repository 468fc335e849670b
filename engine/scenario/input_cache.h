/* scenario/input_cache.h -- what inputs keep of everything that was read, by kind and key; for inputs.c only.
 * Objects are owned, except those that lie in the file cache. Some kinds are held until they are released,
 * and only a few that nobody holds are kept; the others live as long as the cache. */
#ifndef WS_INPUT_CACHE_H
#define WS_INPUT_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/strbuf.h"

/** What the cache holds; each kind has its own destructor. */
typedef enum ws_input_kind {
    WS_INPUT_MODEL,
    WS_INPUT_RANK_MODEL, /* of so many ranks */
    WS_INPUT_PROFILE,
    WS_INPUT_COST,
    WS_INPUT_SLOWED_COST, /* with a profile of its own */
    WS_INPUT_WORKLOAD,
    WS_INPUT_PREFIXES,
    WS_INPUT_HARDWARE
} ws_input_kind;

typedef struct ws_input {
    ws_input_kind    kind;
    char            *key;         /* owned */
    void            *object;      /* owned, by kind */
    char            *notes;       /* owned; NULL = none */
    size_t           n_users;     /* of what is held: by how many */
    bool             is_borrowed; /* the object lies in the file cache */
    struct ws_input *next;
} ws_input;

typedef struct ws_input_cache {
    ws_input *entries; /* newest first */
} ws_input_cache;

void ws_input_cache_fini(ws_input_cache *cache);

/** NULL if there is none. */
ws_input *ws_input_cache_find(const ws_input_cache *cache, ws_input_kind kind, const char *key);

/** Keep an object under a key; takes ownership of it, also on failure.
 * @param[in] notes  copied; NULL = none */
WS_NODISCARD ws_status ws_input_cache_keep(ws_input_cache *cache, ws_input_kind kind, const char *key,
                                           void *object, const ws_strbuf *notes);

/** Keep an object that lies in the file cache and is only read. */
WS_NODISCARD ws_status ws_input_cache_keep_borrowed(ws_input_cache *cache, ws_input_kind kind,
                                                    const char *key, const void *object,
                                                    const ws_strbuf *notes);

/** Keep a fresh object as ws_input_cache_keep() does, and hold it for the caller. */
WS_NODISCARD ws_status ws_input_cache_keep_held(ws_input_cache *cache, ws_input_kind kind, const char *key,
                                                void *object);

/** Hold a known object once more. Returns it. */
const void *ws_input_cache_hold(ws_input_cache *cache, ws_input *known);

/** Give an object back; NULL is allowed. */
void ws_input_cache_release(ws_input_cache *cache, const void *held);

#endif /* WS_INPUT_CACHE_H */
