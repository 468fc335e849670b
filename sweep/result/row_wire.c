#include "result/row_wire.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAGIC 0x31574f5250575353u /* "SSWPROW1" */

/* Bits of `present` above the series columns. */
enum {
    HAS_METRICS         = 1 << 24,
    HAS_COMPONENT_J     = 1 << 25,
    HAS_NPU_STATE_S     = 1 << 26,
    HAS_NODE_POWER      = 1 << 27,
    HAS_COMPONENT_POWER = 1 << 28,
    HAS_PHASE_J         = 1 << 29
};
static_assert((int)WS_SERIES_COUNT <= 24, "a bit of `present` for each column");

typedef struct row_head {
    uint64_t magic, total_bytes; /* head included */
    int64_t  job, seed;
    double   wall_s;
    uint64_t n_samples, n_requests;
    uint32_t present, n_nodes, error_len; /* error_len: with its NUL; 0 = none */
    int32_t  state, attempt, repeat, rank, profile_kind;
    char     hash[SWP_HASH_LEN + 8];
    uint64_t checksum; /* of all but itself: a sender that dies may leave half a message behind */
} row_head;
static_assert(sizeof(row_head) == 136, "the wire format of a row");

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* Fast, and good enough for bytes that never came; not against malice. Rows are multiples of 8 bytes. Four
 * sums at once, since each step waits for the multiplication before. */
static uint64_t fold(uint64_t sum, const char *data, size_t len)
{
    enum { N_SUMS = 4 };
    uint64_t     sums[N_SUMS] = {sum, ~sum, sum + 1, ~sum + 1};
    uint64_t     words[N_SUMS];
    const size_t whole = len - len % sizeof words;
    for (size_t i = 0; i < whole; i += sizeof words) {
        memcpy(words, data + i, sizeof words);
        for (int k = 0; k < N_SUMS; k++) {
            sums[k] = mix(sums[k], words[k]);
        }
    }
    for (size_t i = whole; i < len; i += sizeof words[0]) {
        memcpy(words, data + i, sizeof words[0]);
        sums[0] = mix(sums[0], words[0]);
    }
    return mix(mix(mix(sums[0], sums[1]), sums[2]), sums[3]);
}

static uint64_t checksum_of(const char *row, size_t total_bytes)
{
    const uint64_t sum = fold(total_bytes, row, offsetof(row_head, checksum));
    return fold(sum, row + sizeof(row_head), total_bytes - sizeof(row_head));
}

/* One walk over the arrays serves writing and reading. */
typedef struct row_arrays {
    const void *at[WS_SERIES_COUNT + 8];
    size_t      bytes[WS_SERIES_COUNT + 8];
    size_t      n;
} row_arrays;

static void add_array(row_arrays *arrays, const void *at, size_t bytes)
{
    arrays->at[arrays->n]      = at;
    arrays->bytes[arrays->n++] = bytes;
}

static row_head head_of(const swp_row *row)
{
    row_head head = {.magic      = ROW_MAGIC,
                     .job        = row->job,
                     .seed       = row->seed,
                     .wall_s     = row->wall_s,
                     .n_samples  = row->n_samples,
                     .n_requests = row->n_requests,
                     .n_nodes    = (uint32_t)row->n_nodes,
                     .error_len =
                         row->error != NULL && row->error[0] != '\0' ? (uint32_t)strlen(row->error) + 1 : 0,
                     .state        = (int32_t)row->state,
                     .attempt      = row->attempt,
                     .repeat       = row->repeat,
                     .rank         = row->rank,
                     .profile_kind = row->profile_kind};
    memcpy(head.hash, row->hash, SWP_HASH_LEN);
    for (int c = 0; c < WS_SERIES_COUNT; c++) {
        head.present |= row->series[c] != NULL ? 1u << c : 0u;
    }
    head.present |= row->metrics != NULL ? HAS_METRICS : 0;
    head.present |= row->component_j != NULL ? HAS_COMPONENT_J : 0;
    head.present |= row->phase_j != NULL ? HAS_PHASE_J : 0;
    head.present |= row->npu_state_s != NULL ? HAS_NPU_STATE_S : 0;
    head.present |= row->node_power_w != NULL ? HAS_NODE_POWER : 0;
    head.present |= row->component_power_w != NULL ? HAS_COMPONENT_POWER : 0;
    return head;
}

