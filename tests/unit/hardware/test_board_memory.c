/* Invariants: a data sheet says how much memory a board has; what it does not say is not known; what is no
 * number is an error with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hardware/board_memory.h"

static ws_status read_text(const char *text, ws_error *err, ws_board_memory *out)
{
    ws_json_doc *doc = NULL;
    assert_int_equal(ws_json_doc_parse("B.json", text, strlen(text), NULL, &doc), WS_OK);
    const ws_status status = ws_board_memory_read(ws_json_doc_root(doc), err, out);
    ws_json_doc_destroy(&doc);
    return status;
}

static void sizes_are_those_of_the_sheet(void **state)
{
    (void)state;
    ws_board_memory board = {1, 1};
    assert_int_equal(read_text("{\"memory_gib\": 24, \"memory_gbps\": 1008.5}", NULL, &board), WS_OK);
    assert_true(board.size_gib == 24 && board.bw_gbps == 1008.5);
    assert_int_equal(read_text("{\"memory_gib\": 24}", NULL, &board), WS_OK);
    assert_true(board.size_gib == 24 && board.bw_gbps == 0);
    assert_int_equal(ws_board_memory_read(WS_JSON_NONE, NULL, &board), WS_OK);
    assert_true(board.size_gib == 0 && board.bw_gbps == 0);
}

static void broken_sheets_are_refused(void **state)
{
    (void)state;
    ws_error        err = WS_ERROR_INIT;
    ws_board_memory board;
    assert_int_equal(read_text("{\"memory_gib\": 0, \"memory_gbps\": \"fast\"}", &err, &board), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), "B.json: /memory_gib"));
    assert_non_null(strstr(ws_error_text(&err), "B.json: /memory_gbps"));
    ws_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_the_sheet),
        cmocka_unit_test(broken_sheets_are_refused),
    };
    return cmocka_run_group_tests_name("hardware.board_memory", tests, NULL, NULL);
}
