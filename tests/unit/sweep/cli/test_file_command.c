/* Invariants: a command runs once, with its files and options, if its line is good; its exit code is its own
 * after a good run, and that of its status or of a bad line otherwise. */
#include <string.h>

#include "base/exit_code.h"
#include "captured.h"
#include "cli/file_command.h"

typedef struct toy {
    const char *files[2];
    bool        is_long;
    ws_status   status; /* of the run */
    int         n_runs;
} toy;

static const ws_arg args[] = {
    {.name = "long", .kind = WS_ARG_FLAG, .offset = offsetof(toy, is_long), .help = "more of it"}};

static ws_status run(void *options, ws_error *err)
{
    toy *t = options;
    t->n_runs++;
    return t->status == WS_OK ? WS_OK : ws_error_add(err, t->status, "%s: no", t->files[0]);
}

static int seven(const void *options)
{
    const toy *t = options;
    return t->is_long ? 7 : 8;
}

typedef struct line {
    toy    t;
    char **argv;
    int    argc, code;
    int (*exit_code)(const void *options);
} line;

static void run_line(void *ctx)
{
    line                  *l       = ctx;
    const ws_arg_section   section = {NULL, args, 1, &l->t};
    const swp_file_command command = {.program    = "toy copy",
                                      .usage      = "A B",
                                      .about      = "A toy.",
                                      .sections   = &section,
                                      .n_sections = 1,
                                      .files      = l->t.files,
                                      .n_files    = 2,
                                      .file_names = "A and B",
                                      .run        = run,
                                      .exit_code  = l->exit_code,
                                      .options    = &l->t};
    l->code                        = swp_file_command_run(&command, l->argc, l->argv);
}

#define LINE(...)                                                                                            \
    {                                                                                                        \
        .argv = (char *[]){"copy", __VA_ARGS__},                                                             \
        .argc = sizeof((char *[]){"copy", __VA_ARGS__}) / sizeof(char *)                                     \
    }

static void a_good_line_runs_once(void **state)
{
    (void)state;
    line l = LINE("a", "--long", "b");
    run_line(&l);
    assert_int_equal(l.code, WS_EXIT_DONE);
    assert_int_equal(l.t.n_runs, 1);
    assert_string_equal(l.t.files[1], "b");
    l.exit_code = seven;
    run_line(&l);
    assert_int_equal(l.code, 7);
}

static void a_failed_run_says_why(void **state)
{
    (void)state;
    line l      = LINE("a", "b");
    l.t.status  = WS_ERR_IO;
    l.exit_code = seven;
    char *text  = captured(stderr, run_line, &l);
    assert_string_equal(text, "a: no\n");
    assert_int_equal(l.code, WS_EXIT_OUTPUT);
    free(text);
}

static void a_bad_line_does_not_run(void **state)
{
    (void)state;
    line  few  = LINE("a");
    char *text = captured(stderr, run_line, &few);
    assert_string_equal(text, "expected A and B; see toy copy --help\nusage: toy copy A B\n");
    assert_int_equal(few.code, WS_EXIT_INPUT);
    assert_int_equal(few.t.n_runs, 0);
    free(text);
    line help = LINE("--help");
    text      = captured(stdout, run_line, &help);
    assert_non_null(strstr(text, "usage: toy copy A B\n\nA toy.\n"));
    assert_int_equal(help.code, WS_EXIT_DONE);
    assert_int_equal(help.t.n_runs, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_good_line_runs_once),
                                       cmocka_unit_test(a_failed_run_says_why),
                                       cmocka_unit_test(a_bad_line_does_not_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
