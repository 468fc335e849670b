/* sparkline.h -- a series as one line of block characters. */
#ifndef SWP_SPARKLINE_H
#define SWP_SPARKLINE_H

#include <stddef.h>

#include "base/strbuf.h"

/** Append `width` characters at most, each the mean of its share of the values, from 0 to the largest; NaN is
 * a blank. */
void swp_sparkline(ws_strbuf *out, const double *values, size_t n, size_t width);

#endif /* SWP_SPARKLINE_H */
