/* Invariants: all ranks agree who leads a node and how much room there is; what the leader writes, every rank
 * of the node reads in the same place; without a window nothing is there to use, and everything may be freed,
 * twice too. Started with one rank and with several (CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ranks/node_window.h"

static void expect_nothing(const swp_node_window *window)
{
    assert_true(window->node == MPI_COMM_NULL && window->win == MPI_WIN_NULL);
    assert_null(window->data);
    assert_null(window->leader_of);
}

static void test_no_window_is_freed_like_one(void **state)
{
    (void)state;
    swp_node_window window = {.node = MPI_COMM_NULL, .win = MPI_WIN_NULL};
    swp_node_window_sync(&window);
    swp_node_window_free(&window);
    expect_nothing(&window);
    swp_node_window_free(&window);
    expect_nothing(&window);
}

/* On one machine all ranks are one node, led by rank 0; alone there is nothing to share. */
static void test_ranks_agree(void **state)
{
    (void)state;
    int             rank = 0, size = 1;
    swp_node_window window;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    assert_int_equal(swp_node_window_create(MPI_COMM_WORLD, &window), WS_OK);
    const bool has_window = window.data != NULL;
    assert_true(has_window || window.leader_of[rank] == -1);
    assert_true(size > 1 || !has_window);
    for (int r = 0; r < size; r++) {
        assert_int_equal(window.leader_of[r], window.leader_of[0]);
        assert_true(window.leader_of[r] == (has_window ? 0 : -1));
    }
    uint64_t least = 0, most = 0;
    MPI_Allreduce(&window.bytes, &least, 1, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD);
    MPI_Allreduce(&window.bytes, &most, 1, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
    assert_int_equal(least, most);
    assert_true(!has_window || (window.bytes > 0 && (uintptr_t)window.data % 16 == 0));
    swp_node_window_free(&window);
    expect_nothing(&window);
}

static void test_what_the_leader_writes_all_read(void **state)
{
    (void)state;
    int             rank = 0;
    swp_node_window window;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    assert_int_equal(swp_node_window_create(MPI_COMM_WORLD, &window), WS_OK);
    if (window.data == NULL) { /* one rank, or no room in shared memory: nothing more to see */
        swp_node_window_free(&window);
        return;
    }
    const uint64_t n     = window.bytes < 100000 ? window.bytes : 100000;
    const char     wants = 'a';
    if (rank == 0) {
        memset(window.data, wants, n);
        window.data[window.bytes - 1] = 'z'; /* there is as much as it says */
        swp_node_window_sync(&window);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    swp_node_window_sync(&window);
    for (uint64_t i = 0; i < n; i += 97) {
        assert_int_equal(window.data[i], wants);
    }
    assert_int_equal(window.data[window.bytes - 1], 'z');
    MPI_Barrier(MPI_COMM_WORLD);
    swp_node_window_free(&window);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_window_is_freed_like_one),
                                       cmocka_unit_test(test_ranks_agree),
                                       cmocka_unit_test(test_what_the_leader_writes_all_read)};
    MPI_Init(&argc, &argv);
    const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (n_failed > 0) {
        MPI_Abort(MPI_COMM_WORLD, 1); /* another rank may wait for this one */
    }
    MPI_Finalize();
    return n_failed;
}
