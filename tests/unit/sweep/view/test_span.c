/* Invariants: values of one cell are each said once, in order; "first..last" only where no row has a value
 * between them that is not among them; texts and switches are listed. */
#include "store_place.h"
#include "view/span.h"

enum { N_JOBS = 10 };

/* Job j: max_num_seqs j % 5, standby_duration j / 2, hardware_mix of three texts, prefix j % 2. */
static void expect(place *p, const char *column, const size_t *rows, size_t n, const char *expected)
{
    const swp_layout layout = fixture_layout(N_JOBS);
    int64_t          jobs[N_JOBS];
    size_t           all[N_JOBS];
    char             text[SWP_CELL_TEXT];
    swp_result_table results;
    swp_cells        cells;
    swp_span_order   order;
    for (size_t i = 0; i < N_JOBS; i++) {
        jobs[i] = (int64_t)i;
        all[i]  = i;
    }
    place_write(p, 0, &layout, jobs, N_JOBS, NULL, NULL);
    assert_int_equal(swp_result_table_open(p->paths[0], &p->err, &results), WS_OK);
    assert_int_equal(swp_result_table_read(&results, column, &p->err, &cells), WS_OK);
    assert_int_equal(swp_span_order_build(&cells, all, N_JOBS, &order), WS_OK);
    assert_string_equal(swp_span_text(&order, rows, n, 5, text), expected);
    swp_span_order_fini(&order);
    swp_cells_fini(&cells);
    swp_result_table_close(&results);
}

#define ROWS(...) (const size_t[]){__VA_ARGS__}, sizeof((const size_t[]){__VA_ARGS__}) / sizeof(size_t)

static void test_numbers(void **state)
{
    expect(*state, "max_num_seqs", ROWS(3), "3");
    expect(*state, "max_num_seqs", ROWS(3, 8), "3");
    expect(*state, "max_num_seqs", ROWS(4, 3), "3, 4");
    expect(*state, "max_num_seqs", ROWS(8, 1, 2), "1..3");
    expect(*state, "max_num_seqs", ROWS(4, 0, 2), "0, 2, 4"); /* 1 and 3 gave something else */
    expect(*state, "standby_duration", ROWS(9, 8, 7), "3.5..4.5");
    expect(*state, "standby_duration", ROWS(0, 2, 4, 6, 8), "0, 1, 2, 3, 1 more");
}

static void test_texts_and_switches(void **state)
{
    expect(*state, "hardware_mix", ROWS(0, 1, 2, 5), "a much longer name, größer, small");
    expect(*state, "enable_prefix_caching", ROWS(1, 0, 3), "false, true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_numbers), PLACE_TEST(test_texts_and_switches)};
    return cmocka_run_group_tests_name("sweep.span", tests, NULL, NULL);
}
