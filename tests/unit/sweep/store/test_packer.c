/* Whatever the number of threads, chunks are written in the order they were given, by the thread that gives
 * them, and unpack to what they were. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "store/packer.h"

enum { CHUNK_BYTES = 4096, N_CHUNKS = 200 };

typedef struct sink {
    pthread_t owner;
    size_t    n_written, fail_at;
    bool      is_owner, is_ordered, is_same;
} sink;

/* Chunk k: numbers of 1, 4 or 8 bytes, of varying length, more or less random. */
static size_t element_bytes_of(size_t k)
{
    static const size_t sizes[] = {1, 8, 4};
    return sizes[k % 3];
}

static size_t length_of(size_t k)
{
    return CHUNK_BYTES / 8 * (1 + k % 8);
}

static void fill(size_t k, char *block)
{
    uint32_t random = (uint32_t)k * 2654435761u;
    for (size_t i = 0; i < length_of(k); i++) {
        random   = random * 1664525u + 1013904223u;
        block[i] = (char)(i % (1 + k % 16) == 0 ? random >> 24 : i / 8);
    }
}

/* HDF5 itself is asked in test_chunker.c; here as the standard defines it, modulo 65535, for what is odd or
 * long. */
static bool has_checksum(const unsigned char *bytes, size_t n_bytes)
{
    unsigned long long sum1 = 0, sum2 = 0;
    for (size_t i = 0; i < n_bytes; i += 2) {
        sum1 = (sum1 + (unsigned)(bytes[i] << 8) + (i + 1 < n_bytes ? bytes[i + 1] : 0u)) % 65535u;
        sum2 = (sum2 + sum1) % 65535u;
    }
    const unsigned char *sum = bytes + n_bytes;
    return (unsigned)(sum[0] | sum[1] << 8) % 65535u == sum1 &&
           (unsigned)(sum[2] | sum[3] << 8) % 65535u == sum2;
}

/* Undo deflate, then shuffle. */
static bool is_chunk(size_t k, const void *packed, size_t n_bytes)
{
    static char  expected[CHUNK_BYTES], shuffled[CHUNK_BYTES], found[CHUNK_BYTES];
    uLongf       len  = CHUNK_BYTES;
    const size_t size = element_bytes_of(k), n = length_of(k) / size;
    fill(k, expected);
    if (n_bytes < SWP_CHECKSUM_BYTES || !has_checksum(packed, n_bytes - SWP_CHECKSUM_BYTES)) {
        return false;
    }
    n_bytes -= SWP_CHECKSUM_BYTES;
    if (uncompress((Bytef *)shuffled, &len, packed, n_bytes) != Z_OK || len != length_of(k)) {
        return false;
    }
    for (size_t i = 0; i < n * size; i++) {
        found[i % n * size + i / n] = shuffled[i];
    }
    return memcmp(found, expected, len) == 0;
}

static ws_status write_to_sink(void *ctx, const swp_chunk *chunk, const void *packed, size_t n_bytes)
{
    sink *s       = ctx;
    s->is_owner   = s->is_owner && pthread_equal(pthread_self(), s->owner);
    s->is_ordered = s->is_ordered && chunk->column == s->n_written && chunk->first_row == 3 * s->n_written;
    s->is_same    = s->is_same && is_chunk(chunk->column, packed, n_bytes);
    return s->n_written++ == s->fail_at ? WS_ERR_IO : WS_OK;
}

static sink sink_init(size_t fail_at)
{
    return (sink){
        .owner = pthread_self(), .fail_at = fail_at, .is_owner = true, .is_ordered = true, .is_same = true};
}

static ws_status give_chunks(swp_packer *packer, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        char *block = swp_packer_take(packer);
        assert_non_null(block);
        fill(k, block);
        WS_TRY(swp_packer_put(packer, (swp_chunk){.column = k, .first_row = 3 * k}, block, length_of(k),
                              element_bytes_of(k)));
    }
    return swp_packer_drain(packer);
}

static void chunks_come_out_in_order(void **state)
{
    (void)state;
    static const size_t n_threads[] = {0, 1, 2, 3, SWP_MAX_PACK_THREADS, 1000};
    for (size_t i = 0; i < sizeof(n_threads) / sizeof(n_threads[0]); i++) {
        sink        s      = sink_init(SIZE_MAX);
        swp_packer *packer = NULL;
        assert_int_equal(swp_packer_create(n_threads[i], CHUNK_BYTES, write_to_sink, &s, &packer), WS_OK);
        assert_int_equal(give_chunks(packer, N_CHUNKS), WS_OK);
        assert_int_equal(s.n_written, N_CHUNKS);
        assert_true(s.is_owner);
        assert_true(s.is_ordered);
        assert_true(s.is_same);
        swp_packer_return(packer, swp_packer_take(packer));
        swp_packer_return(packer, NULL);
        swp_packer_destroy(&packer);
        assert_null(packer);
    }
}

static void a_failed_write_is_told(void **state)
{
    (void)state;
    for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
        sink        s      = sink_init(20);
        swp_packer *packer = NULL;
        assert_int_equal(swp_packer_create(n_threads, CHUNK_BYTES, write_to_sink, &s, &packer), WS_OK);
        assert_int_equal(give_chunks(packer, N_CHUNKS), WS_ERR_IO);
        assert_int_equal(s.n_written, 21);
        swp_packer_destroy(&packer); /* while others are on their way */
    }
}

static void chunks_that_were_not_drained_are_left(void **state)
{
    (void)state;
    sink        s      = sink_init(SIZE_MAX);
    swp_packer *packer = NULL;
    assert_int_equal(swp_packer_create(2, CHUNK_BYTES, write_to_sink, &s, &packer), WS_OK);
    char *block = swp_packer_take(packer);
    assert_non_null(block);
    fill(0, block);
    assert_int_equal(swp_packer_put(packer, (swp_chunk){0, 0}, block, length_of(0), 1), WS_OK);
    swp_packer_destroy(&packer);
    assert_int_equal(s.n_written, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(chunks_come_out_in_order),
                                       cmocka_unit_test(a_failed_write_is_told),
                                       cmocka_unit_test(chunks_that_were_not_drained_are_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
