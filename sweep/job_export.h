/* job_export.h -- from a result file back to what a job ran: its cluster config, workload and arguments as
 * files.
 *
 *   DIR/cluster.json   the cluster config with the job's parameters in it
 *   DIR/workload.json  {"dataset", "num_reqs"} or the generator's spec; absent if the job ran the default
 * requests DIR/args.txt       options of wattsim, one a line, that differ from their defaults; the dataset
 * and SLO among them
 *
 * Everything comes from /spec_json (file_layout.h), so it works also when the cluster config has changed
 * since. */
#ifndef SWP_JOB_EXPORT_H
#define SWP_JOB_EXPORT_H

#include <stdint.h>

#include "base/error.h"
#include "base/status.h"

/** Write the files of a job; DIR is made if it is not there.
 * @param[in] spec_json  text of /spec_json
 * @param[in] name       what messages call it: the result file's path
 * @return WS_OK; WS_ERR_INPUT if the text or the job is not as expected; WS_ERR_IO if DIR cannot be written;
 * WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_job_export(const char *spec_json, const char *name, int64_t job, const char *dir,
                                      ws_error *err);

#endif /* SWP_JOB_EXPORT_H */
