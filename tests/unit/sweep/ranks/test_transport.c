/* Invariants: a sweep of one rank has nobody to talk to: nothing comes, nothing waits, and there is no
 * window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "ranks/transport.h"

static void test_alone(void **state)
{
    (void)state;
    swp_transport alone;
    swp_message   message;
    swp_transport_init_alone(&alone);
    assert_int_equal(alone.rank, 0);
    assert_int_equal(alone.size, 1);
    assert_int_equal(alone.n_ranks_here, 1);
    assert_int_equal(alone.leader_of[0], -1);
    assert_null(alone.window);
    assert_false(swp_transport_fits_window(&alone, 1));
    assert_false(swp_transport_poll(&alone, &message));
    assert_int_equal(swp_transport_n_unsent(&alone), 0);
    assert_false(swp_transport_is_gone(&alone, alone.pid));
    assert_true(swp_transport_now_s(&alone) > 0.0);
    swp_transport_sync_window(&alone);
    swp_transport_forget(&alone, 0);
}

static void test_nothing_can_be_sent(void **state)
{
    (void)state;
    swp_transport alone;
    swp_transport_init_alone(&alone);
    assert_int_equal(swp_transport_send(&alone, 1, 1, "data", 4), WS_ERR_IO);
    assert_int_equal(swp_transport_send(&alone, 1, 1, NULL, 0), WS_ERR_IO);
    assert_int_equal(swp_transport_send_owned(&alone, 1, 1, malloc(4), 4), WS_ERR_IO);
    assert_int_equal(swp_transport_send_borrowed(&alone, 1, 1, "data", 4), WS_ERR_IO);
    failing_malloc_at(1);
    assert_int_equal(swp_transport_send(&alone, 1, 1, "data", 4), WS_ERR_NOMEM);
    assert_int_equal(alone.traffic.n_sent + alone.traffic.n_received, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_nothing_can_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
