/* columns.h -- the columns of a result file, one table for writing, reading, copying, comparing and
 * exporting.
 *
 * A column is a dataset whose first axis grows: job, sample (of power series) or request. Everything else
 * about the file (names, units, types, inner axes) stands in this table, built from the layout alone. */
#ifndef SWP_COLUMNS_H
#define SWP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "result/layout.h"

typedef enum swp_row_axis { SWP_AXIS_JOB, SWP_AXIS_SAMPLE, SWP_AXIS_REQUEST, SWP_AXIS_COUNT } swp_row_axis;

typedef enum swp_type { SWP_TYPE_I8, SWP_TYPE_I32, SWP_TYPE_I64, SWP_TYPE_F64, SWP_TYPE_CHAR } swp_type;

/** What lies behind the growing axis. */
typedef enum swp_inner {
    SWP_INNER_NONE,
    SWP_INNER_TEXT,           /**< text_len bytes, padded with NUL */
    SWP_INNER_NODE,           /**< [max_nodes] */
    SWP_INNER_COMPONENT,      /**< [WS_COMPONENT_COUNT] */
    SWP_INNER_NODE_COMPONENT, /**< [max_nodes][WS_COMPONENT_COUNT] */
    SWP_INNER_NODE_PHASE,     /**< [max_nodes][WS_COMPONENT_COUNT][WS_PHASE_COUNT] */
    SWP_INNER_NODE_STATE      /**< [max_nodes][WS_STATE_COUNT] */
} swp_inner;

/** Which member of a row a column holds; params, metrics, series and request fields count on from theirs. */
typedef enum swp_role {
    SWP_ROLE_JOB, /* index 0: /job; others: the copy in each group, which opens alone */
    SWP_ROLE_HASH,
    SWP_ROLE_STATE,
    SWP_ROLE_ERROR,
    SWP_ROLE_ATTEMPT,
    SWP_ROLE_SEED,
    SWP_ROLE_REPEAT,
    SWP_ROLE_PARAM,  /* index = parameter */
    SWP_ROLE_METRIC, /* index = ws_metric */
    SWP_ROLE_COMPONENT_J,
    SWP_ROLE_PHASE_J,
    SWP_ROLE_NPU_STATE_S,
    SWP_ROLE_SAMPLE_START,
    SWP_ROLE_SAMPLE_COUNT,
    SWP_ROLE_SERIES, /* index = ws_series_column */
    SWP_ROLE_NODE_POWER,
    SWP_ROLE_COMPONENT_POWER,
    SWP_ROLE_REQUEST_START,
    SWP_ROLE_REQUEST_COUNT,
    SWP_ROLE_REQUEST, /* index = field of swp_request */
    SWP_ROLE_RANK,
    SWP_ROLE_HOST,
    SWP_ROLE_WALL_S,
    SWP_ROLE_PROFILE_KIND
} swp_role;

typedef struct swp_column {
    swp_role     role;
    size_t       index; /* within the role */
    const char  *group; /* "" = root */
    char         name[64];
    char         path[96]; /* "/group/name" */
    swp_type     type;
    swp_row_axis axis;
    swp_inner    inner;
    size_t       inner_count;   /* elements a row has */
    size_t       row_bytes;     /* inner_count * size of the type */
    const char  *unit;          /* "" = no units attribute (texts, states) */
    const char  *long_name;     /* borrowed from the layout or static */
    const char  *flag_meanings; /* numeric states: their names, blank-separated; else NULL */
    int8_t       flag_first;    /* value of the first flag, the others count up */
    size_t       n_flags;
} swp_column;

typedef struct swp_columns {
    size_t      n;
    swp_column *list;                      /* owned */
    size_t      state;                     /* index of /state, which is written last */
    size_t      row_bytes[SWP_AXIS_COUNT]; /* of all columns of an axis */
} swp_columns;

/** Build the table of a layout.
 * @param[in]  layout  borrowed: texts are pointed to, keep it alive
 * @return WS_OK; WS_ERR_ARG if a parameter has no usable name; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_columns_build(const swp_layout *layout, ws_error *err, swp_columns *out);
void                   swp_columns_fini(swp_columns *columns);

/** The column of a role (and index), NULL if the layout has none. */
const swp_column *swp_columns_find(const swp_columns *columns, swp_role role, size_t index);
/** The column of a path, or NULL. */
const swp_column *swp_columns_by_path(const swp_columns *columns, const char *path);

size_t swp_type_size(swp_type type);

/** True of whole numbers that may be missing, which is -1 then: metrics that count. */
bool swp_column_may_lack(const swp_column *column);

/** Write n rows of "nothing here" (NaN, blank text, -1 for counts, profile_kind and rank, 0). */
void swp_column_fill(const swp_column *column, size_t n, void *rows);

/** Convert a row between two layouts' forms of one column: texts are cut or padded, nodes padded with NaN.
 * @return WS_OK; WS_ERR_ARG if the source has more nodes than fit or is another kind of column */
WS_NODISCARD ws_status swp_column_convert(const swp_column *from, const void *from_row, const swp_column *to,
                                          void *to_row);

#endif /* SWP_COLUMNS_H */
