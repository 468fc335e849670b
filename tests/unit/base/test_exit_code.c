/* Every status has one exit code, and the page and the help say what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/exit_code.h"

static void each_status_has_its_code(void **state)
{
    (void)state;
    assert_int_equal(ws_exit_code(WS_OK), 0);
    assert_int_equal(ws_exit_code(WS_ERR_NOMEM), 1);
    assert_int_equal(ws_exit_code(WS_ERR_TIMEOUT), 1);
    assert_int_equal(ws_exit_code(WS_ERR_MEMORY_BUDGET), 1);
    assert_int_equal(ws_exit_code(WS_ERR_ARG), 2);
    assert_int_equal(ws_exit_code(WS_ERR_INPUT), 2);
    assert_int_equal(ws_exit_code(WS_ERR_INFEASIBLE), 2);
    assert_int_equal(ws_exit_code(WS_ERR_IO), 3);
    assert_int_equal(WS_EXIT_RESUME, 75); /* EX_TEMPFAIL of sysexits.h, which batch systems requeue */
}

static void the_page_has_a_row_for_each_code(void **state)
{
    static const struct {
        int         code;
        const char *text;
    } rows[] = {
#define ROW(id, code, text) {code, text},
        WS_EXIT_LIST(ROW)
#undef ROW
    };
    static char page[65536];
    char        path[4096], line[512];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/docs/exit-codes.md", getenv("WS_SOURCE_DIR"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(line, sizeof(line), "| %d | %s |", rows[i].code, rows[i].text);
        if (strstr(page, line) == NULL) {
            fail_msg("docs/exit-codes.md: expected the line %s", line);
        }
        assert_non_null(strstr(ws_exit_code_help(), rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_its_code),
        cmocka_unit_test(the_page_has_a_row_for_each_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