/* The arrays of a row, in the order they are packed. */
static row_arrays arrays_of(const swp_row *row, const row_head *head)
{
    row_arrays   arrays = {.n = 0};
    const size_t d      = sizeof(double);
    add_array(&arrays, row->metrics, row->metrics != NULL ? WS_METRIC_COUNT * d : 0);
    add_array(&arrays, row->component_j,
              row->component_j != NULL ? row->n_nodes * WS_COMPONENT_COUNT * d : 0);
    add_array(&arrays, row->phase_j,
              row->phase_j != NULL ? row->n_nodes * WS_COMPONENT_COUNT * WS_PHASE_COUNT * d : 0);
    add_array(&arrays, row->npu_state_s, row->npu_state_s != NULL ? row->n_nodes * WS_STATE_COUNT * d : 0);
    for (int c = 0; c < WS_SERIES_COUNT; c++) {
        add_array(&arrays, row->series[c], row->series[c] != NULL ? row->n_samples * d : 0);
    }
    add_array(&arrays, row->node_power_w, row->node_power_w != NULL ? row->n_samples * row->n_nodes * d : 0);
    add_array(&arrays, row->component_power_w,
              row->component_power_w != NULL ? row->n_samples * WS_COMPONENT_COUNT * d : 0);
    add_array(&arrays, row->requests, row->n_requests * sizeof(swp_request));
    add_array(&arrays, row->error, head->error_len);
    return arrays;
}

static size_t total_of(const row_arrays *arrays)
{
    size_t total = sizeof(row_head);
    for (size_t i = 0; i < arrays->n; i++) {
        total += padded(arrays->bytes[i]);
    }
    return total;
}

size_t swp_row_packed_bytes(const swp_row *row)
{
    const row_head   head   = head_of(row);
    const row_arrays arrays = arrays_of(row, &head);
    return total_of(&arrays);
}

ws_status swp_rows_add(swp_rows *rows, const swp_row *row)
{
    row_head         head   = head_of(row);
    const row_arrays arrays = arrays_of(row, &head);
    const size_t     total  = total_of(&arrays);
    head.total_bytes        = total;
    if (rows->capacity - rows->len < total) {
        const size_t capacity = (rows->len + total) * 2;
        char        *grown    = realloc(rows->data, capacity);
        if (grown == NULL) {
            return WS_ERR_NOMEM;
        }
        rows->data     = grown;
        rows->capacity = capacity;
    }
    char *at = rows->data + rows->len;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    for (size_t i = 0; i < arrays.n; i++) {
        if (arrays.bytes[i] > 0) {
            memcpy(at, arrays.at[i], arrays.bytes[i]);
            memset(at + arrays.bytes[i], 0, padded(arrays.bytes[i]) - arrays.bytes[i]);
            at += padded(arrays.bytes[i]);
        }
    }
    head.checksum = checksum_of(rows->data + rows->len, total);
    memcpy(rows->data + rows->len, &head, sizeof head);
    rows->len += total;
    rows->n_rows++;
    return WS_OK;
}

/* Takes arrays off a packed row, remembering whether it ran short. */
typedef struct row_cursor {
    const char *at;
    size_t      left;
    bool        is_short;
} row_cursor;

static const void *take_array(row_cursor *cursor, bool is_present, uint64_t n, size_t width)
{
    if (!is_present) {
        return NULL;
    }
    if (n > cursor->left / width || padded((size_t)n * width) > cursor->left) {
        cursor->is_short = true;
        return NULL;
    }
    const char *at = cursor->at;
    cursor->at += padded((size_t)n * width);
    cursor->left -= padded((size_t)n * width);
    return at;
}

