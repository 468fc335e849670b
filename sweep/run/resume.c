#include "run/resume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "job/job_hash.h"
#include "result/columns.h"
#include "result/point_order.h"

enum { CHUNK_ROWS = 4096 };

/* Rows by hash, open addressing; of a job that came more than once the last row counts. */
typedef struct known_row {
    char          hash[SWP_HASH_LEN];
    int64_t       row_plus_1; /* 0 = empty slot */
    int32_t       attempt;
    swp_job_state state;
    bool          is_matched;
} known_row;

typedef struct row_table {
    known_row *slots;
    size_t     n_slots; /* a power of 2 */
} row_table;

/* The hash is uniform already: its first digits choose the slot. */
static known_row *find_slot(const row_table *table, const char *hash)
{
    uint64_t key = 0;
    for (size_t i = 0; i < 16; i++) {
        const char c = hash[i];
        key          = key << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    for (size_t i = key & (table->n_slots - 1);; i = (i + 1) & (table->n_slots - 1)) {
        known_row *slot = &table->slots[i];
        if (slot->row_plus_1 == 0 || memcmp(slot->hash, hash, SWP_HASH_LEN) == 0) {
            return slot;
        }
    }
}

/* The hash of a job of the sweep. */
static void row_hash_of(const swp_sweep_inputs *in, uint64_t number, const uint32_t *value_index,
                        char hash_out[SWP_HASH_LEN + 1])
{
    swp_job job = swp_job_of(in->builder, number, value_index);
    swp_job_row_hash(&job, hash_out);
    swp_job_fini(&job);
}

/* The hash by which a row is found: its own, or with --rehash the one that its job has now; "" if it has
 * none. */
static void hash_of_row(const swp_sweep_inputs *in, const swp_row_status *row, bool rehash,
                        uint32_t *value_index, char hash_out[SWP_HASH_LEN + 1])
{
    hash_out[0] = '\0';
    if (!rehash) {
        memcpy(hash_out, row->hash, SWP_HASH_LEN + 1);
    } else if (row->job >= 0 && (uint64_t)row->job < swp_builder_space(in->builder)->n_jobs) {
        swp_space_point(swp_builder_space(in->builder), (uint64_t)row->job, value_index);
        row_hash_of(in, (uint64_t)row->job, value_index, hash_out);
    }
}

static ws_status fill_table(const swp_sweep_inputs *in, const swp_reader *reader, bool rehash,
                            row_table *table, ws_error *err)
{
    const size_t n_rows = swp_reader_n_rows(reader);
    table->n_slots      = 64;
    while (table->n_slots < n_rows * 2) {
        table->n_slots *= 2;
    }
    table->slots                = calloc(table->n_slots, sizeof(*table->slots));
    swp_row_status *statuses    = calloc(CHUNK_ROWS, sizeof(*statuses));
    uint32_t       *value_index = calloc(in->spec->n_params + 1, sizeof(*value_index));
    ws_status status = table->slots == NULL || statuses == NULL || value_index == NULL ? WS_ERR_NOMEM : WS_OK;
    for (size_t start = 0; status == WS_OK && start < n_rows; start += CHUNK_ROWS) {
        const size_t n = n_rows - start < CHUNK_ROWS ? n_rows - start : CHUNK_ROWS;
        status         = swp_reader_row_status(reader, start, n, err, statuses);
        for (size_t i = 0; status == WS_OK && i < n; i++) {
            char hash[SWP_HASH_LEN + 1];
            hash_of_row(in, &statuses[i], rehash, value_index, hash);
            if (strlen(hash) != SWP_HASH_LEN) {
                continue; /* not a row of ours: its job runs again */
            }
            known_row *slot = find_slot(table, hash);
            memcpy(slot->hash, hash, SWP_HASH_LEN);
            slot->row_plus_1 = (int64_t)(start + i) + 1;
            slot->attempt    = statuses[i].attempt;
            slot->state      = statuses[i].state;
        }
    }
    free(value_index);
    free(statuses);
    return status;
}

/* The jobs of a sweep as they are looked up among the rows of its earlier file. */
typedef struct matching {
    const swp_sweep_inputs *in;
    const row_table        *table;
    bool                    retry_failed;
    size_t                  retries_capacity;
    swp_resume             *out;
} matching;

static ws_status add_retry(matching *m, swp_ticket ticket)
{
    swp_resume *out = m->out;
    if (out->n_retries == m->retries_capacity) {
        const size_t wider = m->retries_capacity * 2 + 64;
        swp_ticket  *grown = realloc(out->retries, wider * sizeof(*grown));
        if (grown == NULL) {
            return WS_ERR_NOMEM;
        }
        out->retries        = grown;
        m->retries_capacity = wider;
    }
    out->retries[out->n_retries++] = ticket;
    return WS_OK;
}

static ws_status match_job(matching *m, uint64_t job, const uint32_t *value_index)
{
    swp_resume *out = m->out;
    char        hash[SWP_HASH_LEN + 1];
    row_hash_of(m->in, job, value_index, hash);
    known_row *row = find_slot(m->table, hash);
    if (row->row_plus_1 == 0 || row->is_matched) {
        return WS_OK;
    }
    row->is_matched         = true;
    const int64_t at        = row->row_plus_1 - 1;
    const bool    was_tried = row->attempt > 0; /* else a constraint left it out that is not there any more */
    const bool    is_kept =
        m->retry_failed ? row->state == SWP_STATE_DONE : swp_job_state_is_final(row->state) && was_tried;
    if (!is_kept) {
        out->job_of_row[at] =
            was_tried ? (int64_t)job : -1; /* its state and reason stay until it has a new row */
        return add_retry(m, (swp_ticket){.job = job, .attempt = row->attempt + 1});
    }
    const uint64_t bit = job - m->in->slice.begin;
    out->done_bits[bit / 8] |= (uint8_t)(1u << bit % 8);
    out->job_of_row[at] = (int64_t)job;
    out->n_kept[row->state]++;
    out->n_kept_total++;
    return WS_OK;
}

static ws_status match_all(const swp_sweep_inputs *in, bool retry_failed, const row_table *table,
                           swp_resume *out)
{
    uint32_t *value_index = calloc(in->spec->n_params + 1, sizeof(*value_index));
    matching  m           = {.in = in, .table = table, .retry_failed = retry_failed, .out = out};
    ws_status status      = value_index == NULL ? WS_ERR_NOMEM : WS_OK;
    for (uint64_t job = in->slice.begin; status == WS_OK && job < in->slice.end; job++) {
        swp_space_point(swp_builder_space(in->builder), job, value_index);
        if (swp_constraints_check(in->constraints, job, value_index) == SWP_MEETS_ALL) {
            status = match_job(&m, job, value_index);
        }
    }
    free(value_index);
    return status;
}

static uint64_t count_foreign(const row_table *table)
{
    uint64_t n = 0;
    for (size_t i = 0; i < table->n_slots; i++) {
        const known_row *row = &table->slots[i];
        n += row->row_plus_1 != 0 && !row->is_matched && row->state == SWP_STATE_DONE;
    }
    return n;
}

ws_status swp_resume_match(const char *path, const swp_sweep_inputs *inputs, swp_resume_how how,
                           ws_error *err, swp_resume *out)
{
    row_table table = {0};
    *out            = (swp_resume){0};
    WS_TRY(swp_reader_open(path, err, &out->reader));
    const size_t n_rows = swp_reader_n_rows(out->reader);
    out->job_of_row     = malloc((n_rows + 1) * sizeof(*out->job_of_row));
    out->done_bits      = calloc((size_t)((inputs->slice.end - inputs->slice.begin) / 8 + 1), 1);
    ws_status status    = out->job_of_row == NULL || out->done_bits == NULL ? WS_ERR_NOMEM : WS_OK;
    for (size_t i = 0; status == WS_OK && i < n_rows; i++) {
        out->job_of_row[i] = -1;
    }
    if (status == WS_OK) {
        status = fill_table(inputs, out->reader, how.rehash, &table, err);
    }
    if (status == WS_OK) {
        status = match_all(inputs, how.retry_failed, &table, out);
    }
    if (status == WS_OK) {
        out->n_foreign = count_foreign(&table);
    }
    free(table.slots);
    return status;
}

/* ---- the best of them ---- */

/* One metric of CHUNK_ROWS rows, as it lies in the file. */
typedef struct metric_cells {
    const swp_column *column;
    int64_t           cells[CHUNK_ROWS]; /* 8 bytes each, whatever the type */
} metric_cells;

enum { BY_OBJECTIVE, BY_SLO_MET, BY_OVERSIZE, N_RANKED };

static double value_of(const metric_cells *m, size_t row)
{
    double value;
    if (swp_column_may_lack(m->column)) {
        return m->cells[row] < 0 ? NAN : (double)m->cells[row];
    }
    memcpy(&value, &m->cells[row], sizeof value);
    return value;
}

static void fill_metrics(const metric_cells *read, size_t row, double *metrics)
{
    for (size_t m = 0; m < WS_METRIC_COUNT; m++) {
        metrics[m] = NAN;
    }
    for (int k = 0; k < N_RANKED; k++) {
        metrics[read[k].column->index] = value_of(&read[k], row);
    }
}

static ws_status find_best(const swp_resume *r, metric_cells *read, bool ignore_slo, ws_error *err,
                           int64_t *job_out, double *metrics_out)
{
    const size_t n_rows  = swp_reader_n_rows(r->reader);
    const int    is_cost = ws_metric_is_cost((ws_metric)read[BY_OBJECTIVE].column->index);
    swp_ranked   best    = {.tier = SWP_TIER_COUNT};
    double       metrics[WS_METRIC_COUNT];
    for (size_t start = 0; start < n_rows; start += CHUNK_ROWS) {
        const size_t n = n_rows - start < CHUNK_ROWS ? n_rows - start : CHUNK_ROWS;
        for (int k = 0; k < N_RANKED; k++) {
            WS_TRY(swp_reader_read(r->reader, read[k].column, start, n, read[k].cells, err));
        }
        for (size_t i = 0; i < n; i++) {
            const double value = value_of(&read[BY_OBJECTIVE], i);
            if (r->job_of_row[start + i] < 0 || isnan(value)) {
                continue;
            }
            fill_metrics(read, i, metrics);
            const swp_ranked next = {.tier  = swp_point_tier_of_run(metrics, ignore_slo),
                                     .cost  = is_cost != 0 ? value : -value,
                                     .index = (size_t)r->job_of_row[start + i]};
            if (best.tier == SWP_TIER_COUNT || swp_point_compare(&next, &best) < 0) {
                best     = next;
                *job_out = r->job_of_row[start + i];
                memcpy(metrics_out, metrics, sizeof metrics);
            }
        }
    }
    return WS_OK;
}

ws_status swp_resume_best(const swp_resume *r, ws_metric metric, bool ignore_slo, ws_error *err,
                          int64_t *job_out, double *metrics_out)
{
    const ws_metric    ranked[N_RANKED] = {metric, WS_METRIC_SLO_MET, WS_METRIC_OVERSIZE};
    const swp_columns *columns          = swp_reader_columns(r->reader);
    metric_cells      *read             = calloc(N_RANKED, sizeof(*read));
    *job_out                            = -1;
    if (read == NULL) {
        return WS_ERR_NOMEM;
    }
    for (int k = 0; k < N_RANKED; k++) {
        read[k].column = swp_columns_find(columns, SWP_ROLE_METRIC, ranked[k]);
    }
    const ws_status status = find_best(r, read, ignore_slo, err, job_out, metrics_out);
    free(read);
    return status;
}

void swp_resume_fini(swp_resume *resume)
{
    swp_reader_close(&resume->reader);
    free(resume->job_of_row);
    free(resume->done_bits);
    free(resume->retries);
    *resume = (swp_resume){0};
}
