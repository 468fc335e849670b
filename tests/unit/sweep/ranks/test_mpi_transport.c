/* Invariants, over real MPI: messages of one source come in the order of sending, whole, whatever their
 * length and however their memory is owned; what was sent is complete in the end and counted; ranks of one
 * machine share a node; what is forgotten is not waited for. Started with one rank and with several
 * (CMakeLists.txt). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failing_malloc.h"
#include "ranks/mpi_transport.h"

enum { N_MESSAGES = 200, LONG_BYTES = 1 << 20, LIMIT_S = 60 };

static swp_transport *transport;

static swp_message await_message(void)
{
    swp_message  message = {.source = -1};
    const double end_s   = swp_transport_now_s(transport) + LIMIT_S;
    while (!swp_transport_poll(transport, &message)) {
        assert_true(swp_transport_now_s(transport) < end_s);
    }
    return message;
}

static void await_sent(void)
{
    swp_message  message;
    const double end_s = swp_transport_now_s(transport) + LIMIT_S;
    while (swp_transport_n_unsent(transport) > 0 && swp_transport_now_s(transport) < end_s) {
        assert_false(swp_transport_poll(transport, &message));
    }
    assert_int_equal(swp_transport_n_unsent(transport), 0);
}

/* The length of message i, most short and some long, and what is in it. */
static size_t length_of(int i)
{
    return i % 50 == 7 ? LONG_BYTES : (size_t)(i % 5) * 8;
}

static void send_message(int to, int i, char *borrowed)
{
    const size_t len = length_of(i);
    memset(borrowed, i % 128, LONG_BYTES);
    if (i % 3 == 0) {
        char *owned = malloc(len + 1);
        memcpy(owned, borrowed, len);
        assert_int_equal(swp_transport_send_owned(transport, to, i, owned, len), WS_OK);
    } else {
        assert_int_equal(swp_transport_send(transport, to, i, borrowed, len), WS_OK);
    }
}

static void expect_message(const swp_message *message, int i)
{
    assert_int_equal(message->tag, i);
    assert_int_equal(message->len, length_of(i));
    for (size_t k = 0; k < message->len; k += 997) {
        assert_int_equal(message->data[k], i % 128);
    }
}

/* Everybody sends to rank 0, which answers each with one borrowed message. */
static void test_messages_come_whole_and_in_order(void **state)
{
    (void)state;
    static char answer[] = "thank you", borrowed[LONG_BYTES];
    const int   n_others = transport->size - 1;
    if (transport->rank > 0) {
        for (int i = 0; i < N_MESSAGES; i++) {
            send_message(0, i, borrowed);
        }
        const swp_message message = await_message();
        assert_int_equal(message.source, 0);
        assert_memory_equal(message.data, answer, sizeof answer);
        free(message.data);
        await_sent();
        assert_true(transport->traffic.n_sent == N_MESSAGES && transport->traffic.n_received == 1);
        return;
    }
    int *next = calloc((size_t)transport->size, sizeof(*next));
    for (int k = 0; k < n_others * N_MESSAGES; k++) {
        const swp_message message = await_message();
        assert_in_range(message.source, 1, n_others);
        expect_message(&message, next[message.source]++);
        free(message.data);
    }
    for (int rank = 1; rank <= n_others; rank++) {
        assert_int_equal(swp_transport_send_borrowed(transport, rank, 1, answer, sizeof answer), WS_OK);
    }
    await_sent();
    assert_int_equal(transport->traffic.n_received, n_others * N_MESSAGES);
    assert_int_equal(transport->traffic.bytes_sent, (size_t)n_others * sizeof answer);
    free(next);
}

static void test_ranks_of_one_machine(void **state)
{
    (void)state;
    assert_int_equal(transport->n_ranks_here, transport->size);
    assert_int_equal(transport->pid, getpid());
    assert_false(swp_transport_is_gone(transport, transport->pid));
    assert_false(swp_transport_is_gone(transport, 0)); /* not known */
    for (int rank = 0; rank < transport->size; rank++) {
        assert_int_equal(transport->leader_of[rank], transport->window == NULL ? -1 : 0);
    }
    if (transport->window != NULL) {
        assert_true(swp_transport_fits_window(transport, 1000));
        assert_false(swp_transport_fits_window(transport, (size_t)1 << 40));
    }
    swp_transport_sync_window(transport);
}

/* A message that nobody takes yet is not waited for. */
static void test_what_is_forgotten(void **state)
{
    (void)state;
    static char much[4 * LONG_BYTES];
    const int   last = transport->size - 1;
    if (transport->size == 1) {
        return;
    }
    if (transport->rank == 0) {
        assert_int_equal(swp_transport_send_borrowed(transport, last, 5, much, sizeof much), WS_OK);
        assert_int_equal(swp_transport_n_unsent(transport), 1);
        swp_transport_forget(transport, last);
        assert_int_equal(swp_transport_n_unsent(transport), 0);
    } else if (transport->rank == last) {
        const swp_message message = await_message();
        assert_int_equal(message.len, sizeof much);
        swp_transport_forget(transport, 0);
        free(message.data);
    }
}

static void test_too_long_for_mpi(void **state)
{
    (void)state;
    const ws_status status = swp_transport_send_borrowed(transport, transport->rank, 1, "", (size_t)1 << 31);
    assert_int_equal(status, WS_ERR_NOMEM);
    assert_int_equal(swp_transport_n_unsent(transport), 0);
}

static void test_errors_are_reported(void **state)
{
    (void)state;
    const int nobody = transport->size + 7;
    assert_int_equal(swp_transport_send(transport, nobody, 1, "data", 4), WS_ERR_IO); /* with MPI's text */
    assert_int_equal(swp_transport_send_owned(transport, nobody, 1, malloc(4), 4), WS_ERR_IO);
    assert_int_equal(swp_transport_n_unsent(transport), 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    const int before = (int)swp_transport_n_unsent(transport);
    failing_malloc_at(1);
    assert_int_equal(swp_transport_send(transport, transport->rank, 1, "data", 4), WS_ERR_NOMEM);
    assert_int_equal(swp_transport_n_unsent(transport), before);
}

/* Each launcher says in its own way that it started this process. */
static void test_who_is_launched(void **state)
{
    (void)state;
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv(names[i]);
    }
    assert_false(swp_mpi_is_launched());
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv(names[i], "2", 1);
        assert_true(swp_mpi_is_launched());
        unsetenv(names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_come_whole_and_in_order),
        cmocka_unit_test(test_ranks_of_one_machine),
        cmocka_unit_test(test_too_long_for_mpi),
        cmocka_unit_test(test_errors_are_reported),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_what_is_forgotten),
        cmocka_unit_test(test_who_is_launched),
    };
    if (!swp_mpi_is_launched() || strncmp(swp_mpi_library(), "", 1) == 0) {
        fprintf(stderr, "start it by mpirun\n");
        return 1;
    }
    if (swp_mpi_enter(60.0, &transport) != WS_OK) {
        return 1;
    }
    const int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (n_failed > 0) {
        _exit(1); /* the others may wait for what never comes */
    }
    swp_mpi_leave(&transport, 0);
    return transport == NULL ? 0 : 1;
}
