/* Any bytes as a cluster config are refused with a message, or become a scenario that runs for a few hundred
 * steps. */
#include "toy.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void try_cluster(ws_json cluster, int64_t fidelity)
{
    ws_files           *files    = toy_files();
    ws_inputs          *inputs   = toy_inputs(files);
    ws_error            err      = WS_ERROR_INIT;
    ws_scenario        *scenario = NULL;
    ws_scenario_request request  = {.cluster = cluster,
                                    .dataset = toy_dataset_path(),
                                    .options = ws_options_default(),
                                    .slo     = WS_SLO_NONE};
    request.options.fidelity     = fidelity;
    const ws_status status       = ws_scenario_create(inputs, &request, &err, &scenario);
    WS_ASSERT((status == WS_OK) == (scenario != NULL));
    WS_ASSERT(status == WS_OK || status == WS_ERR_NOMEM || err.n_problems > 0);
    if (scenario != NULL) {
        toy_simulate(&scenario);
    }
    ws_error_clear(&err);
    ws_inputs_destroy(&inputs);
    ws_files_destroy(&files);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ws_json_doc *doc = NULL;
    if (ws_json_doc_parse("input.json", (const char *)data, size, NULL, &doc) == WS_OK) {
        try_cluster(ws_json_doc_root(doc), WS_FIDELITY_PHYSICAL);
        try_cluster(ws_json_doc_root(doc), WS_FIDELITY_REFERENCE);
    }
    ws_json_doc_destroy(&doc);
    return 0;
}
