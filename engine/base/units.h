/* base/units.h -- unit constants and the reading and printing of quantities with a unit. */
#ifndef WS_UNITS_H
#define WS_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WS_NS_PER_S 1000000000LL /**< nanoseconds in a second */
#define WS_NS_PER_MS 1000000LL   /**< nanoseconds in a millisecond */
#define WS_S_PER_NS 1e-9         /**< seconds in a nanosecond */
#define WS_MS_PER_NS 1e-6        /**< milliseconds in a nanosecond */
#define WS_BYTES_PER_GIB 1073741824LL
#define WS_BYTES_PER_MIB 1048576LL
#define WS_BYTES_PER_GB 1000000000LL
#define WS_J_PER_PJ 1e-12 /**< joules in a picojoule */
#define WS_NS_MAX INT64_MAX

/** Whole nanoseconds as the nearest number of seconds: 60000000000 is 60.0, which a product with 1e-9 misses.
 */
static inline double ws_seconds(int64_t ns)
{
    return (double)ns / (double)WS_NS_PER_S;
}

/** Parse "18s", "250us", "1.5 ms", "20 ns", "5m" or "5min", "1h30m", "2d", and clock times as batch systems
 * write them, "00:10:00" and "1-12:00:00" ([days-]hours:minutes:seconds). A number without unit is taken in
 * bare_unit_s (seconds per bare unit, for example 1.0 or 1e-9).
 * @param[out] ns_out  rounded to the nearest nanosecond; untouched after an error
 * @return WS_OK; WS_ERR_INPUT if it is no finite number >= 0 with a known unit, or beyond int64 */
WS_NODISCARD ws_status ws_duration_parse(const char *text, double bare_unit_s, int64_t *ns_out);

/** True if the text ends in a unit letter or is a clock time, that is, is not a bare number. */
int ws_duration_has_unit(const char *text);

/** Shortest decimal text that reads back as exactly this double: the Python repr form, always with a
 * point or an exponent ("636.32", "1e-05", "35.0").
 * @param[out] buf  at least 32 bytes
 * @return buf */
char *ws_double_repr(double value, char buf[32]);

/** "1.2k", "3.4M", "420": three significant digits at most, for people. buf at least 32 bytes. */
char *ws_human_count(double value, char buf[32]);

#endif /* WS_UNITS_H */
