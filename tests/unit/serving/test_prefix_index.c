/* Invariant: two requests share prefix id i exactly when their first (i+1) * block_size tokens are equal; a
 * partial last block and a request without input ids have none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "serving/prefix_index.h"
#include "workload/workload_builder.h"

/* A workload of requests whose token ids are given as texts, one letter a token: input, then output. */
static ws_workload *from_letters(const char *const (*requests)[2], size_t n)
{
    ws_workload_builder builder;
    ws_workload        *w = NULL;
    assert_int_equal(ws_workload_builder_init(&builder), WS_OK);
    for (size_t i = 0; i < n; i++) {
        const size_t n_in = strlen(requests[i][0]), n_out = strlen(requests[i][1]);
        int32_t     *ids = ws_workload_builder_reserve_ids(&builder, n_in + n_out);
        assert_non_null(ids);
        for (size_t k = 0; k < n_in + n_out; k++) {
            ids[k] = k < n_in ? requests[i][0][k] : requests[i][1][k - n_in];
        }
        const ws_request_draft draft = {
            .input_tokens = 1, .output_tokens = 1, .n_input_ids = n_in, .n_output_ids = n_out};
        assert_int_equal(ws_workload_builder_add_flat(&builder, &draft), WS_OK);
    }
    assert_int_equal(ws_workload_builder_finish(&builder, &w), WS_OK);
    return w;
}

static size_t chain_length(const ws_prefix_index *index, size_t request)
{
    return index->chain_begin[request + 1] - index->chain_begin[request];
}

static uint32_t prefix_at(const ws_prefix_index *index, size_t request, size_t i)
{
    return index->chain[index->chain_begin[request] + i];
}

/* Block size 2. Prefixes: ab, abcd, abcdef (0) - abxx (1) - cd, cdab (2: same blocks in another order) - none
 * (3, 4). */
static void shared_prefixes_by_hand(void **state)
{
    (void)state;
    static const char *const k_requests[][2] = {
        {"abc", "defg"}, {"abxx", ""}, {"cdab", ""}, {"", "abcd"}, {"a", ""}};
    ws_workload     *w     = from_letters(k_requests, 5);
    ws_prefix_index *index = NULL;
    assert_int_equal(ws_prefix_index_create(w, 2, &index), WS_OK);
    assert_int_equal(index->n_requests, 5);
    assert_int_equal(index->n_prefixes, 6);
    const size_t lengths[] = {3, 2, 2, 0, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(chain_length(index, i), lengths[i]);
    }
    assert_int_equal(prefix_at(index, 0, 0), prefix_at(index, 1, 0));
    assert_int_not_equal(prefix_at(index, 0, 1), prefix_at(index, 1, 1));
    assert_int_not_equal(prefix_at(index, 0, 1), prefix_at(index, 2, 0)); /* "cd" after "ab" is not "cd" */
    assert_int_not_equal(prefix_at(index, 0, 0), prefix_at(index, 2, 1));
    ws_prefix_index_destroy(&index);
    assert_null(index);
    ws_workload_destroy(&w);
}

enum { N_RANDOM = 60, LENGTH = 24 };

/* Random strings over two letters, every pair of prefixes compared directly. */
static void ids_are_equal_exactly_when_prefixes_are(void **state)
{
    (void)state;
    static char text[N_RANDOM][LENGTH + 1];
    const char *requests[N_RANDOM][2];
    uint64_t    random = 7;
    for (size_t i = 0; i < N_RANDOM; i++) {
        for (size_t k = 0; k < LENGTH; k++) {
            random     = random * 6364136223846793005ULL + 1442695040888963407ULL;
            text[i][k] = random >> 62 == 0 ? 'b' : 'a';
        }
        text[i][random >> 40 & 15U] = '\0';
        requests[i][0]              = text[i];
        requests[i][1]              = "";
    }
    ws_workload *w = from_letters((const char *const(*)[2])requests, N_RANDOM);
    for (int64_t block_size = 1; block_size <= 4; block_size++) {
        ws_prefix_index *index = NULL;
        assert_int_equal(ws_prefix_index_create(w, block_size, &index), WS_OK);
        for (size_t a = 0; a < N_RANDOM; a++) {
            for (size_t b = 0; b < a; b++) {
                for (size_t i = 0; i < chain_length(index, a) && i < chain_length(index, b); i++) {
                    const size_t n_tokens = (i + 1) * (size_t)block_size;
                    assert_int_equal(prefix_at(index, a, i) == prefix_at(index, b, i),
                                     memcmp(text[a], text[b], n_tokens) == 0);
                }
            }
        }
        ws_prefix_index_destroy(&index);
    }
    ws_workload_destroy(&w);
}

static void ids_are_dense(void **state)
{
    (void)state;
    static const char *const k_requests[][2] = {{"abcabc", ""}, {"abcabd", ""}, {"xyz", "abc"}};
    ws_workload             *w               = from_letters(k_requests, 3);
    ws_prefix_index         *index           = NULL;
    assert_int_equal(ws_prefix_index_create(w, 3, &index), WS_OK);
    uint32_t next = 0; /* ids are given in order of first appearance */
    for (size_t i = 0; i < index->chain_begin[3]; i++) {
        assert_true(index->chain[i] <= next);
        next += index->chain[i] == next;
    }
    assert_int_equal(next, index->n_prefixes);
    ws_prefix_index_destroy(&index);
    ws_workload_destroy(&w);
}

static void a_block_longer_than_every_request_yields_nothing(void **state)
{
    (void)state;
    static const char *const k_requests[][2] = {{"abc", "d"}};
    ws_workload             *w               = from_letters(k_requests, 1);
    ws_prefix_index         *index           = NULL;
    assert_int_equal(ws_prefix_index_create(w, 1000000000000, &index), WS_OK);
    assert_int_equal(index->n_prefixes, 0);
    assert_int_equal(chain_length(index, 0), 0);
    ws_prefix_index_destroy(&index);
    ws_workload_destroy(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_prefixes_by_hand),
        cmocka_unit_test(ids_are_equal_exactly_when_prefixes_are),
        cmocka_unit_test(ids_are_dense),
        cmocka_unit_test(a_block_longer_than_every_request_yields_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
