/* job_hash.h -- what a job is, in 32 digits, and what its cluster config amounts to. Both are remembered by
 * the parameters that change them, so that asking for every job of a sweep is cheap. */
#ifndef SWP_JOB_HASH_H
#define SWP_JOB_HASH_H

#include "job/job.h"
#include "result/row.h"

/** What a job's hash covers; 1 did not cover the files a config names. */
#define SWP_HASH_KIND "2"

/** Content hash of a job: a SHA-256 over cluster config, options, workload, SLO and seed, and over the
 * contents of the files they name: models, architectures, profiles, data sheets, PIM configs, datasets
 * (job/input_digest.h). Paths do not count. Names, order and number of a sweep's parameters do not matter: a
 * spec that grew keeps the jobs it shares.
 * @return WS_OK; WS_ERR_INPUT if the job's inputs cannot be put together; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_job_hash(swp_job *job, ws_error *err, char hash_out[SWP_HASH_LEN + 1]);

/** The hash a job's row gets: its own, or, of inputs that cannot be put together, one of the spec and its
 * number. */
void swp_job_row_hash(swp_job *job, char hash_out[SWP_HASH_LEN + 1]);

/** What a job's cluster config amounts to. @return as swp_job_cluster() */
WS_NODISCARD ws_status swp_job_facts(swp_job *job, ws_error *err, swp_cluster_facts *facts_out);

#endif /* SWP_JOB_HASH_H */
