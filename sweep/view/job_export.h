/* job_export.h -- from a result file back to what a job ran: its cluster config, workload and arguments as
 * files.
 *
 *   DIR/cluster.json   the cluster config with the job's parameters in it
 *   DIR/workload.json  the generator's spec, where requests are generated
 *   DIR/args.txt       every option of wattsim, one per line; the dataset and SLO among them
 *   DIR/inputs.sha256  the files the sweep read, as `sha256sum -c` takes them
 *
 * `wattsim --from DIR` (engine/programs/job_folder.h) runs it again. Nothing in the folder names the folder.
 * Paths are written absolute where the file is still there, else as the sweep found it.
 *
 * Everything comes from /spec_json (run/provenance.h), so it works also when the cluster config has changed
 * since. */
#ifndef SWP_JOB_EXPORT_H
#define SWP_JOB_EXPORT_H

#include <stdint.h>

#include "base/error.h"
#include "base/status.h"

/** Write the files of a job, all or none; DIR is made if it is not there. Links in DIR are not followed.
 * @param[in] spec_json  text of /spec_json
 * @param[in] name       what messages call it: the result file's path
 * @return WS_OK; WS_ERR_INPUT if the text or the job is not as expected, or DIR no name of a folder;
 * WS_ERR_IO if DIR cannot be written; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_job_export(const char *spec_json, const char *name, int64_t job, const char *dir,
                                      ws_error *err);

#endif /* SWP_JOB_EXPORT_H */
