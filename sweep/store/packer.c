#include "store/packer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { SLOTS_PER_THREAD = 4 }; /* so that helpers have work while the caller reads the next block */

/* What one thread packs with. */
typedef struct press {
    z_stream stream;
    bool     is_open;
    char    *shuffled; /* [chunk_bytes] */
} press;

/* A chunk on its way. */
typedef struct slot {
    swp_chunk chunk;
    char     *block; /* owned while the slot is in use */
    size_t    n_bytes, element_bytes;
    char     *packed; /* owned, [packed_bound + SWP_CHECKSUM_BYTES] */
    size_t    n_packed;
    bool      is_packed; /* under the mutex */
} slot;

struct swp_packer {
    swp_chunk_fn write;
    void        *ctx;
    size_t       chunk_bytes, packed_bound;
    char       **spare; /* blocks nobody uses, owned */
    size_t       n_spare, spare_capacity;
    slot         slots[SWP_MAX_PACK_THREADS * SLOTS_PER_THREAD];
    size_t       n_slots;
    press        own; /* the caller's */
    pthread_t    threads[SWP_MAX_PACK_THREADS - 1];
    size_t       n_helpers;
    /* under the mutex; chunks are counted as they come and lie in slot `number % n_slots` */
    pthread_mutex_t mutex;
    pthread_cond_t  has_work, has_packed;
    size_t          n_given, n_begun, n_written; /* n_written <= n_begun <= n_given <= n_written + n_slots */
    bool            is_stopping;
};

/* ---- packing ---- */

static bool press_open(press *p, const swp_packer *packer)
{
    p->is_open  = deflateInit(&p->stream, SWP_DEFLATE_LEVEL) == Z_OK;
    p->shuffled = malloc(packer->chunk_bytes);
    return p->is_open && p->shuffled != NULL;
}

static void press_close(press *p)
{
    if (p->is_open) {
        deflateEnd(&p->stream);
    }
    free(p->shuffled);
    *p = (press){.is_open = false};
}

/* All first bytes, then all second ones: HDF5's shuffle filter. */
static void shuffle(const char *from, size_t n_bytes, size_t element_bytes, char *to)
{
    const size_t n = n_bytes / element_bytes;
    for (size_t b = 0; b < element_bytes; b++) {
        for (size_t i = 0; i < n; i++) {
            to[b * n + i] = from[i * element_bytes + b];
        }
    }
}

/* HDF5's checksum (Fletcher's, over big-endian words of 16 bits; an odd byte is the high one of a last word).
 * Sums are folded to 16 bits before they can overflow 32. */
static uint32_t fletcher32(const unsigned char *bytes, size_t n_bytes)
{
    enum { WORDS = 360 };
    uint32_t sum1 = 0, sum2 = 0;
    for (size_t n_words = n_bytes / 2; n_words > 0;) {
        const size_t n = n_words < WORDS ? n_words : WORDS;
        for (size_t i = 0; i < n; i++, bytes += 2) {
            sum1 += (uint32_t)bytes[0] << 8 | bytes[1];
            sum2 += sum1;
        }
        sum1 = (sum1 & 0xffff) + (sum1 >> 16);
        sum2 = (sum2 & 0xffff) + (sum2 >> 16);
        n_words -= n;
    }
    if (n_bytes % 2 != 0) {
        sum1 += (uint32_t)bytes[0] << 8;
        sum2 += sum1;
        sum1 = (sum1 & 0xffff) + (sum1 >> 16);
        sum2 = (sum2 & 0xffff) + (sum2 >> 16);
    }
    sum1 = (sum1 & 0xffff) + (sum1 >> 16);
    sum2 = (sum2 & 0xffff) + (sum2 >> 16);
    return sum2 << 16 | sum1;
}

/* What HDF5 appends: the checksum, lowest byte first. */
static void append_checksum(slot *s)
{
    const uint32_t sum = fletcher32((const unsigned char *)s->packed, s->n_packed);
    for (int i = 0; i < SWP_CHECKSUM_BYTES; i++) {
        s->packed[s->n_packed++] = (char)(unsigned char)(sum >> 8 * i & 0xff);
    }
}

