/* Invariants: exactly the rows for which the expression is true are kept, what is unknown is not true;
 * without an expression all are; an expression that cannot be understood keeps nothing and says where it is
 * wrong. */
#include "analysis/filter.h"
#include "store_place.h"

enum { N_JOBS = 12 };

typedef struct opened {
    place           *p;
    swp_result_table results;
} opened;

static void open_rows(void **state, opened *o)
{
    const swp_layout layout = fixture_layout(N_JOBS);
    int64_t          jobs[N_JOBS];
    *o = (opened){.p = *state};
    for (int64_t i = 0; i < N_JOBS; i++) {
        jobs[i] = N_JOBS - 1 - i; /* rows of a results are in the order of jobs all the same */
    }
    place_write(o->p, 0, &layout, jobs, N_JOBS, NULL, NULL);
    if (swp_result_table_open(o->p->paths[0], &o->p->err, &o->results) != WS_OK) {
        fail_msg("%s", ws_error_text(&o->p->err));
    }
}

/* The kept jobs as a mask. */
static unsigned kept(opened *o, const char *expression)
{
    bool    *keep = NULL;
    unsigned mask = 0;
    if (swp_filter(&o->results, expression, &o->p->err, &keep) != WS_OK) {
        fail_msg("%s: %s", expression, ws_error_text(&o->p->err));
    }
    for (unsigned job = 0; job < N_JOBS; job++) {
        mask |= (unsigned)keep[job] << job;
    }
    free(keep);
    return mask;
}

static void expect(opened *o, const char *expression, unsigned expected)
{
    const unsigned found = kept(o, expression);
    if (found != expected) {
        fail_msg("%s: expected jobs %03x, found %03x", expression, expected, found);
    }
}

/* Jobs 3 and 10 failed; max_num_seqs is job % 5, standby_duration job / 2, hardware_mix small, größer, long
 * by job % 3, prefix caching job % 2. */
static void test_rows_for_which_it_is_true(void **state)
{
    opened o;
    open_rows(state, &o);
    expect(&o, NULL, 0xfff);
    expect(&o, "1", 0xfff);
    expect(&o, "0", 0x000);
    expect(&o, "-0.5", 0xfff); /* any number but 0 */
    expect(&o, "job == 4", 0x010);
    expect(&o, "job % 4", 0xeee);
    expect(&o, "max_num_seqs == 2", 0x084);
    expect(&o, "standby_duration > 4", 0xe00);
    expect(&o, "p1_standby_duration > 4", 0xe00);
    expect(&o, "hardware_mix == 'größer'", 0x492);
    expect(&o, "enable_prefix_caching", 0xaaa);
    expect(&o, "!prefix and job < 4", 0x005);
    expect(&o, "state == 'failed'", 0x408);
    expect(&o, "state != 'failed'", 0xbf7);
    expect(&o, "cpu_j > 0", 0xbf7);
    expect(&o, "rank == 3", 0x888);
    swp_result_table_close(&o.results);
}

/* The failed jobs have no duration: neither below, nor above, nor not below. */
static void test_the_unknown_is_not_true(void **state)
{
    opened o;
    open_rows(state, &o);
    expect(&o, "duration_s < 1e9", 0xbf7);
    expect(&o, "duration_s >= 1e9", 0x000);
    expect(&o, "!(duration_s < 1e9)", 0x000);
    expect(&o, "duration_s", 0xbf7);
    swp_result_table_close(&o.results);
}

static void test_what_cannot_be_understood(void **state)
{
    static const struct {
        const char *expression, *expected;
    } rows[] = {{"", "column 1"},
                {"job <", "column 6"},
                {"nonsense > 1", "column 1"},
                {"job > 1 and nonsense", "column 13"},
                {"hardware_mix > 1", "column "},
                {"job == 'a'", "column "}};
    opened o;
    open_rows(state, &o);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool *keep = (bool *)&o;
        assert_int_equal(swp_filter(&o.results, rows[i].expression, &o.p->err, &keep), WS_ERR_INPUT);
        assert_null(keep);
        if (strstr(ws_error_text(&o.p->err), rows[i].expected) == NULL ||
            strstr(ws_error_text(&o.p->err), "--where: ") == NULL) {
            fail_msg("%s: expected \"%s\", found %s", rows[i].expression, rows[i].expected,
                     ws_error_text(&o.p->err));
        }
        ws_error_clear(&o.p->err);
    }
    swp_result_table_close(&o.results);
}

/* n different metrics, then the first of them again. */
static void many_names(size_t n, ws_strbuf *out)
{
    ws_strbuf_clear(out);
    for (size_t i = 0; i <= n; i++) {
        ws_strbuf_printf(out, "%s%s > -1", i > 0 ? " and " : "", ws_metric_name((ws_metric)(i % n)));
    }
}

static void test_many_columns(void **state)
{
    ws_strbuf text = WS_STRBUF_INIT;
    bool     *keep = NULL;
    opened    o;
    open_rows(state, &o);
    many_names(32, &text);
    expect(&o, ws_strbuf_text(&text), 0xbf7);
    many_names(33, &text);
    assert_int_equal(swp_filter(&o.results, ws_strbuf_text(&text), &o.p->err, &keep), WS_ERR_INPUT);
    assert_null(keep);
    assert_non_null(strstr(ws_error_text(&o.p->err), "more than 32"));
    ws_strbuf_fini(&text);
    swp_result_table_close(&o.results);
}

static void test_no_rows(void **state)
{
    place           *p      = *state;
    const swp_layout layout = fixture_layout(3);
    swp_result_table results;
    bool            *keep = NULL;
    place_write(p, 0, &layout, NULL, 0, NULL, NULL);
    assert_int_equal(swp_result_table_open(p->paths[0], &p->err, &results), WS_OK);
    assert_int_equal(swp_filter(&results, "job > 1", &p->err, &keep), WS_OK);
    assert_non_null(keep);
    free(keep);
    swp_result_table_close(&results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_rows_for_which_it_is_true), PLACE_TEST(test_the_unknown_is_not_true),
        PLACE_TEST(test_what_cannot_be_understood), PLACE_TEST(test_many_columns), PLACE_TEST(test_no_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
