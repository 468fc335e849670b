/* Constraint expressions: precedence, types and unknown quantities do what the grammar in spec/expr.h says,
 * and every broken text is refused with the column of the mistake. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "spec/expr.h"

static const char *const names[] = {"tp_size",       "num_instances", "weights_gb",
                                    "workload.rate", "hardware",      "/a/0"};
enum { TEXT_SLOT = 4, N_NAMES = 6 };

static const swp_quantity values[N_NAMES] = {{2.0, NULL}, {3.0, NULL},   {NAN, NULL},
                                             {0.5, NULL}, {NAN, "H100"}, {7.0, NULL}};

static swp_expr_name resolve(void *ctx, const char *name, size_t len)
{
    (void)ctx;
    for (int i = 0; i < N_NAMES; i++) {
        if (strlen(names[i]) == len && strncmp(names[i], name, len) == 0) {
            return (swp_expr_name){.slot = i, .is_text = i == TEXT_SLOT};
        }
    }
    return (swp_expr_name){.slot    = -1,
                           .nearest = len == 7 && strncmp(name, "tp_szie", len) == 0 ? "tp_size" : NULL};
}

static double eval(const char *text)
{
    char      message[200];
    swp_expr *expr = NULL;
    if (swp_expr_compile(text, resolve, NULL, message, &expr) != WS_OK) {
        fail_msg("%s: %s", text, message);
    }
    const double result = swp_expr_eval(expr, values);
    swp_expr_destroy(&expr);
    return result;
}

static void expect(const char *text, double expected)
{
    const double found = eval(text);
    if (found != expected) {
        fail_msg("%s: expected %g, found %g", text, expected, found);
    }
}

static void test_precedence(void **state)
{
    (void)state;
    expect("1 + 2 * 3", 7.0);
    expect("(1 + 2) * 3", 9.0);
    expect("10 - 4 - 3", 3.0); /* left to right */
    expect("-2 * -3", 6.0);
    expect("7 % 4", 3.0);
    expect("1 || 0 && 0", 1.0); /* && binds tighter */
    expect("! (1 > 2)", 1.0);
    expect("not 1 > 2", 1.0); /* not binds looser than a comparison */
    expect("1 < 2 and 2 < 3 or 0", 1.0);
    expect("min(4, 2, 3) + max(1, 5)", 7.0);
    expect("ceil(1.2) + floor(1.8) + abs(-1) + log2(8)", 7.0);
}

static void test_names(void **state)
{
    (void)state;
    expect("tp_size * num_instances <= 6", 1.0);
    expect("tp_size * num_instances <= 5", 0.0);
    expect("workload.rate == 0.5", 1.0);
    expect("`/a/0` == 7", 1.0);
    expect("hardware == \"H100\" && hardware != 'A6000'", 1.0);
    expect("tp_size == 2 && true", 1.0);
}

static void test_unknown_quantity_makes_unknown(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "weights_gb < 80",       "tp_size == 2 && weights_gb < 80", "weights_gb < 80 || tp_size == 1",
        "not weights_gb < 80",   "min(weights_gb, 1) < 80",         "1 / (tp_size - 2) < 3",
        "7 % (tp_size - 2) < 3", "log2(tp_size - 2) < 3",           "log2(-1) < 3"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        if (!isnan(eval(unknown[i]))) {
            fail_msg("%s: expected unknown, found %g", unknown[i], eval(unknown[i]));
        }
    }
}

/* So that a guard keeps what it guards from being asked. */
static void test_one_side_may_settle_it(void **state)
{
    (void)state;
    expect("tp_size == 1 && weights_gb < 80", 0.0);
    expect("weights_gb < 80 && tp_size == 1", 0.0);
    expect("tp_size == 2 || weights_gb < 80", 1.0);
    expect("tp_size != 2 and 1 / (tp_size - 2) < 3", 0.0);
    expect("tp_size == 2 or 1 / (tp_size - 2) < 3", 1.0);
    expect("1 / (tp_size - 1) < 3 && 3", 1.0);
}

static void test_uses(void **state)
{
    (void)state;
    char      message[200];
    swp_expr *expr = NULL;
    assert_int_equal(swp_expr_compile("tp_size < 2", resolve, NULL, message, &expr), WS_OK);
    assert_true(swp_expr_uses(expr, 0));
    assert_false(swp_expr_uses(expr, 1));
    swp_expr_destroy(&expr);
    assert_null(expr);
}

static void test_broken_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {{"", "column 1: expected a value, found the end"},
                 {"tp_size <", "column 10: expected a value"},
                 {"tp_szie < 2", "column 1: unknown name tp_szie, did you mean tp_size?"},
                 {"hardware == H200", "column 13: unknown name H200; texts stand in quotes"},
                 {"tp_size / 0 < 2", "division by zero"},
                 {"tp_size % (3 - 3) < 2", "division by zero"},
                 {"tp_size < 2 und", "column 13: expected an operator, found 'u'"},
                 {"tp_size \u00f6 1", "expected an operator, found '\u00f6'"},
                 {"\u00f6 > 1", "expected a value, found '\u00f6'"},
                 {"tp_size = 2", "column 9: expected \"==\""},
                 {"(tp_size", "column 9: expected \")\""},
                 {"tp_size 2", "column 9: expected an operator"},
                 {"hardware < 'x'", "only be compared"},
                 {"hardware == 3", "cannot be combined"},
                 {"hardware", "is a text"},
                 {"'open", "column 1: the text that begins here has no end"},
                 {"`open", "column 1: the name that begins here has no end"},
                 {"frob(3)", "unknown function"},
                 {"3x < 4", "expected a number"},
                 {"1 @ 2", "expected an operator, found '@'"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char      message[200];
        swp_expr *expr = NULL;
        assert_int_equal(swp_expr_compile(cases[i].text, resolve, NULL, message, &expr), WS_ERR_INPUT);
        assert_null(expr);
        if (strstr(message, cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\", found \"%s\"", cases[i].text, cases[i].message, message);
        }
    }
}

static void test_depth_and_length_are_bounded(void **state)
{
    (void)state;
    char      text[4001], message[200];
    swp_expr *expr = NULL;
    memset(text, '(', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(swp_expr_compile(text, resolve, NULL, message, &expr), WS_ERR_INPUT);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i % 2 == 0 ? '1' : '+';
    }
    assert_int_equal(swp_expr_compile(text, resolve, NULL, message, &expr), WS_ERR_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unknown_quantity_makes_unknown),
        cmocka_unit_test(test_one_side_may_settle_it),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_broken_texts),
        cmocka_unit_test(test_depth_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
