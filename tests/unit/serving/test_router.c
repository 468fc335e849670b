/* Requests go where the policy says (docs/model/serving.md 3): by load with ties in rotation, in turn, by the
 * seeded generator, or to the emptiest KV cache; and a session's next call follows the one before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serving/router.h"

enum { N = 3, N_BLOCKS = 10 };

typedef struct fixture {
    ws_arena     arena;
    ws_kv_cache  kv[N];
    ws_scheduler schedulers[N];
    ws_router    router;
} fixture;

static void fixture_init(fixture *f, ws_router_policy policy)
{
    ws_arena_init(&f->arena, 0);
    for (int i = 0; i < N; i++) {
        const ws_kv_cache_config  kv = {.n_blocks = N_BLOCKS, .block_size = 16, .table_capacity = N_BLOCKS};
        const ws_scheduler_config config = {
            .instance = i, .max_num_seqs = 8, .token_budget = 64, .pp_size = 1};
        assert_int_equal(ws_kv_cache_init(&f->kv[i], &f->arena, &kv), WS_OK);
        assert_int_equal(ws_scheduler_init(&f->schedulers[i], &f->arena, &f->kv[i], &config), WS_OK);
    }
    assert_int_equal(ws_router_init(&f->router, &f->arena, policy, 42, f->schedulers, N), WS_OK);
}

static int choose(fixture *f)
{
    return ws_router_choose(&f->router, &f->router.entry)->config.instance;
}

static void load_rotates_among_equals(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, WS_ROUTER_LOAD);
    assert_int_equal(choose(&f), 0);
    assert_int_equal(choose(&f), 1);
    f.schedulers[2].n_running = 3; /* one waiting weighs as much as four running */
    f.schedulers[0].n_waiting = 1;
    assert_int_equal(choose(&f), 1);
    assert_int_equal(choose(&f), 1);
    f.schedulers[1].n_running = 4;
    assert_int_equal(choose(&f), 2);
    ws_arena_fini(&f.arena);
}

static void round_robin_takes_turns(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, WS_ROUTER_RR);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(choose(&f), i % N);
    }
    ws_arena_fini(&f.arena);
}

static void random_follows_the_generator(void **state)
{
    (void)state;
    fixture f;
    ws_rng  rng;
    fixture_init(&f, WS_ROUTER_RAND);
    ws_rng_seed(&rng, 42);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(choose(&f), (int)ws_rng_below(&rng, N));
    }
    ws_arena_fini(&f.arena);
}

static void kv_goes_to_the_emptiest_cache(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, WS_ROUTER_KV);
    (void)ws_block_pool_take(&f.kv[0].pool);
    (void)ws_block_pool_take(&f.kv[1].pool);
    assert_int_equal(choose(&f), 2);
    (void)ws_block_pool_take(&f.kv[2].pool);
    (void)ws_block_pool_take(&f.kv[2].pool);
    assert_int_equal(choose(&f), 0);
    ws_arena_fini(&f.arena);
}

/* Scheduler 1 is too small for a large request: the others take them, and equals take turns among themselves.
 */
static int choose_large(fixture *f)
{
    const ws_request large = {.input = 50, .target = 60};
    return ws_router_choose_for(&f->router, &f->router.entry, &large)->config.instance;
}

static void fixture_init_with_a_small_one(fixture *f, ws_router_policy policy)
{
    fixture_init(f, policy);
    for (int i = 0; i < N; i++) {
        f->schedulers[i].config.max_prompt_tokens = i == 1 ? 40 : 100;
        f->schedulers[i].config.max_total_tokens  = 100;
    }
    assert_int_equal(ws_router_init(&f->router, &f->arena, policy, 42, f->schedulers, N), WS_OK);
}

static void equals_that_can_serve_take_turns(void **state)
{
    static const ws_router_policy policies[] = {WS_ROUTER_LOAD, WS_ROUTER_KV, WS_ROUTER_RR};
    (void)state;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        fixture f;
        fixture_init_with_a_small_one(&f, policies[i]);
        assert_int_equal(choose_large(&f), 0); /* of equals the first from where the rotation is */
        assert_int_equal(choose_large(&f), 2);
        assert_int_equal(choose_large(&f), 0);
        assert_int_equal(choose(&f), 1); /* one rotation for small and large requests */
        assert_int_equal(choose_large(&f), 2);
        assert_int_equal(choose(&f), 0);
        ws_arena_fini(&f.arena);
    }
}

static void the_less_loaded_that_can_serve_is_chosen(void **state)
{
    (void)state;
    fixture f;
    fixture_init_with_a_small_one(&f, WS_ROUTER_LOAD);
    f.schedulers[0].n_running = 1;
    assert_int_equal(choose_large(&f), 2);
    assert_int_equal(choose_large(&f), 2);
    f.schedulers[2].n_running = 2;
    assert_int_equal(choose_large(&f), 0);
    ws_arena_fini(&f.arena);
}

