/* Invariant: values of a parameter are said to give equal results exactly if they do wherever all other
 * parameters are the same, by hand for a grid of 4 x 2 points. */
#include <math.h>

#include "analysis/unbound.h"
#include "toy_builder.h"

enum { N = 8 }; /* points: max_num_seqs slow, block_size fast */

static void expect(const size_t *same, const size_t *rows, size_t n, const char *known, const char *text)
{
    toy_builder          toy;
    ws_strbuf            out = WS_STRBUF_INIT;
    swp_outcome_of_point results[N];
    toy_builder_init(&toy, "\"parameters\": {\"max_num_seqs\": [4, 16, 64, 256], \"block_size\": [16, 32]}");
    for (size_t i = 0; i < n; i++) {
        results[i] = (swp_outcome_of_point){
            .job = rows[i], .same = same[rows[i]], .n_peak = rows[i] < 2 ? 4.0 : 10.0 + (double)rows[i]};
    }
    assert_int_equal(swp_unbound_find(swp_builder_space(toy.builder), results, n, known, &out), WS_OK);
    assert_string_equal(ws_strbuf_text(&out), text);
    ws_strbuf_fini(&out);
    toy_builder_fini(&toy);
}

static const size_t ALL[N] = {0, 1, 2, 3, 4, 5, 6, 7};

static void equal_runs_are_named_with_what_ran_at_once(void **state)
{
    (void)state;
    const size_t same[N]  = {0, 1, 2, 3, 2, 3, 2, 3}; /* 16 to 256 equal at both block sizes */
    const size_t mixed[N] = {7, 3, 0, 6, 2, 5, 1, 4}; /* rows come in any order */
    expect(same, ALL, N, "", "max_num_seqs 16 to 256 gave equal results: at most 17 ran at once\n");
    expect(same, mixed, N, "", "max_num_seqs 16 to 256 gave equal results: at most 17 ran at once\n");
    expect(same, ALL, N, "max_num_seqs changes nothing\n", "");
    expect(same, ALL, N, "max_num_seqs_x: no\n",
           "max_num_seqs 16 to 256 gave equal results: at most 17 ran at once\n");
}

static void one_difference_is_enough(void **state)
{
    (void)state;
    const size_t same[N] = {0, 1, 2, 3, 2, 9, 2, 9}; /* 16 and 64 differ at the second block size */
    expect(same, ALL, N, "", "max_num_seqs 64 and 256 gave equal results: at most 17 ran at once\n");
    const size_t none[N] = {0, 1, 2, 3, 4, 5, 6, 7};
    expect(none, ALL, N, "", "");
    const size_t twice[N] = {0, 0, 0, 0, 4, 4, 4, 4};
    expect(twice, ALL, N, "",
           "max_num_seqs 4 and 16 gave equal results: at most 13 ran at once\n"
           "max_num_seqs 64 and 256 gave equal results: at most 17 ran at once\n"
           "block_size 16 and 32 gave equal results\n");
}

/* Points that failed or were not sampled have no row: nothing is said of a step nobody looked at. */
static void missing_points_say_nothing(void **state)
{
    (void)state;
    const size_t same[N]     = {0};
    const size_t diagonal[2] = {0, 3}, one[1] = {5}, gap[2] = {0, 4};
    expect(same, diagonal, 2, "", "");
    expect(same, one, 1, "", "");
    expect(same, gap, 0, "", "");
    expect(same, gap, 2, "", "max_num_seqs 4 to 64 gave equal results: at most 14 ran at once\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_runs_are_named_with_what_ran_at_once),
        cmocka_unit_test(one_difference_is_enough),
        cmocka_unit_test(missing_points_say_nothing),
    };
    return cmocka_run_group_tests_name("sweep.unbound", tests, NULL, NULL);
}
