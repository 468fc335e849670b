/* wattsweep diff: do two files say the same about the same jobs? */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/result_table.h"
#include "cli/command_end.h"
#include "cli/commands.h"
#include "cli/file_command.h"
#include "store/gather.h"

#define MAX_SHOWN 20

/* The same job in both files. */
typedef struct pair {
    size_t a, b; /* rows of the frames */
} pair;

typedef struct comparison {
    swp_result_table frames[2];
    pair            *pairs;
    size_t           n_pairs;
    double           rtol;
    bool             only_common; /* jobs that one file lacks are no difference */
    size_t           n_differences;
    ws_error        *err;
} comparison;

static void report(comparison *c, const char *fmt, ...) WS_PRINTF(2, 3);

static void report(comparison *c, const char *fmt, ...)
{
    va_list args;
    if (c->n_differences++ >= MAX_SHOWN) {
        return;
    }
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}

static ws_status no_memory(ws_error *err)
{
    ws_error_add(err, WS_ERR_NOMEM, "out of memory");
    return WS_ERR_NOMEM;
}

/* ---- pairing by hash ---- */

typedef struct hashed {
    char   hash[SWP_HASH_LEN];
    size_t row;
} hashed;

static int by_hash(const void *a, const void *b)
{
    const hashed *x = a, *y = b;
    const int     order = memcmp(x->hash, y->hash, SWP_HASH_LEN);
    if (order != 0) {
        return order;
    }
    return (x->row > y->row) - (x->row < y->row); /* equal hashes pair in the order of jobs */
}

static ws_status load_hashes(const swp_result_table *results, ws_error *err, hashed **out)
{
    swp_cells cells;
    WS_TRY(swp_result_table_read(results, "job_hash", err, &cells));
    hashed *list = malloc((results->n + 1) * sizeof(list[0]));
    for (size_t row = 0; list != NULL && row < results->n; row++) {
        memcpy(list[row].hash, cells.data + row * SWP_HASH_LEN, SWP_HASH_LEN);
        list[row].row = row;
    }
    swp_cells_fini(&cells);
    if (list == NULL) {
        return no_memory(err);
    }
    qsort(list, results->n, sizeof(list[0]), by_hash);
    *out = list;
    return WS_OK;
}

static void report_missing(comparison *c, int has, size_t row)
{
    const swp_result_table *results = &c->frames[has];
    if (c->only_common) {
        return;
    }
    report(c, "job %lld of %s is not in %s", (long long)results->plan.picks[row].job,
           swp_reader_path(results->reader), swp_reader_path(c->frames[1 - has].reader));
}

/* Sorted lists of both files side by side: equal hashes are a pair, others are missing in one of them. */
static void merge_hashes(comparison *c, const hashed *a, const hashed *b)
{
    const size_t n_a = c->frames[0].n, n_b = c->frames[1].n;
    size_t       i = 0, j = 0;
    while (i < n_a && j < n_b) {
        const int order = memcmp(a[i].hash, b[j].hash, SWP_HASH_LEN);
        if (order == 0) {
            c->pairs[c->n_pairs++] = (pair){a[i++].row, b[j++].row};
        } else if (order < 0) {
            report_missing(c, 0, a[i++].row);
        } else {
            report_missing(c, 1, b[j++].row);
        }
    }
    while (i < n_a) {
        report_missing(c, 0, a[i++].row);
    }
    while (j < n_b) {
        report_missing(c, 1, b[j++].row);
    }
}

static ws_status load_both(const comparison *c, hashed *lists[2])
{
    for (int side = 0; side < 2; side++) {
        WS_TRY(load_hashes(&c->frames[side], c->err, &lists[side]));
    }
    return WS_OK;
}

static ws_status pair_jobs(comparison *c)
{
    hashed *lists[2] = {NULL, NULL};
    c->pairs         = malloc((c->frames[0].n + 1) * sizeof(c->pairs[0]));
    if (c->pairs == NULL) {
        return no_memory(c->err);
    }
    const ws_status status = load_both(c, lists);
    if (status == WS_OK) {
        merge_hashes(c, lists[0], lists[1]);
    }
    free(lists[0]);
    free(lists[1]);
    return status;
}

/* ---- columns ---- */

/* Where results come from is not what they are: who ran a job, how long it took, how often it was tried,
 * where it lies. */
static bool is_compared(const swp_column *column)
{
    switch (column->role) {
    case SWP_ROLE_JOB:
    case SWP_ROLE_HASH:
    case SWP_ROLE_ATTEMPT:
    case SWP_ROLE_SAMPLE_START:
    case SWP_ROLE_REQUEST_START:
    case SWP_ROLE_RANK:
    case SWP_ROLE_HOST:
    case SWP_ROLE_WALL_S:
        return false;
    default:
        return true;
    }
}

