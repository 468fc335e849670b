/* slurm_allocation.h -- when the batch system will end this job, and when a sweep has to stop for it. */
#ifndef SWP_SLURM_ALLOCATION_H
#define SWP_SLURM_ALLOCATION_H

#include <stdbool.h>

/** What is left between the last job and the end of the allocation, s: for gathering rows and closing the
 * file. */
#define SWP_ALLOCATION_CLOSE_S 30.0

typedef enum swp_allocation {
    SWP_ALLOCATION_NONE,    /**< not inside a Slurm allocation */
    SWP_ALLOCATION_UNKNOWN, /**< inside one, and Slurm does not say when it ends */
    SWP_ALLOCATION_KNOWN,   /**< its end is known; it may be never */
} swp_allocation;

/** Find the Slurm allocation around this process and the time it has left: from SLURM_JOB_END_TIME where
 * Slurm sets it (23.02 and later), else from squeue, which is waited for at most 10 s.
 * @param[out] left_s_out  s, INFINITY for an allocation without a limit; set with SWP_ALLOCATION_KNOWN only
 */
swp_allocation swp_allocation_find(double *left_s_out);

/** Read a time left as squeue's %L prints it: [days-][[hours:]minutes:]seconds, or UNLIMITED.
 * @return false if it is something else (INVALID, NOT_SET, an error) */
bool swp_allocation_parse_left(const char *text, double *left_s_out);

/** From when on no work is handed out, so that jobs as long as the longest one seen lately still end in time.
 * @param end_s          end of the allocation on any clock, s; INFINITY = never
 * @param longest_job_s  s, >= 0 */
double swp_allocation_stop_s(double end_s, double longest_job_s);

/** The longest job lately, s, after one more: a long one is forgotten by and by while shorter ones follow. */
double swp_allocation_longest_s(double longest_s, double job_s);

#endif /* SWP_SLURM_ALLOCATION_H */
