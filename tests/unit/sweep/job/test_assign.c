/* A point's values reach the places docs/sweep-spec.md promises: every instance for known names, one place
 * for pointers, patches before both; what would contradict a value is removed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "job/assign.h"
#include "spec/spec_parse.h"

#define CLUSTER                                                                                              \
    "{\"num_nodes\": 2, \"nodes\": ["                                                                        \
    "{\"num_instances\": 1, \"instances\": [{\"hardware\": \"A\", \"num_npus\": 2, \"max_num_seqs\": 9,"     \
    "  \"npu_mem\": {\"mem_size\": 100, \"mem_util\": 0.5}}],"                                               \
    " \"power\": {\"npu\": {\"A\": {\"idle_power\": 1, \"standby_duration\": 18}}}},"                        \
    "{\"num_instances\": 2, \"instances\": [{\"hardware\": \"A\", \"tp_size\": 1, \"npu_mem\": "             \
    "{\"mem_size\": 50}},"                                                                                   \
    "  {\"hardware\": \"B\", \"num_npus\": 4, \"tp_size\": 2, \"npu_mem\": {\"mem_size\": 50}}]}]}"

static const char *const datasheet = "{\"memory_gib\": 24, \"memory_gbps\": 1008, "
                                     "\"power\": {\"idle_power\": 7, \"standby_duration\": \"1s\"}}";

static ws_json datasheet_of(void *ctx, const char *hardware)
{
    return strcmp(hardware, "C") == 0 ? ws_json_doc_root(*(ws_json_doc **)ctx) : WS_JSON_NONE;
}

/* Apply the only point of a spec with these parameters, and return the cluster config as text. */
static char *apply(const char *parameters)
{
    char           text[1024];
    ws_error       err     = WS_ERROR_INIT;
    swp_spec      *spec    = NULL;
    ws_json_doc   *cluster = NULL, *sheet = NULL;
    const uint32_t zeros[8] = {0};
    snprintf(text, sizeof text, "{\"cluster\": \"c\", \"parameters\": {%s}}", parameters);
    if (swp_spec_parse("spec.json", text, strlen(text), &err, &spec) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_int_equal(ws_json_doc_parse("c.json", CLUSTER, strlen(CLUSTER), &err, &cluster), WS_OK);
    assert_int_equal(ws_json_doc_parse("C.json", datasheet, strlen(datasheet), &err, &sheet), WS_OK);
    if (swp_assign_cluster(spec, zeros, datasheet_of, &sheet, cluster, &err) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    char *out = ws_json_print(ws_json_doc_root(cluster), false);
    ws_json_doc_destroy(&sheet);
    ws_json_doc_destroy(&cluster);
    swp_spec_destroy(&spec);
    return out;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        n++;
    }
    return n;
}

static void expect(const char *parameters, const char *part, size_t n)
{
    char *text = apply(parameters);
    if (occurrences(text, part) != n) {
        fail_msg("%s: expected %zu times %s in %s", parameters, n, part, text);
    }
    free(text);
}

static void test_tp_size_reaches_every_instance(void **state)
{
    (void)state;
    expect("\"tp_size\": [4]", "\"tp_size\":4", 3);
    expect("\"tp_size\": [4]", "num_npus", 0);
}

static void test_pp_size_keeps_a_lone_num_npus(void **state)
{
    (void)state;
    expect("\"pp_size\": [2]", "\"pp_size\":2", 3);
    expect("\"pp_size\": [2]", "\"num_npus\":2", 1); /* it says what tp_size is */
    expect("\"pp_size\": [2]", "\"num_npus\":4", 0);
}

static void test_num_instances_repeats_in_order(void **state)
{
    (void)state;
    expect("\"num_instances\": [3]", "\"num_instances\":3", 2);
    expect("\"num_instances\": [3]", "\"hardware\":\"A\"", 5); /* A A A, A B A */
    expect("\"num_instances\": [3]", "\"hardware\":\"B\"", 1);
    expect("\"num_instances\": [1]", "\"hardware\":\"B\"", 0);
}

/* Node 0 gets the datasheet's power entry, node 1 has no power block and gets none. */
static void test_hardware_brings_its_power(void **state)
{
    (void)state;
    expect("\"hardware\": [\"C\"]", "\"hardware\":\"C\"", 3);
    expect("\"hardware\": [\"C\"]", "\"npu\":{\"C\":{\"idle_power\":7", 1);
    expect("\"hardware\": [\"C\"]", "\"A\":", 0);
    expect("\"hardware\": [\"A\"]", "\"npu\":{\"A\":{\"idle_power\":1", 1);
}

/* Size and bandwidth are those of the board that was set; what a board without a data sheet has is not known,
 * but the file knows its own. A pointer says it last. */
static void test_hardware_brings_its_memory(void **state)
{
    (void)state;
    expect("\"hardware\": [\"C\"]", "\"npu_mem\":{\"mem_size\":24,\"mem_bw\":1008}", 2);
    expect("\"hardware\": [\"C\"]", "\"npu_mem\":{\"mem_size\":24,\"mem_util\":0.5,\"mem_bw\":1008}", 1);
    expect("\"hardware\": [\"C\"]", "\"mem_size\":50", 0);
    expect("\"hardware\": [\"D\"]", "mem_size", 0);
    expect("\"hardware\": [\"B\"]", "\"mem_size\":50", 1);
    expect("\"hardware\": [\"C\"], \"/nodes/1/instances/0/npu_mem/mem_size\": [12]", "\"mem_size\":12", 1);
    expect("\"/nodes/1/instances/0/hardware\": [\"C\"]", "\"mem_size\":50", 2); /* says nothing of memory */
}

static void test_standby_follows_hardware(void **state)
{
    (void)state;
    expect("\"standby_duration\": [\"3s\"], \"hardware\": [\"C\"]", "\"standby_duration\":\"3s\"", 1);
    expect("\"standby_duration\": {\"linspace\": [\"1s\", \"2s\", 2]}", "\"standby_duration\":\"1.0s\"", 1);
}

/* The instance's own cap wins over its hardware's, so one key per instance is enough. */
static void test_power_cap_reaches_every_instance(void **state)
{
    (void)state;
    expect("\"power_cap_w\": [250]", "\"power_cap_w\":250", 3);
    expect("\"power_cap_w\": {\"linspace\": [200, 300, 2]}, \"num_instances\": [3]", "\"power_cap_w\":200",
           6);
}

static void test_swept_options_drop_overrides(void **state)
{
    (void)state;
    expect("\"max_num_seqs\": [16]", "max_num_seqs", 0);
    expect("\"npu_memory_utilization\": [0.8]", "mem_util", 0);
    expect("\"log_interval\": [1]", "max_num_seqs", 1);
}

/* Order in the spec does not matter: patch, known name, pointer. */
static void test_order_of_assignment(void **state)
{
    (void)state;
    expect("\"/nodes/0/instances/0/tp_size\": [8], \"tp_size\": [4],"
           "\"mix\": {\"m\": {\"num_nodes\": 1, \"nodes\": [{\"instances\": [{\"tp_size\": 1}]}]}}",
           "\"nodes\":[{\"instances\":[{\"tp_size\":8}]}]", 1);
}

static void test_pointer_into_nothing_is_an_error(void **state)
{
    (void)state;
    ws_error       err      = WS_ERROR_INIT;
    swp_spec      *spec     = NULL;
    ws_json_doc   *cluster  = NULL;
    const uint32_t zeros[1] = {0};
    const char    *text     = "{\"cluster\": \"c\", \"parameters\": {\"/nodes/7/x\": [1]}}";
    assert_int_equal(swp_spec_parse("spec.json", text, strlen(text), &err, &spec), WS_OK);
    assert_int_equal(ws_json_doc_parse("c.json", CLUSTER, strlen(CLUSTER), &err, &cluster), WS_OK);
    assert_int_equal(swp_assign_cluster(spec, zeros, NULL, NULL, cluster, &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "/nodes/7"));
    ws_error_clear(&err);
    ws_json_doc_destroy(&cluster);
    swp_spec_destroy(&spec);
}

/* NPUs: 2 (num_npus alone), 1, and 4 (num_npus 4 at tp 2 makes two stages). */
static void test_facts(void **state)
{
    (void)state;
    ws_json_doc *cluster = NULL;
    assert_int_equal(ws_json_doc_parse("c.json", CLUSTER, strlen(CLUSTER), NULL, &cluster), WS_OK);
    const swp_cluster_facts facts = swp_cluster_facts_of(ws_json_doc_root(cluster), NULL, NULL);
    assert_true(facts.num_nodes == 2.0 && facts.num_instances == 3.0 && facts.num_npus == 7.0);
    assert_true(facts.tp_size == 2.0 && facts.pp_size == 2.0 && facts.ep_size == 1.0);
    assert_true(fabs(facts.npu_mem_gb - 50 * 1.073741824) < 1e-9);
    ws_json_doc_destroy(&cluster);

    static const char bare[] = "{\"nodes\": [{\"instances\": [{\"hardware\": \"C\", \"num_npus\": 1}]}]}";
    ws_json_doc      *sheet  = NULL;
    assert_int_equal(ws_json_doc_parse("c.json", bare, strlen(bare), NULL, &cluster), WS_OK);
    assert_int_equal(ws_json_doc_parse("C.json", datasheet, strlen(datasheet), NULL, &sheet), WS_OK);
    const double of_sheet_gb =
        swp_cluster_facts_of(ws_json_doc_root(cluster), datasheet_of, &sheet).npu_mem_gb;
    assert_true(fabs(of_sheet_gb - 24 * 1.073741824) < 1e-9);
    assert_true(isnan(swp_cluster_facts_of(ws_json_doc_root(cluster), NULL, NULL).npu_mem_gb));
    ws_json_doc_destroy(&sheet);
    ws_json_doc_destroy(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tp_size_reaches_every_instance),
        cmocka_unit_test(test_pp_size_keeps_a_lone_num_npus),
        cmocka_unit_test(test_num_instances_repeats_in_order),
        cmocka_unit_test(test_hardware_brings_its_power),
        cmocka_unit_test(test_hardware_brings_its_memory),
        cmocka_unit_test(test_standby_follows_hardware),
        cmocka_unit_test(test_power_cap_reaches_every_instance),
        cmocka_unit_test(test_swept_options_drop_overrides),
        cmocka_unit_test(test_order_of_assignment),
        cmocka_unit_test(test_pointer_into_nothing_is_an_error),
        cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
