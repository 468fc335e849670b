/* Invariants: points that miss the SLO are in a worse tier, unless it is ignored; what is said below a table
 * names the spec's own bounds and never what no bound is called; without an SLO nothing is said. */
#include "analysis/standing.h"
#include "store_place.h"

enum { N_JOBS = 3 };

static double the_oversize; /* of job 2 */

/* slo_met of job j: met[j]. */
static void edit(const void *ctx, size_t i, swp_row *row)
{
    static double metrics[WS_METRIC_COUNT];
    const double *met = ctx;
    memcpy(metrics, row->metrics, sizeof metrics);
    metrics[WS_METRIC_SLO_MET]  = met[i];
    metrics[WS_METRIC_OVERSIZE] = i == 2 ? the_oversize : 0.0;
    row->metrics                = metrics;
}

static void expect(place *p, const double met[N_JOBS], bool ignore, const int tiers[N_JOBS], bool is_front,
                   const char *said)
{
    static const int64_t jobs[N_JOBS] = {0, 1, 2};
    swp_layout           layout       = fixture_layout(N_JOBS);
    swp_selection        selection;
    swp_standing         standing;
    char                *text = NULL;
    size_t               len  = 0;
    layout.spec_json =
        "{\"spec\": {\"slo\": {\"ttft_p99_ms\": 2000, \"\\u001b[31m\": 1, \"attainment\": 0.5}}}";
    place_write(p, 0, &layout, jobs, N_JOBS, edit, met);
    assert_int_equal(swp_selection_open(p->paths[0], NULL, &p->err, &selection), WS_OK);
    assert_int_equal(swp_standing_take(&selection, ignore, &p->err, &standing), WS_OK);
    for (size_t i = 0; i < N_JOBS; i++) {
        assert_int_equal(standing.tier[i], tiers[i]);
    }
    FILE *out = open_memstream(&text, &len);
    swp_standing_say(&standing, &selection, is_front, out);
    fclose(out);
    assert_string_equal(text, said);
    free(text);
    swp_standing_fini(&standing);
    swp_selection_close(&selection);
}

#define BOUNDS " the SLO (ttft_p99_ms=2000,attainment=0.5)"
#define MET                                                                                                  \
    (const double[])                                                                                         \
    {                                                                                                        \
        0.0, 1.0, 0.0                                                                                        \
    }
#define MISSED                                                                                               \
    (const double[])                                                                                         \
    {                                                                                                        \
        0.0, 0.0, 0.0                                                                                        \
    }

static void test_tiers_and_words(void **state)
{
    place              *p       = *state;
    static const int    mixed[] = {2, 0, 2}, none[] = {0, 0, 0}, all[] = {2, 2, 2};
    static const double good[] = {1.0, 1.0, 1.0}, unknown[] = {NAN, NAN, NAN};
    expect(p, MET, false, mixed, false,
           "1 of 3 points meet" BOUNDS " and come first (--ignore-slo: they do not)\n");
    expect(p, MET, false, mixed, true,
           "1 of 3 points meet" BOUNDS "; the front is theirs (--ignore-slo: of all)\n");
    expect(p, MET, true, none, false,
           "1 of 3 points meet" BOUNDS "; --ignore-slo: that does not count here\n");
    expect(p, MISSED, false, all, false, "no point of 3 meets" BOUNDS "; the order is by the metric alone\n");
    expect(p, good, false, none, false, "3 of 3 points meet" BOUNDS "\n");
    expect(p, unknown, false, none, false, "");
    the_oversize                = 1.0;
    static const int short_of[] = {0, 0, 1}, both[] = {2, 0, 3};
#define SHORT "1 of 3 points assume more memory than their board has (oversize)"
    expect(p, unknown, false, short_of, false, SHORT " and come last\n");
    expect(p, unknown, true, short_of, true, SHORT "; the front leaves them out\n");
    expect(p, MET, false, both, false,
           "1 of 3 points meet" BOUNDS " and come first (--ignore-slo: they do not)\n" SHORT
           " and come last\n");
    the_oversize = 0.0;
}

static void test_best_tier(void **state)
{
    (void)state;
    int                tier[]   = {3, 1, 2};
    const swp_standing standing = {.tier = tier, .n = 3};
    assert_int_equal(swp_standing_best_tier(&standing, (const bool[]){true, true, true}), 1);
    assert_int_equal(swp_standing_best_tier(&standing, (const bool[]){true, false, true}), 2);
    assert_int_equal(swp_standing_best_tier(&standing, (const bool[]){false, false, false}), SWP_TIER_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_tiers_and_words), cmocka_unit_test(test_best_tier)};
    return cmocka_run_group_tests_name("sweep.standing", tests, NULL, NULL);
}
