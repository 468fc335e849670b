/* programs/job_folder.h -- the folder `wattsweep show --export` writes, as the command line it stands for.
 *
 *   DIR/cluster.json   the cluster config
 *   DIR/workload.json  generator spec of the requests; only if they are generated
 *   DIR/args.txt       one option per line, as wattsim takes them; lines that begin with # are comments.
 *                      Only what an export writes is obeyed: simulator options, --dataset, --data-dir, --slo
 *   DIR/inputs.sha256  the files the sweep read, as `sha256sum -c` takes them; may be absent
 *
 * Nothing in the folder names the folder: it may be moved or copied. */
#ifndef WS_JOB_FOLDER_H
#define WS_JOB_FOLDER_H

#include "base/files.h"
#include "base/strbuf.h"

/** A command line with the words of a folder put in. */
typedef struct ws_job_args {
    int          argc;
    const char **argv; /* [argc]; words of the folder are owned, the others borrowed */
    const char  *dir;  /* borrowed from the line; NULL without --from */
    char        *text; /* of args.txt, cut into words; NULL without --from */
    char        *cluster, *workload;
} ws_job_args;

/** Replace `--from DIR` by what DIR says. Its words come first, so that every other option of the line
 * overrides them; without --from the line stays as it is.
 * @param[out] out  release with ws_job_args_fini(), also after an error
 * @return WS_OK; WS_ERR_INPUT if DIR is missing, given twice, or not such a folder: then every line of
 * args.txt that is none of its options, or has no such value, is reported; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_job_args_expand(ws_files *files, int argc, const char *const *argv, ws_error *err,
                                          ws_job_args *out);
void                   ws_job_args_fini(ws_job_args *args);

/** Compare what was read with what the sweep read: a line in notes for each file that has other contents now.
 */
WS_NODISCARD ws_status ws_job_args_check_inputs(ws_files *files, const ws_job_args *args, ws_error *err,
                                                ws_strbuf *notes);

#endif /* WS_JOB_FOLDER_H */
