/* layout.h -- what a result file has columns for: everything that must be known before its first row. */
#ifndef SWP_LAYOUT_H
#define SWP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define SWP_SCHEMA_VERSION 2 /* 1: counts were doubles, only the root had the coordinate job */

typedef enum swp_param_kind {
    SWP_PARAM_DOUBLE,
    SWP_PARAM_INT,  /**< int64 */
    SWP_PARAM_BOOL, /**< 0 or 1 */
    SWP_PARAM_TEXT  /**< names of patches, choices, paths */
} swp_param_kind;

/** One swept parameter, a column of /params. */
typedef struct swp_param {
    const char    *name;      /**< short: letters, digits and '_'; the column is p<k>_<name> */
    const char    *long_name; /**< as the spec says it: known name, option, workload field or JSON Pointer */
    const char    *unit;      /**< "s" for durations, "1" where there is none */
    swp_param_kind kind;
    size_t         text_len; /**< SWP_PARAM_TEXT: bytes of the longest value, >= 1 */
} swp_param;

/** A value of a parameter, read by the parameter's kind. */
typedef struct swp_value {
    double      number;  /**< SWP_PARAM_DOUBLE */
    int64_t     integer; /**< SWP_PARAM_INT, SWP_PARAM_BOOL */
    const char *text;    /**< SWP_PARAM_TEXT, borrowed; NULL = "" */
} swp_value;

/** A text attribute of the root group. */
typedef struct swp_text_attribute {
    const char *name, *text;
} swp_text_attribute;

/** What has to be known before the first row: all objects of the file follow from it. */
typedef struct swp_layout {
    const char *title; /**< the spec's name */
    const char
        *spec_json; /**< the spec, resolved configs, input hashes: what `show --export` rebuilds a job from */
    const char *spec_sha256; /**< 64 hexadecimal digits: identity for --resume and merge */
    int64_t
        n_jobs; /**< rows this file has when complete (its slice; without pruned points that get no row) */
    int64_t          n_jobs_all; /**< the same over all slices of the sweep; n_jobs without slices */
    size_t           n_params;
    const swp_param *params;
    size_t           max_nodes;                /**< nodes of the largest job, >= 1 */
    bool             has_series, has_requests; /**< the groups /timeseries, /requests exist */
    size_t n_attributes; /**< more attributes of the root: library versions, slice, counts of pruned points
                            ... */
    const swp_text_attribute *attributes;
} swp_layout;

/** A deep copy that owns all its texts; release with swp_layout_free(). NULL texts become "". */
WS_NODISCARD ws_status swp_layout_copy(const swp_layout *layout, swp_layout **copy_out);
void                   swp_layout_free(swp_layout **layout);

#endif /* SWP_LAYOUT_H */
