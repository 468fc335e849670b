/* Invariants: draws stay inside [min, max], are whole where asked, and have the mean the spec names; a bad
 * distribution is refused with its place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "workload/distribution.h"

enum { N_DRAWS = 40000 };

/* Read a distribution of tokens (is_integer) or seconds; error_out gets the messages. */
static ws_status read_text(const char *text, bool is_integer, char *error_out, size_t cap,
                           ws_distribution *out)
{
    ws_files    *files = NULL;
    ws_json_doc *doc   = NULL;
    ws_error     err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "lengths.json", "[5, 7]", 6), WS_OK);
    assert_int_equal(ws_json_doc_parse("spec.json", text, strlen(text), &err, &doc), WS_OK);
    const ws_distribution_range range = {is_integer, is_integer ? 1.0 : 0.0, 1000.0};
    const ws_status status            = ws_distribution_read(files, ws_json_doc_root(doc), &range, &err, out);
    snprintf(error_out, cap, "%s", ws_error_text(&err));
    ws_error_clear(&err);
    ws_json_doc_destroy(&doc);
    ws_files_destroy(&files);
    return status;
}

typedef struct summary {
    double mean, min, max;
} summary;

/* Statistics of N_DRAWS draws; checks wholeness on the way. */
static summary drawn(const char *text, bool is_integer)
{
    ws_distribution d;
    char            error[1024];
    if (read_text(text, is_integer, error, sizeof(error), &d) != WS_OK) {
        fail_msg("%s", error);
    }
    ws_rng rng;
    ws_rng_seed(&rng, 5);
    summary s = {0.0, INFINITY, -INFINITY};
    for (int i = 0; i < N_DRAWS; i++) {
        const double draw = ws_distribution_draw(&d, &rng);
        assert_true(!is_integer || draw == floor(draw));
        s.mean += draw / N_DRAWS;
        s.min = fmin(s.min, draw);
        s.max = fmax(s.max, draw);
    }
    ws_distribution_fini(&d);
    return s;
}

static void assert_about(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %g, expected %g +- %g", got, expected, tolerance);
    }
}

static void numbers_are_fixed(void **state)
{
    (void)state;
    const summary plain  = drawn("12", true),
                  object = drawn("{\"distribution\":\"fixed\",\"value\":2.5}", false);
    assert_true(plain.min == 12.0 && plain.max == 12.0);
    assert_true(object.min == 2.5 && object.max == 2.5);
}

/* 1..4 alike: mean 2.5, deviation 1.12, so the mean of 40,000 is within 0.03 with near certainty. */
static void uniform_covers_both_ends(void **state)
{
    (void)state;
    const summary whole = drawn("{\"distribution\":\"uniform\",\"min\":1,\"max\":4}", true);
    assert_true(whole.min == 1.0 && whole.max == 4.0);
    assert_about(whole.mean, 2.5, 0.03);
    const summary real = drawn("{\"distribution\":\"uniform\",\"min\":0.5,\"max\":1.5}", false);
    assert_true(real.min >= 0.5 && real.max <= 1.5);
    assert_about(real.mean, 1.0, 0.01);
}

static void lognormal_has_the_named_mean(void **state)
{
    (void)state;
    assert_about(drawn("{\"distribution\":\"lognormal\",\"mean\":50,\"sigma\":0.5}", true).mean, 50.0, 0.6);
    assert_about(drawn("{\"distribution\":\"lognormal\",\"mean\":50,\"sigma\":0}", true).mean, 50.0, 1e-9);
    const summary clamped =
        drawn("{\"distribution\":\"lognormal\",\"mean\":50,\"sigma\":1,\"min\":20,\"max\":90}", true);
    assert_true(clamped.min == 20.0 && clamped.max == 90.0);
}

static void exponential_has_the_named_mean(void **state)
{
    (void)state;
    assert_about(drawn("{\"distribution\":\"exponential\",\"mean\":4}", false).mean, 4.0, 0.1);
}

static void empirical_draws_only_what_is_listed(void **state)
{
    (void)state;
    const summary inlined = drawn("{\"distribution\":\"empirical\",\"values\":[3,3,9]}", true);
    assert_true(inlined.min == 3.0 && inlined.max == 9.0);
    assert_about(inlined.mean, 5.0, 0.06);
    assert_about(drawn("{\"distribution\":\"empirical\",\"file\":\"lengths.json\"}", true).mean, 6.0, 0.03);
}

static void bad_distributions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } k_cases[] = {
        {"\"ten\"", "expected a number, or an object"},
        {"0", "expected an integer in 1..1000, found 0"},
        {"1.5", "expected an integer in 1..1000, found 1.5"},
        {"{}", "\"distribution\""},
        {"{\"distribution\":\"normal\"}", "/distribution"},
        {"{\"distribution\":\"fixed\"}", "\"value\""},
        {"{\"distribution\":\"fixed\",\"value\":5,\"mean\":3}", "/mean"},
        {"{\"distribution\":\"uniform\",\"min\":5,\"max\":3}", "min <= max"},
        {"{\"distribution\":\"uniform\",\"min\":1,\"max\":3000}", "1..1000 as max"},
        {"{\"distribution\":\"lognormal\",\"mean\":0,\"sigma\":1}", "/mean"},
        {"{\"distribution\":\"lognormal\",\"mean\":5,\"sigma\":-1}", "/sigma"},
        {"{\"distribution\":\"empirical\"}", "neither"},
        {"{\"distribution\":\"empirical\",\"values\":[1],\"file\":\"lengths.json\"}", "both"},
        {"{\"distribution\":\"empirical\",\"values\":[]}", "/values"},
        {"{\"distribution\":\"empirical\",\"values\":[1,0]}", "/values/1"},
        {"{\"distribution\":\"empirical\",\"values\":[1,\"x\"]}", "/values/1"},
        {"{\"distribution\":\"empirical\",\"file\":\"no.json\"}", "no.json"},
    };
    for (size_t i = 0; i < sizeof(k_cases) / sizeof(k_cases[0]); i++) {
        ws_distribution d;
        char            error[1024];
        assert_int_equal(read_text(k_cases[i].text, true, error, sizeof(error), &d), WS_ERR_INPUT);
        if (strstr(error, k_cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\" in: %s", k_cases[i].text, k_cases[i].message, error);
        }
        ws_distribution_fini(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_fixed),
        cmocka_unit_test(uniform_covers_both_ends),
        cmocka_unit_test(lognormal_has_the_named_mean),
        cmocka_unit_test(exponential_has_the_named_mean),
        cmocka_unit_test(empirical_draws_only_what_is_listed),
        cmocka_unit_test(bad_distributions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