ws_status swp_rows_next(const char *data, size_t len, size_t *offset, swp_row *row_out)
{
    const row_head *head = (const row_head *)(const void *)(data + *offset);
    const size_t    left = len - *offset;
    if (left < sizeof *head || head->magic != ROW_MAGIC || head->total_bytes < sizeof *head ||
        head->total_bytes > left || head->n_nodes > left || head->n_samples > left || head->state < 0 ||
        head->state >= SWP_STATE_COUNT || head->hash[SWP_HASH_LEN] != '\0' || head->total_bytes % 8 != 0 ||
        head->checksum != checksum_of(data + *offset, head->total_bytes)) {
        return WS_ERR_INPUT;
    }
    row_cursor     cursor  = {.at = data + *offset + sizeof *head, .left = head->total_bytes - sizeof *head};
    const uint32_t present = head->present;
    const size_t   d       = sizeof(double);
    swp_row        row     = {.job          = head->job,
                              .state        = (swp_job_state)head->state,
                              .attempt      = head->attempt,
                              .hash         = head->hash,
                              .seed         = head->seed,
                              .repeat       = head->repeat,
                              .rank         = head->rank,
                              .wall_s       = head->wall_s,
                              .profile_kind = head->profile_kind,
                              .n_nodes      = head->n_nodes,
                              .n_samples    = head->n_samples,
                              .n_requests   = head->n_requests};
    const uint64_t node_samples = head->n_samples * head->n_nodes;
    row.metrics                 = take_array(&cursor, present & HAS_METRICS, WS_METRIC_COUNT, d);
    row.component_j =
        take_array(&cursor, present & HAS_COMPONENT_J, (uint64_t)head->n_nodes * WS_COMPONENT_COUNT, d);
    row.phase_j = take_array(&cursor, present & HAS_PHASE_J,
                             (uint64_t)head->n_nodes * WS_COMPONENT_COUNT * WS_PHASE_COUNT, d);
    row.npu_state_s =
        take_array(&cursor, present & HAS_NPU_STATE_S, (uint64_t)head->n_nodes * WS_STATE_COUNT, d);
    for (int c = 0; c < WS_SERIES_COUNT; c++) {
        row.series[c] = take_array(&cursor, present & 1u << c, head->n_samples, d);
    }
    row.node_power_w = take_array(&cursor, present & HAS_NODE_POWER, node_samples, d);
    row.component_power_w =
        take_array(&cursor, present & HAS_COMPONENT_POWER, head->n_samples * WS_COMPONENT_COUNT, d);
    row.requests = take_array(&cursor, head->n_requests > 0, head->n_requests, sizeof(swp_request));
    row.error    = take_array(&cursor, head->error_len > 0, head->error_len, 1);
    if (cursor.is_short || cursor.left != 0 ||
        (row.error != NULL && row.error[head->error_len - 1] != '\0')) {
        return WS_ERR_INPUT;
    }
    *row_out = row;
    *offset += head->total_bytes;
    return WS_OK;
}

/* ---- blocks ---- */

/* Room for one more row. Rows of a block are mostly of one size: the first says how many there will be. */
static ws_status reserve_row(swp_row_block *block, size_t *capacity, size_t bytes_so_far)
{
    if (block->n_rows < *capacity) {
        return WS_OK;
    }
    const size_t n     = block->n_rows == 1 ? block->len / bytes_so_far : block->n_rows * 2;
    const size_t wider = n > block->n_rows ? n : block->n_rows + 1;
    swp_row     *grown = realloc(block->rows, wider * sizeof(*grown));
    if (grown == NULL) {
        return WS_ERR_NOMEM;
    }
    block->rows = grown;
    *capacity   = wider;
    return WS_OK;
}

ws_status swp_row_block_read(char *data, size_t len, swp_row_block *block_out)
{
    swp_row_block block    = {.data = data, .len = len};
    size_t        capacity = 0, offset = 0;
    *block_out = (swp_row_block){0};
    while (offset < len) {
        const ws_status status = reserve_row(&block, &capacity, offset);
        if (status != WS_OK) {
            swp_row_block_fini(&block);
            return status;
        }
        if (swp_rows_next(data, len, &offset, &block.rows[block.n_rows]) != WS_OK) {
            break;
        }
        block.n_rows++;
    }
    *block_out = block;
    return WS_OK;
}

ws_status swp_row_block_of(const swp_row *row, swp_row_block *block_out)
{
    swp_rows rows = {0};
    *block_out    = (swp_row_block){0};
    WS_TRY(swp_rows_add(&rows, row));
    return swp_row_block_read(rows.data, rows.len, block_out);
}

size_t swp_row_block_bytes(const swp_row_block *block)
{
    return block->len + block->n_rows * sizeof(*block->rows);
}

void swp_row_block_fini(swp_row_block *block)
{
    free(block->data);
    free(block->rows);
    *block = (swp_row_block){0};
}
