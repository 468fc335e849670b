/* Invariants: a data sheet is read number by number, types it does not name stay at 0, and everything wrong
 * in it is said at once, with its place; the result is left alone then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hardware/datasheet.h"

static const char SHEET[] =
    "{\"name\": \"toy\", \"memory_gib\": 48, \"memory_gbps\": 768.5, \"peak_tflops\": {\"bfloat16\": 150, "
    "\"fp8\": 300.5}, "
    "\"n_sms\": 84, \"launch_overhead_us\": 2.5, \"efficiency\": {\"matrix\": 0.5, \"memory\": 0.6, "
    "\"elementwise\": 0.7, "
    "\"attention\": 0.8, \"kv\": 0.9}, \"typical_error\": 0.05, \"source\": {\"memory\": \"made up\"}}";

static ws_status read_text(const char *text, ws_error *err, ws__datasheet *out)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "toy.json", text, strlen(text)), WS_OK);
    const ws_status status = ws__datasheet_load(files, "toy.json", err, out);
    ws_files_destroy(&files);
    return status;
}

static void every_number_finds_its_place(void **state)
{
    (void)state;
    ws__datasheet s;
    assert_int_equal(read_text(SHEET, NULL, &s), WS_OK);
    assert_string_equal(s.name, "toy");
    assert_true(s.memory_gib == 48 && s.memory_gbps == 768.5 && s.n_sms == 84 && s.launch_overhead_us == 2.5);
    assert_true(s.efficiency.matrix == 0.5 && s.efficiency.memory == 0.6 && s.efficiency.elementwise == 0.7);
    assert_true(s.efficiency.attention == 0.8 && s.efficiency.kv == 0.9 && s.typical_error == 0.05);
    for (int i = 0; i < WS_DTYPE_COUNT; i++) {
        assert_true(s.peak_tflops[i] == (i == WS_DTYPE_BFLOAT16 ? 150 : i == WS_DTYPE_FP8 ? 300.5 : 0));
    }
}

/* The sheet with the first `from` replaced. */
static ws_status read_changed(const char *from, const char *to, ws_error *err, ws__datasheet *out)
{
    char        text[1024];
    const char *at = strstr(SHEET, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - SHEET), SHEET, to, at + strlen(from));
    return read_text(text, err, out);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"\"memory_gib\": 48", "\"memory_gib\": 0", "toy.json: /memory_gib:"},
        {"\"kv\": 0.9", "\"kv\": 2.1", "toy.json: /efficiency/kv:"},
        {"\"kv\": 0.9", "\"vk\": 0.9", "toy.json: /efficiency/vk: unknown key, did you mean \"kv\"?"},
        {"\"fp8\": 300.5", "\"fp9\": 300.5", "toy.json: /peak_tflops/fp9: expected float16, bfloat16"},
        {"\"fp8\": 300.5", "\"fp8\": -1", "toy.json: /peak_tflops/fp8:"},
        {"{\"bfloat16\": 150, \"fp8\": 300.5}", "{}",
         "toy.json: /peak_tflops: expected an object of TFLOP/s"},
        {"\"n_sms\": 84, ", "", "\"n_sms\""},
        {"\"toy\"",
         "\"a name that goes on and on and on and on and on and on and on and on and on and on and on, too "
         "long\"",
         "toy.json: /name: expected a name of at most 95 bytes"},
        {"{\"name\"", "{\"name", "toy.json"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ws_error      err = WS_ERROR_INIT;
        ws__datasheet s   = {.name = "untouched"};
        assert_int_equal(read_changed(cases[i][0], cases[i][1], &err, &s), WS_ERR_INPUT);
        if (strstr(ws_error_text(&err), cases[i][2]) == NULL) {
            fail_msg("%s: %s", cases[i][1], ws_error_text(&err));
        }
        assert_string_equal(s.name, "untouched");
        ws_error_clear(&err);
    }
}

/* Two faults, two messages. */
static void all_faults_are_said_at_once(void **state)
{
    (void)state;
    ws_error      err = WS_ERROR_INIT;
    ws__datasheet s;
    assert_int_equal(
        read_changed("300.5}, \"n_sms\": 84, \"launch_overhead_us\": 2.5, \"efficiency\": {\"matrix\": 0.5",
                     "0}, \"n_sms\": 84, \"launch_overhead_us\": 2.5, \"efficiency\": {\"matrix\": 5", &err,
                     &s),
        WS_ERR_INPUT);
    assert_int_equal(err.n_problems, 2);
    assert_non_null(strstr(ws_error_text(&err), "/peak_tflops/fp8"));
    assert_non_null(strstr(ws_error_text(&err), "/efficiency/matrix"));
    ws_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_finds_its_place),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(all_faults_are_said_at_once),
    };
    return cmocka_run_group_tests_name("hardware.datasheet", tests, NULL, NULL);
}
