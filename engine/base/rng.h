/* base/rng.h -- random streams held by the caller; same seed, same numbers, on any machine.
 *
 * MT19937 with the array seeding (docs/model/serving.md 3.1), because reference runs draw from it; it also
 * feeds our own workload generators, so that there is one generator in the engine.
 * Source: Matsumoto and Nishimura, ACM TOMACS 8(1), 1998. */
#ifndef WS_RNG_H
#define WS_RNG_H

#include <stdint.h>

typedef struct ws_rng {
    uint32_t state[624];
    uint32_t next; /* index of the next word; 624 = refill first */
} ws_rng;

/** Seed by the array method with the one- or two-word key of the seed (low word first; one word if the
 * high word is 0). */
void ws_rng_seed(ws_rng *rng, uint64_t seed);

uint32_t ws_rng_u32(ws_rng *rng);

/** The top n_bits of the next output, 1 <= n_bits <= 32. */
uint32_t ws_rng_bits(ws_rng *rng, int n_bits);

/** Uniform in 0..n-1 by rejection on bit_length(n) bits; n >= 1. */
uint32_t ws_rng_below(ws_rng *rng, uint32_t n);

/** Uniform double in [0, 1) with 53 random bits (two outputs). */
double ws_rng_uniform(ws_rng *rng);

/** Exponential with the given mean. */
double ws_rng_exponential(ws_rng *rng, double mean);

/** Normal with mean 0 and deviation 1 (polar method, the second value is not kept). */
double ws_rng_normal(ws_rng *rng);

/** Gamma with shape > 0 and scale > 0 (Marsaglia and Tsang, 2000). */
double ws_rng_gamma(ws_rng *rng, double shape, double scale);

#endif /* WS_RNG_H */
