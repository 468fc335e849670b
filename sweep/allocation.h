/* allocation.h -- when a batch system will end this job. */
#ifndef SWP_ALLOCATION_H
#define SWP_ALLOCATION_H

#include <stdbool.h>

/** Seconds until the Slurm allocation around this process ends, from SLURM_JOB_END_TIME.
 * @return false outside an allocation, or if its end is not known */
bool swp_allocation_left_s(double *left_s_out);

#endif /* SWP_ALLOCATION_H */
