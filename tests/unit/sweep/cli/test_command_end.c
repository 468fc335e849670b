/* Invariants: a command ends with the exit code of its status and says why; what it prints of a file does not
 * steer a terminal. */
#include <string.h>

#include "base/exit_code.h"
#include "captured.h"
#include "cli/command_end.h"

typedef struct ending {
    ws_status   status;
    const char *problem; /* NULL = the status speaks for itself */
    int         code;
} ending;

static void end(void *ctx)
{
    ending  *e   = ctx;
    ws_error err = WS_ERROR_INIT;
    if (e->problem != NULL) {
        ws_error_add(&err, e->status, "%s", e->problem);
    }
    e->code = swp_cmd_exit(e->status, &err);
    assert_int_equal(err.n_problems, 0);
}

static void codes_and_reasons(void **state)
{
    (void)state;
    static const struct {
        ending      e;
        int         code;
        const char *text;
    } cases[] = {{{WS_OK, NULL, -1}, WS_EXIT_DONE, ""},
                 {{WS_ERR_INPUT, "a.json: no such file", -1}, WS_EXIT_INPUT, "a.json: no such file\n"},
                 {{WS_ERR_IO, "b.h5: damaged", -1}, WS_EXIT_OUTPUT, "b.h5: damaged\n"},
                 {{WS_ERR_NOMEM, NULL, -1}, WS_EXIT_FAILED, "out of memory\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ending e    = cases[i].e;
        char  *text = captured(stderr, end, &e);
        assert_int_equal(e.code, cases[i].code);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

static void print_hostile(void *ctx)
{
    (void)ctx;
    swp_print("title: %s\nrows: %d\n", "a\x1b[2Jb", 3);
}

static void nothing_steers_a_terminal(void **state)
{
    (void)state;
    char *text = captured(stdout, print_hostile, NULL);
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(text, "title: a"));
    assert_non_null(strstr(text, "b\nrows: 3\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_and_reasons),
                                       cmocka_unit_test(nothing_steers_a_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
