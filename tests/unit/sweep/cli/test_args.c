/* Options may stand anywhere, in every usual form; what is wrong names the argument and exits 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"

typedef struct parsed {
    const char *by;
    double      n;
    bool        json;
    int         n_files;
} parsed;

static int parse(int argc, char **argv, parsed *out)
{
    *out                           = (parsed){.by = "default", .n = 10.0};
    const swp_arg          args[]  = {{"--by", NULL, "COLUMN", "rank by", &out->by, NULL, NULL},
                                      {"--number", "-n", "N", "rows", NULL, &out->n, NULL},
                                      {"--json", NULL, NULL, "as JSON", NULL, NULL, &out->json}};
    const swp_command_line command = {"top FILE", "about", args, 3, 1, 2};
    return swp_args_parse(&command, argc, argv, &out->n_files);
}

#define PARSE(out, ...)                                                                                      \
    parse((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__}, out)

static void every_form(void **state)
{
    char  *argv[] = {"top", "--by", "energy_j", "a.h5", "-n", "3", "--json", "b.h5"};
    parsed out;

    (void)state;
    assert_int_equal(parse(8, argv, &out), SWP_ARGS_GO_ON);
    assert_string_equal(out.by, "energy_j");
    assert_true(out.n == 3.0 && out.json);
    assert_int_equal(out.n_files, 2);
    assert_string_equal(argv[1], "a.h5");
    assert_string_equal(argv[2], "b.h5");
    assert_int_equal(PARSE(&out, "top", "--by=x=y", "--number=2.5", "f"), SWP_ARGS_GO_ON);
    assert_string_equal(out.by, "x=y");
    assert_true(out.n == 2.5 && !out.json);
    assert_int_equal(PARSE(&out, "top", "--", "--json"), SWP_ARGS_GO_ON);
    assert_int_equal(out.n_files, 1);
    assert_false(out.json);
    assert_int_equal(PARSE(&out, "top", "--by", "-energy_j", "f"),
                     SWP_ARGS_GO_ON); /* a value may begin with '-' */
    assert_string_equal(out.by, "-energy_j");
}

static void mistakes(void **state)
{
    parsed out;
    (void)state;
    assert_int_equal(PARSE(&out, "top"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "b", "c"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "--nope"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "--by"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "-n", "many"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "-n", "inf"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "a", "--json=1"), WS_EXIT_INPUT);
    assert_int_equal(PARSE(&out, "top", "--help"), WS_EXIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_form), cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
