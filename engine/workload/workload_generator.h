/* workload/workload_generator.h -- workloads from a few parameters: arrival processes and length
 * distributions, seeded. The generator spec is a JSON object (docs/workloads.md); same spec and seed, same
 * workload on any machine. */
#ifndef WS_WORKLOAD_GENERATOR_H
#define WS_WORKLOAD_GENERATOR_H

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "workload/workload.h"

/** Generate a workload.
 * @param[in] files  for empirical length distributions read from a file named in the spec
 * @param[in] seed   used where the spec has none of its own
 * @return WS_OK; WS_ERR_INPUT */
WS_NODISCARD ws_status ws_workload_generate(ws_files *files, ws_json spec, uint64_t seed, ws_error *err,
                                            ws_workload **out);

/** Write a workload as JSONL, in the format ws_workload_read() takes. */
void ws_workload_write_jsonl(const ws_workload *workload, ws_strbuf *out);

#endif /* WS_WORKLOAD_GENERATOR_H */
