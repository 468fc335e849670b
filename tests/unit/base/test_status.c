/* Every status has a text of its own; WS_TRY passes the first failure on and nothing else. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/status.h"

static void test_texts_differ(void **state)
{
    (void)state;
#define AS_ITEM(code, text) code,
    static const ws_status all[] = {WS_STATUS_LIST(AS_ITEM)};
#undef AS_ITEM
    const size_t n = sizeof(all) / sizeof(all[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++) {
            assert_string_not_equal(ws_status_text(all[i]), ws_status_text(all[j]));
        }
    }
    assert_string_equal(ws_status_text(WS_OK), "ok");
}

/* The whole domain of three: nothing hides a lack of memory, and nothing hides the first problem but that. */
static void test_worse_of_two(void **state)
{
    (void)state;
    assert_int_equal(ws_status_worse(WS_OK, WS_OK), WS_OK);
    assert_int_equal(ws_status_worse(WS_OK, WS_ERR_INPUT), WS_ERR_INPUT);
    assert_int_equal(ws_status_worse(WS_ERR_INPUT, WS_OK), WS_ERR_INPUT);
    assert_int_equal(ws_status_worse(WS_ERR_IO, WS_ERR_INPUT), WS_ERR_IO);
    assert_int_equal(ws_status_worse(WS_ERR_INPUT, WS_ERR_IO), WS_ERR_INPUT);
    assert_int_equal(ws_status_worse(WS_ERR_INPUT, WS_ERR_NOMEM), WS_ERR_NOMEM);
    assert_int_equal(ws_status_worse(WS_ERR_NOMEM, WS_ERR_INPUT), WS_ERR_NOMEM);
    assert_int_equal(ws_status_worse(WS_ERR_NOMEM, WS_OK), WS_ERR_NOMEM);
}

static ws_status try_both(ws_status first, ws_status second)
{
    WS_TRY(first);
    WS_TRY(second);
    return WS_OK;
}

static void test_try_returns_first_failure(void **state)
{
    (void)state;
    assert_int_equal(try_both(WS_OK, WS_OK), WS_OK);
    assert_int_equal(try_both(WS_OK, WS_ERR_IO), WS_ERR_IO);
    assert_int_equal(try_both(WS_ERR_ARG, WS_ERR_IO), WS_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_differ),
        cmocka_unit_test(test_worse_of_two),
        cmocka_unit_test(test_try_returns_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