/* The other file's column of the same meaning: by full name for parameters, by path for the rest. */
static const swp_column *counterpart(const comparison *c, const swp_column *column)
{
    const swp_layout *a = swp_reader_layout(c->frames[0].reader), *b = swp_reader_layout(c->frames[1].reader);
    if (column->role != SWP_ROLE_PARAM) {
        return swp_columns_by_path(swp_reader_columns(c->frames[1].reader), column->path);
    }
    for (size_t k = 0; k < b->n_params; k++) {
        if (strcmp(a->params[column->index].long_name, b->params[k].long_name) == 0 &&
            a->params[column->index].kind == b->params[k].kind) {
            return swp_columns_find(swp_reader_columns(c->frames[1].reader), SWP_ROLE_PARAM, k);
        }
    }
    return NULL;
}

/* A file of an older program lacks columns: said once, not for every job. Lacking in both is no difference.
 */
static bool is_lacking(comparison *c, const swp_column *a, const swp_column *b)
{
    const bool has[2] = {swp_reader_has(c->frames[0].reader, a), swp_reader_has(c->frames[1].reader, b)};
    if (has[0] != has[1]) {
        report(c, "%s is not in %s", a->path, swp_reader_path(c->frames[has[0]].reader));
    }
    return !has[0] || !has[1];
}

static bool same_numbers(const comparison *c, double x, double y)
{
    return x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= c->rtol * fmax(fabs(x), fabs(y));
}

/* Compare n rows of one column; a file with a longer node axis must have nothing (NaN) beyond the other's. */
static bool same_rows(const comparison *c, const swp_column *a, const char *x, const swp_column *b,
                      const char *y)
{
    const size_t least = a->inner_count < b->inner_count ? a->inner_count : b->inner_count;
    if (a->type != SWP_TYPE_F64) {
        const swp_column *longer = a->row_bytes > b->row_bytes ? a : b;
        const char       *rest   = longer == a ? x : y;
        const size_t      size   = least * swp_type_size(a->type);
        for (size_t i = size; i < longer->row_bytes; i++) {
            if (rest[i] != '\0') {
                return false;
            }
        }
        return memcmp(x, y, size) == 0;
    }
    const double *p = (const double *)(const void *)x, *q = (const double *)(const void *)y;
    for (size_t i = 0; i < a->inner_count || i < b->inner_count; i++) {
        const double of_a = i < a->inner_count ? p[i] : NAN;
        const double of_b = i < b->inner_count ? q[i] : NAN;
        if (!same_numbers(c, of_a, of_b)) {
            return false;
        }
    }
    return true;
}

static void report_cell(comparison *c, const pair *at, const swp_cells *a, const swp_cells *b)
{
    char            x[SWP_CELL_TEXT], y[SWP_CELL_TEXT];
    const bool      simple = a->column->inner == SWP_INNER_NONE || a->column->inner == SWP_INNER_TEXT;
    const long long job    = (long long)c->frames[0].plan.picks[at->a].job;
    if (simple) {
        report(c, "job %lld: %s: %s, %s", job, a->name, swp_cells_text(a, at->a, 0, x),
               swp_cells_text(b, at->b, 0, y));
    } else {
        report(c, "job %lld: %s differs", job, a->column->path);
    }
}

static ws_status compare_job_column(comparison *c, const swp_column *column, const swp_column *other)
{
    swp_cells a, b;
    WS_TRY(swp_result_table_read_column(&c->frames[0], column, c->err, &a));
    const ws_status status = swp_result_table_read_column(&c->frames[1], other, c->err, &b);
    for (size_t i = 0; status == WS_OK && i < c->n_pairs; i++) {
        const pair *at = &c->pairs[i];
        if (!same_rows(c, column, a.data + at->a * column->row_bytes, other,
                       b.data + at->b * other->row_bytes)) {
            report_cell(c, at, &a, &b);
        }
    }
    swp_cells_fini(&a);
    if (status == WS_OK) {
        swp_cells_fini(&b);
    }
    return status;
}

/* ---- ragged columns ---- */

#define BLOCK_ROWS ((size_t)1 << 18) /* samples held of each file at a time */

typedef struct shares {
    swp_cells start, count; /* of one file, by row of its results */
} shares;

static ws_status load_shares(const swp_result_table *results, swp_row_axis axis, ws_error *err, shares *out)
{
    const swp_columns *columns = swp_reader_columns(results->reader);
    const bool         samples = axis == SWP_AXIS_SAMPLE;
    *out                       = (shares){.start = {.n = 0}};
    WS_TRY(swp_result_table_read_column(
        results, swp_columns_find(columns, samples ? SWP_ROLE_SAMPLE_START : SWP_ROLE_REQUEST_START, 0), err,
        &out->start));
    return swp_result_table_read_column(
        results, swp_columns_find(columns, samples ? SWP_ROLE_SAMPLE_COUNT : SWP_ROLE_REQUEST_COUNT, 0), err,
        &out->count);
}

