#include "store/row_picks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 1 << 16 };

/* Neighbouring rows of a source and which jobs they are about. */
typedef struct row_block {
    size_t  source, first, n;
    int64_t job_min, job_max; /* min > max: none */
} row_block;

/* A row of one job. */
typedef struct candidate {
    size_t row;
    size_t source_plus_1; /* 0 = none */
    bool   is_done;
} candidate;

/* What is known of one job: the choice among the files before, and the last row of the file being read. */
typedef struct slot {
    candidate before, last;
} slot;

struct swp_row_picks_scan {
    const swp_reader *const *sources;
    size_t                   n_sources;
    const int64_t *const    *job_of_row;
    row_block               *blocks; /* owned; by source, then row */
    size_t                   n_blocks;
    size_t                   window_rows;
    int64_t                  next_job;         /* the first that was not looked at; INT64_MAX = all were */
    slot                    *slots;            /* [window_rows] of next_job and those after it */
    swp_pick                *picks;            /* [2 * window_rows] */
    size_t                   n_given, n_picks; /* picks [0, n_given) went out with the last window */
    int64_t                  jobs[BLOCK_ROWS]; /* of the block being looked at */
    int8_t                   states[BLOCK_ROWS];
};

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

/* ---- rows ---- */

static ws_status load_jobs(swp_row_picks_scan *scan, const row_block *block, ws_error *err)
{
    if (scan->job_of_row != NULL) {
        memcpy(scan->jobs, scan->job_of_row[block->source] + block->first, block->n * sizeof(scan->jobs[0]));
        return WS_OK;
    }
    const swp_reader *reader = scan->sources[block->source];
    return swp_reader_read(reader, swp_columns_find(swp_reader_columns(reader), SWP_ROLE_JOB, 0),
                           block->first, block->n, scan->jobs, err);
}

static ws_status load_states(swp_row_picks_scan *scan, const row_block *block, ws_error *err)
{
    const swp_reader *reader = scan->sources[block->source];
    return swp_reader_read(reader, swp_columns_find(swp_reader_columns(reader), SWP_ROLE_STATE, 0),
                           block->first, block->n, scan->states, err);
}

static ws_status describe_block(swp_row_picks_scan *scan, row_block *block, ws_error *err)
{
    block->job_min = INT64_MAX;
    block->job_max = -1;
    WS_TRY(load_jobs(scan, block, err));
    for (size_t i = 0; i < block->n; i++) {
        const int64_t job = scan->jobs[i];
        block->job_min    = job >= 0 && job < block->job_min ? job : block->job_min;
        block->job_max    = job > block->job_max ? job : block->job_max;
    }
    return WS_OK;
}

static ws_status describe_blocks(swp_row_picks_scan *scan, ws_error *err)
{
    size_t n_blocks = 0;
    for (size_t s = 0; s < scan->n_sources; s++) {
        n_blocks += (swp_reader_n_rows(scan->sources[s]) + BLOCK_ROWS - 1) / BLOCK_ROWS;
    }
    scan->blocks = malloc((n_blocks + 1) * sizeof(scan->blocks[0]));
    if (scan->blocks == NULL) {
        return no_memory(err);
    }
    for (size_t s = 0; s < scan->n_sources; s++) {
        const size_t n_rows = swp_reader_n_rows(scan->sources[s]);
        for (size_t first = 0; first < n_rows; first += BLOCK_ROWS) {
            row_block *block = &scan->blocks[scan->n_blocks++];
            *block           = (row_block){
                          .source = s, .first = first, .n = n_rows - first < BLOCK_ROWS ? n_rows - first : BLOCK_ROWS};
            WS_TRY(describe_block(scan, block, err));
        }
    }
    return WS_OK;
}

/* ---- choosing ---- */

static candidate choice(const slot *at)
{
    const bool is_before_better = at->last.source_plus_1 == 0 || (at->before.is_done && !at->last.is_done);
    return is_before_better ? at->before : at->last;
}

static void offer(slot *at, size_t source, size_t row, bool is_done)
{
    if (at->last.source_plus_1 != source + 1) {
        at->before = choice(at);
    }
    at->last = (candidate){.row = row, .source_plus_1 = source + 1, .is_done = is_done};
}

/* Fill the slots of jobs [next_job, next_job + window_rows). Rows come in the order of sources and rows. */
static ws_status fill_slots(swp_row_picks_scan *scan, ws_error *err)
{
    const int64_t n_slots = (int64_t)scan->window_rows;
    memset(scan->slots, 0, scan->window_rows * sizeof(scan->slots[0]));
    for (size_t b = 0; b < scan->n_blocks; b++) {
        const row_block *block = &scan->blocks[b];
        if (block->job_max < scan->next_job || block->job_min - scan->next_job >= n_slots) {
            continue;
        }
        WS_TRY(load_jobs(scan, block, err));
        WS_TRY(load_states(scan, block, err));
        for (size_t i = 0; i < block->n; i++) {
            if (scan->jobs[i] >= scan->next_job && scan->jobs[i] - scan->next_job < n_slots) {
                offer(&scan->slots[scan->jobs[i] - scan->next_job], block->source, block->first + i,
                      scan->states[i] == SWP_STATE_DONE);
            }
        }
    }
    return WS_OK;
}

