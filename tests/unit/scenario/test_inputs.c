/* What one process parsed, another takes from a packed cache as it is: it does not read the files again, and
 * simulates to the same numbers. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"
#include "world.h"

#define DATASET "requests.jsonl"
static const char requests[] = "{\"input_toks\": 40, \"output_toks\": 5, \"arrival_time_ns\": 0}\n"
                               "{\"input_toks\": 90, \"output_toks\": 9, \"arrival_time_ns\": 1000}\n";

static ws_status scenario_over(ws_inputs *inputs, ws_error *err, ws_scenario **out)
{
    ws_json_doc *cluster = NULL;
    const char  *text    = world_cluster(1.0, "");
    assert_int_equal(ws_json_doc_parse("cluster", text, strlen(text), err, &cluster), WS_OK);
    const ws_scenario_request request = {.cluster = ws_json_doc_root(cluster),
                                         .dataset = DATASET,
                                         .options = ws_options_default(),
                                         .slo     = WS_SLO_NONE};
    const ws_status           status  = ws_scenario_create(inputs, &request, err, out);
    ws_json_doc_destroy(&cluster);
    return status;
}

static char *read_csv_path(const world *w)
{
    return ws_asprintf("%s/profiles/TOY/toy/dense/bf16/tp1/dense.csv", w->dir);
}

/* A packed copy of the world's cache, with profile and dataset broken afterwards: only what was parsed is of
 * use. */
static ws_files *broken_copy(const world *w, char **block_out)
{
    size_t    len  = 0;
    ws_files *copy = NULL;
    char     *csv  = read_csv_path(w);
    assert_int_equal(ws_files_pack(w->files, block_out, &len), WS_OK);
    assert_int_equal(ws_files_map(*block_out, len, true, &copy), WS_OK);
    assert_true(ws_files_has(copy, csv));
    assert_int_equal(ws_files_put(copy, csv, "nonsense", 8), WS_OK);
    assert_int_equal(ws_files_put(copy, DATASET, "nonsense", 8), WS_OK);
    free(csv);
    return copy;
}

static ws_inputs *inputs_over(const world *w, ws_files *files)
{
    const char *const dirs[]  = {w->dir};
    ws_inputs        *inputs  = NULL;
    char             *configs = ws_asprintf("%s/configs", getenv("WS_SOURCE_DIR"));
    assert_int_equal(ws_inputs_create(files, dirs, 1, configs, &inputs), WS_OK);
    free(configs);
    return inputs;
}

static void test_parsed_inputs_are_shared(void **state)
{
    (void)state;
    world        w;
    ws_scenario *first = NULL, *again = NULL;
    snapshot     a, b;
    char        *block = NULL;
    world_init(&w);
    assert_int_equal(ws_files_put(w.files, DATASET, requests, strlen(requests)), WS_OK);
    assert_int_equal(scenario_over(w.inputs, &w.err, &first), WS_OK);
    snapshot_take(&a, world_need_result(&w, first));

    ws_files  *files  = broken_copy(&w, &block);
    ws_inputs *inputs = inputs_over(&w, files);
    assert_int_equal(scenario_over(inputs, &w.err, &again), WS_ERR_INPUT); /* nothing was shared yet */
    ws_inputs_destroy(&inputs);
    ws_files_destroy(&files);
    free(block);

    assert_int_equal(ws_inputs_share(w.inputs), WS_OK);
    files  = broken_copy(&w, &block);
    inputs = inputs_over(&w, files);
    assert_int_equal(scenario_over(inputs, &w.err, &again), WS_OK);
    snapshot_take(&b, world_need_result(&w, again));
    assert_int_equal(a.duration_ns, b.duration_ns);
    assert_int_equal(a.n_requests, 2);
    assert_true(snapshot_same_requests(&a, &b, true));
    assert_string_equal(ws_scenario_notes(first), ws_scenario_notes(again));
    snapshot_fini(&a);
    snapshot_fini(&b);
    ws_scenario_destroy(&again);
    ws_inputs_destroy(&inputs);
    ws_files_destroy(&files);
    free(block);
    ws_scenario_destroy(&first);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parsed_inputs_are_shared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
