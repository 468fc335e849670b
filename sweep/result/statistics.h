/* statistics.h -- how sure a mean over repeats is. */
#ifndef SWP_STATISTICS_H
#define SWP_STATISTICS_H

#include <stddef.h>

/** Half width of a 95% confidence interval in standard errors, by degrees of freedom (values - 1, >= 1). */
double swp_student_t95(size_t degrees);

#endif /* SWP_STATISTICS_H */