static size_t share(const swp_cells *cells, size_t row)
{
    int64_t value;
    memcpy(&value, cells->data + row * sizeof(value), sizeof(value));
    return value > 0 ? (size_t)value : 0;
}

/* One file's side of a ragged column. */
typedef struct ragged_side {
    const shares     *shares;
    const swp_column *column;
} ragged_side;

/* Pairs [first, end), whose samples are held of both files at a time. */
typedef struct sample_block {
    size_t    first, end;
    swp_span *spans;   /* [end - first] */
    char     *data[2]; /* samples of each file, pair after pair */
} sample_block;

/* Gather the samples of a block of one file. */
static ws_status gather_side(const comparison *c, int side, const ragged_side *of, const sample_block *block)
{
    const swp_reader *const *sources = &c->frames[side].source;
    size_t                   to      = 0;
    for (size_t i = block->first; i < block->end; i++) {
        const size_t row               = side == 0 ? c->pairs[i].a : c->pairs[i].b;
        const size_t count             = share(&of->shares->count, row);
        block->spans[i - block->first] = (swp_span){0, share(&of->shares->start, row), count, to};
        to += count;
    }
    return swp_gather(sources, block->spans, block->end - block->first, of->column, block->data[side],
                      c->err);
}

static bool same_samples(const comparison *c, const ragged_side sides[2], const sample_block *block,
                         size_t at, size_t n)
{
    const swp_column *a = sides[0].column, *b = sides[1].column;
    for (size_t k = at; k < at + n; k++) {
        if (!same_rows(c, a, block->data[0] + k * a->row_bytes, b, block->data[1] + k * b->row_bytes)) {
            return false;
        }
    }
    return true;
}

static void compare_block(comparison *c, const ragged_side sides[2], const sample_block *block)
{
    size_t at = 0;
    for (size_t i = block->first; i < block->end; i++) {
        const size_t n = share(&sides[0].shares->count, c->pairs[i].a);
        if (!same_samples(c, sides, block, at, n)) {
            report(c, "job %lld: %s differs", (long long)c->frames[0].plan.picks[c->pairs[i].a].job,
                   sides[0].column->path);
        }
        at += n;
    }
}

static ws_status gather_and_compare(comparison *c, const ragged_side sides[2], const sample_block *block)
{
    if (block->spans == NULL || block->data[0] == NULL || block->data[1] == NULL) {
        return no_memory(c->err);
    }
    WS_TRY(gather_side(c, 0, &sides[0], block));
    WS_TRY(gather_side(c, 1, &sides[1], block));
    compare_block(c, sides, block);
    return WS_OK;
}

/* Pairs whose counts are equal, in blocks of about BLOCK_ROWS samples. */
static ws_status compare_ragged_column(comparison *c, const ragged_side sides[2])
{
    ws_status    status = WS_OK;
    sample_block block  = {.end = 0};
    while (block.end < c->n_pairs && status == WS_OK) {
        size_t n    = 0;
        block.first = block.end;
        while (block.end < c->n_pairs && (block.end == block.first || n < BLOCK_ROWS)) {
            n += share(&sides[0].shares->count, c->pairs[block.end].a);
            block.end++;
        }
        block.spans   = malloc((block.end - block.first) * sizeof(block.spans[0]));
        block.data[0] = malloc(n * sides[0].column->row_bytes + 1);
        block.data[1] = malloc(n * sides[1].column->row_bytes + 1);
        status        = gather_and_compare(c, sides, &block);
        free(block.spans);
        free(block.data[0]);
        free(block.data[1]);
    }
    return status;
}

/* Keep only pairs with as many samples in both; the others are reported with their count column. */
static void drop_unequal(comparison *c, const shares *a, const shares *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n_pairs; i++) {
        if (share(&a->count, c->pairs[i].a) == share(&b->count, c->pairs[i].b)) {
            c->pairs[kept++] = c->pairs[i];
        }
    }
    c->n_pairs = kept;
}

static ws_status compare_ragged_columns(comparison *c, swp_row_axis axis, shares both[2])
{
    const swp_columns *columns = swp_reader_columns(c->frames[0].reader);
    WS_TRY(load_shares(&c->frames[0], axis, c->err, &both[0]));
    WS_TRY(load_shares(&c->frames[1], axis, c->err, &both[1]));
    drop_unequal(c, &both[0], &both[1]);
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        if (column->axis == axis && !is_lacking(c, column, counterpart(c, column))) {
            const ragged_side sides[2] = {{&both[0], column}, {&both[1], counterpart(c, column)}};
            WS_TRY(compare_ragged_column(c, sides));
        }
    }
    return WS_OK;
}

