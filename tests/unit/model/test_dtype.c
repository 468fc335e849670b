/* Invariant: names, profile variants and sizes are those of the dtype table, and names read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/dtype.h"

static void names_read_back(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < WS_DTYPE_COUNT; dtype++) {
        assert_int_equal(ws_dtype_from_name(ws_dtype_name((ws_dtype)dtype)), dtype);
    }
    assert_int_equal(ws_dtype_from_name("bf16"), WS_DTYPE_COUNT);
    assert_int_equal(ws_dtype_from_name(""), WS_DTYPE_COUNT);
}

static void sizes_and_variants(void **state)
{
    (void)state;
    assert_int_equal(ws_dtype_bytes(WS_DTYPE_FLOAT16), 2);
    assert_int_equal(ws_dtype_bytes(WS_DTYPE_BFLOAT16), 2);
    assert_int_equal(ws_dtype_bytes(WS_DTYPE_FLOAT32), 4);
    assert_int_equal(ws_dtype_bytes(WS_DTYPE_FP8), 1);
    assert_int_equal(ws_dtype_bytes(WS_DTYPE_INT8), 1);
    assert_string_equal(ws_dtype_variant(WS_DTYPE_BFLOAT16), "bf16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(sizes_and_variants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
