/* unbound.h -- knobs that never bound: neighbouring values of a parameter that gave equal results wherever
 * everything else was the same, said from the rows of a finished file. */
#ifndef SWP_UNBOUND_H
#define SWP_UNBOUND_H

#include "analysis/selection.h"
#include "base/strbuf.h"
#include "spec/space.h"

/** One result: the point it is of, and which results equal it. */
typedef struct swp_outcome_of_point {
    uint64_t job;    /**< any job of the point */
    size_t   same;   /**< equal numbers: equal metrics, to the bit */
    double   n_peak; /**< most requests that ran at once; NaN = not known */
} swp_outcome_of_point;

/** Append a line for each run of values of a parameter that never made a difference.
 * @param[in] known  lines "NAME ..." of parameters that need not be named again
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_unbound_find(const swp_space *space, const swp_outcome_of_point *results, size_t n,
                                        const char *known, ws_strbuf *out);

/** The same from a file; nothing for files of more than a few million rows.
 * @return WS_OK; WS_ERR_IO; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_unbound_of_file(const char *path, const swp_space *space, const char *known,
                                           ws_error *err, ws_strbuf *out);

#endif /* SWP_UNBOUND_H */
