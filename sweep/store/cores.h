/* cores.h -- how many cores this process may use. */
#ifndef SWP_CORES_H
#define SWP_CORES_H

#include <stddef.h>

/** Cores the calling thread may run on (mpirun and Slurm bind processes to some), >= 1. */
size_t swp_cores(void);

#endif /* SWP_CORES_H */
