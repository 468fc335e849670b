#include "job/simulator.h"

#include <stdlib.h>

#include "spec/spec_parse.h"

struct swp_simulator {
    ws_files    *files;
    swp_spec    *spec;
    swp_builder *builder;
    swp_runner  *runner;
};

static ws_status put_together(swp_simulator *s, const swp_setup *setup, const swp_simulator_config *config,
                              ws_error *err)
{
    const swp_builder_config builder = {.spec_path   = setup->spec_path,
                                        .data_dirs   = setup->data_dirs,
                                        .n_data_dirs = setup->n_data_dirs,
                                        .bundled_dir =
                                            setup->bundled_dir[0] != '\0' ? setup->bundled_dir : NULL};
    WS_TRY(ws_files_map(setup->files, setup->files_len, false, &s->files));
    WS_TRY(swp_spec_parse(setup->spec_path, setup->spec_text, setup->spec_len, err, &s->spec));
    WS_TRY(swp_builder_create(s->spec, &builder, s->files, err, &s->builder));
    const swp_runner_config runner = {.builder       = s->builder,
                                      .rank          = config->rank,
                                      .max_nodes     = setup->max_nodes,
                                      .time_budget_s = setup->time_budget_s,
                                      .memory_bytes  = setup->memory_bytes,
                                      .n_ranks_here  = config->n_ranks_here,
                                      .should_stop   = config->should_stop,
                                      .ctx           = config->ctx};
    return swp_runner_create(&runner, &s->runner);
}

ws_status swp_simulator_create(const swp_setup *setup, const swp_simulator_config *config, ws_error *err,
                               swp_simulator **simulator_out)
{
    *simulator_out   = NULL;
    swp_simulator *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return WS_ERR_NOMEM;
    }
    const ws_status status = put_together(s, setup, config, err);
    if (status != WS_OK) {
        swp_simulator_destroy(&s);
        return status;
    }
    *simulator_out = s;
    return WS_OK;
}

void swp_simulator_destroy(swp_simulator **simulator)
{
    swp_simulator *s = *simulator;
    if (s == NULL) {
        return;
    }
    swp_runner_destroy(&s->runner);
    swp_builder_destroy(&s->builder);
    swp_spec_destroy(&s->spec);
    ws_files_destroy(&s->files);
    free(s);
    *simulator = NULL;
}

const swp_row *swp_simulator_run(void *simulator, uint64_t job, int32_t attempt)
{
    swp_simulator *s = simulator;
    return swp_runner_run(s->runner, job, attempt);
}