static void pack(const swp_packer *packer, press *p, slot *s)
{
    const char *bytes = s->block;
    if (s->element_bytes > 1) {
        shuffle(s->block, s->n_bytes, s->element_bytes, p->shuffled);
        bytes = p->shuffled;
    }
    p->stream.next_in   = (Bytef *)(uintptr_t)bytes; /* zlib 1.2 declares its input without const */
    p->stream.avail_in  = (uInt)s->n_bytes;
    p->stream.next_out  = (Bytef *)s->packed;
    p->stream.avail_out = (uInt)packer->packed_bound;
    const int code      = deflate(&p->stream, Z_FINISH);
    WS_ASSERT(code == Z_STREAM_END); /* deflateBound() bytes are enough for anything */
    s->n_packed = packer->packed_bound - p->stream.avail_out;
    deflateReset(&p->stream);
    append_checksum(s);
}

/* With the mutex held, which is let go meanwhile: pack the next chunk that nobody has begun. */
static void pack_next(swp_packer *packer, press *p)
{
    slot *s = &packer->slots[packer->n_begun++ % packer->n_slots];
    pthread_mutex_unlock(&packer->mutex);
    pack(packer, p, s);
    pthread_mutex_lock(&packer->mutex);
    s->is_packed = true;
}

static void *helper_main(void *arg)
{
    swp_packer *packer = arg;
    press       p      = {.is_open = false};
    bool        can    = press_open(&p, packer);
    pthread_mutex_lock(&packer->mutex);
    while (can && !packer->is_stopping) { /* a helper without memory leaves the work to the others */
        if (packer->n_begun < packer->n_given) {
            pack_next(packer, &p);
            pthread_cond_signal(&packer->has_packed);
        } else {
            pthread_cond_wait(&packer->has_work, &packer->mutex);
        }
    }
    pthread_mutex_unlock(&packer->mutex);
    press_close(&p);
    return NULL;
}

/* ---- creating ---- */

static bool alloc_slots(swp_packer *packer)
{
    packer->packed_bound = deflateBound(&packer->own.stream, (uLong)packer->chunk_bytes);
    for (size_t i = 0; i < packer->n_slots; i++) {
        packer->slots[i].packed = malloc(packer->packed_bound + SWP_CHECKSUM_BYTES);
        if (packer->slots[i].packed == NULL) {
            return false;
        }
    }
    return true;
}

ws_status swp_packer_create(size_t n_threads, size_t chunk_bytes, swp_chunk_fn write, void *ctx,
                            swp_packer **packer_out)
{
    *packer_out        = NULL;
    swp_packer *packer = calloc(1, sizeof(*packer));
    if (packer == NULL) {
        return WS_ERR_NOMEM;
    }
    n_threads           = n_threads > SWP_MAX_PACK_THREADS ? SWP_MAX_PACK_THREADS : n_threads;
    packer->write       = write;
    packer->ctx         = ctx;
    packer->chunk_bytes = chunk_bytes > 0 ? chunk_bytes : 1;
    packer->n_slots     = n_threads > 1 ? n_threads * SLOTS_PER_THREAD : 1;
    pthread_mutex_init(&packer->mutex, NULL);
    pthread_cond_init(&packer->has_work, NULL);
    pthread_cond_init(&packer->has_packed, NULL);
    if (!press_open(&packer->own, packer) || !alloc_slots(packer)) {
        swp_packer_destroy(&packer);
        return WS_ERR_NOMEM;
    }
    /* Fewer helpers than wished for only take longer. */
    while (packer->n_helpers + 1 < n_threads &&
           pthread_create(&packer->threads[packer->n_helpers], NULL, helper_main, packer) == 0) {
        packer->n_helpers++;
    }
    *packer_out = packer;
    return WS_OK;
}

