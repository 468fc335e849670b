/* Invariants: the bounds of a file's spec are read by name; what is no bound, or no spec, bounds nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analysis/file_slo.h"

static void expect(const char *spec_json, const char *bounds)
{
    const ws_slo slo  = swp_file_slo(spec_json);
    ws_strbuf    text = WS_STRBUF_INIT;
    ws_slo_put_text(&slo, &text);
    assert_string_equal(ws_strbuf_text(&text), bounds);
    ws_strbuf_fini(&text);
}

static void test_bounds(void **state)
{
    (void)state;
    expect("{\"spec\": {\"slo\": {\"tpot_p99_ms\": 60, \"ttft_ms\": 500, \"attainment\": 0.9}}}",
           "ttft_ms=500,tpot_p99_ms=60,attainment=0.9");
    expect("{\"spec\": {\"slo\": {\"ttft_ms\": 500, \"tpot_ms\": -1, \"itl_ms\": \"3\", \"\\u001b[2J\": 4}}}",
           "ttft_ms=500");
    expect("{\"spec\": {\"slo\": 3}}", "");
    expect("{\"spec\": {}}", "");
    expect("{}", "");
    expect("[1", "");
    expect("", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests_name("sweep.file_slo", tests, NULL, NULL);
}
