#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

static const char *const sampling_names[SWP_SAMPLING_COUNT] = {"grid", "zip", "list", "random"};

const char *swp_sampling_name(swp_sampling sampling)
{
    return sampling_names[sampling];
}

void swp_spec_destroy(swp_spec **spec)
{
    if (*spec == NULL) {
        return;
    }
    ws_arena_fini(&(*spec)->arena);
    ws_json_doc_destroy(&(*spec)->points_doc);
    ws_json_doc_destroy(&(*spec)->doc);
    free(*spec);
    *spec = NULL;
}

const swp_parameter *swp_spec_find_param(const swp_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->n_params; i++) {
        if (strcmp(spec->params[i].name, name) == 0) {
            return &spec->params[i];
        }
    }
    return NULL;
}
