/* Invariants: there is one sample at the end of every interval that has passed, and a last one wherever the
 * caller puts it; the rates times the lengths of the intervals are the tokens, each counted once; counts are
 * those at the tick. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/units.h"
#include "sim/sampler.h"

static double tokens_of(const ws_sampler *s, ws_series_column column)
{
    double n = 0, from_s = 0;
    for (size_t i = 0; i < s->n_samples; i++) {
        n += s->columns[column][i] * (s->columns[WS_SERIES_TIME_S][i] - from_s);
        from_s = s->columns[WS_SERIES_TIME_S][i];
    }
    return n;
}

static void tokens_are_counted_once(void **state)
{
    (void)state;
    ws_rng rng;
    ws_rng_seed(&rng, 8);
    for (int trial = 0; trial < 200; trial++) {
        const int64_t   interval_ns = 1 + ws_rng_below(&rng, 5000);
        ws_sample_state now         = {.n_steps = 0};
        int64_t         now_ns      = 0;
        ws_arena        arena;
        ws_sampler      s;
        ws_arena_init(&arena, 0);
        ws_sampler_init(&s, &arena, interval_ns);
        for (int event = 0; event < 100; event++) {
            now_ns += ws_rng_below(&rng, 3000);
            assert_int_equal(ws_sampler_catch_up(&s, &now, now_ns),
                             WS_OK); /* what happens now counts later */
            now.prompt_tokens += ws_rng_below(&rng, 100);
            now.generated_tokens += ws_rng_below(&rng, 10);
            now.n_steps++;
        }
        assert_int_equal(s.n_samples, now_ns / interval_ns);
        for (size_t i = 0; i < s.n_samples; i++) {
            assert_true(s.columns[WS_SERIES_TIME_S][i] ==
                        (double)((int64_t)(i + 1) * interval_ns) * WS_S_PER_NS);
        }
        now_ns += 1;
        assert_int_equal(ws_sampler_catch_up(&s, &now, now_ns), WS_OK);
        if (now_ns > s.last_ns) {
            assert_int_equal(ws_sampler_take(&s, &now, now_ns, (double)(now_ns - s.last_ns)), WS_OK);
        }
        assert_true(fabs(tokens_of(&s, WS_SERIES_PROMPT_TOK_S) - (double)now.prompt_tokens) <= 1e-9 * 10000);
        assert_true(fabs(tokens_of(&s, WS_SERIES_DECODE_TOK_S) - (double)now.generated_tokens) <=
                    1e-9 * 1000);
        ws_arena_fini(&arena);
    }
}

/* Interval of 1 s. By 2.5 s there were 300 prompt tokens: 300 per second in the first interval, none in the
 * second; 50 more until 3 s make 50 per second in the third. The state shown is the one of the last call. */
static void samples_by_hand(void **state)
{
    (void)state;
    static const double prompt_tok_s[] = {300, 0, 50}, running[] = {7, 7, 4}, mem_gb[] = {1.5, 1.5, 2.5};
    ws_sample_state     now = {.prompt_tokens = 300,
                               .n_steps       = 5,
                               .n_running     = 7,
                               .n_waiting     = 2,
                               .npu_mem_gb    = 1.5,
                               .cxl_mem_gb    = 0.5};
    ws_arena            arena;
    ws_sampler          s;
    ws_arena_init(&arena, 0);
    ws_sampler_init(&s, &arena, WS_NS_PER_S);
    assert_int_equal(ws_sampler_catch_up(&s, &now, WS_NS_PER_S - 1), WS_OK);
    assert_int_equal(s.n_samples, 0);
    assert_int_equal(ws_sampler_catch_up(&s, &now, 2 * WS_NS_PER_S + WS_NS_PER_S / 2), WS_OK);
    now.prompt_tokens = 350;
    now.n_running     = 4;
    now.npu_mem_gb    = 2.5;
    assert_int_equal(ws_sampler_catch_up(&s, &now, 3 * WS_NS_PER_S), WS_OK);
    assert_int_equal(s.n_samples, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(s.columns[WS_SERIES_PROMPT_TOK_S][i] == prompt_tok_s[i]);
        assert_true(s.columns[WS_SERIES_RUNNING][i] == running[i]);
        assert_true(s.columns[WS_SERIES_NPU_MEM_GB][i] == mem_gb[i]);
        assert_true(s.columns[WS_SERIES_WAITING][i] == 2 && s.columns[WS_SERIES_STEPS][i] == 5);
        assert_true(s.columns[WS_SERIES_CXL_MEM_GB][i] == 0.5);
    }
    assert_null(s.columns[WS_SERIES_POWER_W]);
    ws_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_counted_once),
        cmocka_unit_test(samples_by_hand),
    };
    return cmocka_run_group_tests_name("sim.sampler", tests, NULL, NULL);
}
