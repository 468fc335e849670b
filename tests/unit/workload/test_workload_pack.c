/* A view of a packed workload has the same contents as the workload, in place, wherever the block lies; a
 * block of any other length is refused. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "workload/workload_builder.h"
#include "workload/workload_pack.h"

/* Two flat requests, the later one first, and a session of two calls; token ids count up from 0. */
static ws_workload *make_workload(void)
{
    ws_workload_builder builder;
    ws_workload        *workload = NULL;
    int32_t             next_id  = 0;
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    const ws_request_draft drafts[] = {
        {.arrival_ns = 900, .input_tokens = 3, .output_tokens = 2, .n_input_ids = 3, .n_output_ids = 2},
        {.arrival_ns = 100, .input_tokens = 7, .output_tokens = 1},
        {.arrival_ns = 500, .input_tokens = 2, .output_tokens = 4, .tool_duration_ns = 30, .n_input_ids = 2},
        {.input_tokens = 5, .output_tokens = 6}};
    for (size_t i = 0; i < 4; i++) {
        const size_t n_ids = drafts[i].n_input_ids + drafts[i].n_output_ids;
        int32_t     *ids   = ws_workload_builder_reserve_ids(&builder, n_ids);
        for (size_t k = 0; k < n_ids; k++) {
            ids[k] = next_id++;
        }
        if (i == 2) {
            assert_int_equal(ws_workload_builder_begin_session(&builder), WS_OK);
        }
        assert_int_equal(i < 2 ? ws_workload_builder_add_flat(&builder, &drafts[i])
                               : ws_workload_builder_add_call(&builder, &drafts[i]),
                         WS_OK);
    }
    assert_int_equal(ws_workload_builder_finish(&builder, &workload), WS_OK);
    ws_workload_builder_fini(&builder);
    return workload;
}

static void check_equal(const ws_workload *a, const ws_workload *b)
{
    assert_int_equal(a->n_requests, b->n_requests);
    for (size_t i = 0; i < a->n_requests; i++) {
        const ws_workload_request *x = &a->requests[i], *y = &b->requests[i];
        assert_int_equal(x->arrival_ns, y->arrival_ns);
        assert_int_equal(x->input_tokens, y->input_tokens);
        assert_int_equal(x->target_tokens, y->target_tokens);
        assert_int_equal(x->session, y->session);
        assert_int_equal(x->session_step, y->session_step);
        assert_int_equal(x->tool_duration_ns, y->tool_duration_ns);
        assert_int_equal(x->token_begin, y->token_begin);
        assert_int_equal(x->n_input_ids, y->n_input_ids);
        assert_int_equal(x->n_output_ids, y->n_output_ids);
    }
    assert_int_equal(a->n_sessions, b->n_sessions);
    for (size_t i = 0; i < a->n_sessions; i++) {
        assert_int_equal(a->sessions[i].first_request, b->sessions[i].first_request);
        assert_int_equal(a->sessions[i].n_requests, b->sessions[i].n_requests);
    }
    assert_int_equal(a->n_initial, b->n_initial);
    assert_memory_equal(a->initial, b->initial, a->n_initial * sizeof(a->initial[0]));
    assert_int_equal(a->n_token_ids, b->n_token_ids);
    for (size_t i = 0; i < a->n_token_ids; i++) {
        assert_int_equal(a->token_ids[i], b->token_ids[i]);
    }
    assert_int_equal(a->max_target_tokens, b->max_target_tokens);
}

static void test_view_equals_the_workload_wherever_the_block_lies(void **state)
{
    (void)state;
    ws_workload *workload = make_workload(), *view = NULL;
    char        *block = NULL;
    size_t       len   = 0;
    assert_int_equal(workload->n_requests, 4);
    assert_int_equal(workload->n_initial, 3);
    assert_int_equal(workload->n_token_ids, 7);
    assert_int_equal(ws_workload_pack(workload, &block, &len), WS_OK);
    char *moved = malloc(len);
    assert_non_null(moved);
    memcpy(moved, block, len);
    memset(block, 0xff, len);
    free(block);
    assert_int_equal(ws_workload_view((ws_bytes){.data = moved, .len = len}, &view), WS_OK);
    check_equal(workload, view);
    assert_true((char *)view->token_ids > moved && (char *)view->token_ids < moved + len);
    ws_workload_destroy(&view);
    assert_null(view);
    free(moved); /* not freed with the view */
    ws_workload_destroy(&workload);
}

static void test_blocks_of_another_length_are_refused(void **state)
{
    (void)state;
    ws_workload *workload = make_workload(), *view = NULL;
    char        *block = NULL;
    size_t       len   = 0;
    assert_int_equal(ws_workload_pack(workload, &block, &len), WS_OK);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(ws_workload_view((ws_bytes){.data = block, .len = cut}, &view), WS_ERR_INPUT);
        assert_null(view);
    }
    uint64_t n_requests = UINT64_MAX / 2; /* sizes beyond any memory */
    memcpy(block + sizeof(uint64_t), &n_requests, sizeof(n_requests));
    assert_int_equal(ws_workload_view((ws_bytes){.data = block, .len = len}, &view), WS_ERR_INPUT);
    free(block);
    ws_workload_destroy(&workload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_equals_the_workload_wherever_the_block_lies),
        cmocka_unit_test(test_blocks_of_another_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
