/* spec.h -- a sweep spec: what varies, what stays, how points are chosen.
 *
 * Everything the spec owns lies in its document and its arena; a spec is immutable once read
 * (spec/spec_parse.h). */
#ifndef SWP_SPEC_H
#define SWP_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spec/param.h"
#include "engine.h"

typedef enum swp_sampling {
    SWP_SAMPLING_GRID,   /* every combination, the last parameter fastest */
    SWP_SAMPLING_ZIP,    /* all parameters run together */
    SWP_SAMPLING_LIST,   /* the points written out in the spec */
    SWP_SAMPLING_RANDOM, /* n different points of the grid, seeded */
    SWP_SAMPLING_COUNT
} swp_sampling;

/** Parameters that run together: one of the grid's dimensions. */
typedef struct swp_spec_axis {
    size_t first_param, n_params; /* a range of swp_spec.params */
    size_t n_values;
} swp_spec_axis;

typedef struct swp_constraint {
    const char *text;
    ws_json     place; /* for messages */
} swp_constraint;

typedef struct swp_spec {
    ws_json_doc    *doc;
    ws_json_doc    *points_doc; /* SWP_SAMPLING_LIST: the points by parameter; else NULL */
    ws_arena        arena;
    char            sha256[65]; /* of the spec's bytes */
    const char     *name;
    ws_json         cluster;  /* path or inline object */
    ws_json         workload; /* object, or absent for the simulator's default requests */
    ws_options      options;  /* fixed ones, parameters at their defaults */
    size_t          n_params;
    swp_parameter  *params;
    size_t          n_axes;
    swp_spec_axis  *axes;
    swp_sampling    sampling;
    uint64_t        n_sampled; /* SWP_SAMPLING_RANDOM: points to draw */
    uint64_t        sampling_seed;
    size_t          n_constraints;
    swp_constraint *constraints;
    int64_t         repeats;
    int64_t         seed; /* of repeat 0; the others derive from it */
    ws_slo          slo;
    char            slo_sha256[65]; /* of its text, for hashes of jobs */
    bool            wants_timeseries, wants_requests;
} swp_spec;

/** Release a spec that swp_spec_parse() (spec/spec_parse.h) made. */
void swp_spec_destroy(swp_spec **spec);

/** The parameter of a name; NULL if there is none. */
const swp_parameter *swp_spec_find_param(const swp_spec *spec, const char *name);

const char *swp_sampling_name(swp_sampling sampling);

#endif /* SWP_SPEC_H */
