#include "result/percentiles.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

static const double SHARES[] = {0.50, 0.90, 0.95, 0.99};
enum { N_SHARES = sizeof(SHARES) / sizeof(SHARES[0]) };

/* Radix of the sort: a table of counts that stays in the first-level cache. */
enum { DIGIT_BITS = 11, N_DIGITS = 1 << DIGIT_BITS };

/* Order of unsigned digits is order of values once the sign bit is turned. */
static uint64_t sort_key(const ws_weighted_ns *value)
{
    return (uint64_t)value->value_ns ^ (UINT64_C(1) << 63);
}

static void sort_by_digit(const ws_weighted_ns *from, ws_weighted_ns *to, size_t n, int shift)
{
    size_t begin[N_DIGITS + 1] = {0};
    for (size_t i = 0; i < n; i++) {
        begin[(sort_key(&from[i]) >> shift & (N_DIGITS - 1)) + 1]++;
    }
    for (size_t d = 0; d < N_DIGITS; d++) {
        begin[d + 1] += begin[d];
    }
    for (size_t i = 0; i < n; i++) {
        to[begin[sort_key(&from[i]) >> shift & (N_DIGITS - 1)]++] = from[i];
    }
}

/* Least digit first; digits in which no two values differ are passed over. */
static ws_status sort_values(ws_arena *arena, ws_weighted_ns *values, size_t n)
{
    ws_weighted_ns *spare = ws_arena_alloc(arena, n, sizeof(*spare)), *from = values, *to = spare;
    uint64_t        differing = 0;
    if (spare == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 1; i < n; i++) {
        differing |= sort_key(&values[i]) ^ sort_key(&values[0]);
    }
    for (int shift = 0; shift < 64 && differing >> shift != 0; shift += DIGIT_BITS) {
        if ((differing >> shift & (N_DIGITS - 1)) == 0) {
            continue;
        }
        sort_by_digit(from, to, n, shift);
        ws_weighted_ns *sorted = to;
        to                     = from;
        from                   = sorted;
    }
    if (from != values) {
        memcpy(values, from, n * sizeof(*values));
    }
    return WS_OK;
}

/* The value at a position of the sorted, expanded list; `from` and `below` walk forward between calls. */
static int64_t value_at(const ws_weighted_ns *values, int64_t position, size_t *from, int64_t *below)
{
    while (*below + values[*from].count <= position) {
        *below += values[(*from)++].count;
    }
    return values[*from].value_ns;
}

static double percentile_ns(const ws_weighted_ns *values, int64_t count, double share, size_t *from,
                            int64_t *below)
{
    const double  place      = share * (double)(count - 1);
    const int64_t lo         = (int64_t)place;
    const double  low        = (double)value_at(values, lo, from, below);
    size_t        next_from  = *from;
    int64_t       next_below = *below;
    const double  high = lo + 1 < count ? (double)value_at(values, lo + 1, &next_from, &next_below) : low;
    return low + (place - (double)lo) * (high - low);
}

ws_status ws_percentiles_ms(ws_arena *arena, ws_weighted_ns *values, size_t n, double *metrics_out)
{
    double  sum   = 0;
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)values[i].value_ns * (double)values[i].count;
        count += values[i].count;
    }
    for (int i = 0; i <= N_SHARES; i++) {
        metrics_out[i] = NAN;
    }
    if (count == 0) {
        return WS_OK;
    }
    WS_TRY(sort_values(arena, values, n));
    metrics_out[0] = sum / (double)count * WS_MS_PER_NS;
    size_t  from   = 0;
    int64_t below  = 0;
    for (int i = 0; i < N_SHARES; i++) {
        metrics_out[1 + i] = percentile_ns(values, count, SHARES[i], &from, &below) * WS_MS_PER_NS;
    }
    return WS_OK;
}
