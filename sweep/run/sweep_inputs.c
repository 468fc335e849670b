#include "run/sweep_inputs.h"

#include <stdlib.h>
#include <string.h>

#include "spec/spec_parse.h"

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

/* Append `"key": value, ` for a member that is there. */
static ws_status append_member(ws_json root, const char *key, ws_strbuf *out)
{
    const ws_json member = ws_json_member(root, key);
    if (ws_json_kind_of(member) == WS_JSON_ABSENT) {
        return WS_OK;
    }
    char *text = ws_json_print(member, false);
    if (text == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_strbuf_printf(out, "\"%s\": %s, ", key, text);
    free(text);
    return WS_OK;
}

/* The spec is wrong: check its constraints all the same, if its parameters, which they name, are right. */
static ws_status explain_constraints(const char *name, ws_json root, ws_error *err)
{
    static const char *const keys[] = {"workload", "parameters", "sampling", "constraints"};
    ws_strbuf                text   = WS_STRBUF_INIT;
    swp_spec                *part   = NULL;
    ws_status                status = WS_OK;
    ws_strbuf_puts(&text, "{");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && status == WS_OK; i++) {
        status = append_member(root, keys[i], &text);
    }
    ws_strbuf_puts(&text, "\"cluster\": {}}");
    status = status == WS_OK && text.failed ? WS_ERR_NOMEM : status;
    if (status == WS_OK) {
        status = swp_spec_parse(name, ws_strbuf_text(&text), text.len, NULL, &part);
    }
    if (status == WS_OK) {
        status = swp_constraints_check_texts(part, err);
    }
    swp_spec_destroy(&part);
    ws_strbuf_fini(&text);
    return status;
}

/* The spec is wrong: say also which of its files are missing. */
static ws_status explain_files(const swp_builder_config *config, ws_error *err, swp_sweep_inputs *in)
{
    ws_json_doc *doc    = NULL;
    ws_status    status = WS_OK;
    if (in->spec_text != NULL &&
        ws_json_doc_parse(config->spec_path, in->spec_text, in->spec_len, NULL, &doc) == WS_OK) {
        status = swp_builder_check_files(doc, config, in->files, err);
        if (status != WS_ERR_NOMEM) {
            const ws_status constraints = explain_constraints(config->spec_path, ws_json_doc_root(doc), err);
            status                      = constraints == WS_ERR_NOMEM ? constraints : status;
        }
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
