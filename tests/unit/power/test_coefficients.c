/* Invariants: the documented keys give W, J per byte and ns; a bare standby_duration follows the given unit,
 * text its own; every problem of a block is reported with its JSON Pointer; out is untouched after an error.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "power/coefficients.h"

#define NPU_ENTRY(duration)                                                                                  \
    "{\"idle_power\": 35, \"standby_power\": 300, \"active_power\": 600, \"standby_duration\": " duration "}"

static const char NODE_POWER[] = "{\"base_node_power\": 60, \"npu\": {\"X\": " NPU_ENTRY(
    "18") "},"
          " \"cpu\": {\"idle_power\": 10, \"active_power\": 200, \"util\": 0.15},"
          " \"dram\": {\"dimm_size\": 32, \"idle_power\": 2.0, \"energy_per_bit\": 6.0},"
          " \"link\": {\"num_links\": 3, \"idle_power\": 5, \"energy_per_bit\": 4.0},"
          " \"nic\": {\"num_nics\": 2, \"idle_power\": 20},"
          " \"storage\": {\"num_devices\": 2, \"idle_power\": 5}}";

static ws_json_doc *parse(const char *text)
{
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = NULL;
    if (ws_json_doc_parse("c.json", text, strlen(text), &err, &doc) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    return doc;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, text);
    }
}

static int64_t standby_ns(const char *entry, double bare_unit_s, ws_strbuf *notes)
{
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = parse(entry);
    ws_npu_power power;
    if (ws_npu_power_read(ws_json_doc_root(doc), bare_unit_s, notes, &err, &power) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
    assert_true(power.idle_w == 35.0 && power.standby_w == 300.0 && power.active_w == 600.0);
    ws_json_doc_destroy(&doc);
    return power.standby_ns;
}

static void bare_durations_follow_the_given_unit(void **state)
{
    (void)state;
    assert_int_equal(standby_ns(NPU_ENTRY("18"), 1e-9, NULL), 18);
    assert_int_equal(standby_ns(NPU_ENTRY("18"), 1.0, NULL), 18000000000);
    assert_int_equal(standby_ns(NPU_ENTRY("0.5"), 1.0, NULL), 500000000);
    assert_int_equal(standby_ns(NPU_ENTRY("0"), 1e-9, NULL), 0);
    assert_int_equal(standby_ns(NPU_ENTRY("123456789012"), 1e-9, NULL), 123456789012);
}

static void durations_with_a_unit_ignore_it(void **state)
{
    (void)state;
    assert_int_equal(standby_ns(NPU_ENTRY("\"18s\""), 1e-9, NULL), 18000000000);
    assert_int_equal(standby_ns(NPU_ENTRY("\"250us\""), 1.0, NULL), 250000);
    assert_int_equal(standby_ns(NPU_ENTRY("\"18\""), 1.0, NULL), 18000000000);
}

static void small_bare_nanoseconds_get_one_note(void **state)
{
    (void)state;
    ws_strbuf notes = WS_STRBUF_INIT;
    (void)standby_ns(NPU_ENTRY("1000"), 1e-9, &notes);
    (void)standby_ns(NPU_ENTRY("18"), 1.0, &notes);
    (void)standby_ns(NPU_ENTRY("\"18ns\""), 1e-9, &notes);
    (void)standby_ns(NPU_ENTRY("0"), 1e-9, &notes);
    assert_string_equal(ws_strbuf_text(&notes), "");
    (void)standby_ns(NPU_ENTRY("18"), 1e-9, &notes);
    (void)standby_ns(NPU_ENTRY("19"), 1e-9, &notes);
    assert_contains(ws_strbuf_text(&notes), "c.json: /standby_duration: 18 is read as nanoseconds");
    assert_contains(ws_strbuf_text(&notes), "\"18s\"");
    assert_null(strstr(ws_strbuf_text(&notes), "19"));
    ws_strbuf_fini(&notes);
}

static void check_bad_npu(const char *entry, const char *message)
{
    ws_error     err   = WS_ERROR_INIT;
    ws_json_doc *doc   = parse(entry);
    ws_npu_power power = {.idle_w = -1.0};
    assert_int_equal(ws_npu_power_read(ws_json_doc_root(doc), 1e-9, NULL, &err, &power), WS_ERR_INPUT);
    assert_contains(ws_error_text(&err), message);
    assert_true(power.idle_w == -1.0);
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

static void bad_npu_entries_are_named(void **state)
{
    (void)state;
    check_bad_npu(NPU_ENTRY("-1"), "c.json: /standby_duration: expected a duration >= 0");
    check_bad_npu(NPU_ENTRY("1e300"), "/standby_duration");
    check_bad_npu(NPU_ENTRY("true"), "/standby_duration");
    check_bad_npu(NPU_ENTRY("\"18 parsecs\""), "18 parsecs");
    check_bad_npu("{\"idle_power\": 35, \"standby_power\": 1, \"active_power\": 600}", "standby_duration");
    check_bad_npu(
        "{\"idle_power\": -35, \"standby_power\": 1, \"active_power\": 600, \"standby_duration\": 1}",
        "/idle_power");
    check_bad_npu("{\"idle_power\": 35, \"standbypower\": 1, \"active_power\": 600, \"standby_duration\": 1}",
                  "standby_power");
    check_bad_npu("7", "object");
}

/* 512 GiB in 32 GiB DIMMs: 16 of 2 W. 6 pJ per bit: 48 pJ per byte. */
static void node_blocks_become_coefficients(void **state)
{
    (void)state;
    ws_error      err = WS_ERROR_INIT;
    ws_json_doc  *doc = parse(NODE_POWER);
    ws_node_power node;
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_OK);
    assert_true(node.is_tracked);
    assert_true(node.base_w == 60.0 && node.nic_w == 40.0 && node.storage_w == 10.0);
    assert_true(node.cpu_idle_w == 10.0 && node.cpu_active_w == 200.0 && node.cpu_util == 0.15);
    assert_true(node.dram_idle_w == 32.0 && node.link_idle_w == 15.0);
    assert_true(fabs(node.dram_j_per_byte - 48e-12) < 1e-24);
    assert_true(fabs(node.link_j_per_byte - 32e-12) < 1e-24);
    assert_true(node.cxl_idle_w == 0.0 && node.cxl_j_per_byte == 0.0);
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 100.0, false, &err, &node), WS_OK);
    assert_true(node.dram_idle_w == 6.0); /* 3 whole DIMMs in 100 GiB */
    ws_json_doc_destroy(&doc);
}

