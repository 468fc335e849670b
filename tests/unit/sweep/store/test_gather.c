/* Invariants: every row a span names comes from its place, whatever the order and the gaps, and no other row
 * of the block is touched; sources with fewer nodes or shorter texts are padded with "nothing here", a column
 * a file lacks is that throughout; what does not fit is refused. */
#include "base/rng.h"
#include "store/gather.h"
#include "store_place.h"

enum { N_FILES = 2, N_ROWS = 60, MAX_SPANS = 12, BLOCK_ROWS = 80 };

/* File 0 has rows of jobs with one node and short names; file 1 the fixture's. */
typedef struct world {
    place            *p;
    swp_reader       *readers[N_FILES];
    const swp_reader *sources[N_FILES];
} world;

static void one_node(const void *ctx, size_t i, swp_row *row)
{
    (void)ctx;
    (void)i;
    row->n_nodes = row->n_nodes > 1 ? 1 : row->n_nodes;
}

static void world_init(void **state, world *w)
{
    swp_layout wide = fixture_layout(N_ROWS), narrow = wide;
    swp_param  params[FIXTURE_PARAMS];
    int64_t    jobs[N_ROWS];
    *w = (world){.p = *state};
    for (int64_t i = 0; i < N_ROWS; i++) {
        jobs[i] = (i * 7) % N_ROWS;
    }
    memcpy(params, narrow.params, sizeof params);
    params[2].text_len = 12;
    narrow.params      = params;
    narrow.max_nodes   = 1;
    place_write(w->p, 0, &narrow, jobs, N_ROWS, one_node, NULL);
    place_write(w->p, 1, &wide, jobs, N_ROWS, NULL, NULL);
    for (int f = 0; f < N_FILES; f++) {
        w->sources[f] = w->readers[f] = place_open(w->p, f);
    }
}

static void world_fini(world *w)
{
    swp_reader_close(&w->readers[0]);
    swp_reader_close(&w->readers[1]);
}

/* One row of the target, the slow way. */
static void slow_row(const world *w, size_t source, size_t row, const swp_column *target, char *out)
{
    const swp_column *from = swp_columns_by_path(swp_reader_columns(w->sources[source]), target->path);
    char              cell[4096];
    if (from == NULL) {
        swp_column_fill(target, 1, out);
        return;
    }
    assert_true(from->row_bytes <= sizeof cell && target->row_bytes <= sizeof cell);
    assert_int_equal(swp_reader_read(w->sources[source], from, row, 1, cell, NULL), WS_OK);
    assert_int_equal(swp_column_convert(from, cell, target, out), WS_OK);
}

/* Spans that fill the block without overlap and leave holes; sources and rows at random. */
static size_t draw_spans(ws_rng *rng, swp_span *spans)
{
    size_t n = 0;
    for (size_t to = 0; n < MAX_SPANS;) {
        to += ws_rng_below(rng, 3);
        const size_t start = ws_rng_below(rng, N_ROWS + 1);
        const size_t count = ws_rng_below(rng, 6);
        if (start + count > N_ROWS || to + count > BLOCK_ROWS) {
            break;
        }
        spans[n++] =
            (swp_span){.source = ws_rng_below(rng, N_FILES), .start = start, .count = count, .to = to};
        to += count;
    }
    return n;
}

static void check_column(const world *w, ws_rng *rng, const swp_column *target)
{
    const size_t bytes    = BLOCK_ROWS * target->row_bytes;
    char        *block    = malloc(bytes);
    char        *expected = malloc(bytes);
    for (int round = 0; round < 20; round++) {
        swp_span     spans[MAX_SPANS];
        const size_t n = draw_spans(rng, spans);
        memset(block, 'x', bytes);
        memset(expected, 'x', bytes);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < spans[i].count; k++) {
                slow_row(w, spans[i].source, spans[i].start + k, target,
                         expected + (spans[i].to + k) * target->row_bytes);
            }
        }
        if (swp_gather(w->sources, spans, n, target, block, &w->p->err) != WS_OK) {
            fail_msg("%s: %s", target->path, ws_error_text(&w->p->err));
        }
        if (memcmp(block, expected, bytes) != 0) {
            fail_msg("%s: round %d: rows differ from those read one by one", target->path, round);
        }
    }
    free(block);
    free(expected);
}

static void test_rows_come_from_their_places(void **state)
{
    ws_rng rng;
    world  w;
    ws_rng_seed(&rng, 1);
    world_init(state, &w);
    const swp_columns *columns = swp_reader_columns(w.readers[1]);
    for (size_t i = 0; i < columns->n; i++) {
        if (columns->list[i].axis == SWP_AXIS_JOB) {
            check_column(&w, &rng, &columns->list[i]);
        }
    }
    swp_column unknown = *swp_columns_by_path(columns, "/metrics/duration_s");
    snprintf(unknown.path, sizeof unknown.path, "/metrics/of_tomorrow");
    check_column(&w, &rng, &unknown);
    world_fini(&w);
}

/* Row 1 of file 1 is job 7, which has two nodes; the target has room for one. */
static void test_what_does_not_fit_is_refused(void **state)
{
    world w;
    world_init(state, &w);
    const swp_column *narrow = swp_columns_by_path(swp_reader_columns(w.readers[0]), "/energy/component_j");
    double            block[2 * WS_COMPONENT_COUNT];
    swp_span          span = {.source = 1, .start = 1, .count = 1, .to = 0};
    assert_int_equal(swp_gather(w.sources, &span, 1, narrow, block, &w.p->err), WS_ERR_ARG);
    assert_non_null(strstr(ws_error_text(&w.p->err), "/energy/component_j does not fit"));
    ws_error_clear(&w.p->err);
    span = (swp_span){.source = 1, .start = N_ROWS, .count = 1, .to = 0}; /* past the end */
    assert_int_equal(swp_gather(w.sources, &span, 1, narrow, block, &w.p->err), WS_ERR_IO);
    assert_int_equal(swp_gather(w.sources, NULL, 0, narrow, block, &w.p->err), WS_OK);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_rows_come_from_their_places),
                                       PLACE_TEST(test_what_does_not_fit_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
