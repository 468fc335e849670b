/* Invariants: a table of points shows what varies, each column once, and as many rows as asked for in the
 * order asked for. */
#include "store_place.h"
#include "view/point_table.h"

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

/* The printed table, or what is wrong with asking for it; the caller frees. */
static char *print(place *p, const swp_selection *s, const size_t *order, size_t n, const char *const *first,
                   const char *columns, swp_table_format format)
{
    char                 *text  = NULL;
    size_t                len   = 0;
    FILE                 *out   = open_memstream(&text, &len);
    const swp_point_table table = {
        .selection = s, .order = order, .n = n, .first = first, .columns = columns, .format = format};
    const ws_status status = swp_point_table_print(&table, out, &p->err);
    fclose(out);
    if (status != WS_OK) {
        free(text);
        text = ws_strdup(ws_error_text(&p->err));
        ws_error_clear(&p->err);
    }
    return text;
}

static void expect_print(place *p, const swp_selection *s, const size_t *order, size_t n, const char *columns,
                         swp_table_format format, const char *expected)
{
    static const char *const none[] = {NULL};
    char                    *text   = print(p, s, order, n, none, columns, format);
    assert_string_equal(text, expected);
    free(text);
}

static void test_chosen_columns_in_the_order_asked_for(void **state)
{
    place        *p       = *state;
    const size_t  order[] = {4, 0, 2}; /* jobs 5, 0, 2 */
    swp_selection s;
    open_selection(p, NULL, &s);
    expect_print(p, &s, order, 3, "job,hardware_mix,duration_s", SWP_TABLE_CSV,
                 "job,hardware_mix,duration_s\n5,a much longer name,5100.25\n0,small,100.25\n"
                 "2,a much longer name,2100.25\n");
    expect_print(p, &s, order, 1, "cpu_j,job,cpu_j", SWP_TABLE_TSV,
                 "cpu_j\tjob\n10417.5\t5\n"); /* each once */
    expect_print(p, &s, order, 2, "state,duration_s", SWP_TABLE_TEXT,
                 "state  duration_s [s]\ndone           5100.2\ndone           100.25\n");
    expect_print(p, &s, order, 0, "job", SWP_TABLE_JSON, "[]\n");
    expect_print(p, &s, order, 1, "job,prefix", SWP_TABLE_JSON,
                 "[\n  {\"job\": 5, \"enable_prefix_caching\": \"true\"}\n]\n");
    swp_selection_close(&s);
}

static void test_columns_that_cannot_be(void **state)
{
    place        *p       = *state;
    const size_t  order[] = {0};
    swp_selection s;
    open_selection(p, NULL, &s);
    expect_print(p, &s, order, 1, "", SWP_TABLE_CSV, "--columns: expected names separated by commas");
    expect_print(p, &s, order, 1, "job,,state", SWP_TABLE_CSV,
                 "--columns: expected names separated by commas");
    static const char *const none[] = {NULL};
    char                    *text   = print(p, &s, order, 1, none, "job,stat", SWP_TABLE_CSV);
    assert_non_null(strstr(text, "no column \"stat\"; did you mean \"state\"?"));
    free(text);
    swp_selection_close(&s);
}

/* Parameters that are the same in every row say nothing; nor does energy that nobody tracked. */
static void untracked(const void *ctx, size_t i, swp_row *row)
{
    static double    metrics[WS_METRIC_COUNT];
    static swp_value params[FIXTURE_PARAMS];
    (void)ctx;
    memcpy(params, row->params, sizeof params);
    params[0].integer = 7;
    params[1].number  = (double)i;
    params[2].text    = "small";
    params[3].integer = 1;
    row->params       = params;
    if (row->metrics != NULL) {
        memcpy(metrics, row->metrics, sizeof metrics);
        metrics[WS_METRIC_POWER_MEAN_W] = metrics[WS_METRIC_J_PER_TOKEN] = NAN;
        row->metrics                                                     = metrics;
    }
}

static void test_default_columns_say_something(void **state)
{
    place                   *p       = *state;
    const swp_layout         layout  = fixture_layout(3);
    const int64_t            jobs[]  = {0, 1, 2};
    const size_t             order[] = {0};
    static const char *const first[] = {"goodput_req_s", "req_s", NULL};
    swp_selection            s;
    place_write(p, 0, &layout, jobs, 3, untracked, NULL);
    assert_int_equal(swp_selection_open(p->paths[0], NULL, &p->err, &s), WS_OK);
    char             *text = print(p, &s, order, 1, first, NULL, SWP_TABLE_CSV);
    static const char expected[] =
        "job,standby_duration,goodput_req_s,req_s,total_tok_s,ttft_p99_ms,tpot_p99_ms,"
        "slo_met,slo_attainment,saturated";
    assert_int_equal(strncmp(text, expected, sizeof expected - 1), 0);
    free(text);
    swp_selection_close(&s);
}

/* Repeats 0 and 1 of a point: duration 100.25 and 1100.25, mean 600.25, half width 12.706 * 500 = 6353. */
static void repeated(const void *ctx, size_t i, swp_row *row)
{
    static swp_value params[FIXTURE_PARAMS];
    (void)ctx;
    memset(params, 0, sizeof params);
    row->params = params;
    row->repeat = (int32_t)i;
}

static void test_repeats_have_intervals(void **state)
{
    place           *p       = *state;
    const swp_layout layout  = fixture_layout(2);
    const int64_t    jobs[]  = {0, 1};
    const size_t     order[] = {0};
    swp_selection    s;
    place_write(p, 0, &layout, jobs, 2, repeated, NULL);
    assert_int_equal(swp_selection_open(p->paths[0], NULL, &p->err, &s), WS_OK);
    assert_int_equal(s.points.n, 1);
    expect_print(p, &s, order, 1, "job,duration_s", SWP_TABLE_TEXT,
                 "job   duration_s [s]\n  0  600.25 ±6.4e+03\n");
    char *text = print(p, &s, order, 1, NULL, "job,duration_s", SWP_TABLE_CSV);
    assert_int_equal(strncmp(text, "job,duration_s,duration_s_ci95\n0,600.25,6353", 44), 0);
    free(text);
    swp_selection_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_chosen_columns_in_the_order_asked_for), PLACE_TEST(test_columns_that_cannot_be),
        PLACE_TEST(test_default_columns_say_something), PLACE_TEST(test_repeats_have_intervals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
