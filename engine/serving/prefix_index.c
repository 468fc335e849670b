#include "serving/prefix_index.h"

#include <stdlib.h>
#include <string.h>

#define NO_PREFIX UINT32_MAX /* parent of first blocks; empty slot of the table */

/* One known prefix: its parent prefix and where the tokens of its last block first appeared. */
typedef struct prefix_entry {
    uint32_t parent;
    size_t   block_begin; /* into the workload's token ids */
} prefix_entry;

/* Open addressing over prefix ids; entries[id] is what an id means. Lives only while the index is built. */
typedef struct prefix_table {
    const int32_t *tokens;
    size_t         block_size;
    size_t         mask;  /* number of slots - 1, a power of two - 1 */
    uint32_t      *slots; /* prefix id or NO_PREFIX */
    prefix_entry  *entries;
    size_t         n_entries;
} prefix_table;

static size_t block_count(const ws_workload_request *request, size_t block_size)
{
    if (request->n_input_ids == 0) {
        return 0;
    }
    return ((size_t)request->n_input_ids + (size_t)request->n_output_ids) / block_size;
}

/* Multiply and shift, one token at a time. Any mixing would do: equality is decided by comparing tokens. */
static uint64_t hash_block(uint32_t parent, const int32_t *tokens, size_t n)
{
    uint64_t hash = 0x9e3779b97f4a7c15ULL ^ parent;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (uint32_t)tokens[i]) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
    }
    return hash;
}

/* The id of (parent, block), new if this pair was never seen. */
static uint32_t intern(prefix_table *table, uint32_t parent, size_t block_begin)
{
    const int32_t *block = table->tokens + block_begin;
    size_t         slot  = hash_block(parent, block, table->block_size) & table->mask;
    while (table->slots[slot] != NO_PREFIX) {
        const prefix_entry *known = &table->entries[table->slots[slot]];
        if (known->parent == parent &&
            memcmp(table->tokens + known->block_begin, block, table->block_size * sizeof(*block)) == 0) {
            return table->slots[slot];
        }
        slot = (slot + 1) & table->mask;
    }
    const uint32_t id  = (uint32_t)table->n_entries++;
    table->slots[slot] = id;
    table->entries[id] = (prefix_entry){parent, block_begin};
    return id;
}

static ws_status table_init(prefix_table *table, const ws_workload *workload, size_t block_size,
                            size_t n_blocks)
{
    size_t n_slots = 16;
    while (n_slots < 2 * n_blocks) {
        n_slots *= 2;
    }
    *table = (prefix_table){.tokens     = workload->token_ids,
                            .block_size = block_size,
                            .mask       = n_slots - 1,
                            .slots      = malloc(n_slots * sizeof(*table->slots)),
                            .entries    = malloc((n_blocks + 1) * sizeof(*table->entries))};
    if (table->slots == NULL || table->entries == NULL) {
        return WS_ERR_NOMEM;
    }
    memset(table->slots, 0xff, n_slots * sizeof(*table->slots)); /* NO_PREFIX in every slot */
    return WS_OK;
}

static void fill_chains(ws_prefix_index *index, prefix_table *table, const ws_workload *workload)
{
    uint32_t n_chain = 0;
    for (size_t id = 0; id < workload->n_requests; id++) {
        const ws_workload_request *request = &workload->requests[id];
        const size_t               n       = block_count(request, table->block_size);
        uint32_t                   parent  = NO_PREFIX;
        index->chain_begin[id]             = n_chain;
        for (size_t block = 0; block < n; block++) {
            parent                  = intern(table, parent, request->token_begin + block * table->block_size);
            index->chain[n_chain++] = parent;
        }
    }
    index->chain_begin[workload->n_requests] = n_chain;
    index->n_prefixes                        = table->n_entries;
}

static ws_status build(ws_prefix_index *index, const ws_workload *workload)
{
    const size_t block_size = (size_t)index->block_size;
    size_t       n_blocks   = 0;
    for (size_t id = 0; id < workload->n_requests; id++) {
        n_blocks += block_count(&workload->requests[id], block_size);
    }
    if (n_blocks >= NO_PREFIX / 2) {
        return WS_ERR_NOMEM; /* ids are 32 bits */
    }
    index->n_requests  = workload->n_requests;
    index->chain_begin = malloc((workload->n_requests + 1) * sizeof(*index->chain_begin));
    index->chain       = malloc((n_blocks + 1) * sizeof(*index->chain));
    if (index->chain_begin == NULL || index->chain == NULL) {
        return WS_ERR_NOMEM;
    }
    prefix_table    table;
    const ws_status status = table_init(&table, workload, block_size, n_blocks);
    if (status == WS_OK) {
        fill_chains(index, &table, workload);
    }
    free(table.slots);
    free(table.entries);
    return status;
}

ws_status ws_prefix_index_create(const ws_workload *workload, int64_t block_size, ws_prefix_index **out)
{
    WS_ASSERT(block_size >= 1);
    *out                   = NULL;
    ws_prefix_index *index = calloc(1, sizeof(*index));
    if (index == NULL) {
        return WS_ERR_NOMEM;
    }
    index->block_size      = block_size;
    const ws_status status = build(index, workload);
    if (status != WS_OK) {
        ws_prefix_index_destroy(&index);
        return status;
    }
    *out = index;
    return WS_OK;
}

void ws_prefix_index_destroy(ws_prefix_index **index)
{
    if (*index != NULL) {
        free((*index)->chain_begin);
        free((*index)->chain);
        free(*index);
    }
    *index = NULL;
}
