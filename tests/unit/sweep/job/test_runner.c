/* Invariants: a job's row says what the simulation of its scenario says, bit for bit, whatever ran before it;
 * whatever goes wrong is a row with its state, a reason and no arrays, and the next job is none the worse; a
 * job that never runs has the identity it would have had. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "job/runner.h"
#include "sweep_world.h"

#define DATASET "\"workload\": {\"dataset\": \"w.jsonl\"}"

static swp_runner *runner_of(sweep_world *s, swp_runner_config config)
{
    swp_runner *runner = NULL;
    config.builder     = s->builder;
    assert_int_equal(swp_runner_create(&config, &runner), WS_OK);
    return runner;
}

static void expect_state(const swp_row *row, swp_job_state state, const char *reason)
{
    if (row->state != state || (reason == NULL) != (row->error == NULL) ||
        (reason != NULL && strstr(row->error, reason) == NULL)) {
        fail_msg("job %lld: expected %s \"%s\", found %s \"%s\"", (long long)row->job,
                 swp_job_state_name(state), reason != NULL ? reason : "", swp_job_state_name(row->state),
                 row->error != NULL ? row->error : "");
    }
}

/* A row of a job without result: identity and reason, nothing else. */
static void expect_no_result(sweep_world *s, const swp_row *row, uint64_t job, int32_t attempt)
{
    char hash[SWP_HASH_LEN + 1];
    assert_int_equal(row->job, job);
    assert_int_equal(row->attempt, attempt);
    assert_true(row->metrics == NULL && row->component_j == NULL && row->phase_j == NULL &&
                row->npu_state_s == NULL);
    assert_true(row->n_nodes == 0 && row->n_samples == 0 && row->n_requests == 0 && row->requests == NULL);
    assert_true(row->node_power_w == NULL && row->component_power_w == NULL && row->series[0] == NULL);
    assert_int_equal(row->profile_kind, -1);
    if (sweep_world_hash(s, job, hash) == WS_OK) {
        assert_string_equal(row->hash, hash);
    }
}

/* Simulated by hand: the same builder's scenario in a run of its own. */
static void expect_result(sweep_world *s, const swp_row *row, uint64_t job)
{
    ws_scenario     *scenario = NULL;
    const ws_result *result   = NULL;
    swp_job          built    = sweep_world_job(s, job);
    assert_int_equal(swp_job_scenario(&built, &s->w.err, &scenario), WS_OK);
    swp_job_fini(&built);
    assert_int_equal(ws_simulate(scenario, s->w.run, NULL, &s->w.err, &result), WS_OK);
    expect_state(row, SWP_STATE_DONE, NULL);
    assert_memory_equal(row->metrics, result->metrics, sizeof result->metrics);
    assert_int_equal(row->n_nodes, result->n_nodes);
    if (result->component_j != NULL) {
        assert_memory_equal(row->component_j, result->component_j,
                            result->n_nodes * WS_COMPONENT_COUNT * sizeof(double));
    }
    assert_int_equal(row->profile_kind, (int)result->profile_kind);
    if (s->spec->wants_timeseries) {
        assert_int_equal(row->n_samples, result->series.n_samples);
        assert_memory_equal(row->series[WS_SERIES_TIME_S], result->series.columns[WS_SERIES_TIME_S],
                            row->n_samples * sizeof(double));
    }
    if (s->spec->wants_requests) {
        assert_int_equal(row->n_requests, result->n_requests);
        for (size_t i = 0; i < row->n_requests; i++) {
            assert_int_equal(row->requests[i].request_id, result->requests[i].request_id);
            assert_int_equal(row->requests[i].ttft_ns, result->requests[i].ttft_ns);
            assert_int_equal(row->requests[i].end_ns, result->requests[i].end_ns);
        }
    }
    ws_scenario_destroy(&scenario);
}

static void test_a_row_is_its_simulation(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s,
                     DATASET
                     ", \"parameters\": {\"max_num_seqs\": [1, 8], \"mix\": {\"plain\": {}, \"power\": "
                     "{\"nodes\": [{\"num_instances\": 1, \"instances\": [{\"model_name\": \"toy/dense\","
                     "\"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": 1, \"mem_bw\": "
                     "1000, \"mem_latency\": 0}}], \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, "
                     "\"mem_latency\": 0}, \"power\": " SWEEP_WORLD_POWER "}]}}},"
                     "\"repeats\": 2, \"seed\": 5, \"outputs\": {\"timeseries\": true, \"requests\": true}",
                     NULL);
    swp_runner *runner = runner_of(&s, (swp_runner_config){.rank = 3, .max_nodes = 1});
    for (uint64_t k = 0; k < 16; k++) {
        const uint64_t job = (k * 5) % 8; /* every job, then every job again */
        const swp_row *row = swp_runner_run(runner, job, 2);
        expect_result(&s, row, job);
        char hash[SWP_HASH_LEN + 1];
        assert_int_equal(sweep_world_hash(&s, job, hash), WS_OK);
        assert_string_equal(row->hash, hash);
        assert_true(row->job == (int64_t)job && row->attempt == 2 && row->rank == 3);
        assert_int_equal(row->repeat, job % 2);
        assert_int_equal(row->seed, swp_repeat_seed(5, (uint32_t)(job % 2)));
        assert_true(row->wall_s >= 0.0 && row->wall_s < 60.0);
        assert_true(row->params == NULL && row->host == NULL);
        assert_true(isnan(row->metrics[WS_METRIC_ENERGY_J]) ==
                    (job / 2 % 2 == 0)); /* the patch tracks power */
        assert_true(row->metrics[WS_METRIC_N_COMPLETED] == 2.0);
    }
    swp_runner_destroy(&runner);
    assert_null(runner);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_outputs_nobody_wants(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s, DATASET ", \"outputs\": {\"timeseries\": false, \"requests\": false}", NULL);
    swp_runner    *runner = runner_of(&s, (swp_runner_config){.max_nodes = 1});
    const swp_row *row    = swp_runner_run(runner, 0, 1);
    expect_result(&s, row, 0);
    assert_true(row->n_samples == 0 && row->n_requests == 0 && row->requests == NULL);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

