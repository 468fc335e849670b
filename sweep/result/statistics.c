#include "result/statistics.h"

/* Two-sided 95% quantiles of Student's t, p = 0.975. Up to 30 degrees of freedom from any table; beyond it
 * the expansion in 1/degrees around the normal quantile z, good to 6 digits there. Source: Abramowitz and
 * Stegun 26.7.5. */
double swp_student_t95(size_t degrees)
{
    static const double t[] = {0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080,
                               2.074, 2.069,  2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
    const double        z   = 1.959963984540054;
    if (degrees < sizeof(t) / sizeof(t[0])) {
        return t[degrees];
    }
    const double n = (double)degrees, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4.0 * n) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * n * n) +
           (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * n * n * n);
}