static void stop_helpers(swp_packer *packer)
{
    pthread_mutex_lock(&packer->mutex);
    packer->is_stopping = true;
    pthread_cond_broadcast(&packer->has_work);
    pthread_mutex_unlock(&packer->mutex);
    for (size_t i = 0; i < packer->n_helpers; i++) {
        pthread_join(packer->threads[i], NULL);
    }
}

void swp_packer_destroy(swp_packer **packer_ref)
{
    swp_packer *packer = *packer_ref;
    if (packer == NULL) {
        return;
    }
    stop_helpers(packer);
    press_close(&packer->own);
    for (size_t i = 0; i < packer->n_slots; i++) {
        free(packer->slots[i].block);
        free(packer->slots[i].packed);
    }
    for (size_t i = 0; i < packer->n_spare; i++) {
        free(packer->spare[i]);
    }
    free(packer->spare);
    pthread_cond_destroy(&packer->has_packed);
    pthread_cond_destroy(&packer->has_work);
    pthread_mutex_destroy(&packer->mutex);
    free(packer);
    *packer_ref = NULL;
}

/* ---- blocks ---- */

char *swp_packer_take(swp_packer *packer)
{
    return packer->n_spare > 0 ? packer->spare[--packer->n_spare] : malloc(packer->chunk_bytes);
}

void swp_packer_return(swp_packer *packer, char *block)
{
    if (packer->n_spare == packer->spare_capacity) {
        const size_t capacity = 2 * packer->spare_capacity + 8;
        char       **grown    = realloc(packer->spare, capacity * sizeof(grown[0]));
        if (grown == NULL) {
            free(block);
            return;
        }
        packer->spare          = grown;
        packer->spare_capacity = capacity;
    }
    if (block != NULL) {
        packer->spare[packer->n_spare++] = block;
    }
}

/* ---- the caller's side ---- */

/* With the mutex held: write the oldest chunk, which is packed. */
static ws_status write_oldest(swp_packer *packer)
{
    slot *s = &packer->slots[packer->n_written % packer->n_slots];
    pthread_mutex_unlock(&packer->mutex);
    const ws_status status = packer->write(packer->ctx, &s->chunk, s->packed, s->n_packed);
    swp_packer_return(packer, s->block);
    pthread_mutex_lock(&packer->mutex);
    s->block     = NULL;
    s->is_packed = false;
    packer->n_written++;
    return status;
}

/* With the mutex held: get on with the chunks there are, until at most so many are on their way. */
static ws_status reduce_to(swp_packer *packer, size_t n_left)
{
    ws_status status = WS_OK;
    while (status == WS_OK && packer->n_given - packer->n_written > n_left) {
        if (packer->slots[packer->n_written % packer->n_slots].is_packed) {
            status = write_oldest(packer);
        } else if (packer->n_begun < packer->n_given) {
            pack_next(packer, &packer->own);
        } else {
            pthread_cond_wait(&packer->has_packed, &packer->mutex);
        }
    }
    return status;
}

ws_status swp_packer_put(swp_packer *packer, swp_chunk chunk, char *block, size_t n_bytes,
                         size_t element_bytes)
{
    WS_ASSERT(n_bytes <= packer->chunk_bytes && n_bytes % element_bytes == 0);
    pthread_mutex_lock(&packer->mutex);
    const ws_status status = reduce_to(packer, packer->n_slots - 1);
    if (status == WS_OK) {
        slot *s          = &packer->slots[packer->n_given++ % packer->n_slots];
        s->chunk         = chunk;
        s->block         = block;
        s->n_bytes       = n_bytes;
        s->element_bytes = element_bytes;
        pthread_cond_signal(&packer->has_work);
    }
    pthread_mutex_unlock(&packer->mutex);
    if (status != WS_OK) {
        swp_packer_return(packer, block);
    }
    return status;
}

ws_status swp_packer_drain(swp_packer *packer)
{
    pthread_mutex_lock(&packer->mutex);
    const ws_status status = reduce_to(packer, 0);
    pthread_mutex_unlock(&packer->mutex);
    return status;
}
