/* Invariants: a workload owns its arrays, a view does not; either way the pointer is NULL afterwards. The
 * sanitizer build sees what is not released, and what is released twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "workload/workload.h"

static ws_workload *new_workload(bool is_view, ws_workload_request *requests, int32_t *token_ids)
{
    ws_workload *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    *w = (ws_workload){
        .n_requests = 1, .requests = requests, .n_token_ids = 2, .token_ids = token_ids, .is_view = is_view};
    return w;
}

static void test_owner_releases_its_arrays(void **state)
{
    (void)state;
    ws_workload *w = new_workload(false, calloc(1, sizeof(ws_workload_request)), calloc(2, sizeof(int32_t)));
    ws_workload_destroy(&w);
    assert_null(w);
    ws_workload_destroy(&w); /* nothing left to release */
    assert_null(w);
}

static void test_view_leaves_arrays_alone(void **state)
{
    (void)state;
    ws_workload_request request      = {.input_tokens = 7};
    int32_t             token_ids[2] = {1, 2};
    ws_workload        *view         = new_workload(true, &request, token_ids);
    ws_workload_destroy(&view);
    assert_null(view);
    assert_int_equal(request.input_tokens, 7);
    assert_int_equal(token_ids[1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_releases_its_arrays),
        cmocka_unit_test(test_view_leaves_arrays_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
