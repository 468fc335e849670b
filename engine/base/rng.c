#include "base/rng.h"

#include <math.h>
#include <stddef.h>

#include "base/status.h"

/* MT19937's sizes and constants, from the 1998 paper (table II) and its 2002 seeding. */
enum { N_WORDS = 624, MIDDLE_WORD = 397 };
#define TWIST_MATRIX 0x9908b0dfU
#define UPPER_BIT 0x80000000U
#define LOWER_BITS 0x7fffffffU

static void seed_by_word(ws_rng *rng, uint32_t word)
{
    rng->state[0] = word;
    for (uint32_t i = 1; i < N_WORDS; i++) {
        const uint32_t previous = rng->state[i - 1];
        rng->state[i]           = 1812433253U * (previous ^ (previous >> 30)) + i;
    }
}

/* One step of the seeding's mixing: word i stirred with its predecessor. */
static uint32_t stirred(const uint32_t *state, size_t i, uint32_t multiplier)
{
    return state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * multiplier);
}

/* The next index in 1..N-1; going round copies the last word to the front. */
static size_t next_index(uint32_t *state, size_t i)
{
    if (i + 1 < N_WORDS) {
        return i + 1;
    }
    state[0] = state[N_WORDS - 1];
    return 1;
}

void ws_rng_seed(ws_rng *rng, uint64_t seed)
{
    const uint32_t key[2]  = {(uint32_t)(seed & 0xffffffffU), (uint32_t)(seed >> 32)};
    const size_t   key_len = key[1] != 0 ? 2 : 1;
    seed_by_word(rng, 19650218U);
    size_t i = 1;
    for (size_t k = 0; k < N_WORDS; k++) {
        const size_t j = k % key_len;
        rng->state[i]  = stirred(rng->state, i, 1664525U) + key[j] + (uint32_t)j;
        i              = next_index(rng->state, i);
    }
    for (size_t k = 0; k < N_WORDS - 1; k++) {
        rng->state[i] = stirred(rng->state, i, 1566083941U) - (uint32_t)i;
        i             = next_index(rng->state, i);
    }
    rng->state[0] = UPPER_BIT; /* a state that is not all zero */
    rng->next     = N_WORDS;
}

static void refill(ws_rng *rng)
{
    uint32_t *state = rng->state;
    for (size_t i = 0; i < N_WORDS; i++) {
        const uint32_t mixed = (state[i] & UPPER_BIT) | (state[(i + 1) % N_WORDS] & LOWER_BITS);
        const uint32_t twist = (mixed & 1U) != 0 ? TWIST_MATRIX : 0U;
        state[i]             = state[(i + MIDDLE_WORD) % N_WORDS] ^ (mixed >> 1) ^ twist;
    }
    rng->next = 0;
}

uint32_t ws_rng_u32(ws_rng *rng)
{
    if (rng->next >= N_WORDS) {
        refill(rng);
    }
    uint32_t word = rng->state[rng->next++];
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680U;
    word ^= (word << 15) & 0xefc60000U;
    return word ^ (word >> 18);
}

uint32_t ws_rng_bits(ws_rng *rng, int n_bits)
{
    WS_ASSERT(n_bits >= 1 && n_bits <= 32);
    return ws_rng_u32(rng) >> (32 - n_bits);
}

static int bit_length(uint32_t n)
{
    int length = 0;
    for (; n != 0; n >>= 1) {
        length++;
    }
    return length;
}

uint32_t ws_rng_below(ws_rng *rng, uint32_t n)
{
    WS_ASSERT(n >= 1);
    const int n_bits = bit_length(n);
    uint32_t  draw   = ws_rng_bits(rng, n_bits);
    while (draw >= n) {
        draw = ws_rng_bits(rng, n_bits);
    }
    return draw;
}

double ws_rng_uniform(ws_rng *rng)
{
    const uint32_t high = ws_rng_u32(rng) >> 5; /* 27 bits */
    const uint32_t low  = ws_rng_u32(rng) >> 6; /* 26 bits */
    return (high * 67108864.0 + low) * 0x1p-53;
}

double ws_rng_exponential(ws_rng *rng, double mean)
{
    return -mean * log1p(-ws_rng_uniform(rng));
}

double ws_rng_normal(ws_rng *rng)
{
    double x, square;
    do {
        x              = 2.0 * ws_rng_uniform(rng) - 1.0;
        const double y = 2.0 * ws_rng_uniform(rng) - 1.0;
        square         = x * x + y * y;
    } while (square >= 1.0 || square == 0.0);
    return x * sqrt(-2.0 * log(square) / square);
}

/* Marsaglia and Tsang, ACM TOMS 26(3), 2000, for shape >= 1, scale 1. */
static double gamma_from_one_up(ws_rng *rng, double shape)
{
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        const double x    = ws_rng_normal(rng);
        const double root = 1.0 + c * x;
        if (root <= 0.0) {
            continue;
        }
        const double v = root * root * root;
        const double u = 1.0 - ws_rng_uniform(rng); /* in (0, 1], so that its logarithm exists */
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) {
            return d * v;
        }
    }
}

double ws_rng_gamma(ws_rng *rng, double shape, double scale)
{
    WS_ASSERT(shape > 0.0 && scale > 0.0);
    if (shape >= 1.0) {
        return scale * gamma_from_one_up(rng, shape);
    }
    const double boosted = gamma_from_one_up(rng, shape + 1.0);
    const double u       = 1.0 - ws_rng_uniform(rng);
    return scale * boosted * pow(u, 1.0 / shape);
}