/* Odd jobs go wrong in every way there is, even ones are as if nothing had happened. */
static void test_what_goes_wrong_is_a_row(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s,
                     DATASET ", \"sampling\": {\"method\": \"zip\"}, \"parameters\": {"
                             "\"mix\": {\"good\": {}, \"broken\": {\"nodes\": 3}, \"again\": {}, "
                             "\"two\": {\"num_nodes\": 2}, \"still\": {}, \"nothing\": {\"nodes\": null}}}",
                     NULL);
    static const char *const reasons[] = {NULL, "/nodes", NULL, "num_nodes", NULL, "nodes"};
    swp_runner              *runner    = runner_of(&s, (swp_runner_config){.max_nodes = 1});
    for (uint64_t job = 0; job < 6; job++) {
        const swp_row *row = swp_runner_run(runner, job, 1);
        if (reasons[job] == NULL) {
            expect_result(&s, row, job);
        } else {
            expect_state(row, SWP_STATE_FAILED, reasons[job]);
            expect_no_result(&s, row, job, 1);
            assert_true(isnan(row->wall_s) &&
                        strchr(row->error, '\n') == NULL); /* nothing of the jobs before */
        }
    }
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_what_does_not_fit_is_infeasible(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(
        &s, DATASET ", \"parameters\": {\"/nodes/0/instances/0/npu_mem/mem_size\": [1, 0.0001, 1.5]}", NULL);
    swp_runner *runner = runner_of(&s, (swp_runner_config){.max_nodes = 1});
    expect_result(&s, swp_runner_run(runner, 0, 1), 0);
    const swp_row *row = swp_runner_run(runner, 1, 4);
    expect_state(row, SWP_STATE_INFEASIBLE, "");
    expect_no_result(&s, row, 1, 4);
    assert_true(strlen(row->error) > 0);
    expect_result(&s, swp_runner_run(runner, 2, 1), 2);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_more_nodes_than_the_file_has_room_for(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s, DATASET, NULL);
    swp_runner    *runner = runner_of(&s, (swp_runner_config){.max_nodes = 0});
    const swp_row *row    = swp_runner_run(runner, 0, 1);
    expect_state(row, SWP_STATE_FAILED, "the job has 1 nodes, the file's node axis 0");
    expect_no_result(&s, row, 0, 1);
    assert_true(row->wall_s >= 0.0); /* it ran */
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

/* ---- limits ---- */

/* 60 requests of 400 tokens, one after the other: some 24000 steps. */
static void long_world_init(sweep_world *s)
{
    ws_strbuf text = WS_STRBUF_INIT;
    for (int i = 0; i < 60; i++) {
        ws_strbuf_puts(&text, "{\"input_toks\": 8, \"output_toks\": 400, \"arrival_time_ns\": 0}\n");
    }
    sweep_world_init(s, DATASET ", \"options\": {\"max_num_seqs\": 1}", ws_strbuf_text(&text));
    ws_strbuf_fini(&text);
}

static bool stop_later(void *ctx)
{
    int *n_left = ctx;
    return --*n_left <= 0;
}

static void test_a_job_that_is_stopped(void **state)
{
    (void)state;
    sweep_world s;
    int         n_left = 3;
    long_world_init(&s);
    swp_runner *runner =
        runner_of(&s, (swp_runner_config){.max_nodes = 1, .should_stop = stop_later, .ctx = &n_left});
    const swp_row *row = swp_runner_run(runner, 0, 1);
    expect_state(row, SWP_STATE_INTERRUPTED, "left because the sweep had to stop: ");
    expect_no_result(&s, row, 0, 1);
    assert_int_equal(n_left, 0);
    n_left = 1000000;
    expect_result(&s, swp_runner_run(runner, 0, 2), 0);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_a_job_over_its_time(void **state)
{
    (void)state;
    sweep_world s;
    long_world_init(&s);
    swp_runner    *runner = runner_of(&s, (swp_runner_config){.max_nodes = 1, .time_budget_s = 1e-6});
    const swp_row *row    = swp_runner_run(runner, 0, 1);
    expect_state(row, SWP_STATE_TIMED_OUT, "longer than its time budget of 1e-06 s: ");
    assert_non_null(strstr(row->error, "--job-timeout raises it"));
    expect_no_result(&s, row, 0, 1);
    assert_true(row->wall_s > 1e-6);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_a_job_over_its_memory(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s, DATASET, NULL);
    swp_runner    *runner = runner_of(&s, (swp_runner_config){.max_nodes = 1, .memory_bytes = 100});
    const swp_row *row    = swp_runner_run(runner, 0, 1);
    expect_state(row, SWP_STATE_FAILED, "its memory budget is ");
    expect_no_result(&s, row, 0, 1);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

/* ---- jobs that never run ---- */

static void expect_hash(const char *hash)
{
    assert_int_equal(strlen(hash), SWP_HASH_LEN);
    for (; *hash != '\0'; hash++) {
        assert_true(isdigit((unsigned char)*hash) || (*hash >= 'a' && *hash <= 'f'));
    }
}

/* Half a second of a series in 1 us steps does not fit into 100 kB, one in 1 s steps does. */
static void test_a_row_too_large_to_send(void **state)
{
    (void)state;
    sweep_world s;
    sweep_world_init(&s, DATASET ", \"parameters\": {\"power_interval\": [\"1us\", \"1s\"]}", NULL);
    swp_runner    *runner = runner_of(&s, (swp_runner_config){.max_nodes = 1, .max_row_bytes = 8000});
    const swp_row *row    = swp_runner_run(runner, 0, 3);
    expect_state(row, SWP_STATE_FAILED, "at most 0.0 MB: a longer power_interval");
    expect_no_result(&s, row, 0, 3);
    expect_result(&s, swp_runner_run(runner, 1, 1), 1);
    swp_runner_destroy(&runner);
    sweep_world_fini(&s);
}

static void test_rows_without_a_run(void **state)
{
    (void)state;
    sweep_world s;
    char        hashes[4][SWP_HASH_LEN + 1], hash[SWP_HASH_LEN + 1];
    sweep_world_init(&s, DATASET ", \"parameters\": {\"max_num_seqs\": [1, 2]}, \"repeats\": 2, \"seed\": 5",
                     NULL);
    for (uint64_t job = 0; job < 4; job++) {
        swp_job       built = sweep_world_job(&s, job);
        const swp_row row   = swp_row_without_run(&built, SWP_STATE_INFEASIBLE, "a constraint", hashes[job]);
        expect_state(&row, SWP_STATE_INFEASIBLE, "a constraint");
        expect_no_result(&s, &row, job, 1);
        assert_ptr_equal(row.hash, hashes[job]);
        assert_int_equal(row.repeat, job % 2);
        assert_int_equal(row.seed, swp_repeat_seed(5, (uint32_t)(job % 2)));
        assert_true(row.rank == -1 && isnan(row.wall_s));
        swp_job_fini(&built);
    }
    sweep_world_fini(&s);
    /* a pointer into what a patch took away: no cluster config, and still a name for each job */
    sweep_world_init(&s,
                     "\"parameters\": {\"mix\": {\"none\": {\"nodes\": null}}, "
                     "\"/nodes/0/num_instances\": [1, 2, 3, 4]}",
                     NULL);
    for (uint64_t job = 0; job < 4; job++) {
        swp_job built = sweep_world_job(&s, job);
        assert_int_not_equal(swp_job_hash(&built, NULL, hash), WS_OK);
        const swp_row row = swp_row_without_run(&built, SWP_STATE_FAILED, "broken", hashes[job]);
        expect_hash(row.hash);
        swp_job_fini(&built);
        for (uint64_t other = 0; other < job; other++) {
            assert_string_not_equal(hashes[job], hashes[other]);
        }
    }
    sweep_world_fini(&s);
}

static void test_the_clock_goes_forward(void **state)
{
    (void)state;
    double last_s = ws_wall_s();
    for (int i = 0; i < 100000; i++) {
        const double now_s = ws_wall_s();
        assert_true(now_s >= last_s);
        last_s = now_s;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_its_simulation),
        cmocka_unit_test(test_outputs_nobody_wants),
        cmocka_unit_test(test_what_goes_wrong_is_a_row),
        cmocka_unit_test(test_what_does_not_fit_is_infeasible),
        cmocka_unit_test(test_more_nodes_than_the_file_has_room_for),
        cmocka_unit_test(test_a_job_that_is_stopped),
        cmocka_unit_test(test_a_job_over_its_time),
        cmocka_unit_test(test_a_job_over_its_memory),
        cmocka_unit_test(test_a_row_too_large_to_send),
        cmocka_unit_test(test_rows_without_a_run),
        cmocka_unit_test(test_the_clock_goes_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