/* Work costs at least what rest does, DIMMs fit the memory, and nothing is so large that it is a slip of a
 * unit: otherwise energies came out negative, or as -9e18 J. Value by pointer; what the message says. */
static void absurd_powers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        double      value;
        const char *message;
    } rows[] = {
        {"/npu/X/active_power", 34, "/npu/X/idle_power: expected at most active_power (34 W), found 35"},
        {"/npu/X/active_power", 299,
         "/npu/X/standby_power: expected at most active_power (299 W), found 300"},
        {"/npu/X/standby_power", 601, "/npu/X/standby_power: expected at most active_power (600 W)"},
        {"/npu/X/idle_power", 601, "/npu/X/idle_power: expected at most active_power (600 W), found 601"},
        {"/npu/X/standby_power", 34, "/npu/X/idle_power: expected at most standby_power (34 W), found 35"},
        {"/npu/X/idle_power", -1, "/npu/X/idle_power: expected number in 0..1000000, found -1"},
        {"/npu/X/active_power", 1e9, "/npu/X/active_power: expected number in 0..1000000"},
        {"/cpu/active_power", 9, "/cpu/idle_power: expected at most active_power (9 W), found 10"},
        {"/cpu/idle_power", 201, "/cpu/idle_power: expected at most active_power (200 W), found 201"},
        {"/cpu/util", -0.1, "/cpu/util"},
        {"/dram/dimm_size", 1e-300,
         "/dram/dimm_size: expected at most 100000 DIMMs in 512 GiB, found DIMMs "
         "of 1e-300 GiB"},
        {"/dram/dimm_size", 513, "/dram/dimm_size: expected at most cpu_mem.mem_size (512 GiB), found 513"},
        {"/dram/dimm_size", 0, "/dram/dimm_size"},
        {"/dram/idle_power", 1e300, "/dram/idle_power"},
        {"/dram/energy_per_bit", 1e7, "/dram/energy_per_bit"},
        {"/link/num_links", 1e6, "/link/num_links"},
        {"/link/num_links", -1, "/link/num_links"},
        {"/link/energy_per_bit", -1e-9, "/link/energy_per_bit"},
        {"/nic/num_nics", 1e9, "/nic/num_nics"},
        {"/storage/idle_power", -5, "/storage/idle_power"},
        {"/base_node_power", 1e7, "/base_node_power"},
        {"/power_cap_w", -1, "/power_cap_w"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ws_error      err = WS_ERROR_INIT;
        ws_json_doc  *doc = parse(NODE_POWER);
        ws_node_power node;
        assert_int_equal(ws_json_set_number(doc, rows[i].pointer, rows[i].value, &err), WS_OK);
        assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_ERR_INPUT);
        assert_contains(ws_error_text(&err), rows[i].message);
        ws_error_clear(&err);
        ws_json_doc_destroy(&doc);
    }
}

