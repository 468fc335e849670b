#include "timing/pim_spread.h"

#include <stdbool.h>
#include <string.h>

typedef struct ws_pim_channel {
    int64_t load;
    int32_t channel;
} ws_pim_channel;

static bool is_before(const ws_pim_channel *a, const ws_pim_channel *b)
{
    return a->load < b->load || (a->load == b->load && a->channel < b->channel);
}

/* Put the top of the heap where it belongs. */
static void sift_down(ws_pim_channel *heap, size_t n)
{
    const ws_pim_channel moved = heap[0];
    size_t               i     = 0;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && is_before(&heap[child + 1], &heap[child]);
        if (!is_before(&heap[child], &moved)) {
            break;
        }
        heap[i] = heap[child];
        i       = child;
    }
    heap[i] = moved;
}

static ws_status reserve(ws_pim_spread *s, ws_arena *arena, size_t n_entries)
{
    const size_t n_channels = (size_t)s->n_channels;
    WS_TRY(ws_arena_grow(arena, &s->begin, &s->begin_capacity, 0, n_channels + 1, sizeof(*s->begin)));
    WS_TRY(ws_arena_grow(arena, &s->heap, &s->heap_capacity, 0, n_channels, sizeof(*s->heap)));
    WS_TRY(ws_arena_grow(arena, &s->chosen, &s->chosen_capacity, 0, n_entries + 1, sizeof(*s->chosen)));
    return ws_arena_grow(arena, &s->entry_ns, &s->entry_capacity, 0, n_entries + 1, sizeof(*s->entry_ns));
}

/* Choose a channel for every entry; begin[c + 1] counts those of channel c. */
static void choose(ws_pim_spread *s, const ws_pim_item *items, size_t n_items, int64_t split)
{
    const size_t n_channels = (size_t)s->n_channels;
    memset(s->begin, 0, (n_channels + 1) * sizeof(*s->begin));
    for (size_t c = 0; c < n_channels; c++) { /* in order: a heap already */
        s->heap[c] = (ws_pim_channel){.channel = (int32_t)c};
    }
    int32_t *chosen = s->chosen;
    for (size_t i = 0; i < n_items; i++) {
        for (int64_t k = 0; k < split; k++) {
            *chosen++ = s->heap[0].channel;
            s->begin[s->heap[0].channel + 1]++;
            s->heap[0].load += items[i].length;
            sift_down(s->heap, n_channels);
        }
    }
}

/* Sort the entries by channel, keeping their order. Moves begin[] up to the end of each channel, and back. */
static void sort_by_channel(ws_pim_spread *s, const ws_pim_item *items, size_t n_items, int64_t split)
{
    const size_t n_channels = (size_t)s->n_channels;
    for (size_t c = 0; c < n_channels; c++) {
        s->begin[c + 1] += s->begin[c];
    }
    const int32_t *chosen = s->chosen;
    for (size_t i = 0; i < n_items; i++) {
        for (int64_t k = 0; k < split; k++) {
            s->entry_ns[s->begin[*chosen++]++] = items[i].ns;
        }
    }
    memmove(s->begin + 1, s->begin, n_channels * sizeof(*s->begin));
    s->begin[0] = 0;
}

ws_status ws_pim_spread_place(ws_pim_spread *spread, ws_arena *arena, const ws_pim_item *items,
                              size_t n_items, int64_t split, int64_t n_channels)
{
    WS_ASSERT(split >= 1 && n_channels >= 1);
    spread->n_channels = n_channels;
    WS_TRY(reserve(spread, arena, n_items * (size_t)split));
    choose(spread, items, n_items, split);
    sort_by_channel(spread, items, n_items, split);
    return WS_OK;
}
