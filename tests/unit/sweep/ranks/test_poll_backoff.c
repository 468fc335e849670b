/* Pauses stay within their bounds, grow while nothing comes and shrink while something does: a stream of
 * messages is met at once, and silence costs about a thousand looks a second. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ranks/poll_backoff.h"

static void grows_and_shrinks(long max_ns)
{
    long pause_ns = swp_poll_backoff_next_ns(0, max_ns, false), total_ns = 0;
    assert_int_equal(pause_ns, SWP_POLL_BACKOFF_MIN_NS);
    while (pause_ns < max_ns) {
        const long next_ns = swp_poll_backoff_next_ns(pause_ns, max_ns, false);
        assert_true(next_ns > pause_ns);
        total_ns += pause_ns;
        pause_ns = next_ns;
    }
    assert_int_equal(pause_ns, max_ns);
    assert_int_equal(swp_poll_backoff_next_ns(pause_ns, max_ns, false), max_ns);
    assert_true(total_ns < 3 * max_ns); /* a geometric series of ratio 3/2 */
    for (int i = 0; i < 8; i++) {       /* 4 ms / 2^8 < 20 us */
        pause_ns = swp_poll_backoff_next_ns(pause_ns, max_ns, true);
    }
    assert_int_equal(pause_ns, SWP_POLL_BACKOFF_MIN_NS);
    assert_int_equal(swp_poll_backoff_next_ns(pause_ns, max_ns, true), SWP_POLL_BACKOFF_MIN_NS);
}

static void test_grows_to_its_longest_and_back(void **state)
{
    (void)state;
    grows_and_shrinks(SWP_POLL_BACKOFF_MAX_NS);
    grows_and_shrinks(SWP_POLL_BACKOFF_SURE_NS);
}

/* Once somebody may be waiting, the next pause is a short one at once. */
static void test_keeps_within_a_shorter_bound(void **state)
{
    (void)state;
    assert_int_equal(swp_poll_backoff_next_ns(SWP_POLL_BACKOFF_SURE_NS, SWP_POLL_BACKOFF_MAX_NS, false),
                     SWP_POLL_BACKOFF_MAX_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grows_to_its_longest_and_back),
                                       cmocka_unit_test(test_keeps_within_a_shorter_bound)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
