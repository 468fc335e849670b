#include "job/effects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/job.h"

enum { MAX_POINTS = 16, MAX_VALUES = 8, MAX_PARAMS_TRIED = 256 };

static const double k_budget_s = 2.0;

/* One parameter: the values looked at, and which of them have been the same so far. */
typedef struct suspect {
    size_t   n;                 /* values looked at; 0 = nothing to compare */
    uint32_t value[MAX_VALUES]; /* their indices, ascending */
    size_t class[MAX_VALUES];   /* equal numbers: the same at every point so far */
    size_t n_points;            /* compared at */
} suspect;

typedef struct search {
    swp_builder *builder;
    uint32_t    *point; /* [n_params] */
    suspect     *suspects;
    double       begin_s;
} search;

static bool is_late(const search *s)
{
    return ws_wall_s() - s->begin_s > k_budget_s;
}

static bool is_chosen(const swp_parameter *param, const suspect *s, size_t value)
{
    for (size_t i = 0; i < s->n; i++) { /* parameters that run together repeat values */
        if (strcmp(param->values[s->value[i]].label, param->values[value].label) == 0) {
            return true;
        }
    }
    return false;
}

/* All values, or the first, the last and some between, each once. */
static void choose_values(const swp_parameter *param, suspect *out)
{
    const size_t n = param->n_values < MAX_VALUES ? param->n_values : MAX_VALUES;
    for (size_t k = 0; k < n; k++) {
        const size_t value = n == 1 ? 0 : k * (param->n_values - 1) / (n - 1);
        if (!is_chosen(param, out, value)) {
            out->value[out->n++] = (uint32_t)value;
        }
    }
    out->n = out->n < 2 ? 0 : out->n;
}

static bool is_undecided(const suspect *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (s->class[i] == s->class[k]) {
                return true;
            }
        }
    }
    return false;
}

/* What a point's simulation reads; false if there is none: then nothing can be said about it. */
static bool fingerprint(search *s, uint64_t job, uint64_t *out)
{
    ws_scenario    *scenario = NULL;
    swp_job         built    = swp_job_of(s->builder, job, s->point);
    const ws_status status   = swp_job_scenario(&built, NULL, &scenario);
    swp_job_fini(&built);
    if (status == WS_OK) {
        *out = ws_scenario_fingerprint(scenario);
    }
    ws_scenario_destroy(&scenario);
    return status == WS_OK;
}

/* Split the classes by what this point shows. A value that cannot run here is like no other. */
static void compare_values(search *s, uint64_t job, size_t param)
{
    suspect       *tried = &s->suspects[param];
    const uint32_t own   = s->point[param];
    uint64_t       prints[MAX_VALUES];
    bool           is_known[MAX_VALUES];
    size_t         refined[MAX_VALUES];
    for (size_t i = 0; i < tried->n; i++) {
        s->point[param] = tried->value[i];
        is_known[i]     = fingerprint(s, job, &prints[i]);
    }
    s->point[param] = own;
    for (size_t i = 0; i < tried->n; i++) {
        refined[i] = i;
        for (size_t k = 0; k < i; k++) {
            if (tried->class[i] == tried->class[k] && is_known[i] && is_known[k] && prints[i] == prints[k]) {
                refined[i] = refined[k];
                break;
            }
        }
    }
    memcpy(tried->class, refined, sizeof(refined));
    tried->n_points++;
}

/* Points far apart, in step with no axis: multiples of the golden ratio. */
static uint64_t spread_job(const swp_space *space, size_t k)
{
    const double place = fmod((double)k * 0.61803398874989485, 1.0);
    return (uint64_t)(place * (double)space->n_jobs);
}

static size_t n_undecided(const search *s, size_t n_params)
{
    size_t n = 0;
    for (size_t i = 0; i < n_params; i++) {
        n += is_undecided(&s->suspects[i]);
    }
    return n;
}

static bool look(search *s)
{
    const swp_space *space    = swp_builder_space(s->builder);
    const size_t     n_params = space->spec->n_params;
    for (size_t k = 0; k < MAX_POINTS && k < space->n_jobs && n_undecided(s, n_params) > 0; k++) {
        const uint64_t job = spread_job(space, k);
        for (size_t i = 0; i < n_params; i++) {
            swp_space_point(space, job, s->point);
            if (is_undecided(&s->suspects[i])) {
                compare_values(s, job, i);
            }
            if (is_late(s)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- telling ---- */

static size_t size_of_class(const suspect *s, size_t class)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        n += s->class[i] == class;
    }
    return n;
}

static void list_class(const swp_parameter *param, const suspect *s, size_t class, ws_strbuf *out)
{
    const size_t n     = size_of_class(s, class);
    size_t       n_put = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->class[i] == class) {
            if (n_put > 0) {
                ws_strbuf_puts(out, n_put + 1 == n ? " and " : ", ");
            }
            ws_strbuf_puts(out, param->values[s->value[i]].label);
            n_put++;
        }
    }
}

static void put_scope(const suspect *s, ws_strbuf *out)
{
    if (s->n_points == 1) {
        ws_strbuf_puts(out, " give the same simulation at the one point looked at");
    } else {
        ws_strbuf_printf(out, " give the same simulation at all %zu points looked at", s->n_points);
    }
}

static void tell(const swp_parameter *param, const suspect *s, ws_strbuf *out)
{
    if (s->n > 0 && size_of_class(s, 0) == s->n) {
        ws_strbuf_printf(out, "%s changes nothing: ", param->name);
        list_class(param, s, 0, out);
        put_scope(s, out);
        if (param->option != NULL) {
            ws_strbuf_printf(out, " (%s)", param->option->help);
        }
        ws_strbuf_puts(out, "\n");
        return;
    }
    for (size_t class = 0; class < s->n; class ++) {
        if (size_of_class(s, class) > 1) {
            ws_strbuf_printf(out, "%s: ", param->name);
            list_class(param, s, class, out);
            put_scope(s, out);
            ws_strbuf_puts(out, "\n");
        }
    }
}

ws_status swp_effects_find(swp_builder *builder, ws_strbuf *notes)
{
    const swp_spec *spec   = swp_builder_spec(builder);
    const size_t    n      = spec->n_params < MAX_PARAMS_TRIED ? spec->n_params : 0;
    search          s      = {.builder = builder, .begin_s = ws_wall_s()};
    ws_status       status = WS_ERR_NOMEM;
    s.point                = calloc(spec->n_params + 1, sizeof(*s.point));
    s.suspects             = calloc(n + 1, sizeof(*s.suspects));
    if (s.point != NULL && s.suspects != NULL) {
        for (size_t i = 0; i < n; i++) {
            choose_values(&spec->params[i], &s.suspects[i]);
        }
        if (n > 0 && look(&s)) {
            for (size_t i = 0; i < n; i++) {
                tell(&spec->params[i], &s.suspects[i], notes);
            }
        }
        status = notes->failed ? WS_ERR_NOMEM : WS_OK;
    }
    free(s.point);
    free(s.suspects);
    return status;
}
