/* Invariants: a simulator put together from packed bytes gives, bit for bit, the rows that rank 0's own
 * inputs give; what cannot be put together is refused with the reason and leaves nothing behind. */
#include "base/strbuf.h"
#include "job/simulator.h"
#include "result/row_wire.h"
#include "packed_world.h"

#define MEMBERS                                                                                              \
    "\"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": {\"max_num_seqs\": [1, 2], \"tp_size\": [1, " \
    "2]}, "                                                                                                  \
    "\"repeats\": 2, \"outputs\": {\"timeseries\": true, \"requests\": true}"

/* A row as it is sent, without what measures time. */
static swp_rows sent(const swp_row *row)
{
    swp_rows rows  = {0};
    swp_row  timed = *row;
    timed.wall_s   = 0.0;
    assert_int_equal(swp_rows_add(&rows, &timed), WS_OK);
    return rows;
}

static void test_rows_are_those_of_rank_0(void **state)
{
    (void)state;
    packed_world   p;
    swp_runner    *own       = NULL;
    swp_simulator *simulator = NULL;
    packed_world_init(&p, MEMBERS, "{\"cluster\": \"c.json\", " MEMBERS "}", NULL);
    const swp_runner_config    runner = {.builder = p.s.builder, .rank = 7, .max_nodes = 1};
    const swp_simulator_config config = {.rank = 7, .n_ranks_here = 2};
    assert_int_equal(swp_runner_create(&runner, &own), WS_OK);
    if (swp_simulator_create(&p.setup, &config, &p.s.w.err, &simulator) != WS_OK) {
        fail_msg("%s", ws_error_text(&p.s.w.err));
    }
    for (uint64_t job = 0; job < swp_builder_space(p.s.builder)->n_jobs; job++) {
        swp_rows expected = sent(swp_runner_run(own, job, 3));
        swp_rows found    = sent(swp_simulator_run(simulator, job, 3));
        assert_int_equal(found.len, expected.len);
        assert_memory_equal(found.data, expected.data, found.len);
        free(expected.data);
        free(found.data);
    }
    swp_simulator_destroy(&simulator);
    assert_null(simulator);
    swp_simulator_destroy(&simulator);
    swp_runner_destroy(&own);
    packed_world_fini(&p);
}

static bool stop_at_once(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

static void test_it_stops_when_it_should(void **state)
{
    (void)state;
    packed_world   p;
    swp_simulator *simulator = NULL;
    int            n_asked   = 0;
    ws_strbuf      dataset =
        WS_STRBUF_INIT; /* some 24000 steps, one request after the other: long enough that it is asked */
    for (int i = 0; i < 60; i++) {
        ws_strbuf_puts(&dataset, "{\"input_toks\": 8, \"output_toks\": 400, \"arrival_time_ns\": 0}\n");
    }
    packed_world_init(&p, MEMBERS, "{\"cluster\": \"c.json\", " MEMBERS "}", ws_strbuf_text(&dataset));
    ws_strbuf_fini(&dataset);
    const swp_simulator_config config = {.should_stop = stop_at_once, .ctx = &n_asked};
    assert_int_equal(swp_simulator_create(&p.setup, &config, &p.s.w.err, &simulator), WS_OK);
    const swp_row *row = swp_simulator_run(simulator, 0, 1);
    assert_true(n_asked > 0);
    assert_int_equal(row->state, SWP_STATE_INTERRUPTED);
    swp_simulator_destroy(&simulator);
    packed_world_fini(&p);
}

static void expect_refused(const char *spec_text, const char *reason)
{
    packed_world               p;
    swp_simulator             *simulator = NULL;
    const swp_simulator_config config    = {.rank = 1};
    packed_world_init(&p, MEMBERS, spec_text, NULL);
    assert_int_equal(swp_simulator_create(&p.setup, &config, &p.s.w.err, &simulator), WS_ERR_INPUT);
    assert_null(simulator);
    if (strstr(ws_error_text(&p.s.w.err), reason) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", reason, ws_error_text(&p.s.w.err));
    }
    packed_world_fini(&p);
}

static void test_what_cannot_be_put_together(void **state)
{
    (void)state;
    expect_refused("{\"cluster\": ", "spec.json");
    expect_refused("{\"cluster\": \"lost.json\"}", "lost.json");
    expect_refused("{\"cluster\": \"c.json\", \"parameters\": {\"workload.rate\": [1]}}", "workload.rate");
}

static void test_files_that_were_cut(void **state)
{
    (void)state;
    packed_world               p;
    swp_simulator             *simulator = NULL;
    const swp_simulator_config config    = {.rank = 1};
    packed_world_init(&p, MEMBERS, "{\"cluster\": \"c.json\"}", NULL);
    p.setup.files_len -= 1;
    assert_int_equal(swp_simulator_create(&p.setup, &config, &p.s.w.err, &simulator), WS_ERR_INPUT);
    assert_null(simulator);
    packed_world_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_those_of_rank_0),
        cmocka_unit_test(test_it_stops_when_it_should),
        cmocka_unit_test(test_what_cannot_be_put_together),
        cmocka_unit_test(test_files_that_were_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
