#include "result/layout.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"

static const char *copy_text(const char *text, bool *failed)
{
    char *copy = ws_strdup(text == NULL ? "" : text);
    *failed    = *failed || copy == NULL;
    return copy;
}

static void copy_params(swp_layout *to, const swp_layout *from, bool *failed)
{
    swp_param *params = calloc(from->n_params + 1, sizeof(params[0]));
    to->params        = params;
    if (params == NULL) {
        *failed = true;
        return;
    }
    to->n_params = from->n_params;
    for (size_t k = 0; k < from->n_params; k++) {
        params[k]           = from->params[k];
        params[k].name      = copy_text(from->params[k].name, failed);
        params[k].long_name = copy_text(from->params[k].long_name, failed);
        params[k].unit      = copy_text(from->params[k].unit, failed);
    }
}

static void copy_attributes(swp_layout *to, const swp_layout *from, bool *failed)
{
    swp_text_attribute *attributes = calloc(from->n_attributes + 1, sizeof(attributes[0]));
    to->attributes                 = attributes;
    if (attributes == NULL) {
        *failed = true;
        return;
    }
    to->n_attributes = from->n_attributes;
    for (size_t i = 0; i < from->n_attributes; i++) {
        attributes[i].name = copy_text(from->attributes[i].name, failed);
        attributes[i].text = copy_text(from->attributes[i].text, failed);
    }
}

ws_status swp_layout_copy(const swp_layout *layout, swp_layout **copy_out)
{
    bool        failed = false;
    swp_layout *copy   = calloc(1, sizeof(*copy));

    *copy_out = NULL;
    if (copy == NULL) {
        return WS_ERR_NOMEM;
    }
    copy->title        = copy_text(layout->title, &failed);
    copy->spec_json    = copy_text(layout->spec_json, &failed);
    copy->spec_sha256  = copy_text(layout->spec_sha256, &failed);
    copy->n_jobs       = layout->n_jobs;
    copy->n_jobs_all   = layout->n_jobs_all;
    copy->max_nodes    = layout->max_nodes;
    copy->has_series   = layout->has_series;
    copy->has_requests = layout->has_requests;
    copy_params(copy, layout, &failed);
    copy_attributes(copy, layout, &failed);
    if (failed) {
        swp_layout_free(&copy);
        return WS_ERR_NOMEM;
    }
    *copy_out = copy;
    return WS_OK;
}

void swp_layout_free(swp_layout **layout)
{
    swp_layout *old = *layout;
    if (old == NULL) {
        return;
    }
    for (size_t k = 0; k < old->n_params; k++) {
        free((char *)old->params[k].name);
        free((char *)old->params[k].long_name);
        free((char *)old->params[k].unit);
    }
    for (size_t i = 0; i < old->n_attributes; i++) {
        free((char *)old->attributes[i].name);
        free((char *)old->attributes[i].text);
    }
    free((swp_param *)old->params);
    free((swp_text_attribute *)old->attributes);
    free((char *)old->title);
    free((char *)old->spec_json);
    free((char *)old->spec_sha256);
    free(old);
    *layout = NULL;
}
