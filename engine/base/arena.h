/* base/arena.h -- memory that lives as long as one run and goes with one reset.
 *
 * Chunks are kept across resets, so a warm arena allocates nothing. One owner, no locking. Built with
 * WS_ARENA_MALLOC every piece is a malloc of its own, so that sanitizers see each object. */
#ifndef WS_ARENA_H
#define WS_ARENA_H

#include <stddef.h>

#include "base/status.h"

typedef struct ws_arena_chunk ws_arena_chunk;

typedef struct ws_arena {
    ws_arena_chunk *first;   /* owned list */
    ws_arena_chunk *current; /* where the next piece comes from */
    size_t          used_bytes;
    size_t          reserved_bytes; /* memory held from the system */
    size_t          limit_bytes; /* on used_bytes, whatever is reserved from earlier; 0 = none; more fails */
    size_t refused_bytes;        /* used_bytes there would be now without the limit, if it refused a piece */
} ws_arena;

void ws_arena_init(ws_arena *arena, size_t limit_bytes);
void ws_arena_fini(ws_arena *arena);

/** Give every piece back at once; pointers into the arena become invalid, chunks are kept. */
void ws_arena_reset(ws_arena *arena);

/** n * size bytes, aligned to 64, not cleared; NULL if out of memory, over the limit, or n * size
 * overflows. Asking for 0 bytes gives a valid pointer. Borrowed until the reset. */
void *ws_arena_alloc(ws_arena *arena, size_t n, size_t size);

/** As ws_arena_alloc, filled with zero bytes. */
void *ws_arena_calloc(ws_arena *arena, size_t n, size_t size);

/** Grow an array to hold at least n_needed elements, copying the n_used first ones. Doubling growth.
 * @param[in,out] array     the array pointer (a `T **`); unchanged after an error
 * @param[in,out] capacity  elements; unchanged after an error
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_arena_grow(ws_arena *arena, void *array, size_t *capacity, size_t n_used,
                                     size_t n_needed, size_t size);

#endif /* WS_ARENA_H */
