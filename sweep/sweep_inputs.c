#include "sweep_inputs.h"

#include <stdlib.h>
#include <string.h>

static ws_status read_spec(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    ws_bytes bytes;
    WS_TRY(ws_find_input(in->files, "spec", options->spec_path, err, in->spec_path, sizeof in->spec_path));
    WS_TRY(ws_files_read(in->files, in->spec_path, err, &bytes));
    in->spec_text = malloc(bytes.len + 1);
    if (in->spec_text == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(in->spec_text, bytes.data, bytes.len + 1);
    in->spec_len = bytes.len;
    return swp_spec_parse(in->spec_path, in->spec_text, in->spec_len, err, &in->spec);
}

/* The spec is wrong: say also which of its files are missing. */
static ws_status explain_files(const swp_builder_config *config, ws_error *err, swp_sweep_inputs *in)
{
    ws_json_doc *doc    = NULL;
    ws_status    status = WS_OK;
    if (in->spec_text != NULL &&
        ws_json_doc_parse(config->spec_path, in->spec_text, in->spec_len, NULL, &doc) == WS_OK) {
        status = swp_builder_check_files(doc, config, in->files, err);
    }
    ws_json_doc_destroy(&doc);
    return status == WS_ERR_NOMEM ? status : WS_ERR_INPUT;
}

ws_status swp_sweep_inputs_read(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    *in = (swp_sweep_inputs){0};
    WS_TRY(ws_check_data_dirs(options->data_dirs, options->n_data_dirs, err));
    WS_TRY(ws_files_create(&in->files));
    if (!ws_bundled_dir(in->bundled_dir, sizeof in->bundled_dir)) {
        in->bundled_dir[0] = '\0';
    }
    const swp_builder_config config = {.spec_path   = in->spec_path,
                                       .data_dirs   = options->data_dirs,
                                       .n_data_dirs = options->n_data_dirs,
                                       .bundled_dir = in->bundled_dir[0] != '\0' ? in->bundled_dir : NULL};
    const ws_status          spec   = read_spec(options, err, in);
    if (spec == WS_ERR_INPUT) {
        return explain_files(&config, err, in);
    }
    WS_TRY(spec);
    const ws_status builder = swp_builder_create(in->spec, &config, in->files, err, &in->builder);
    if (builder == WS_ERR_INPUT) {
        const ws_status texts = swp_constraints_check_texts(in->spec, err);
        return texts == WS_ERR_NOMEM ? texts : builder;
    }
    WS_TRY(builder);
    WS_TRY(swp_constraints_create(in->builder, err, &in->constraints));
    in->slice = swp_slice_of(swp_builder_space(in->builder), options->slice_index, options->n_slices);
    return WS_OK;
}

void swp_sweep_inputs_fini(swp_sweep_inputs *in)
{
    swp_constraints_destroy(&in->constraints);
    swp_builder_destroy(&in->builder);
    swp_spec_destroy(&in->spec);
    free(in->spec_text);
    ws_files_destroy(&in->files);
    *in = (swp_sweep_inputs){0};
}
