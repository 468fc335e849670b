/* Invariants: every row that is pushed is in the file with the parameters of its job and the host of its
 * rank; what waits counts as backlog until it is written; after an error no row is taken any more and the
 * first error is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "failing_malloc.h"
#include "ranks/writer_thread.h"
#include "store_place.h"
#include "toy_builder.h"

enum { N_JOBS = 40, N_RANKS = 3 };

typedef struct stage {
    place              *p;
    toy_builder         toy;
    swp_store          *store;
    swp_writer         *writer;
    const swp_row_sink *sink;
} stage;

static swp_layout layout_of_toy(void)
{
    static const swp_param param  = {"max_num_seqs", "max_num_seqs", "1", SWP_PARAM_INT, 0};
    swp_layout             layout = fixture_layout(N_JOBS);
    layout.n_params               = 1;
    layout.params                 = &param;
    return layout;
}

static void begin(stage *s, place *p)
{
    const swp_layout layout = layout_of_toy();
    *s                      = (stage){.p = p};
    toy_builder_init(&s->toy, "\"parameters\": {\"max_num_seqs\": {\"range\": [101, 140, 1]}}");
    s->store = place_begin(p, 0, &layout);
    assert_int_equal(swp_writer_start(s->store, s->toy.builder, N_RANKS, &s->writer), WS_OK);
    s->sink = swp_writer_sink(s->writer);
}

static void end(stage *s)
{
    swp_store_destroy(&s->store);
    toy_builder_fini(&s->toy);
}

/* Rows [from, to) as one block. */
static ws_status push(stage *s, int64_t from, int64_t to, int32_t rank)
{
    swp_rows      rows = {0};
    swp_row_block block;
    fixture_row   f;
    for (int64_t job = from; job < to; job++) {
        fixture_make(job, &f);
        f.row.rank = rank;
        assert_int_equal(swp_rows_add(&rows, &f.row), WS_OK);
    }
    assert_int_equal(swp_row_block_read(rows.data, rows.len, &block), WS_OK);
    return s->sink->push(s->sink->ctx, block);
}

static void await_written(stage *s)
{
    while (s->sink->backlog_bytes(s->sink->ctx) > 0) {
        usleep(1000);
    }
}

static const swp_column *column(const swp_reader *reader, swp_role role)
{
    const swp_column *found = swp_columns_find(swp_reader_columns(reader), role, 0);
    assert_non_null(found);
    return found;
}

/* Rows 0 to 19 were run on alpha, 20 to 38 on gamma, the last one nowhere; the parameter of job j is 101 + j.
 */
static void expect_params_and_hosts(place *p)
{
    swp_reader *reader = place_open(p, 0);
    char        hosts[N_JOBS][SWP_HOST_LEN];
    int64_t     params[N_JOBS];
    assert_int_equal(swp_reader_n_rows(reader), N_JOBS);
    assert_int_equal(column(reader, SWP_ROLE_HOST)->row_bytes, SWP_HOST_LEN);
    assert_int_equal(column(reader, SWP_ROLE_PARAM)->row_bytes, sizeof(int64_t));
    assert_int_equal(swp_reader_read(reader, column(reader, SWP_ROLE_HOST), 0, N_JOBS, hosts, NULL), WS_OK);
    assert_int_equal(swp_reader_read(reader, column(reader, SWP_ROLE_PARAM), 0, N_JOBS, params, NULL), WS_OK);
    for (int i = 0; i < N_JOBS; i++) {
        assert_string_equal(hosts[i], i < 20 ? "alpha" : i < 39 ? "gamma" : "");
        assert_int_equal(params[i], 101 + i);
    }
    swp_reader_close(&reader);
}

