/* Invariants: a selection has the done rows that pass the filter and an estimate for each; a metric says
 * itself which way is better. */
#include "analysis/selection.h"
#include "store_place.h"

enum { N_JOBS = 6 };

/* Jobs 0 .. 5, of which 3 failed. */
static void open_selection(place *p, const char *where, swp_selection *out)
{
    const swp_layout layout = fixture_layout(N_JOBS);
    int64_t          jobs[N_JOBS];
    for (int64_t i = 0; i < N_JOBS; i++) {
        jobs[i] = i;
    }
    place_write(p, 0, &layout, jobs, N_JOBS, NULL, NULL);
    if (swp_selection_open(p->paths[0], where, &p->err, out) != WS_OK) {
        fail_msg("%s", ws_error_text(&p->err));
    }
}

static void test_done_rows_that_pass(void **state)
{
    place        *p = *state;
    swp_selection all, some;
    char          none[700];
    snprintf(none, sizeof none, "%s.none", p->paths[0]);
    open_selection(p, NULL, &all);
    assert_int_equal(all.points.n, 5);
    swp_selection_close(&all);
    open_selection(p, "job >= 2 and job <= 4", &some);
    assert_int_equal(some.points.n, 2); /* 2 and 4 */
    swp_selection_close(&some);
    assert_int_equal(swp_selection_open(p->paths[0], "nonsense", &p->err, &some), WS_ERR_INPUT);
    swp_selection_close(&some);
    assert_int_equal(swp_selection_open(none, NULL, &p->err, &some), WS_ERR_IO);
    swp_selection_close(&some);
}

static void test_estimates(void **state)
{
    place        *p         = *state;
    const int64_t jobs[]    = {0, 1, 2, 4, 5};
    swp_estimate *estimates = NULL;
    swp_selection s;
    open_selection(p, NULL, &s);
    assert_int_equal(swp_selection_estimates(&s, "duration_s", &p->err, &estimates), WS_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_true(estimates[i].mean == fixture_number(jobs[i], 1, 0) && isnan(estimates[i].ci95));
    }
    free(estimates);
    assert_int_equal(swp_selection_estimates(&s, "hardware_mix", &p->err, &estimates), WS_ERR_INPUT);
    assert_null(estimates);
    assert_non_null(strstr(ws_error_text(&p->err), "\"hardware_mix\" is text, expected a number"));
    ws_error_clear(&p->err);
    assert_int_equal(swp_selection_estimates(&s, "durations_s", &p->err, &estimates), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&p->err), "did you mean \"duration_s\""));
    swp_selection_close(&s);
}

static void test_which_way_is_better(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool        is_larger_better;
        const char *name;
    } rows[] = {{"decode_tok_s", true, "decode_tok_s"},
                {"ttft_p99_ms", false, "ttft_p99_ms"},
                {"j_per_token", false, "j_per_token"},
                {"tok_per_j", true, "tok_per_j"},
                {"-decode_tok_s", false, "decode_tok_s"},
                {"+ttft_p99_ms", true, "ttft_p99_ms"},
                {"cpu_j", false, "cpu_j"},
                {"+cpu_j", true, "cpu_j"},
                {"", false, ""},
                {"-", false, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = NULL;
        if (swp_objective_is_larger_better(rows[i].text, &name) != rows[i].is_larger_better ||
            strcmp(name, rows[i].name) != 0) {
            fail_msg("%s: expected %d %s, found %s", rows[i].text, rows[i].is_larger_better, rows[i].name,
                     name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_done_rows_that_pass), PLACE_TEST(test_estimates),
                                       cmocka_unit_test(test_which_way_is_better)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
