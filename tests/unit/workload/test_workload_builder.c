/* Invariant: what is added comes out in order; token ids belong to the request added after them; an abandoned
 * builder leaks nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "workload/workload_builder.h"

enum { N_REQUESTS = 1000 };

static void many_requests_keep_their_ids(void **state)
{
    (void)state;
    ws_workload_builder builder;
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    for (int i = 0; i < N_REQUESTS; i++) {
        int32_t *ids = ws_workload_builder_reserve_ids(&builder, 3);
        assert_non_null(ids);
        for (int k = 0; k < 3; k++) {
            ids[k] = 10 * i + k;
        }
        const ws_request_draft draft = {.arrival_ns    = N_REQUESTS - i,
                                        .input_tokens  = 2,
                                        .output_tokens = 1,
                                        .n_input_ids   = 2,
                                        .n_output_ids  = 1};
        assert_int_equal(ws_workload_builder_add_flat(&builder, &draft), WS_OK);
    }
    ws_workload *w = NULL;
    assert_int_equal(ws_workload_builder_finish(&builder, &w), WS_OK);
    ws_workload_builder_fini(&builder);
    assert_int_equal(w->n_requests, N_REQUESTS);
    for (int i = 0; i < N_REQUESTS; i++) {
        assert_int_equal(w->token_ids[w->requests[i].token_begin + 2], 10 * i + 2);
        assert_int_equal(w->initial[i], N_REQUESTS - 1 - i);
    }
    ws_workload_destroy(&w);
}

/* Room that no request claimed is used again. */
static void unclaimed_ids_vanish(void **state)
{
    (void)state;
    ws_workload_builder builder;
    ws_workload        *w = NULL;
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    assert_non_null(ws_workload_builder_reserve_ids(&builder, 100));
    assert_int_equal(
        ws_workload_builder_add_flat(&builder, &(ws_request_draft){.input_tokens = 1, .output_tokens = 1}),
        WS_OK);
    assert_int_equal(ws_workload_builder_finish(&builder, &w), WS_OK);
    assert_int_equal(w->n_token_ids, 0);
    ws_workload_destroy(&w);
}

static void only_first_calls_of_sessions_are_initial(void **state)
{
    (void)state;
    ws_workload_builder builder;
    ws_workload        *w    = NULL;
    ws_request_draft    call = {.arrival_ns = 9, .input_tokens = 1, .output_tokens = 1};
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    for (int session = 0; session < 2; session++) {
        assert_int_equal(ws_workload_builder_begin_session(&builder), WS_OK);
        for (int step = 0; step < 3; step++) {
            assert_int_equal(ws_workload_builder_add_call(&builder, &call), WS_OK);
        }
    }
    assert_int_equal(ws_workload_builder_finish(&builder, &w), WS_OK);
    assert_int_equal(w->n_initial, 2);
    assert_int_equal(w->initial[1], 3);
    assert_int_equal(w->requests[5].session, 1);
    assert_int_equal(w->requests[5].session_step, 2);
    assert_int_equal(w->requests[5].arrival_ns, -1);
    ws_workload_destroy(&w);
}

static void an_abandoned_builder_is_released(void **state)
{
    (void)state;
    ws_workload_builder builder;
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    assert_non_null(ws_workload_builder_reserve_ids(&builder, 5));
    ws_workload_builder_fini(&builder);
    assert_null(builder.workload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_requests_keep_their_ids),
        cmocka_unit_test(unclaimed_ids_vanish),
        cmocka_unit_test(only_first_calls_of_sessions_are_initial),
        cmocka_unit_test(an_abandoned_builder_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
