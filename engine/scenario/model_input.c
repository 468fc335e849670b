#include "scenario/model_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/hf_family.h"
#include "model/model_convert.h"
#include "model/model_files.h"

/* A model being read. */
typedef struct reading {
    const ws_data_dirs    *data;
    const ws_model_choice *choice;
    ws_strbuf             *notes;
    ws_error              *err;
} reading;

/* The file that gives a family's order of layers; false if there is none. */
static bool find_order(const reading *r, ws_json shape, char path[4096])
{
    const char *type = ws_json_string(ws_json_member(shape, "model_type"));
    for (size_t i = 0; type != NULL && i < r->data->n_dirs; i++) {
        const int len = snprintf(path, 4096, "%s/model/arch/%.100s.json", r->data->dirs[i], type);
        if (len > 0 && len < 4096 && ws_files_has(r->data->files, path)) {
            return true;
        }
    }
    return false;
}

/* A family that a file describes: keys of the shape that are not known are ignored. */
static ws_status read_described(const reading *r, ws_json shape, const char *path, ws_model *out)
{
    ws_bytes     bytes;
    ws_json_doc *order = NULL;
    WS_TRY(ws_files_read(r->data->files, path, r->err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, r->err, &order));
    const ws_status status = ws_model_read(r->choice->name, shape, ws_json_doc_root(order), r->err, out);
    ws_json_doc_destroy(&order);
    return status;
}

static ws_status read_architecture(const reading *r, const ws_model_files *model, ws_model *out)
{
    ws_architecture *arch = calloc(1, sizeof(*arch));
    if (arch == NULL) {
        return WS_ERR_NOMEM;
    }
    ws_status status = ws_model_files_read(model, r->choice->approximate, r->err, r->notes, arch);
    if (status == WS_OK) {
        const ws_conversion how = {r->choice->name, ws_json_doc_root(model->config), r->choice->approximate};
        status                  = ws_model_from_architecture(arch, &how, r->err, r->notes, out);
    }
    free(arch);
    return status;
}

/* A family that is not known may have a file of its own in arch/; reference fidelity takes that file of every
 * family that has one, as the reference does. */
static ws_status read_model(const reading *r, const ws_model_files *model, ws_model *out)
{
    char          order[4096];
    const ws_json shape    = ws_json_doc_root(model->config);
    const char   *type     = ws_json_string(ws_json_member(shape, "model_type"));
    const bool    is_known = type == NULL || ws_hf_family_find(type) != NULL;
    if ((r->choice->as_reference || !is_known) && find_order(r, shape, order)) {
        return read_described(r, shape, order, out);
    }
    return read_architecture(r, model, out);
}

ws_status ws_model_input_read(const ws_data_dirs *data, const ws_model_choice *choice, ws_json where,
                              ws_strbuf *notes, ws_error *err, ws_model *out)
{
    const reading  r = {data, choice, notes, err};
    ws_model_files model;
    ws_status      status = ws_model_files_open(data, choice->name, err, &model);
    if (status == WS_OK && model.config == NULL) {
        status = ws_json_problem(where, err, "no model \"%s\": " WS_MODEL_FILES_EXPECTED, choice->name);
    }
    if (status == WS_OK) {
        status = read_model(&r, &model, out);
    }
    ws_model_files_fini(&model);
    return status;
}
