/* Invariants of scenarios loaded by path: they are those made of parsed documents; what was opened for one
 * goes with it; threads that share inputs get what one thread gets; and what a program asks for wrongly is
 * refused by name. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine.h"

static char cluster[4096], dataset[4096];

static int find_files(void **state)
{
    const char *source_dir = getenv("WS_SOURCE_DIR");
    (void)state;
    (void)snprintf(cluster, sizeof(cluster), "%s/configs/cluster/single_node_power_instance.json",
                   source_dir != NULL ? source_dir : ".");
    (void)snprintf(dataset, sizeof(dataset), "%s/workloads/example_trace.jsonl",
                   source_dir != NULL ? source_dir : ".");
    return 0;
}

static double joules_of(const ws_scenario *scenario)
{
    const ws_result *result;
    ws_run          *run = NULL;
    assert_int_equal(ws_run_create(&run), WS_OK);
    assert_int_equal(ws_simulate(scenario, run, NULL, NULL, &result), WS_OK);
    const double energy_j = ws_result_metric(result, "energy_j");
    ws_run_destroy(&run);
    return energy_j;
}

static ws_scenario *need(const char *path, const ws_load_options *options)
{
    ws_error     err      = WS_ERROR_INIT;
    ws_scenario *scenario = NULL;
    if (ws_scenario_load(path, options, &err, &scenario) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return scenario;
}

static void assert_refused(ws_status expected, const char *path, const ws_load_options *options,
                           const char *message)
{
    ws_error     err      = WS_ERROR_INIT;
    ws_scenario *scenario = NULL;
    assert_int_equal(ws_scenario_load(path, options, &err, &scenario), expected);
    assert_null(scenario);
    if (strstr(ws_error_text(&err), message) == NULL) {
        fail_msg("expected \"%s\" in: %s", message, ws_error_text(&err));
    }
    ws_error_clear(&err);
}

static void a_path_is_enough(void **state)
{
    (void)state;
    ws_scenario *scenario = need(cluster, NULL);
    assert_int_equal(ws_scenario_n_requests(scenario), 16);
    assert_int_equal(ws_scenario_n_nodes(scenario), 1);
    assert_true(ws_scenario_has_power(scenario));
    assert_true(joules_of(scenario) > 0.0);
    ws_scenario_destroy(&scenario);
    assert_null(scenario);
    ws_scenario_destroy(&scenario);
}

static void names_of_the_bundle_mean_the_same_everywhere(void **state)
{
    (void)state;
    ws_load_options options = WS_LOAD_OPTIONS_INIT;
    options.dataset         = "workloads/example_trace.jsonl";
    ws_scenario *bundled    = need("configs/cluster/single_node_power_instance.json", &options);
    options.dataset         = dataset;
    ws_scenario *given      = need(cluster, &options);
    assert_int_equal(ws_scenario_n_requests(bundled), 10);
    assert_true(joules_of(bundled) == joules_of(given));
    ws_scenario_destroy(&bundled);
    ws_scenario_destroy(&given);
}

static void options_and_slo_reach_the_scenario(void **state)
{
    (void)state;
    ws_options *simulator = NULL;
    assert_int_equal(ws_options_create(&simulator), WS_OK);
    assert_int_equal(ws_options_set(simulator, "num_reqs", "3", NULL), WS_OK);
    ws_load_options options = WS_LOAD_OPTIONS_INIT;
    options.options         = simulator;
    options.dataset         = dataset;
    options.slo             = "ttft_ms=500,ttft_p99_ms=2000";
    ws_scenario *scenario   = need(cluster, &options);
    ws_options_destroy(&simulator);
    assert_int_equal(ws_scenario_n_requests(scenario), 3);
    assert_true(ws_scenario_slo(scenario)->ttft_ms == 500.0);
    ws_scenario_destroy(&scenario);
    options.options = NULL;
    options.slo     = "ttft=1";
    assert_refused(WS_ERR_INPUT, cluster, &options, "--slo: expected NAME=MS");
}

static void a_generated_workload_takes_the_place_of_a_dataset(void **state)
{
    (void)state;
    ws_load_options options = WS_LOAD_OPTIONS_INIT;
    options.workload        = dataset;
    options.dataset         = dataset;
    assert_refused(WS_ERR_ARG, cluster, &options, "dataset and workload: one of them, not both");
    options.dataset = NULL;
    assert_refused(WS_ERR_INPUT, cluster, &options, "example_trace.jsonl"); /* no JSON text */
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    ws_load_options   options = WS_LOAD_OPTIONS_INIT;
    const char *const dirs[]  = {"no/such/folder", "no/other"};
    assert_refused(WS_ERR_INPUT, "no_such.json", NULL,
                   "cluster config: no_such.json: no such file, here or in");
    options.dataset = "no_such.jsonl";
    assert_refused(WS_ERR_INPUT, cluster, &options, "dataset: no_such.jsonl: no such file");
    options.dataset     = NULL;
    options.data_dirs   = dirs;
    options.n_data_dirs = 2;
    options.configs_dir = "no/configs";
    assert_refused(WS_ERR_INPUT, cluster, &options, "no/such/folder");
    assert_refused(WS_ERR_INPUT, cluster, &options, "no/other");
    assert_refused(WS_ERR_INPUT, cluster, &options, "no/configs");
}

