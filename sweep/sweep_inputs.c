#include "sweep_inputs.h"

#include <stdlib.h>
#include <string.h>

static ws_status read_spec(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    ws_bytes bytes;
    WS_TRY(ws_files_read(in->files, options->spec_path, err, &bytes));
    in->spec_text = malloc(bytes.len + 1);
    if (in->spec_text == NULL) {
        return WS_ERR_NOMEM;
    }
    memcpy(in->spec_text, bytes.data, bytes.len + 1);
    in->spec_len = bytes.len;
    return swp_spec_parse(options->spec_path, in->spec_text, in->spec_len, err, &in->spec);
}

ws_status swp_sweep_inputs_read(const swp_run_options *options, ws_error *err, swp_sweep_inputs *in)
{
    *in = (swp_sweep_inputs){0};
    WS_TRY(ws_files_create(&in->files));
    WS_TRY(read_spec(options, err, in));
    if (!ws_bundled_dir(in->bundled_dir, sizeof in->bundled_dir)) {
        in->bundled_dir[0] = '\0';
    }
    const swp_builder_config config = {.spec_path   = options->spec_path,
                                       .data_dirs   = options->data_dirs,
                                       .n_data_dirs = options->n_data_dirs,
                                       .bundled_dir = in->bundled_dir[0] != '\0' ? in->bundled_dir : NULL};
    WS_TRY(swp_builder_create(in->spec, &config, in->files, err, &in->builder));
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
