/* Invariant: the help names every option with its default, and fits a terminal of 112 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "programs/wattsim_cli.h"
#include "base/exit_code.h"
#include "programs/wattsim_help.h"

/** The help text, from malloc. */
static char *help_text(void)
{
    char  *text   = NULL;
    size_t len    = 0;
    FILE  *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_wattsim_help_print(stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in the help", part);
    }
}

static void every_option_is_explained(void **state)
{
    (void)state;
    char            *text = help_text();
    size_t           n;
    const ws_option *options = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char flag[64], usage[80];
        (void)snprintf(usage, sizeof(usage), "--%s%s", options[i].type == WS_OPTION_BOOL ? "[no-]" : "",
                       ws_option_flag(&options[i], flag));
        assert_contains(text, usage);
    }
    free(text);
}

static void defaults_files_and_exit_codes_are_shown(void **state)
{
    (void)state;
    char *text = help_text();
    assert_contains(text, "--max-num-seqs N *");
    assert_contains(text, "[128]");
    assert_contains(text, "--summary-json FILE");
    assert_contains(text, "--fidelity physical|reference");
    assert_contains(text, ws_exit_code_help());
    free(text);
}

static void lines_fit_a_terminal(void **state)
{
    (void)state;
    char *text = help_text();
    for (const char *line = text; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        if (len > 112) {
            fail_msg("%zu columns: %.*s", len, (int)len, line);
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_explained),
        cmocka_unit_test(defaults_files_and_exit_codes_are_shown),
        cmocka_unit_test(lines_fit_a_terminal),
    };
    return cmocka_run_group_tests_name("programs.wattsim_help", tests, NULL, NULL);
}