/* The smallest job from next_job on that has a row; INT64_MAX if there is none. */
static ws_status skip_gap(swp_row_picks_scan *scan, ws_error *err)
{
    int64_t found = INT64_MAX;
    for (size_t b = 0; b < scan->n_blocks; b++) {
        const row_block *block = &scan->blocks[b];
        if (block->job_max < scan->next_job || block->job_min >= found) {
            continue;
        }
        WS_TRY(load_jobs(scan, block, err));
        for (size_t i = 0; i < block->n; i++) {
            if (scan->jobs[i] >= scan->next_job && scan->jobs[i] < found) {
                found = scan->jobs[i];
            }
        }
    }
    scan->next_job = found;
    return WS_OK;
}

/* Look at the next jobs. */
static ws_status advance(swp_row_picks_scan *scan, ws_error *err)
{
    const size_t before = scan->n_picks;
    WS_TRY(fill_slots(scan, err));
    for (size_t i = 0; i < scan->window_rows; i++) {
        const candidate chosen = choice(&scan->slots[i]);
        if (chosen.source_plus_1 > 0) {
            scan->picks[scan->n_picks++] =
                (swp_pick){chosen.source_plus_1 - 1, chosen.row, scan->next_job + (int64_t)i};
        }
    }
    const int64_t n_slots = (int64_t)scan->window_rows;
    scan->next_job        = scan->next_job <= INT64_MAX - n_slots ? scan->next_job + n_slots : INT64_MAX;
    return scan->n_picks == before ? skip_gap(scan, err) : WS_OK;
}

ws_status swp_row_picks_scan_next(swp_row_picks_scan *scan, ws_error *err, swp_row_picks *plan_out)
{
    scan->n_picks -= scan->n_given;
    memmove(scan->picks, scan->picks + scan->n_given, scan->n_picks * sizeof(scan->picks[0]));
    scan->n_given = 0;
    while (scan->n_picks < scan->window_rows && scan->next_job < INT64_MAX) {
        WS_TRY(advance(scan, err));
    }
    scan->n_given = scan->n_picks < scan->window_rows ? scan->n_picks : scan->window_rows;
    *plan_out     = (swp_row_picks){
            .sources = scan->sources, .n_sources = scan->n_sources, .picks = scan->picks, .n = scan->n_given};
    return WS_OK;
}

void swp_row_picks_scan_rewind(swp_row_picks_scan *scan)
{
    scan->n_picks  = 0;
    scan->n_given  = 0;
    scan->next_job = 0;
}

ws_status swp_row_picks_scan_create(const swp_reader *const *sources, size_t n_sources,
                                    const int64_t *const *job_of_row, size_t window_rows, ws_error *err,
                                    swp_row_picks_scan **scan_out)
{
    swp_row_picks_scan *scan = calloc(1, sizeof(*scan));
    *scan_out                = NULL;
    if (scan == NULL) {
        return no_memory(err);
    }
    scan->sources     = sources;
    scan->n_sources   = n_sources;
    scan->job_of_row  = job_of_row;
    scan->window_rows = window_rows;
    scan->slots       = malloc(scan->window_rows * sizeof(scan->slots[0]));
    scan->picks       = malloc(2 * scan->window_rows * sizeof(scan->picks[0]));
    const ws_status status =
        scan->slots == NULL || scan->picks == NULL ? no_memory(err) : describe_blocks(scan, err);
    if (status != WS_OK) {
        swp_row_picks_scan_destroy(&scan);
        return status;
    }
    *scan_out = scan;
    return WS_OK;
}

void swp_row_picks_scan_destroy(swp_row_picks_scan **scan)
{
    if (*scan != NULL) {
        free((*scan)->blocks);
        free((*scan)->slots);
        free((*scan)->picks);
        free(*scan);
        *scan = NULL;
    }
}

/* ---- all at once ---- */

static ws_status append(swp_row_picks *plan, const swp_row_picks *window, ws_error *err)
{
    swp_pick *grown = realloc(plan->picks, (plan->n + window->n + 1) * sizeof(grown[0]));
    if (grown == NULL) {
        return no_memory(err);
    }
    plan->picks = grown;
    memcpy(plan->picks + plan->n, window->picks, window->n * sizeof(grown[0]));
    plan->n += window->n;
    return WS_OK;
}

ws_status swp_row_picks_build(const swp_reader *const *sources, size_t n_sources,
                              const int64_t *const *job_of_row, ws_error *err, swp_row_picks *plan_out)
{
    swp_row_picks_scan *scan   = NULL;
    swp_row_picks       window = {.n = 1};
    *plan_out                  = (swp_row_picks){.sources = sources, .n_sources = n_sources};
    ws_status status = swp_row_picks_scan_create(sources, n_sources, job_of_row, SWP_WINDOW_ROWS, err, &scan);
    while (status == WS_OK && window.n > 0) {
        status = swp_row_picks_scan_next(scan, err, &window);
        if (status == WS_OK) {
            status = append(plan_out, &window, err);
        }
    }
    swp_row_picks_scan_destroy(&scan);
    return status;
}

void swp_row_picks_fini(swp_row_picks *plan)
{
    free(plan->picks);
    *plan = (swp_row_picks){.n = 0};
}