static void folders_belong_to_the_inputs(void **state)
{
    (void)state;
    ws_inputs      *inputs  = NULL;
    ws_load_options options = WS_LOAD_OPTIONS_INIT;
    assert_int_equal(ws_inputs_open(NULL, 0, NULL, NULL, &inputs), WS_OK);
    options.inputs      = inputs;
    options.configs_dir = ".";
    assert_refused(WS_ERR_ARG, cluster, &options, "data_dirs and configs_dir are those of the inputs given");
    ws_inputs_destroy(&inputs);
    ws_inputs_destroy(&inputs);
}

/* A program compiled for an earlier header has fewer members, one compiled for a later header more. */
static void structs_of_other_versions(void **state)
{
    (void)state;
    ws_load_options earlier = WS_LOAD_OPTIONS_INIT;
    earlier.dataset         = dataset;
    earlier.slo             = "no SLO: this program does not know the member";
    earlier.struct_size     = offsetof(ws_load_options, slo);
    ws_scenario *scenario   = need(cluster, &earlier);
    assert_int_equal(ws_scenario_n_requests(scenario), 10);
    earlier.struct_size = sizeof(earlier) + sizeof(void *);
    assert_refused(WS_ERR_ARG, cluster, &earlier, "ws_load_options: struct_size is ");

    ws_run          *run    = NULL;
    const ws_result *result = NULL;
    ws_error         err    = WS_ERROR_INIT;
    ws_run_limits    limits = WS_RUN_LIMITS_INIT;
    assert_int_equal(ws_run_create(&run), WS_OK);
    limits.max_steps   = 1;
    limits.struct_size = offsetof(ws_run_limits, max_steps);
    assert_int_equal(ws_simulate(scenario, run, &limits, &err, &result), WS_OK);
    limits.struct_size = sizeof(limits) + 1;
    assert_int_equal(ws_simulate(scenario, run, &limits, &err, &result), WS_ERR_ARG);
    assert_non_null(strstr(ws_error_text(&err), "ws_run_limits: struct_size is "));
    assert_null(result);
    ws_error_clear(&err);
    ws_run_destroy(&run);
    ws_scenario_destroy(&scenario);
}

/* ---- threads ---- */

enum { N_THREADS = 4, N_ROUNDS = 6 };

typedef struct thread_work {
    ws_inputs *inputs;
    int        first;
    double     energy_j[N_ROUNDS];
} thread_work;

/* Load, simulate and destroy, each round another option, so that the cache changes under the others. No
 * checks here: cmocka's belong to the main thread. */
static void *load_and_simulate(void *arg)
{
    thread_work *w   = arg;
    ws_run      *run = NULL;
    ws_status    ok  = ws_run_create(&run);
    for (int i = 0; i < N_ROUNDS && ok == WS_OK; i++) {
        const int        round    = (w->first + i) % N_ROUNDS;
        ws_options      *options  = NULL;
        ws_scenario     *scenario = NULL;
        const ws_result *result   = NULL;
        char             rate[16];
        ws_load_options  load = WS_LOAD_OPTIONS_INIT;
        (void)snprintf(rate, sizeof(rate), "%d", round + 1);
        ok = ws_options_create(&options);
        ok = ok != WS_OK ? ok : ws_options_set(options, "rate", rate, NULL); /* a workload of its own */
        load.inputs        = w->inputs;
        load.options       = options;
        load.dataset       = dataset;
        ok                 = ok != WS_OK ? ok : ws_scenario_load(cluster, &load, NULL, &scenario);
        ok                 = ok != WS_OK ? ok : ws_simulate(scenario, run, NULL, NULL, &result);
        w->energy_j[round] = ok == WS_OK ? ws_result_metric(result, "energy_j") : NAN;
        ws_scenario_destroy(&scenario);
        ws_options_destroy(&options);
    }
    ws_run_destroy(&run);
    return NULL;
}

