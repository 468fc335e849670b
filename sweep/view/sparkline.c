#include "view/sparkline.h"

#include <math.h>

/* Mean of values [from, to), NaN if none is a number. */
static double mean_of(const double *values, size_t from, size_t to)
{
    double sum = 0.0;
    size_t n   = 0;
    for (size_t i = from; i < to; i++) {
        if (!isnan(values[i])) {
            sum += values[i];
            n++;
        }
    }
    return n > 0 ? sum / (double)n : NAN;
}

/* 0 to 7, the share of the most; what is below 0 is the lowest. */
static int level_of(double mean, double most)
{
    if (!(most > 0.0) || !(mean > 0.0)) {
        return 0;
    }
    const double level = mean / most * 7.999;
    return level < 7.0 ? (int)level : 7;
}

void swp_sparkline(ws_strbuf *out, const double *values, size_t n, size_t width)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const size_t             n_bars   = n < width ? n : width;
    double                   most     = 0.0;

    for (size_t bar = 0; bar < n_bars; bar++) {
        const double mean = mean_of(values, bar * n / n_bars, (bar + 1) * n / n_bars);
        most              = mean > most ? mean : most;
    }
    for (size_t bar = 0; bar < n_bars; bar++) {
        const double mean = mean_of(values, bar * n / n_bars, (bar + 1) * n / n_bars);
        if (isnan(mean)) {
            ws_strbuf_puts(out, " ");
            continue;
        }
        ws_strbuf_puts(out, blocks[level_of(mean, most)]);
    }
}
