/* Invariants: the summary is strict JSON with the documented keys; sums in it agree; without a power block no
 * power field appears at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/json_write.h"
#include "output/summary_json.h"
#include "sample_result.h"

/* No scenario exists here: this one stands in for it. */
void ws_scenario_write_json(const ws_scenario *scenario, struct ws_json_writer *writer)
{
    (void)scenario;
    ws_json_begin_object(writer);
    ws_json_put_key(writer, "stand_in");
    ws_json_put_bool(writer, true);
    ws_json_end_object(writer);
}

static ws_json_doc *summarise(const ws_result *result)
{
    ws_error     err  = WS_ERROR_INIT;
    ws_strbuf    text = WS_STRBUF_INIT;
    ws_json_doc *doc  = NULL;
    assert_int_equal(ws_summary_json_write(result, NULL, 0.0125, &text), WS_OK);
    if (ws_json_doc_parse("summary", text.data, text.len, &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_int_equal(text.data[text.len - 1], '\n');
    ws_strbuf_fini(&text);
    return doc;
}

static double number_at(const ws_json_doc *doc, const char *pointer)
{
    const ws_json value = ws_json_resolve(ws_json_doc_root(doc), pointer);
    if (ws_json_kind_of(value) != WS_JSON_NUMBER) {
        fail_msg("%s: %s", pointer, ws_json_kind_name(ws_json_kind_of(value)));
    }
    return ws_json_number(value);
}

static ws_json_kind kind_at(const ws_json_doc *doc, const char *pointer)
{
    return ws_json_kind_of(ws_json_resolve(ws_json_doc_root(doc), pointer));
}

static void documented_keys_hold_the_result(void **state)
{
    (void)state;
    const ws_result result = sample_result();
    ws_json_doc    *doc    = summarise(&result);
    assert_true(number_at(doc, "/run_wall_s") == 0.0125);
    assert_true(number_at(doc, "/sim_duration_s") == 2.5);
    assert_true(number_at(doc, "/steps") == 101.0);
    assert_true(number_at(doc, "/metrics/ttft_p99_ms") == 129.283203);
    assert_int_equal(kind_at(doc, "/metrics/tpot_mean_ms"), WS_JSON_NULL);
    assert_true(number_at(doc, "/timeseries/interval_s") == 1.0);
    assert_true(number_at(doc, "/timeseries/time_s/2") == 2.5);
    assert_true(number_at(doc, "/timeseries/power_inst_w/0") == 712.4);
    assert_true(number_at(doc, "/timeseries/node_power_w/0/1") == 800.5);
    assert_int_equal(kind_at(doc, "/timeseries/node_power_w/1/1"), WS_JSON_NULL);
    assert_int_equal(kind_at(doc, "/timeseries/cxl_mem_gb"), WS_JSON_ABSENT);
    assert_int_equal(kind_at(doc, "/scenario/stand_in"), WS_JSON_BOOL);
    ws_json_doc_destroy(&doc);
}

static void tracked_nodes_add_up_and_others_have_nulls(void **state)
{
    (void)state;
    static const char *const of_the_dark_node[] = {
        "/energy/nodes/1/total_j", "/energy/nodes/1/components/cpu", "/energy/nodes/1/npu_state_s/idle",
        "/energy/nodes/1/phases/wait", "/energy/nodes/1/own/base"};
    const ws_result result = sample_result();
    ws_json_doc    *doc    = summarise(&result);
    const ws_json   nodes  = ws_json_resolve(ws_json_doc_root(doc), "/energy/nodes");
    assert_int_equal(ws_json_size(nodes), 2);
    assert_true(number_at(doc, "/energy/nodes/1/node") == 1.0);
    for (size_t i = 0; i < sizeof(of_the_dark_node) / sizeof(of_the_dark_node[0]); i++) {
        assert_int_equal(ws_json_kind_of(ws_json_resolve(ws_json_doc_root(doc), of_the_dark_node[i])),
                         WS_JSON_NULL);
    }
    assert_true(number_at(doc, "/energy/total_j") == 15949.0);
    assert_true(number_at(doc, "/energy/nodes/0/total_j") == 15949.0);
    assert_true(number_at(doc, "/energy/nodes/0/node") == 0.0);
    assert_true(number_at(doc, "/energy/nodes/0/npu_state_s/standby") == 0.375);
    double sum_j = 0.0;
    assert_true(number_at(doc, "/energy/phases/prefill") == 4000 + 33 + 8);
    assert_true(number_at(doc, "/energy/nodes/0/phases/wait") == 1000 + 89 + 1000 + 442 + 300 + 332);
    assert_true(number_at(doc, "/energy/nodes/0/own/cpu") == 1000);
    assert_true(number_at(doc, "/energy/nodes/0/npu_state_j/standby") == 1012);
    assert_true(number_at(doc, "/energy/nodes/0/instances/0/total_j") == 15949 - 1000 - 442 - 300 - 332);
    assert_true(number_at(doc, "/energy/nodes/0/instances/0/decode/link") == 80);
    assert_true(number_at(doc, "/energy/nodes/0/instances/0/npus/0/state_s/active") == 2.0);
    assert_true(number_at(doc, "/energy/nodes/0/instances/0/npus/0/state_j/idle") == 89);
    assert_int_equal(ws_json_size(ws_json_resolve(ws_json_doc_root(doc), "/energy/nodes/0/instances")), 1);
    assert_true(number_at(doc, "/requests/request_id/0") == 1);
    assert_true(number_at(doc, "/requests/active_j/0") == 4453);
    assert_true(number_at(doc, "/requests/energy_j/1") == 8000);
    const ws_json components = ws_json_resolve(ws_json_doc_root(doc), "/energy/nodes/0/components");
    assert_int_equal(ws_json_size(components), WS_COMPONENT_COUNT);
    for (ws_json c = ws_json_first(components); c.item != NULL; c = ws_json_next(c)) {
        sum_j += ws_json_number(c);
    }
    assert_true(sum_j == 15949.0);
    ws_json_doc_destroy(&doc);
}

static void metrics_are_listed_by_name(void **state)
{
    (void)state;
    const ws_result result  = sample_result();
    ws_json_doc    *doc     = summarise(&result);
    const ws_json   metrics = ws_json_resolve(ws_json_doc_root(doc), "/metrics");
    assert_int_equal(ws_json_size(metrics), WS_METRIC_COUNT);
    for (ws_json m = ws_json_first(metrics); m.item != NULL; m = ws_json_next(m)) {
        assert_true(ws_metric_from_name(ws_json_key(m)) < WS_METRIC_COUNT);
    }
    ws_json_doc_destroy(&doc);
}

static void no_power_field_appears_without_tracking(void **state)
{
    (void)state;
    const ws_result result = sample_result_without_power();
    ws_strbuf       text   = WS_STRBUF_INIT;
    assert_int_equal(ws_summary_json_write(&result, NULL, 0.0125, &text), WS_OK);
    static const char *const words[] = {"power",     "energy",     "_j\"",    "j_per",
                                        "tok_per_j", "npu_active", "npu_idle"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(ws_strbuf_text(&text), words[i]) != NULL) {
            fail_msg("'%s' is in the summary", words[i]);
        }
    }
    assert_non_null(strstr(ws_strbuf_text(&text), "\"ttft_p99_ms\""));
    ws_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documented_keys_hold_the_result),
        cmocka_unit_test(tracked_nodes_add_up_and_others_have_nulls),
        cmocka_unit_test(metrics_are_listed_by_name),
        cmocka_unit_test(no_power_field_appears_without_tracking),
    };
    return cmocka_run_group_tests_name("output.summary_json", tests, NULL, NULL);
}
