/* Tokens fall on expert-parallel ranks as the worked values of docs/model/serving.md 6.5 and 11.3 say, and
 * none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "timing/expert_routing.h"

enum { MAX_RANKS = 16, MAX_SCRATCH = 1024 };

static ws_model model_of(int64_t n_experts, int64_t per_token)
{
    return (ws_model){.is_moe = true, .n_experts = n_experts, .experts_per_token = per_token};
}

static void route(ws_expert_routing policy, const ws_model *model, int64_t n_tokens, int64_t n_ranks,
                  ws_expert_load *loads)
{
    int32_t scratch[MAX_SCRATCH];
    ws_rng  rng;
    assert_true(ws_expert_scratch_len(model) <= MAX_SCRATCH);
    ws_rng_seed(&rng, 42);
    const ws_expert_router router = {policy, model, n_ranks, &rng, scratch};
    ws_expert_route(&router, n_tokens, loads);
}

static void balanced_as_worked_by_hand(void **state)
{
    (void)state;
    static const struct {
        int64_t n_experts, per_token, n_ranks, n_tokens, tokens, activated;
    } cases[] = {{128, 8, 2, 10, 10, 40}, {128, 8, 4, 10, 9, 20}, {128, 8, 16, 1, 0, 0}, {8, 2, 8, 6, 1, 1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ws_expert_load loads[MAX_RANKS];
        const ws_model model = model_of(cases[i].n_experts, cases[i].per_token);
        route(WS_EXPERT_BALANCED, &model, cases[i].n_tokens, cases[i].n_ranks, loads);
        for (int64_t r = 0; r < cases[i].n_ranks; r++) {
            assert_int_equal(loads[r].tokens, cases[i].tokens);
            assert_int_equal(loads[r].activated, cases[i].activated);
        }
    }
}

static void random_and_round_robin_as_recorded(void **state)
{
    (void)state;
    ws_expert_load loads[MAX_RANKS];
    const ws_model model = model_of(128, 8);
    route(WS_EXPERT_RAND, &model, 10, 2, loads);
    assert_int_equal(loads[0].tokens, 10);
    assert_int_equal(loads[1].tokens, 10);
    assert_int_equal(loads[0].activated, 32);
    assert_int_equal(loads[1].activated, 28);
    route(WS_EXPERT_RR, &model, 10, 2, loads); /* every token takes experts 0 to 7 */
    assert_int_equal(loads[0].tokens, 10);
    assert_int_equal(loads[0].activated, 8);
    assert_int_equal(loads[1].tokens, 0);
    assert_int_equal(loads[1].activated, 0);
}

static void every_token_lands_on_some_rank(void **state)
{
    (void)state;
    for (int64_t n_ranks = 1; n_ranks <= 8; n_ranks *= 2) {
        for (int64_t n_tokens = 1; n_tokens < 200; n_tokens += 13) {
            ws_expert_load loads[MAX_RANKS];
            const ws_model model  = model_of(8, 2);
            int64_t        tokens = 0, activated = 0;
            route(WS_EXPERT_RAND, &model, n_tokens, n_ranks, loads);
            for (int64_t r = 0; r < n_ranks; r++) {
                assert_true(loads[r].tokens <= n_tokens && loads[r].activated <= 8 / n_ranks);
                tokens += loads[r].tokens;
                activated += loads[r].activated;
            }
            assert_true(tokens >= n_tokens && tokens <= 2 * n_tokens && activated >= 2 && activated <= 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced_as_worked_by_hand),
        cmocka_unit_test(random_and_round_robin_as_recorded),
        cmocka_unit_test(every_token_lands_on_some_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
