/* Invariants: the help shows every option once, under its heading, with value and default, broken between
 * words; it ends with the exit codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cmdline_help.h"
#include "base/exit_code.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const colours[] = {"red", "green", NULL};
static const ws_arg      first[]   = {
           {.name = "quiet", .short_name = "q", .kind = WS_ARG_FLAG, .help = "say nothing"},
           {.name = "live_view", .kind = WS_ARG_SWITCH, .help = "show it", .default_text = "on"},
           {.name = "output", .short_name = "o", .kind = WS_ARG_FILE, .help = "a file"},
};
static const ws_arg second[] = {
    {.name = "colour", .kind = WS_ARG_CHOICE, .choices = colours, .mark = " *", .help = "of what"},
    {.name = "wait", .kind = WS_ARG_SECONDS, .help = "how long"},
};

/* Not inlined: gcc 12 takes the text of the stream for a dead local of this function then. */
__attribute__((noinline)) static char *print(const ws_cmdline *line)
{
    char  *text   = NULL;
    size_t len    = 0;
    FILE  *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_cmdline_print_help(line, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

/* Everything before the exit codes, which are another module's. */
static void check(const ws_cmdline *line, const char *expected)
{
    char       *text  = print(line);
    const char *codes = strstr(text, "\nexit codes:");
    assert_non_null(codes);
    const size_t before = (size_t)(codes - text);
    assert_string_equal(text + before + 1, ws_exit_code_help());
    text[before] = '\0';
    assert_string_equal(text, expected);
    free(text);
}

static void sections_stand_under_their_headings(void **state)
{
    (void)state;
    const ws_arg_section sections[] = {{NULL, first, COUNT_OF(first), NULL},
                                       {"More", second, COUNT_OF(second), NULL}};
    const ws_cmdline     line       = {.program    = "toy run",
                                       .usage      = "A [B]",
                                       .about      = "A toy.",
                                       .closing    = "That is all.",
                                       .sections   = sections,
                                       .n_sections = 2};
    check(&line, "usage: toy run A [B]\n"
                 "\n"
                 "A toy.\n"
                 "\n"
                 "options:\n"
                 "  -q, --quiet               say nothing\n"
                 "      --[no-]live-view      show it [on]\n"
                 "  -o, --output FILE         a file\n"
                 "  -h, --help                print this help\n"
                 "\n"
                 "More\n"
                 "      --colour red|green *  of what\n"
                 "      --wait TIME           how long\n"
                 "\n"
                 "That is all.\n");
}

/* A section without a heading goes on under the one before; without short names no place is kept for them. */
static void no_short_names_no_headings(void **state)
{
    (void)state;
    static const ws_arg  plain[]    = {{.name = "json", .kind = WS_ARG_FLAG, .help = "as JSON"}};
    const ws_arg_section sections[] = {{NULL, second, COUNT_OF(second), NULL}, {NULL, plain, 1, NULL}};
    const ws_cmdline     line = {.program = "toy", .about = "A toy.", .sections = sections, .n_sections = 2};
    check(&line, "A toy.\n"
                 "\n"
                 "options:\n"
                 "  --colour red|green *  of what\n"
                 "  --wait TIME           how long\n"
                 "  --json                as JSON\n"
                 "  --help                print this help\n");
}

static void a_line_without_options(void **state)
{
    (void)state;
    const ws_cmdline line = {.program = "toy", .usage = "A", .about = "A toy."};
    check(&line, "usage: toy A\n\nA toy.\n\noptions:\n  --help  print this help\n");
}

static void long_texts_are_broken_between_words(void **state)
{
    (void)state;
    static const ws_arg  args[]  = {{.name  = "a-name-so-long-that-no-help-fits-behind-it",
                                     .kind  = WS_ARG_TEXT,
                                     .value = "VALUE",
                                     .help =
                                         "seven words of help, again and again: seven words of help, again and "
                                           "again: seven words of help, again and again"}};
    const ws_arg_section section = {NULL, args, 1, NULL};
    const ws_cmdline     line = {.program = "toy", .about = "A toy.", .sections = &section, .n_sections = 1};
    check(&line, "A toy.\n"
                 "\n"
                 "options:\n"
                 "  --a-name-so-long-that-no-help-fits-behind-it VALUE\n"
                 "                                    seven words of help, again and again: seven words of "
                 "help, again and\n"
                 "                                    again: seven words of help, again and again\n"
                 "  --help                            print this help\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_stand_under_their_headings),
        cmocka_unit_test(no_short_names_no_headings),
        cmocka_unit_test(a_line_without_options),
        cmocka_unit_test(long_texts_are_broken_between_words),
    };
    return cmocka_run_group_tests_name("base.cmdline_help", tests, NULL, NULL);
}