static void threads_share_inputs(void **state)
{
    (void)state;
    thread_work alone = {.first = 0}, together[N_THREADS];
    pthread_t   threads[N_THREADS];
    assert_int_equal(ws_inputs_open(NULL, 0, NULL, NULL, &alone.inputs), WS_OK);
    (void)load_and_simulate(&alone);
    ws_inputs_destroy(&alone.inputs);

    ws_inputs *inputs = NULL;
    assert_int_equal(ws_inputs_open(NULL, 0, NULL, NULL, &inputs), WS_OK);
    for (int t = 0; t < N_THREADS; t++) {
        together[t] = (thread_work){.inputs = inputs, .first = t};
        assert_int_equal(pthread_create(&threads[t], NULL, load_and_simulate, &together[t]), 0);
    }
    for (int t = 0; t < N_THREADS; t++) {
        assert_int_equal(pthread_join(threads[t], NULL), 0);
        for (int i = 0; i < N_ROUNDS; i++) {
            assert_true(alone.energy_j[i] > 0.0);
            assert_true(together[t].energy_j[i] == alone.energy_j[i]);
        }
    }
    ws_inputs_destroy(&inputs);
}

/* ---- results by name ---- */

static void a_result_read_by_name_is_the_result(void **state)
{
    (void)state;
    const ws_result *result;
    ws_run          *run     = NULL;
    ws_load_options  options = WS_LOAD_OPTIONS_INIT;
    options.dataset          = dataset;
    ws_scenario *scenario    = need(cluster, &options);
    assert_int_equal(ws_run_create(&run), WS_OK);
    assert_int_equal(ws_simulate(scenario, run, NULL, NULL, &result), WS_OK);

    for (size_t i = 0; ws_metric_at(i) != NULL; i++) {
        const double value = ws_result_metric(result, ws_metric_at(i)->name);
        assert_true(value == result->metrics[i] || (isnan(value) && isnan(result->metrics[i])));
    }
    assert_true(isnan(ws_result_metric(result, "no_metric")));
    assert_true(fabs(ws_result_node_j(result, 0) - ws_result_metric(result, "energy_j")) < 1e-9 * 2000.0);
    double sum_j = 0.0;
    for (size_t i = 0; ws_component_at(i) != NULL; i++) {
        sum_j += ws_result_component_j(result, 0, ws_component_at(i));
    }
    assert_true(sum_j == ws_result_node_j(result, 0));

    /* power x interval lengths = energy, docs/model says so of the series */
    const double *time_s = ws_result_series(result, "time_s"), *power_w = ws_result_series(result, "power_w");
    double        energy_j = 0.0;
    for (size_t i = 0; i < ws_result_n_samples(result); i++) {
        energy_j += power_w[i] * (time_s[i] - (i > 0 ? time_s[i - 1] : 0.0));
    }
    assert_true(fabs(energy_j - sum_j) < 1e-9 * sum_j);
    assert_true(time_s[ws_result_n_samples(result) - 1] <= ws_result_duration_s(result) + 1e-9);

    ws_request_view view = WS_REQUEST_VIEW_INIT;
    assert_int_equal(ws_result_n_requests(result), 10);
    double of_requests_j = 0.0;
    for (size_t i = 0; i < ws_result_n_requests(result); i++) {
        assert_int_equal(ws_result_request(result, i, &view), WS_OK);
        assert_int_equal(view.request_id, result->requests[i].request_id);
        assert_int_equal(view.latency_ns, view.end_ns - view.arrival_ns);
        of_requests_j += view.energy_j;
        int64_t itl_ns[4096];
        assert_int_equal(ws_result_request_itl(result, i, NULL, 0), view.output_tokens - 1);
        assert_int_equal(ws_result_request_itl(result, i, itl_ns, 4096), view.output_tokens - 1);
        int64_t decode_ns = view.ttft_ns;
        for (int64_t k = 0; k + 1 < view.output_tokens; k++) {
            decode_ns += itl_ns[k];
        }
        assert_int_equal(decode_ns, view.latency_ns);
    }
    assert_true(of_requests_j > 0.0 && of_requests_j <= sum_j);
    assert_int_equal(ws_result_request(result, 10, &view), WS_ERR_ARG);
    view.struct_size = 0;
    assert_int_equal(ws_result_request(result, 0, &view), WS_ERR_ARG);
    ws_run_destroy(&run);
    ws_scenario_destroy(&scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_enough),
        cmocka_unit_test(names_of_the_bundle_mean_the_same_everywhere),
        cmocka_unit_test(options_and_slo_reach_the_scenario),
        cmocka_unit_test(a_generated_workload_takes_the_place_of_a_dataset),
        cmocka_unit_test(what_is_not_there_is_named),
        cmocka_unit_test(folders_belong_to_the_inputs),
        cmocka_unit_test(structs_of_other_versions),
        cmocka_unit_test(threads_share_inputs),
        cmocka_unit_test(a_result_read_by_name_is_the_result),
    };
    return cmocka_run_group_tests_name("sim.load", tests, find_files, NULL);
}
