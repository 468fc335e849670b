#include "job/constraint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest_name.h"
#include "base/strbuf.h"
#include "job/job_hash.h"
#include "spec/expr.h"

#define DERIVED_LIST(X)                                                                                      \
    X(NUM_INSTANCES, "num_instances")                                                                        \
    X(NUM_NODES, "num_nodes")                                                                                \
    X(NUM_NPUS, "num_npus")                                                                                  \
    X(TP_SIZE, "tp_size")                                                                                    \
    X(PP_SIZE, "pp_size")                                                                                    \
    X(EP_SIZE, "ep_size")                                                                                    \
    X(NPU_MEM_GB, "npu_mem_gb")                                                                              \
    X(WEIGHTS_GB, "weights_gb")

typedef enum derived {
#define DERIVED_ENUM(id, name) DERIVED_##id,
    DERIVED_LIST(DERIVED_ENUM)
#undef DERIVED_ENUM
        N_DERIVED
} derived;

static const char *const derived_names[N_DERIVED] = {
#define DERIVED_NAME(id, name) name,
    DERIVED_LIST(DERIVED_NAME)
#undef DERIVED_NAME
};

enum { WEIGHTS_CACHE_SIZE = 1024, TEXT_SHOWN = 160 };

typedef struct weights_entry {
    uint64_t key_plus_1; /* 0 = empty */
    double   weights_gb;
} weights_entry;

/* Slots of a compiled expression: derived quantities, then parameters, then options. */
struct swp_constraints {
    swp_builder     *builder;
    const swp_spec  *spec;
    const ws_option *options;
    size_t           n_options, n_slots, n;
    size_t           unknown; /* of the point checked last */
    bool             needs_facts, needs_weights;
    char (*option_texts)[64]; /* [n_options] values of the options that are not parameters */
    swp_quantity *values;     /* [n_slots] of the point being checked */
    swp_expr    **exprs;      /* [n] */
    weights_entry weights[WEIGHTS_CACHE_SIZE];
};

static bool is_name(const char *candidate, const char *name, size_t len)
{
    return strlen(candidate) == len && strncmp(candidate, name, len) == 0;
}

static const char *nearest_name(const swp_constraints *c, const char *name, size_t len)
{
    const char **known   = calloc(c->n_slots, sizeof(*known));
    char        *text    = ws_asprintf("%.*s", (int)len, name);
    const char  *nearest = NULL;
    size_t       n       = 0;
    for (size_t i = 0; known != NULL && i < N_DERIVED; i++) {
        known[n++] = derived_names[i];
    }
    for (size_t i = 0; known != NULL && i < c->spec->n_params; i++) {
        known[n++] = c->spec->params[i].name;
    }
    for (size_t i = 0; known != NULL && i < c->n_options; i++) {
        known[n++] = c->options[i].name;
    }
    if (text != NULL) {
        nearest = ws_nearest_name(text, known, n);
    }
    free(text);
    free(known);
    return nearest;
}

static swp_expr_name resolve(void *ctx, const char *name, size_t len)
{
    const swp_constraints *c = ctx;
    for (int i = 0; i < N_DERIVED; i++) {
        if (is_name(derived_names[i], name, len)) {
            return (swp_expr_name){.slot = i};
        }
    }
    for (size_t i = 0; i < c->spec->n_params; i++) {
        if (is_name(c->spec->params[i].name, name, len)) {
            return (swp_expr_name){.slot    = N_DERIVED + (int)i,
                                   .is_text = c->spec->params[i].kind == SWP_PARAM_TEXT};
        }
    }
    for (size_t i = 0; i < c->n_options; i++) {
        if (is_name(c->options[i].name, name, len)) {
            return (swp_expr_name){.slot    = N_DERIVED + (int)(c->spec->n_params + i),
                                   .is_text = c->options[i].type == WS_OPTION_CHOICE};
        }
    }
    return (swp_expr_name){.slot = -1, .nearest = nearest_name(c, name, len)};
}

/* Options keep their value over the sweep: those that vary are parameters, found first. */
static void fill_options(swp_constraints *c)
{
    swp_quantity *values = c->values + N_DERIVED + c->spec->n_params;
    for (size_t i = 0; i < c->n_options; i++) {
        const char *text = ws_option_get_text(&c->spec->options, &c->options[i], c->option_texts[i]);
        values[i]        = (swp_quantity){.number = NAN, .text = text};
        if (c->options[i].type == WS_OPTION_BOOL) {
            values[i].number = strcmp(text, "true") == 0 ? 1.0 : 0.0;
        } else if (c->options[i].type != WS_OPTION_CHOICE) {
            values[i].number = strtod(text, NULL);
        }
    }
}

static ws_status compile_all(swp_constraints *c, ws_error *err)
{
    ws_status status = WS_OK;
    for (size_t i = 0; i < c->n; i++) {
        const swp_constraint *constraint = &c->spec->constraints[i];
        char                  message[200];
        const ws_status       one = swp_expr_compile(constraint->text, resolve, c, message, &c->exprs[i]);
        if (one == WS_ERR_INPUT) {
            ws_json_problem(constraint->place, err, "%.*s%s: %s", TEXT_SHOWN, constraint->text,
                            strlen(constraint->text) > TEXT_SHOWN ? "..." : "", message);
        }
        status = ws_status_worse(status, one);
        for (int slot = 0; one == WS_OK && slot < N_DERIVED; slot++) {
            const bool uses  = swp_expr_uses(c->exprs[i], slot);
            c->needs_weights = c->needs_weights || (uses && slot == DERIVED_WEIGHTS_GB);
            c->needs_facts   = c->needs_facts || (uses && slot != DERIVED_WEIGHTS_GB);
        }
    }
    return status;
}