static void test_rows_get_their_parameters_and_hosts(void **state)
{
    stage s;
    begin(&s, *state);
    s.sink->set_host(s.sink->ctx, 0, "alpha");
    s.sink->set_host(s.sink->ctx, 2, "gamma");
    s.sink->set_host(s.sink->ctx, N_RANKS, "nobody"); /* no rank of this sweep */
    s.sink->set_host(s.sink->ctx, -1, "nobody");
    assert_int_equal(push(&s, 0, 20, 0), WS_OK);
    assert_int_equal(push(&s, 20, 39, 2), WS_OK);
    assert_int_equal(push(&s, 39, 40, -1), WS_OK); /* that no rank ran */
    await_written(&s);
    s.sink->flush_soon(s.sink->ctx);
    assert_false(s.sink->has_failed(s.sink->ctx));
    assert_true(swp_writer_cpu_s(s.writer) >= 0.0);
    assert_int_equal(swp_writer_stop(&s.writer, &s.p->err), WS_OK);
    assert_null(s.writer);
    assert_int_equal(swp_store_finish(s.store, SWP_FINISH_REPACK, NULL), WS_OK);
    end(&s);
    expect_params_and_hosts(*state);
}

/* A row that does not fit is an error of the file: the rest is not written. */
static void test_the_first_error_is_reported(void **state)
{
    stage         s;
    swp_row_block block;
    fixture_row   f;
    begin(&s, *state);
    fixture_make(0, &f);
    f.row.n_nodes = 1;
    f.row.rank    = 0;
    assert_int_equal(push(&s, 0, 5, 0), WS_OK);
    f.row.state = SWP_STATE_PENDING; /* which no row may say */
    assert_int_equal(swp_row_block_of(&f.row, &block), WS_OK);
    assert_int_equal(s.sink->push(s.sink->ctx, block), WS_OK);
    while (!s.sink->has_failed(s.sink->ctx)) {
        usleep(1000);
    }
    assert_int_equal(push(&s, 5, 10, 0), WS_OK); /* taken, and dropped */
    await_written(&s);
    assert_int_equal(swp_writer_stop(&s.writer, &s.p->err), WS_ERR_ARG);
    assert_true(s.p->err.n_problems > 0);
    ws_error_clear(&s.p->err);
    end(&s);
}

/* A file that stays open while nothing comes is polled, and stopped at once. */
static void test_it_waits_for_rows(void **state)
{
    stage s;
    begin(&s, *state);
    usleep(300000); /* longer than it sleeps */
    assert_int_equal(push(&s, 0, 1, 1), WS_OK);
    await_written(&s);
    assert_int_equal(swp_writer_stop(&s.writer, &s.p->err), WS_OK);
    assert_int_equal(swp_writer_stop(&s.writer, &s.p->err), WS_OK); /* nothing to stop */
    end(&s);
}

static void test_without_memory(void **state)
{
    stage s;
    begin(&s, *state);
    for (int n = 1; n <= 4; n++) {
        swp_writer *other = NULL;
        failing_malloc_at(n);
        assert_int_equal(swp_writer_start(s.store, s.toy.builder, N_RANKS, &other), WS_ERR_NOMEM);
        assert_true(failing_malloc_has_failed());
        assert_null(other);
    }
    fixture_row   f;
    swp_row_block block;
    fixture_make(0, &f);
    assert_int_equal(swp_row_block_of(&f.row, &block), WS_OK);
    failing_malloc_at(1);
    assert_int_equal(s.sink->push(s.sink->ctx, block), WS_ERR_NOMEM);
    failing_malloc_at(0);
    assert_int_equal(swp_writer_stop(&s.writer, NULL), WS_OK);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_get_their_parameters_and_hosts, place_set_up,
                                        place_tear_down),
        cmocka_unit_test_setup_teardown(test_the_first_error_is_reported, place_set_up, place_tear_down),
        cmocka_unit_test_setup_teardown(test_it_waits_for_rows, place_set_up, place_tear_down),
        cmocka_unit_test_setup_teardown(test_without_memory, place_set_up, place_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
