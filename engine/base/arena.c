#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT_BYTES ((size_t)64) /* one cache line, and every vector register */
#define MIN_CHUNK_BYTES ((size_t)64 * 1024)
#define MAX_GROWTH_BYTES ((size_t)64 * 1024 * 1024) /* beyond it chunks stop doubling */
#define MIN_GROWN_ELEMENTS 16

/* A chunk is its head, padded to one alignment unit, with `capacity` bytes behind it. */
struct ws_arena_chunk {
    ws_arena_chunk *next; /* owned */
    size_t          capacity;
    size_t          used;
};

_Static_assert(sizeof(ws_arena_chunk) <= ALIGNMENT_BYTES, "the head fits its padding");

static unsigned char *chunk_data(ws_arena_chunk *chunk)
{
    return (unsigned char *)chunk + ALIGNMENT_BYTES;
}

void ws_arena_init(ws_arena *arena, size_t limit_bytes)
{
    *arena = (ws_arena){.limit_bytes = limit_bytes};
}

static void free_chunks(ws_arena *arena)
{
    while (arena->first != NULL) {
        ws_arena_chunk *next = arena->first->next;
        free(arena->first);
        arena->first = next;
    }
    arena->current        = NULL;
    arena->used_bytes     = 0;
    arena->reserved_bytes = 0;
}

void ws_arena_fini(ws_arena *arena)
{
    free_chunks(arena);
}

void ws_arena_reset(ws_arena *arena)
{
#ifdef WS_ARENA_MALLOC
    free_chunks(arena); /* so that a use after the reset is a use after free */
#else
    for (ws_arena_chunk *chunk = arena->first; chunk != NULL; chunk = chunk->next) {
        chunk->used = 0;
    }
    arena->current    = arena->first;
    arena->used_bytes = 0;
#endif
}

/* How much a new chunk for `bytes` should hold: as much as there is already, but beyond the limit no more
 * than needed. */
static size_t new_chunk_capacity(const ws_arena *arena, size_t bytes)
{
    size_t capacity = bytes;
#ifndef WS_ARENA_MALLOC
    size_t growth = arena->reserved_bytes < MAX_GROWTH_BYTES ? arena->reserved_bytes : MAX_GROWTH_BYTES;
    growth        = growth > MIN_CHUNK_BYTES ? growth : MIN_CHUNK_BYTES;
    capacity      = bytes > growth ? bytes : growth - growth % ALIGNMENT_BYTES;
#endif
    const size_t taken = arena->reserved_bytes + ALIGNMENT_BYTES;
    if (arena->limit_bytes > 0 && (taken > arena->limit_bytes || capacity > arena->limit_bytes - taken)) {
        const size_t left = taken < arena->limit_bytes ? arena->limit_bytes - taken : 0;
        capacity          = left > bytes ? left - left % ALIGNMENT_BYTES : bytes;
    }
    return capacity;
}

/* Chunks kept from earlier runs and too small for this one: under a limit they make room. */
static void drop_later_chunks(ws_arena *arena)
{
    ws_arena_chunk **link = arena->current != NULL ? &arena->current->next : &arena->first;
    while (*link != NULL) {
        ws_arena_chunk *chunk = *link;
        *link                 = chunk->next;
        arena->reserved_bytes -= ALIGNMENT_BYTES + chunk->capacity;
        free(chunk);
    }
}

static void link_behind_current(ws_arena *arena, ws_arena_chunk *chunk)
{
    ws_arena_chunk **link = arena->current != NULL ? &arena->current->next : &arena->first;
    chunk->next           = *link;
    *link                 = chunk;
    arena->current        = chunk;
}

static bool add_chunk(ws_arena *arena, size_t bytes)
{
    if (arena->limit_bytes > 0 && arena->reserved_bytes + bytes > arena->limit_bytes) {
        drop_later_chunks(arena);
    }
    const size_t    capacity = new_chunk_capacity(arena, bytes);
    ws_arena_chunk *chunk    = aligned_alloc(ALIGNMENT_BYTES, ALIGNMENT_BYTES + capacity);
    if (chunk == NULL) {
        return false;
    }
    *chunk = (ws_arena_chunk){.capacity = capacity};
    arena->reserved_bytes += ALIGNMENT_BYTES + capacity;
    link_behind_current(arena, chunk);
    return true;
}

/* Make an unused later chunk with enough room the current one. Those it passes over stay for later. */
static bool take_later_chunk(ws_arena *arena, size_t bytes)
{
    if (arena->current == NULL) {
        return false;
    }
    for (ws_arena_chunk **link = &arena->current->next; *link != NULL; link = &(*link)->next) {
        ws_arena_chunk *chunk = *link;
        if (chunk->capacity >= bytes) {
            *link = chunk->next;
            link_behind_current(arena, chunk);
            return true;
        }
    }
    return false;
}

static bool is_over_limit(ws_arena *arena, size_t bytes)
{
    const bool is_over = arena->limit_bytes > 0 && (arena->used_bytes > arena->limit_bytes ||
                                                    bytes > arena->limit_bytes - arena->used_bytes);
    if (is_over) {
        arena->refused_bytes = arena->used_bytes + bytes;
    }
    return is_over;
}

static bool current_has_room(const ws_arena *arena, size_t bytes)
{
    return arena->current != NULL && arena->current->capacity - arena->current->used >= bytes;
}

void *ws_arena_alloc(ws_arena *arena, size_t n, size_t size)
{
    if (size != 0 && n > (PTRDIFF_MAX - 2 * ALIGNMENT_BYTES) / size) {
        return NULL;
    }
    const size_t bytes = n * size;
    /* at least one unit, so that two pieces never share an address */
    const size_t units  = bytes > 0 ? (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES : 1;
    const size_t padded = units * ALIGNMENT_BYTES;
    if (is_over_limit(arena, padded)) {
        return NULL;
    }
    if (!current_has_room(arena, padded) && !take_later_chunk(arena, padded) && !add_chunk(arena, padded)) {
        return NULL;
    }
    void *piece = chunk_data(arena->current) + arena->current->used;
    arena->current->used += padded;
    arena->used_bytes += padded;
    return piece;
}

void *ws_arena_calloc(ws_arena *arena, size_t n, size_t size)
{
    void *piece = ws_arena_alloc(arena, n, size);
    if (piece != NULL) {
        memset(piece, 0, n * size);
    }
    return piece;
}

WS_HOT ws_status ws_arena_grow(ws_arena *arena, void *array, size_t *capacity, size_t n_used, size_t n_needed,
                               size_t size)
{
    if (n_needed <= *capacity) {
        return WS_OK;
    }
    size_t n_new = *capacity <= SIZE_MAX / 2 ? 2 * *capacity : n_needed;
    n_new        = n_new > n_needed ? n_new : n_needed;
    n_new        = n_new > MIN_GROWN_ELEMENTS ? n_new : MIN_GROWN_ELEMENTS;
    void *grown  = ws_arena_alloc(arena, n_new, size);
    if (grown == NULL) {
        return WS_ERR_NOMEM;
    }
    void *old;
    memcpy(&old, array, sizeof(old)); /* array is some T **, read without breaking aliasing rules */
    if (n_used > 0) {
        memcpy(grown, old, n_used * size);
    }
    memcpy(array, &grown, sizeof(grown));
    *capacity = n_new;
    return WS_OK;
}