static ws_status create(const swp_spec *spec, swp_builder *builder, ws_error *err, swp_constraints **out)
{
    *out               = NULL;
    swp_constraints *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return WS_ERR_NOMEM;
    }
    c->builder       = builder;
    c->spec          = spec;
    c->n             = c->spec->n_constraints;
    c->options       = ws_option_table(&c->n_options);
    c->n_slots       = N_DERIVED + c->spec->n_params + c->n_options;
    c->values        = calloc(c->n_slots, sizeof(*c->values));
    c->option_texts  = calloc(c->n_options, sizeof(*c->option_texts));
    c->exprs         = calloc(c->n + 1, sizeof(*c->exprs));
    ws_status status = WS_ERR_NOMEM;
    if (c->values != NULL && c->option_texts != NULL && c->exprs != NULL) {
        fill_options(c);
        status = compile_all(c, err);
    }
    if (status != WS_OK) {
        swp_constraints_destroy(&c);
        return status;
    }
    *out = c;
    return WS_OK;
}

ws_status swp_constraints_create(swp_builder *builder, ws_error *err, swp_constraints **out)
{
    return create(swp_builder_spec(builder), builder, err, out);
}

ws_status swp_constraints_check_texts(const swp_spec *spec, ws_error *err)
{
    swp_constraints *unused = NULL;
    const ws_status  status = create(spec, NULL, err, &unused);
    swp_constraints_destroy(&unused);
    return status;
}

void swp_constraints_destroy(swp_constraints **constraints)
{
    swp_constraints *c = *constraints;
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; c->exprs != NULL && i < c->n; i++) {
        swp_expr_destroy(&c->exprs[i]);
    }
    free(c->exprs);
    free(c->option_texts);
    free(c->values);
    free(c);
    *constraints = NULL;
}

static double weights_gb_of(swp_constraints *c, uint64_t job, const uint32_t *value_index)
{
    const uint64_t key   = swp_space_key(swp_builder_space(c->builder), value_index, swp_param_is_structural);
    weights_entry *entry = &c->weights[key % WEIGHTS_CACHE_SIZE];
    if (entry->key_plus_1 != key + 1) {
        swp_job built = swp_job_of(c->builder, job, value_index);
        if (swp_job_weights_gb(&built, &entry->weights_gb) != WS_OK) {
            entry->weights_gb = NAN;
        }
        swp_job_fini(&built);
        entry->key_plus_1 = key + 1;
    }
    return entry->weights_gb;
}

/* What the point's cluster config amounts to, or nothing of it. */
static swp_cluster_facts facts_of(const swp_constraints *c, uint64_t job, const uint32_t *value_index)
{
    swp_cluster_facts facts = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    swp_job           built = swp_job_of(c->builder, job, value_index);
    if (swp_job_facts(&built, NULL, &facts) != WS_OK) {
        facts = (swp_cluster_facts){NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    }
    swp_job_fini(&built);
    return facts;
}

static void fill_point(swp_constraints *c, uint64_t job, const uint32_t *value_index)
{
    swp_cluster_facts facts = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (c->needs_facts) {
        facts = facts_of(c, job, value_index);
    }
    c->values[DERIVED_NUM_INSTANCES].number = facts.num_instances;
    c->values[DERIVED_NUM_NODES].number     = facts.num_nodes;
    c->values[DERIVED_NUM_NPUS].number      = facts.num_npus;
    c->values[DERIVED_TP_SIZE].number       = facts.tp_size;
    c->values[DERIVED_PP_SIZE].number       = facts.pp_size;
    c->values[DERIVED_EP_SIZE].number       = facts.ep_size;
    c->values[DERIVED_NPU_MEM_GB].number    = facts.npu_mem_gb;
    c->values[DERIVED_WEIGHTS_GB].number    = c->needs_weights ? weights_gb_of(c, job, value_index) : NAN;
    for (size_t i = 0; i < c->spec->n_params; i++) {
        const swp_parameter *param  = &c->spec->params[i];
        const swp_choice    *choice = &param->values[value_index[i]];
        c->values[N_DERIVED + i]    = (swp_quantity){
               .number = param->kind == SWP_PARAM_TEXT ? NAN : choice->number, .text = choice->label};
    }
}

size_t swp_constraints_check(swp_constraints *c, uint64_t job, const uint32_t *value_index)
{
    c->unknown = SWP_MEETS_ALL;
    if (c->n == 0) {
        return SWP_MEETS_ALL;
    }
    fill_point(c, job, value_index);
    for (size_t i = 0; i < c->n; i++) {
        const double truth = swp_expr_eval(c->exprs[i], c->values);
        if (truth == 0.0) {
            return i;
        }
        if (isnan(truth) && c->unknown == SWP_MEETS_ALL) {
            c->unknown = i;
        }
    }
    return SWP_MEETS_ALL;
}

size_t swp_constraints_unknown(const swp_constraints *c)
{
    return c->unknown;
}
