/* space.h -- from a job's number to its assignment, without communication and in O(1) memory.
 *
 * A sweep's jobs are numbered 0 .. n_jobs-1: job = point * repeats + repeat. Points of a grid count like an
 * odometer, the last axis fastest. Random sampling draws different points of the grid: point k is the image
 * of k under a seeded bijection of the grid's numbers, so nothing has to be remembered. */
#ifndef SWP_SPACE_H
#define SWP_SPACE_H

#include "spec/spec.h"

typedef struct swp_space {
    const swp_spec *spec;      /* borrowed */
    uint64_t        n_grid;    /* points of the full grid */
    uint64_t        n_points;  /* sampled */
    uint64_t        n_jobs;    /* points * repeats */
    unsigned        half_bits; /* of the bijection; 0 = the identity */
    uint64_t        keys[6];
} swp_space;

/** Set up the space of a spec.
 * @return WS_OK; WS_ERR_INPUT if it has more than 2^53 jobs, or more random points than the grid has */
WS_NODISCARD ws_status swp_space_init(swp_space *space, const swp_spec *spec, ws_error *err);

/** Write the index of each parameter's value, [n_params]. */
void swp_space_point(const swp_space *space, uint64_t job, uint32_t *value_index_out);

static inline uint32_t swp_space_repeat(const swp_space *space, uint64_t job)
{
    return (uint32_t)(job % (uint64_t)space->spec->repeats);
}

/** A number that is the same for two points exactly if they agree on every parameter that `matters` says true
 * for; below the product of those axes' sizes. For caches of what only some parameters change. */
uint64_t swp_space_key(const swp_space *space, const uint32_t *value_index,
                       bool (*matters)(const swp_parameter *));

/** Seed of a repeat: the base seed for repeat 0, different 53-bit numbers for the others. The same at all
 * points, so that points are compared under the same random numbers. */
int64_t swp_repeat_seed(int64_t base_seed, uint32_t repeat);

#endif /* SWP_SPACE_H */
