/* Invariants: a list of values is read as written, in order; a generator gives as many values as it says, its
 * ends exactly and those between evenly, as people would write them; whatever is no list, or says one value
 * twice, is refused at its place. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/units.h"
#include "spec/value.h"

/* One list, read from its own document. */
typedef struct reading {
    ws_json_doc    *doc;
    ws_arena        arena;
    ws_error        err;
    ws_status       status;
    swp_choice_list list;
} reading;

static void reading_init(reading *r, const char *text, bool may_repeat)
{
    *r = (reading){.err = WS_ERROR_INIT};
    ws_arena_init(&r->arena, 0);
    if (ws_json_doc_parse("v.json", text, strlen(text), &r->err, &r->doc) != WS_OK) {
        fail_msg("%s: %s", text, ws_error_text(&r->err));
    }
    r->status = swp_values_read(ws_json_doc_root(r->doc), may_repeat, &r->arena, &r->err, &r->list);
}

static void reading_fini(reading *r)
{
    ws_error_clear(&r->err);
    ws_arena_fini(&r->arena);
    ws_json_doc_destroy(&r->doc);
}

static void refuse(const char *text, const char *expected)
{
    reading r;
    reading_init(&r, text, false);
    if (r.status != WS_ERR_INPUT || strstr(ws_error_text(&r.err), expected) == NULL) {
        fail_msg("%s: expected input error \"%s\", found %s: %s", text, expected, ws_status_text(r.status),
                 ws_error_text(&r.err));
    }
    reading_fini(&r);
}

typedef struct written {
    double      number;
    const char *label;
} written;

static void expect_values(const char *text, const written *values, size_t n)
{
    reading r;
    reading_init(&r, text, false);
    if (r.status != WS_OK || r.list.n != n) {
        fail_msg("%s: expected %zu values, found %zu %s", text, n, r.list.n, ws_error_text(&r.err));
    }
    for (size_t i = 0; i < n; i++) {
        const double number = r.list.values[i].number;
        if (!(number == values[i].number || (isnan(number) && isnan(values[i].number)))) {
            fail_msg("%s: value %zu: expected %.17g, found %.17g", text, i, values[i].number, number);
        }
        assert_string_equal(r.list.values[i].label, values[i].label);
    }
    reading_fini(&r);
}

#define EXPECT(text, ...)                                                                                    \
    expect_values(text, (const written[]){__VA_ARGS__},                                                      \
                  sizeof((const written[]){__VA_ARGS__}) / sizeof(written))

static void test_scalars_as_written(void **state)
{
    (void)state;
    EXPECT("[16, 0.75, 1e-9, -3]", {16.0, "16"}, {0.75, "0.75"}, {1e-9, "1e-09"}, {-3.0, "-3"});
    EXPECT("[true, false]", {1.0, "true"}, {0.0, "false"});
    EXPECT("[\"18ns\", \"\", null]", {NAN, "18ns"}, {NAN, ""}, {NAN, "null"});
    EXPECT("[1e300, 123456789012345]", {1e300, "1e+300"}, {123456789012345.0, "123456789012345"});
}

/* Steps of a tenth do not sum to whole tenths in binary: 0.7 + 0.05 = 0.75000...01, -0.3 + 3 * 0.1 = 5.6e-17.
 */
static void test_generated_numbers_are_those_people_write(void **state)
{
    (void)state;
    EXPECT("{\"linspace\": [0.7, 0.85, 4]}", {0.7, "0.7"}, {0.75, "0.75"}, {0.8, "0.8"}, {0.85, "0.85"});
    EXPECT("{\"range\": [-0.3, 0.3, 0.1]}", {-0.3, "-0.3"}, {-0.2, "-0.2"}, {-0.1, "-0.1"}, {0.0, "0"},
           {0.1, "0.1"}, {0.2, "0.2"}, {0.3, "0.3"});
    EXPECT("{\"range\": [0.3, -0.3, -0.1]}", {0.3, "0.3"}, {0.2, "0.2"}, {0.1, "0.1"}, {0.0, "0"},
           {-0.1, "-0.1"}, {-0.2, "-0.2"}, {-0.3, "-0.3"});
    EXPECT("{\"logspace\": [1e-20, 1, 3]}", {1e-20, "1e-20"}, {1e-10, "1e-10"}, {1.0, "1"});
    EXPECT("{\"range\": [1e-20, 1, 0.5]}", {1e-20, "1e-20"}, {0.5, "0.5"}, {1.0, "1"});
}

/* The ends exactly, the rest evenly to the 12 digits that are kept: differences of linspace, ratios of
 * logspace. */