/* Hardware that no instance has today may be swept tomorrow. */
static void every_npu_entry_is_checked(void **state)
{
    (void)state;
    static const char *const broken[][2] = {
        {"7", "/npu: expected an object"},
        {"{\"X\": 7}", "/npu/X: expected object"},
        {"{\"X\": {\"idle_power\": 35}}", "/npu/X: missing key \"active_power\""}};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        ws_error      err = WS_ERROR_INIT;
        ws_json_doc  *doc = parse(NODE_POWER), *npu = parse(broken[i][0]);
        ws_node_power node;
        assert_int_equal(ws_json_set(doc, "/npu", ws_json_doc_root(npu), &err), WS_OK);
        assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_ERR_INPUT);
        assert_contains(ws_error_text(&err), broken[i][1]);
        ws_error_clear(&err);
        ws_json_doc_destroy(&npu);
        ws_json_doc_destroy(&doc);
    }
}

static void cxl_is_optional(void **state)
{
    (void)state;
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = parse(NODE_POWER);
    ws_json_doc *cxl = parse("{\"idle_power\": 7, \"energy_per_bit\": 10}");
    assert_int_equal(ws_json_set(doc, "/cxl", ws_json_doc_root(cxl), &err), WS_OK);
    ws_node_power node;
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_OK);
    assert_true(node.cxl_idle_w == 7.0);
    assert_true(fabs(node.cxl_j_per_byte - 80e-12) < 1e-24);
    ws_json_doc_destroy(&cxl);
    ws_json_doc_destroy(&doc);
}

static void pim_nodes_need_only_the_energy_of_dram(void **state)
{
    (void)state;
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = parse(NODE_POWER);
    ws_json_remove(doc, "/dram/dimm_size");
    ws_json_remove(doc, "/dram/idle_power");
    ws_node_power node = {.base_w = -1.0};
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_ERR_INPUT);
    assert_true(node.base_w == -1.0);
    assert_contains(ws_error_text(&err), "dimm_size");
    assert_contains(ws_error_text(&err), "idle_power");
    ws_error_clear(&err);
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, true, &err, &node), WS_OK);
    assert_true(node.dram_idle_w == 0.0 && node.dram_j_per_byte > 0.0);
    ws_json_doc_destroy(&doc);
}

static void all_problems_of_a_block_are_reported(void **state)
{
    (void)state;
    ws_error     err = WS_ERROR_INIT;
    ws_json_doc *doc = parse(NODE_POWER);
    assert_int_equal(ws_json_set_number(doc, "/cpu/util", 1.5, &err), WS_OK);
    assert_int_equal(ws_json_set_number(doc, "/nic/num_nics", 1.5, &err), WS_OK);
    assert_int_equal(ws_json_set_number(doc, "/fan", 1.0, &err), WS_OK);
    ws_json_remove(doc, "/storage");
    ws_node_power node;
    assert_int_equal(ws_node_power_read(ws_json_doc_root(doc), 512.0, false, &err, &node), WS_ERR_INPUT);
    assert_contains(ws_error_text(&err), "/cpu/util");
    assert_contains(ws_error_text(&err), "/nic/num_nics");
    assert_contains(ws_error_text(&err), "fan");
    assert_contains(ws_error_text(&err), "storage");
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_durations_follow_the_given_unit),
        cmocka_unit_test(durations_with_a_unit_ignore_it),
        cmocka_unit_test(small_bare_nanoseconds_get_one_note),
        cmocka_unit_test(bad_npu_entries_are_named),
        cmocka_unit_test(node_blocks_become_coefficients),
        cmocka_unit_test(absurd_powers_are_refused),
        cmocka_unit_test(every_npu_entry_is_checked),
        cmocka_unit_test(cxl_is_optional),
        cmocka_unit_test(pim_nodes_need_only_the_energy_of_dram),
        cmocka_unit_test(all_problems_of_a_block_are_reported),
    };
    return cmocka_run_group_tests_name("power.coefficients", tests, NULL, NULL);
}
