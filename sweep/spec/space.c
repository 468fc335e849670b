#include "spec/space.h"

#include <inttypes.h>

#define MAX_JOBS ((uint64_t)1 << 53) /* exact in JSON and Python */

/* SplitMix64's finalizer. Source: Steele, Lea and Flood, OOPSLA 2014. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int64_t swp_repeat_seed(int64_t base_seed, uint32_t repeat)
{
    if (repeat == 0) {
        return base_seed;
    }
    return (int64_t)(mix((uint64_t)base_seed + 0x9e3779b97f4a7c15u * repeat) >> 11);
}

static void init_permutation(swp_space *space)
{
    unsigned bits = 2;
    while (bits < 62 && ((uint64_t)1 << bits) < space->n_grid) {
        bits += 2;
    }
    space->half_bits = bits / 2;
    for (uint64_t k = 0; k < sizeof space->keys / sizeof space->keys[0]; k++) {
        space->keys[k] = mix(space->spec->sampling_seed + 0x9e3779b97f4a7c15u * (k + 1));
    }
}

/* A Feistel network is a bijection of [0, 4^half_bits); walking on until the image lies in the grid makes it
 * one of the grid. The walk is short: the power of 4 is less than 4 times the grid. */
static uint64_t permute(const swp_space *space, uint64_t x)
{
    const uint64_t mask = ((uint64_t)1 << space->half_bits) - 1;
    do {
        uint64_t left = x >> space->half_bits, right = x & mask;
        for (size_t round = 0; round < sizeof space->keys / sizeof space->keys[0]; round++) {
            const uint64_t next = left ^ (mix(right ^ space->keys[round]) & mask);
            left                = right;
            right               = next;
        }
        x = left << space->half_bits | right;
    } while (x >= space->n_grid);
    return x;
}

ws_status swp_space_init(swp_space *space, const swp_spec *spec, ws_error *err)
{
    *space = (swp_space){.spec = spec, .n_grid = 1};
    for (size_t i = 0; i < spec->n_axes; i++) {
        if (spec->axes[i].n_values > MAX_JOBS / space->n_grid) {
            return ws_error_add(err, WS_ERR_INPUT, "%s: /parameters: expected at most 2^53 points",
                                ws_json_doc_name(spec->doc));
        }
        space->n_grid *= spec->axes[i].n_values;
    }
    space->n_points = space->n_grid;
    if (spec->sampling == SWP_SAMPLING_RANDOM) {
        if (spec->n_sampled > space->n_grid) {
            return ws_error_add(err, WS_ERR_INPUT,
                                "%s: /sampling/n: expected at most %" PRIu64
                                ", the points of the grid, found %" PRIu64,
                                ws_json_doc_name(spec->doc), space->n_grid, spec->n_sampled);
        }
        space->n_points = spec->n_sampled;
        init_permutation(space);
    }
    if (space->n_points > MAX_JOBS / (uint64_t)spec->repeats) {
        return ws_error_add(err, WS_ERR_INPUT, "%s: /repeats: expected at most 2^53 jobs in all",
                            ws_json_doc_name(spec->doc));
    }
    space->n_jobs = space->n_points * (uint64_t)spec->repeats;
    return WS_OK;
}

void swp_space_point(const swp_space *space, uint64_t job, uint32_t *value_index_out)
{
    const swp_spec *spec  = space->spec;
    uint64_t        point = job / (uint64_t)spec->repeats;
    if (space->half_bits > 0) {
        point = permute(space, point);
    }
    for (size_t i = spec->n_axes; i-- > 0;) {
        const swp_spec_axis *axis  = &spec->axes[i];
        const uint32_t       value = (uint32_t)(point % axis->n_values);
        point /= axis->n_values;
        for (size_t k = 0; k < axis->n_params; k++) {
            value_index_out[axis->first_param + k] = value;
        }
    }
}

static bool axis_matters(const swp_spec *spec, const swp_spec_axis *axis,
                         bool (*matters)(const swp_parameter *))
{
    for (size_t k = 0; k < axis->n_params; k++) {
        if (matters(&spec->params[axis->first_param + k])) {
            return true;
        }
    }
    return false;
}

uint64_t swp_space_key(const swp_space *space, const uint32_t *value_index,
                       bool (*matters)(const swp_parameter *))
{
    const swp_spec *spec = space->spec;
    uint64_t        key  = 0;
    for (size_t i = 0; i < spec->n_axes; i++) {
        if (axis_matters(spec, &spec->axes[i], matters)) {
            key = key * spec->axes[i].n_values + value_index[spec->axes[i].first_param];
        }
    }
    return key;
}
