/* Invariant: every canonical layer has a name that reads back, one category and one answer to "does TP shrink
 * it". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/layer.h"

static void names_read_back(void **state)
{
    (void)state;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        assert_int_equal(ws_layer_from_name(ws_layer_name((ws_layer)layer)), layer);
    }
    assert_int_equal(ws_layer_from_name("attn"), WS_LAYER_COUNT);
    assert_int_equal(ws_layer_from_name("Attention"), WS_LAYER_COUNT);
}

/* docs/model/serving.md 6.1: four tp_stable layers, and a category for each layer. */
static void categories_and_tp_stability(void **state)
{
    (void)state;
    static const char *const k_stable[] = {"layernorm", "final_layernorm", "qk_norm", "sampler"};
    int                      n_stable   = 0;
    for (int layer = 0; layer < WS_LAYER_COUNT; layer++) {
        n_stable += ws_layer_is_tp_stable((ws_layer)layer);
    }
    assert_int_equal(n_stable, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(ws_layer_is_tp_stable(ws_layer_from_name(k_stable[i])));
    }
    assert_int_equal(ws_layer_category(WS_LAYER_ATTENTION), WS_CATEGORY_ATTENTION);
    assert_int_equal(ws_layer_category(WS_LAYER_MOE), WS_CATEGORY_MOE);
    assert_int_equal(ws_layer_category(WS_LAYER_LM_HEAD), WS_CATEGORY_PER_SEQUENCE);
    assert_int_equal(ws_layer_category(WS_LAYER_SAMPLER), WS_CATEGORY_PER_SEQUENCE);
    assert_int_equal(ws_layer_category(WS_LAYER_QKV_PROJ), WS_CATEGORY_DENSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(categories_and_tp_stability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
