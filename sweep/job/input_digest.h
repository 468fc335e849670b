/* input_digest.h -- what the files behind a cluster config or a workload contain, as one hash: models,
 * architectures, profiles, data sheets, PIM and value files.
 *
 * A file counts by its name below the data folders and its contents, never by the folder it was found in; of
 * a file that several data folders have, the first counts, as for the simulator. All variants and tp degrees
 * of a hardware's profile of a model count, since options choose among them. Each file is hashed once. Not
 * thread-safe. */
#ifndef SWP_INPUT_DIGEST_H
#define SWP_INPUT_DIGEST_H

#include "base/files.h"
#include "base/json.h"
#include "base/strbuf.h"

typedef struct swp_digests swp_digests; /* opaque */

/** @param[in] files        borrowed; outlives the digests
 *  @param[in] data_dirs    in search order, copied
 *  @param[in] bundled_dir  searched last; NULL = none */
WS_NODISCARD ws_status swp_digests_create(ws_files *files, const char *const *data_dirs, size_t n_data_dirs,
                                          const char *bundled_dir, swp_digests **out);
void                   swp_digests_destroy(swp_digests **digests);

/** Append a line for everything that the models, hardware tags and PIM configs in `cluster` stand for. What
 * is not there, or cannot be read, is reported by its run. @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_digest_cluster(swp_digests *digests, ws_json cluster, ws_strbuf *out);

/** The same of the files a generator's spec names (`"file"` of an empirical distribution). */
WS_NODISCARD ws_status swp_digest_workload(swp_digests *digests, ws_json workload, ws_strbuf *out);

/** Name the inputs of two sweeps, as in /spec_json, that have other contents: "A, B", "" if there is none.
 * Inputs are compared by name; one that only a single sweep has is no change.
 * @return WS_OK; WS_ERR_INPUT if a text is no JSON; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_changed_inputs(const char *old_spec_json, const char *new_spec_json,
                                          ws_strbuf *out);

#endif /* SWP_INPUT_DIGEST_H */