static void test_generators_are_even(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 1);
    for (int round = 0; round < 2000; round++) {
        const bool   is_log = round % 2 == 1;
        const double a =
            is_log ? exp(20.0 * ws_rng_uniform(&rng) - 10.0) : 200.0 * ws_rng_uniform(&rng) - 100.0;
        const double b =
            is_log ? a * exp(8.0 * ws_rng_uniform(&rng) + 0.1) : a - 50.0 + 100.0 * ws_rng_uniform(&rng);
        const size_t n = 2 + (size_t)(50.0 * ws_rng_uniform(&rng));
        char         text[160];
        reading      r;
        snprintf(text, sizeof text, "{\"%s\": [%.17g, %.17g, %zu]}", is_log ? "logspace" : "linspace", a, b,
                 n);
        reading_init(&r, text, false);
        assert_int_equal(r.status, WS_OK);
        assert_int_equal(r.list.n, n);
        assert_true(r.list.values[0].number == a && r.list.values[n - 1].number == b);
        for (size_t i = 0; i < n; i++) {
            const double share    = (double)i / (double)(n - 1);
            const double expected = is_log ? a * pow(b / a, share) : a + (b - a) * share;
            const double scale    = fmax(fabs(a), fabs(b));
            if (!(fabs(r.list.values[i].number - expected) <= 5.1e-12 * (is_log ? expected : scale))) {
                fail_msg("%s: value %zu: expected %.17g, found %.17g", text, i, expected,
                         r.list.values[i].number);
            }
        }
        reading_fini(&r);
    }
}

/* start + i * step for every i that does not pass the stop, and no further one. */
static void test_ranges_end_at_the_stop(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 2);
    for (int round = 0; round < 2000; round++) {
        const int64_t start = (int64_t)(200.0 * ws_rng_uniform(&rng)) - 100;
        const int64_t stop  = (int64_t)(200.0 * ws_rng_uniform(&rng)) - 100;
        const int64_t step  = (1 + (int64_t)(20.0 * ws_rng_uniform(&rng))) * (stop < start ? -1 : 1);
        const size_t  n     = (size_t)((stop - start) / step) + 1;
        char          text[160];
        reading       r;
        /* in hundredths, so that rounding has its chance to lose the stop */
        snprintf(text, sizeof text, "{\"range\": [%.2f, %.2f, %.2f]}", (double)start / 100.0,
                 (double)stop / 100.0, (double)step / 100.0);
        reading_init(&r, text, false);
        if (r.status != WS_OK || r.list.n != n) {
            fail_msg("%s: expected %zu values, found %zu %s", text, n, r.list.n, ws_error_text(&r.err));
        }
        for (size_t i = 0; i < n; i++) {
            const double expected = (double)(start + (int64_t)i * step) / 100.0;
            if (r.list.values[i].number != expected) {
                fail_msg("%s: value %zu: expected %.17g, found %.17g", text, i, expected,
                         r.list.values[i].number);
            }
        }
        reading_fini(&r);
    }
}

/* Bounds with a unit give seconds, whose labels are durations of the same length. */
static void test_durations_are_generated_in_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t      n;
        int64_t     first_ns, last_ns;
    } rows[] = {{"{\"linspace\": [\"1ns\", \"3ns\", 3]}", 3, 1, 3},
                {"{\"logspace\": [\"1ms\", \"10s\", 5]}", 5, 1000000, 10000000000},
                {"{\"range\": [\"0s\", \"1min\", \"100ms\"]}", 601, 0, 60000000000}};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        reading r;
        reading_init(&r, rows[k].text, false);
        assert_int_equal(r.status, WS_OK);
        assert_true(r.list.has_units);
        assert_int_equal(r.list.n, rows[k].n);
        for (size_t i = 0; i < r.list.n; i++) {
            int64_t ns = -1;
            assert_true(ws_duration_has_unit(r.list.values[i].label));
            assert_int_equal(ws_duration_parse(r.list.values[i].label, NAN, &ns), WS_OK);
            assert_int_equal(ns, llround(r.list.values[i].number * 1e9));
            assert_true((i > 0 || ns == rows[k].first_ns) && (i + 1 < r.list.n || ns == rows[k].last_ns));
        }
        reading_fini(&r);
    }
    refuse("{\"linspace\": [\"1s\", 5, 3]}", "expected [first, last, count]");
    refuse("{\"linspace\": [\"1s\", \"5s\", \"3s\"]}", "expected [first, last, count]");
    refuse("{\"range\": [\"1s\", \"5s\", 1]}", "expected [start, stop, step]");
    refuse("{\"linspace\": [\"1s\", \"5 parsec\", 3]}", "expected [first, last, count]");
}

/* A value that comes twice would make two rows that are one job, whoever wrote it: the list or the generator.
 */
static void test_a_value_comes_once(void **state)
{
    (void)state;
    static const char *const repeated[] = {"[1, 2, 1]",
                                           "[1, 1.0]",
                                           "[\"a\", \"b\", \"a\"]",
                                           "[0, -0.0]",
                                           "{\"linspace\": [3, 3, 2]}",
                                           "{\"logspace\": [3, 3, 4]}",
                                           "{\"linspace\": [1, 1.0000000000001, 5]}"};
    for (size_t i = 0; i < sizeof repeated / sizeof repeated[0]; i++) {
        refuse(repeated[i], "is listed twice");
        reading r;
        reading_init(&r, repeated[i], true);
        assert_int_equal(r.status, WS_OK);
        reading_fini(&r);
    }
    reading one;
    reading_init(&one, "{\"linspace\": [3, 3, 1]}", false);
    assert_true(one.status == WS_OK && one.list.n == 1 && one.list.values[0].number == 3.0);
    reading_fini(&one);
}