static ws_status compare_ragged_axis(comparison *c, swp_row_axis axis)
{
    shares          both[2] = {{.start = {.n = 0}}, {.start = {.n = 0}}};
    const ws_status status  = compare_ragged_columns(c, axis, both);
    for (int side = 0; side < 2; side++) {
        swp_cells_fini(&both[side].start);
        swp_cells_fini(&both[side].count);
    }
    return status;
}

/* ---- the whole ---- */

static ws_status compare_columns(comparison *c)
{
    const swp_columns *columns = swp_reader_columns(c->frames[0].reader);
    for (size_t i = 0; i < columns->n; i++) {
        const swp_column *column = &columns->list[i];
        if (column->axis != SWP_AXIS_JOB || !is_compared(column)) {
            continue;
        }
        const swp_column *other = counterpart(c, column);
        if (other == NULL || other->type != column->type) {
            report(c, "%s is not in %s", column->path, swp_reader_path(c->frames[1].reader));
            continue;
        }
        if (is_lacking(c, column, other)) {
            continue;
        }
        WS_TRY(compare_job_column(c, column, other));
    }
    return WS_OK;
}

static ws_status compare_all(comparison *c)
{
    const swp_layout *a = swp_reader_layout(c->frames[0].reader), *b = swp_reader_layout(c->frames[1].reader);

    WS_TRY(pair_jobs(c));
    if (a->n_params != b->n_params) {
        report(c, "%zu parameters in %s, %zu in %s", a->n_params, swp_reader_path(c->frames[0].reader),
               b->n_params, swp_reader_path(c->frames[1].reader));
    }
    WS_TRY(compare_columns(c));
    if (a->has_series && b->has_series) {
        WS_TRY(compare_ragged_axis(c, SWP_AXIS_SAMPLE));
    }
    if (a->has_requests && b->has_requests) {
        WS_TRY(compare_ragged_axis(c, SWP_AXIS_REQUEST));
    }
    return WS_OK;
}

typedef struct diff_options {
    const char *files[2];
    double      rtol;
    bool        only_common;
    bool        are_different; /* what was found */
} diff_options;

static ws_status open_and_compare(const diff_options *options, comparison *c)
{
    for (int side = 0; side < 2; side++) {
        WS_TRY(swp_result_table_open(options->files[side], c->err, &c->frames[side]));
    }
    WS_TRY(compare_all(c));
    if (c->n_differences > MAX_SHOWN) {
        printf("... and %zu more\n", c->n_differences - MAX_SHOWN);
    }
    printf("%zu jobs compared, %zu differences\n", c->n_pairs, c->n_differences);
    return WS_OK;
}

static const ws_arg args[] = {
    {.name   = "rtol",
     .kind   = WS_ARG_NUMBER,
     .offset = offsetof(diff_options, rtol),
     .min    = 0.0,
     .max    = INFINITY,
     .help   = "numbers may differ by X times the larger one (default 0: exact)"},
    {.name   = "common",
     .kind   = WS_ARG_FLAG,
     .offset = offsetof(diff_options, only_common),
     .help   = "compare only jobs that both files have: an unfinished sweep with a complete one"},
};

static ws_status diff(void *of_command, ws_error *err)
{
    diff_options   *options = of_command;
    comparison      c       = {.err = err, .rtol = options->rtol, .only_common = options->only_common};
    const ws_status status  = open_and_compare(options, &c);
    free(c.pairs);
    swp_result_table_close(&c.frames[0]);
    swp_result_table_close(&c.frames[1]);
    options->are_different = c.n_differences > 0;
    return status;
}

static int diff_exit_code(const void *of_command)
{
    const diff_options *options = of_command;
    return options->are_different ? WS_EXIT_FAILED : WS_EXIT_DONE;
}

int swp_cmd_diff(int argc, char **argv)
{
    diff_options           options = {.rtol = 0.0};
    const ws_arg_section   section = {NULL, args, sizeof(args) / sizeof(args[0]), &options};
    const swp_file_command command = {
        .program = "wattsweep diff",
        .usage   = "A B [--rtol X] [--common]",
        .about =
            "Compare two files job by job (by content hash): states, errors, parameters, metrics, energy, "
            "time\n"
            "series, requests. Ignored: job numbers and storage order, attempts, ranks, hosts, wall times.\n"
            "Exit code: 0 same; 1 different; 2 bad option; 3 a file cannot be read.",
        .sections   = &section,
        .n_sections = 1,
        .files      = options.files,
        .n_files    = 2,
        .file_names = "two files",
        .run        = diff,
        .exit_code  = diff_exit_code,
        .options    = &options};
    return swp_file_command_run(&command, argc, argv);
}
