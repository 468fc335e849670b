/* What goes into a block of rows comes out again, and no broken block is read beyond its end. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "failing_malloc.h"
#include "result/row_wire.h"

static const double samples[3] = {1.5, 2.5, 3.5};
static double       metrics[WS_METRIC_COUNT];

static swp_row make_row(int64_t job, const char *error)
{
    static const double      node_power[6] = {1, 2, 3, 4, 5, 6};
    static const swp_request requests[1]   = {{.request_id = 4, .end_ns = 99, .energy_j = 0.5}};
    static const double      phase_j[2 * WS_COMPONENT_COUNT * WS_PHASE_COUNT] = {1.25, 2.25, 3.25};
    swp_row                  row                                              = {.job          = job,
                                                                                 .state        = SWP_STATE_DONE,
                                                                                 .error        = error,
                                                                                 .attempt      = 2,
                                                                                 .hash         = "0123456789abcdef0123456789abcdef",
                                                                                 .seed         = 77,
                                                                                 .repeat       = 1,
                                                                                 .metrics      = metrics,
                                                                                 .n_nodes      = 2,
                                                                                 .phase_j      = phase_j,
                                                                                 .n_samples    = 3,
                                                                                 .node_power_w = node_power,
                                                                                 .n_requests   = 1,
                                                                                 .requests     = requests,
                                                                                 .rank         = 5,
                                                                                 .wall_s       = 0.25,
                                                                                 .profile_kind = 1};
    metrics[3]                                                                = 12.0;
    row.series[WS_SERIES_POWER_W]                                             = samples;
    row.series[WS_SERIES_CXL_MEM_GB]                                          = samples;
    return row;
}

static void test_round_trip(void **state)
{
    (void)state;
    swp_rows rows = {0};
    for (int64_t job = 0; job < 100; job++) {
        const swp_row row    = make_row(job, job % 2 ? "odd one" : NULL);
        const size_t  before = rows.len;
        assert_int_equal(swp_rows_add(&rows, &row), WS_OK);
        assert_int_equal(rows.len - before, swp_row_packed_bytes(&row));
    }
    assert_int_equal(rows.n_rows, 100);
    size_t offset = 0;
    for (int64_t job = 0; job < 100; job++) {
        swp_row row;
        assert_int_equal(swp_rows_next(rows.data, rows.len, &offset, &row), WS_OK);
        assert_int_equal(row.job, job);
        assert_int_equal(row.attempt, 2);
        assert_int_equal(row.seed, 77);
        assert_int_equal(row.rank, 5);
        assert_string_equal(row.hash, "0123456789abcdef0123456789abcdef");
        assert_true(row.metrics[3] == 12.0 && row.wall_s == 0.25);
        assert_null(row.component_j);
        assert_true(row.phase_j[0] == 1.25 && row.phase_j[2] == 3.25 && row.phase_j[3] == 0.0);
        assert_null(row.series[WS_SERIES_TIME_S]);
        assert_true(row.series[WS_SERIES_POWER_W][2] == 3.5 && row.series[WS_SERIES_CXL_MEM_GB][0] == 1.5);
        assert_true(row.node_power_w[5] == 6.0);
        assert_int_equal(row.requests[0].end_ns, 99);
        assert_true(row.requests[0].energy_j == 0.5);
        if (job % 2) {
            assert_string_equal(row.error, "odd one");
        } else {
            assert_null(row.error);
        }
    }
    assert_int_equal(offset, rows.len);
    free(rows.data);
}

/* Any prefix, and any single wrong byte, is refused. */
static void test_broken_blocks(void **state)
{
    (void)state;
    swp_rows      rows = {0};
    const swp_row row  = make_row(1, "text");
    assert_int_equal(swp_rows_add(&rows, &row), WS_OK);
    for (size_t len = 0; len < rows.len; len++) {
        char *cut = malloc(len + 1); /* exact size: the sanitizer sees a read past its end */
        memcpy(cut, rows.data, len);
        size_t  offset = 0;
        swp_row out;
        assert_int_equal(swp_rows_next(cut, len, &offset, &out), WS_ERR_INPUT);
        free(cut);
    }
    for (size_t at = 0; at < rows.len; at++) {
        char *bad = malloc(rows.len);
        memcpy(bad, rows.data, rows.len);
        bad[at]        = (char)(bad[at] ^ 0x55);
        size_t  offset = 0;
        swp_row out;
        assert_int_equal(swp_rows_next(bad, rows.len, &offset, &out), WS_ERR_INPUT);
        assert_int_equal(offset, 0);
        free(bad);
    }
    free(rows.data);
}

/* Rows of a block, the first of which is the largest, then the smallest. */
static void test_blocks(void **state)
{
    (void)state;
    for (int is_first_small = 0; is_first_small < 2; is_first_small++) {
        swp_rows      rows = {0};
        swp_row_block block;
        for (int64_t job = 0; job < 300; job++) {
            const swp_row large = make_row(job, NULL);
            const swp_row small = {.job = job, .hash = large.hash};
            assert_int_equal(swp_rows_add(&rows, (job == 0) != is_first_small ? &large : &small), WS_OK);
        }
        const size_t len = rows.len;
        assert_int_equal(swp_row_block_read(rows.data, len, &block), WS_OK);
        assert_int_equal(block.n_rows, 300);
        assert_int_equal(swp_row_block_bytes(&block), len + 300 * sizeof(swp_row));
        for (int64_t job = 0; job < 300; job++) {
            assert_int_equal(block.rows[job].job, job);
            assert_true((block.rows[job].metrics != NULL) == ((job == 0) != is_first_small));
        }
        swp_row_block_fini(&block);
        assert_true(block.data == NULL && block.rows == NULL && block.n_rows == 0);
    }
}

/* What follows a broken row is dropped with it; nothing at all is a block, too. */
static void test_a_block_ends_where_it_breaks(void **state)
{
    (void)state;
    swp_rows      rows = {0};
    swp_row_block block;
    size_t        third = 0;
    for (int64_t job = 0; job < 5; job++) {
        const swp_row row = make_row(job, "text");
        third             = job == 2 ? rows.len : third;
        assert_int_equal(swp_rows_add(&rows, &row), WS_OK);
    }
    rows.data[third + 30] ^= 1;
    assert_int_equal(swp_row_block_read(rows.data, rows.len, &block), WS_OK);
    assert_int_equal(block.n_rows, 2);
    swp_row_block_fini(&block);
    assert_int_equal(swp_row_block_read(NULL, 0, &block), WS_OK);
    assert_int_equal(block.n_rows, 0);
    swp_row_block_fini(&block);
}

/* Its bytes are released all the same: the sanitizer sees it. */
static void test_a_block_without_memory(void **state)
{
    (void)state;
    const swp_row row = make_row(7, NULL);
    swp_row_block block;
    assert_int_equal(swp_row_block_of(&row, &block), WS_OK);
    assert_int_equal(block.rows[0].job, 7);
    swp_row_block_fini(&block);
    for (int n = 1; n <= 2; n++) {
        failing_malloc_at(n);
        assert_int_equal(swp_row_block_of(&row, &block), WS_ERR_NOMEM);
        assert_true(failing_malloc_has_failed() && block.data == NULL && block.rows == NULL);
    }
    swp_row_block_fini(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_broken_blocks),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_a_block_ends_where_it_breaks),
        cmocka_unit_test(test_a_block_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
