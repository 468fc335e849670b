/* Invariant: a layer measured as one kernel keeps its times to the bit; one measured as several takes what
 * the activation takes for as many bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/profile_fuse.h"

/* In 2 bytes, per token: the activation moves 3 * 2048 * 2 = 12288 bytes, a norm with its residual 4 * 1024 *
 * 2 = 8192, rotary 2 * (8 + 4) * 128 * 2 = 6144. */
static const ws_model         model   = {.name              = "toy",
                                         .hidden_size       = 1024,
                                         .n_heads           = 8,
                                         .n_kv_heads        = 4,
                                         .head_dim          = 128,
                                         .intermediate_size = 2048};
static const ws__fuse_subject subject = {&model, 1, 2, "GPU"};

static const int64_t counts[] = {3, 30, 300};
enum { N_COUNTS = 3 };

/* The activation: 4 us to launch, then 10 ns a token. */
static double act_ns(double tokens)
{
    return 4000.0 + 10.0 * tokens;
}

static void add_act(ws__profile_draft *draft)
{
    for (int64_t tokens = 1; tokens <= 1000; tokens *= 10) {
        assert_int_equal(ws__draft_add_layer(draft, WS_LAYER_ACT_FN, tokens, act_ns((double)tokens)), WS_OK);
    }
}

/* `slowness` times the activation moving as many bytes as `layer` does with 2/3 (norm) or 1/2 (rotary) of its
 * tokens. */
static void add_layer(ws__profile_draft *draft, ws_layer layer, double tokens_share, double slowness)
{
    for (int i = 0; i < N_COUNTS; i++) {
        const double ns = slowness * act_ns(tokens_share * (double)counts[i]);
        assert_int_equal(ws__draft_add_layer(draft, layer, counts[i], ns), WS_OK);
    }
}

static double time_of(const ws__profile_draft *draft, ws_layer layer, int64_t count)
{
    for (size_t i = 0; i < draft->layers.n; i++) {
        if (draft->layers.data[i].key[0] == (int64_t)layer && draft->layers.data[i].key[1] == count) {
            return draft->layers.data[i].ns;
        }
    }
    fail_msg("no point");
    return 0.0;
}

static void several_kernels_become_one(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    ws_strbuf         notes = WS_STRBUF_INIT;
    add_layer(&draft, WS_LAYER_LAYERNORM, 2.0 / 3.0, 5.0);
    add_layer(&draft, WS_LAYER_ROTARY_EMB, 0.5, 2.1);
    add_act(&draft);
    ws__fuse_elementwise(&draft, &subject, &notes);
    /* 30 tokens of a norm move what 20 of the activation move: 4200 ns; 300 of rotary what 150: 5500 ns. */
    assert_true(time_of(&draft, WS_LAYER_LAYERNORM, 30) == 4200.0);
    assert_true(time_of(&draft, WS_LAYER_ROTARY_EMB, 300) == 5500.0);
    assert_true(time_of(&draft, WS_LAYER_ACT_FN, 10) == act_ns(10));
    assert_non_null(strstr(ws_strbuf_text(&notes), "GPU / toy: "));
    assert_non_null(
        strstr(ws_strbuf_text(&notes), "fused: layernorm, rotary_emb (--no-enable-fused-elementwise"));
    ws_strbuf_fini(&notes);
    ws__profile_draft_fini(&draft);
}

/* Sharded over tp 2, rotary and activation halve; norms do not: 30 tokens of a norm move what 40 of the
 * activation do. */
static void sharding_counts(void **state)
{
    (void)state;
    ws__profile_draft      draft = WS__PROFILE_DRAFT_INIT;
    const ws__fuse_subject tp2   = {&model, 2, 2, "GPU"};
    add_layer(&draft, WS_LAYER_LAYERNORM, 4.0 / 3.0, 5.0);
    add_layer(&draft, WS_LAYER_ROTARY_EMB, 0.5, 3.0);
    add_act(&draft);
    ws__fuse_elementwise(&draft, &tp2, NULL);
    assert_true(time_of(&draft, WS_LAYER_LAYERNORM, 30) == 4400.0);
    assert_true(time_of(&draft, WS_LAYER_ROTARY_EMB, 300) == 5500.0);
    ws__profile_draft_fini(&draft);
}

static void one_kernel_stays_as_measured(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    ws_strbuf         notes = WS_STRBUF_INIT;
    add_act(&draft);
    add_layer(&draft, WS_LAYER_LAYERNORM, 2.0 / 3.0, 0.6);
    add_layer(&draft, WS_LAYER_ROTARY_EMB, 0.5, 1.9);
    add_layer(&draft, WS_LAYER_FINAL_LAYERNORM, 2.0 / 3.0, 5.0);
    draft.layers.data[draft.layers.n - 1].ns =
        1.5 * act_ns(200); /* slow at few tokens only: not several kernels */
    const double slow = draft.layers.data[draft.layers.n - 2].ns;
    ws__fuse_elementwise(&draft, &subject, &notes);
    for (int i = 0; i < N_COUNTS; i++) {
        assert_true(time_of(&draft, WS_LAYER_LAYERNORM, counts[i]) ==
                    0.6 * act_ns(2.0 / 3.0 * (double)counts[i]));
        assert_true(time_of(&draft, WS_LAYER_ROTARY_EMB, counts[i]) == 1.9 * act_ns(0.5 * (double)counts[i]));
    }
    assert_true(time_of(&draft, WS_LAYER_FINAL_LAYERNORM, counts[1]) == slow);
    assert_int_equal(notes.len, 0);
    ws_strbuf_fini(&notes);
    ws__profile_draft_fini(&draft);
}

static void without_an_activation_nothing_is_known(void **state)
{
    (void)state;
    ws__profile_draft draft = WS__PROFILE_DRAFT_INIT;
    add_layer(&draft, WS_LAYER_LAYERNORM, 2.0 / 3.0, 50.0);
    ws__fuse_elementwise(&draft, &subject, NULL);
    assert_true(time_of(&draft, WS_LAYER_LAYERNORM, 3) == 50.0 * act_ns(2.0));
    ws__profile_draft_fini(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_kernels_become_one),
        cmocka_unit_test(sharding_counts),
        cmocka_unit_test(one_kernel_stays_as_measured),
        cmocka_unit_test(without_an_activation_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
