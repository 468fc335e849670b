#include "result/quantile.h"

#include "base/status.h"

static void swap(double *a, double *b)
{
    const double kept = *a;
    *a                = *b;
    *b                = kept;
}

/** The middle one of the first, middle and last value: sorted input, the usual one, is split in halves. */
static double pivot_of(const double *values, size_t n)
{
    const double a = values[0], b = values[n / 2], c = values[n - 1];
    const double low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/** Put the value that belongs at place k there, nothing larger before it and nothing smaller behind it. */
static void select_place(double *values, size_t n, size_t k)
{
    size_t first = 0, behind = n;
    while (behind - first > 1) {
        const double pivot = pivot_of(values + first, behind - first);
        size_t       low = first, i = first, high = behind; /* below, equal to and above the pivot */
        while (i < high) {
            if (values[i] < pivot) {
                swap(&values[i++], &values[low++]);
            } else if (values[i] > pivot) {
                swap(&values[i], &values[--high]);
            } else {
                i++;
            }
        }
        if (k >= low && k < high) {
            return;
        }
        first  = k < low ? first : high;
        behind = k < low ? low : behind;
    }
}

double ws_quantile(double *values, size_t n, double share)
{
    WS_ASSERT(n >= 1 && share >= 0.0 && share <= 1.0);
    const double place = share * (double)(n - 1);
    const size_t k     = (size_t)place;
    select_place(values, n, k);
    if (k + 1 >= n) {
        return values[k];
    }
    double next = values[k + 1];
    for (size_t i = k + 2; i < n; i++) {
        next = values[i] < next ? values[i] : next;
    }
    return values[k] + (place - (double)k) * (next - values[k]);
}

double ws_largest(const double *values, size_t n)
{
    WS_ASSERT(n >= 1);
    double largest = values[0];
    for (size_t i = 1; i < n; i++) {
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}
