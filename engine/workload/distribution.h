/* workload/distribution.h -- what a generator spec says about a random quantity: token counts, think times.
 *
 * In a spec it is a number (always that value) or an object {"distribution": <kind>, ...} with the keys of
 * its kind; every draw is clamped to [min, max]. Drawing advances the caller's random stream and nothing
 * else. */
#ifndef WS_DISTRIBUTION_H
#define WS_DISTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/status.h"
#include "base/strbuf.h"

typedef enum ws_distribution_kind {
    WS_DISTRIBUTION_FIXED,
    WS_DISTRIBUTION_UNIFORM,
    WS_DISTRIBUTION_LOGNORMAL,
    WS_DISTRIBUTION_EXPONENTIAL,
    WS_DISTRIBUTION_EMPIRICAL,
    WS_DISTRIBUTION_COUNT
} ws_distribution_kind;

typedef struct ws_distribution {
    ws_distribution_kind kind;
    bool                 is_integer; /* draws are whole numbers */
    double               mean;       /* fixed: the value; lognormal, exponential: before clamping */
    double               sigma;      /* lognormal: deviation of the logarithm */
    double               min, max;   /* bounds of every draw */
    double              *values;     /* empirical: owned, drawn with equal chances */
    size_t               n_values;
} ws_distribution;

/** What the draws of a distribution may be: in [min, max], whole numbers if is_integer. */
typedef struct ws_distribution_range {
    bool   is_integer;
    double min, max;
} ws_distribution_range;

/** Read a distribution whose draws must stay in a range.
 * @param[in]  files  for empirical values named by a file: a JSON array of numbers
 * @param[out] out    release with ws_distribution_fini(), also after an error
 * @return WS_OK; WS_ERR_INPUT; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_distribution_read(ws_files *files, ws_json value,
                                            const ws_distribution_range *range, ws_error *err,
                                            ws_distribution *out);
void                   ws_distribution_fini(ws_distribution *distribution);

double ws_distribution_draw(const ws_distribution *distribution, ws_rng *rng);

/** Append the kinds and their keys, one per line, for --help. */
void ws_distribution_help(ws_strbuf *out);

#endif /* WS_DISTRIBUTION_H */