static void test_limits(void **state)
{
    (void)state;
    char text[80];
    snprintf(text, sizeof text, "{\"range\": [1, %d, 1]}", SWP_MAX_VALUES);
    reading r;
    reading_init(&r, text, false);
    assert_int_equal(r.status, WS_OK);
    assert_int_equal(r.list.n, SWP_MAX_VALUES);
    assert_true(r.list.values[SWP_MAX_VALUES - 1].number == SWP_MAX_VALUES);
    reading_fini(&r);
    snprintf(text, sizeof text, "{\"range\": [0, %d, 1]}", SWP_MAX_VALUES);
    refuse(text, "at most 1000000 values");
    /* spans no double holds */
    refuse("{\"linspace\": [-1.7e308, 1.7e308, 3]}", "expected [first, last, count]");
    refuse("{\"range\": [-1.7e308, 1.7e308, 1e308]}", "expected [start, stop, step]");
}

static void test_refused(void **state)
{
    (void)state;
    refuse("[]", "expected a list of values");
    refuse("16", "expected a list of values");
    refuse("{\"linspace\": [1, 2, 3], \"range\": [1, 2, 1]}", "expected a list of values");
    refuse("{\"linspace\": 3}", "expected a list of values");
    refuse("[1, [2]]", "v.json: /1: expected a number, text, true, false or null");
    refuse("[1, {\"a\": 2}]", "v.json: /1: expected a number");
    refuse("{\"linspace\": [1, 2]}", "v.json: /linspace: expected [first, last, count]");
    refuse("{\"linspace\": [1, 2, 3, 4]}", "expected [first, last, count]");
    refuse("{\"linspace\": [1, 2, 2.5]}", "expected [first, last, count]");
    refuse("{\"linspace\": [1, 2, 0]}", "expected [first, last, count]");
    refuse("{\"linspace\": [1, 2, -3]}", "expected [first, last, count]");
    refuse("{\"linspace\": [1, 2, 1]}", "expected [first, last, count]");
    refuse("{\"linspace\": [true, 2, 3]}", "expected [first, last, count]");
    refuse("{\"logspace\": [0, 2, 3]}", "expected [first > 0");
    refuse("{\"logspace\": [1, -2, 3]}", "expected [first > 0");
    refuse("{\"range\": [1, 2, 0]}", "step leading to stop");
    refuse("{\"range\": [1, 2, -1]}", "step leading to stop");
}

/* All problems of a list, not just its first. */
static void test_every_problem_is_told(void **state)
{
    (void)state;
    reading r;
    reading_init(&r, "[[1], 2, {\"a\": 3}]", false);
    assert_int_equal(r.status, WS_ERR_INPUT);
    assert_int_equal(r.err.n_problems, 2);
    reading_fini(&r);
}

static void test_forms_of_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool        is_list;
    } rows[] = {{"[]", true},
                {"[1]", true},
                {"{\"range\": [1, 2, 1]}", true},
                {"{\"range\": {}}", false}, /* a patch that is called range */
                {"{\"range\": [1], \"b\": [1]}", false},
                {"{\"a\": [1]}", false},
                {"{}", false},
                {"3", false},
                {"null", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ws_json_doc *doc = NULL;
        assert_int_equal(ws_json_doc_parse("v", rows[i].text, strlen(rows[i].text), NULL, &doc), WS_OK);
        if (swp_values_is_list(ws_json_doc_root(doc)) != rows[i].is_list) {
            fail_msg("%s: expected %s", rows[i].text, rows[i].is_list ? "a list" : "no list");
        }
        ws_json_doc_destroy(&doc);
    }
    assert_false(swp_values_is_list(WS_JSON_NONE));
}

/* Labels read back as the number, and whole numbers have no point. */
static void test_labels_read_back(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 3);
    for (int round = 0; round < 20000; round++) {
        char         buf[32];
        const double whole  = floor(1e6 * ws_rng_uniform(&rng));
        const double number = round % 2 == 0 ? whole : exp(1400.0 * ws_rng_uniform(&rng) - 700.0);
        const char  *label  = swp_number_label(round % 3 == 0 ? -number : number, buf);
        if (strtod(label, NULL) != (round % 3 == 0 ? -number : number)) {
            fail_msg("expected %.17g, found %s", number, label);
        }
        assert_true(round % 2 != 0 || strchr(label, '.') == NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_as_written),
        cmocka_unit_test(test_generated_numbers_are_those_people_write),
        cmocka_unit_test(test_generators_are_even),
        cmocka_unit_test(test_ranges_end_at_the_stop),
        cmocka_unit_test(test_durations_are_generated_in_seconds),
        cmocka_unit_test(test_a_value_comes_once),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_problem_is_told),
        cmocka_unit_test(test_forms_of_a_list),
        cmocka_unit_test(test_labels_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