static void equal_caches_take_turns(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, WS_ROUTER_KV);
    for (int i = 0; i < 2 * N; i++) {
        assert_int_equal(choose(&f), i % N);
    }
    ws_arena_fini(&f.arena);
}

/* A session of two calls and a flat request; the second call arrives when the first has ended and its tool is
 * done. */
static void sessions_release_their_next_call(void **state)
{
    (void)state;
    ws_workload_request source[] = {
        {.arrival_ns = 10, .input_tokens = 1, .target_tokens = 2, .session = 0, .tool_duration_ns = 5},
        {.arrival_ns = -1, .input_tokens = 1, .target_tokens = 2, .session = 0, .session_step = 1},
        {.arrival_ns = 20, .input_tokens = 1, .target_tokens = 2, .session = -1}};
    ws_workload_session session     = {.first_request = 0, .n_requests = 2};
    uint32_t            initial[]   = {0, 2};
    const ws_workload   workload    = {.n_requests = 3,
                                       .requests   = source,
                                       .n_sessions = 1,
                                       .sessions   = &session,
                                       .n_initial  = 2,
                                       .initial    = initial};
    ws_request          requests[3] = {
                 {.id = 0, .arrival_ns = 10}, {.id = 1, .arrival_ns = -1}, {.id = 2, .arrival_ns = 20}};
    ws_arena    arena;
    ws_arrivals arrivals;
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_arrivals_init(&arrivals, &arena, &workload), WS_OK);
    assert_int_equal(ws_arrivals_next_ns(&arrivals, requests), 10);
    arrivals.next++;
    assert_int_equal(ws_arrivals_release(&arrivals, &workload, requests, 0, 12),
                     WS_OK); /* before the flat one */
    assert_int_equal(ws_arrivals_next_ns(&arrivals, requests), 17);
    assert_int_equal(arrivals.n_open_sessions, 1);
    arrivals.next += 2;
    assert_int_equal(ws_arrivals_next_ns(&arrivals, requests), INT64_MAX);
    assert_int_equal(ws_arrivals_release(&arrivals, &workload, requests, 1, 30), WS_OK);
    assert_int_equal(arrivals.n_open_sessions, 0);
    assert_int_equal(ws_arrivals_release(&arrivals, &workload, requests, 2, 40),
                     WS_OK); /* flat: nothing follows */
    assert_int_equal(arrivals.n, 3);
    ws_arena_fini(&arena);
}

/* What a session releases comes behind all that arrive at the same time: first come, first served. */
static void of_equal_arrivals_the_released_comes_last(void **state)
{
    (void)state;
    ws_workload_request source[]   = {{.arrival_ns = 10, .session = 0, .tool_duration_ns = 5},
                                      {.arrival_ns = -1, .session = 0, .session_step = 1},
                                      {.arrival_ns = 17, .session = -1},
                                      {.arrival_ns = 17, .session = -1},
                                      {.arrival_ns = 18, .session = -1}};
    ws_workload_session session    = {.first_request = 0, .n_requests = 2};
    uint32_t            initial[]  = {0, 2, 3, 4};
    const uint32_t      expected[] = {2, 3, 1, 4};
    const ws_workload   workload   = {.n_requests = 5,
                                      .requests   = source,
                                      .n_sessions = 1,
                                      .sessions   = &session,
                                      .n_initial  = 4,
                                      .initial    = initial};
    ws_request          requests[5];
    ws_arena            arena;
    ws_arrivals         arrivals;
    for (uint32_t i = 0; i < 5; i++) {
        requests[i] = (ws_request){.id = i, .arrival_ns = source[i].arrival_ns};
    }
    ws_arena_init(&arena, 0);
    assert_int_equal(ws_arrivals_init(&arrivals, &arena, &workload), WS_OK);
    arrivals.next++;
    assert_int_equal(ws_arrivals_release(&arrivals, &workload, requests, 0, 12), WS_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(arrivals.ids[arrivals.next + i], expected[i]);
    }
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_rotates_among_equals),
        cmocka_unit_test(round_robin_takes_turns),
        cmocka_unit_test(random_follows_the_generator),
        cmocka_unit_test(kv_goes_to_the_emptiest_cache),
        cmocka_unit_test(sessions_release_their_next_call),
        cmocka_unit_test(equals_that_can_serve_take_turns),
        cmocka_unit_test(the_less_loaded_that_can_serve_is_chosen),
        cmocka_unit_test(equal_caches_take_turns),
        cmocka_unit_test(of_equal_arrivals_the_released_comes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
