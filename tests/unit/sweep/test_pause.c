/* Pauses stay within their bounds, grow while nothing comes and shrink while something does: a stream of messages is
 * met at once, and silence costs about a thousand looks a second. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pause.h"

static void test_grows_to_its_longest_and_back(void **state)
{
    (void)state;
    long pause_ns = swp_pause_next_ns(0, false), total_ns = 0;
    assert_int_equal(pause_ns, SWP_PAUSE_MIN_NS);
    while (pause_ns < SWP_PAUSE_MAX_NS) {
        const long next_ns = swp_pause_next_ns(pause_ns, false);
        assert_true(next_ns > pause_ns);
        total_ns += pause_ns;
        pause_ns = next_ns;
    }
    assert_int_equal(pause_ns, SWP_PAUSE_MAX_NS);
    assert_int_equal(swp_pause_next_ns(pause_ns, false), SWP_PAUSE_MAX_NS);
    assert_true(total_ns < 3 * SWP_PAUSE_MAX_NS); /* a geometric series of ratio 3/2 */
    for (int i = 0; i < 6; i++) {                 /* 1 ms / 2^6 < 20 us */
        pause_ns = swp_pause_next_ns(pause_ns, true);
    }
    assert_int_equal(pause_ns, SWP_PAUSE_MIN_NS);
    assert_int_equal(swp_pause_next_ns(pause_ns, true), SWP_PAUSE_MIN_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grows_to_its_longest_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
