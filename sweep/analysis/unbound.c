#include "analysis/unbound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RESULTS = 1 << 22 }; /* 40 bytes each, and as much again for the file's metrics */

/* A result among those that differ from it in one parameter only. */
typedef struct member {
    uint64_t others; /* of the values of all other parameters */
    uint32_t value;  /* of this one */
    size_t   result;
} member;

static int compare_members(const void *a, const void *b)
{
    const member *x = a, *y = b;
    if (x->others != y->others) {
        return x->others < y->others ? -1 : 1;
    }
    if (x->value != y->value) {
        return x->value < y->value ? -1 : 1;
    }
    return x->result < y->result ? -1 : x->result > y->result;
}

/* The finalizer of splitmix64. Source: Steele, Lea and Flood, OOPSLA 2014. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Values that have equal labels are one: parameters that run together repeat them. */
static uint64_t hash_label(const char *text)
{
    uint64_t hash = 0;
    for (; *text != '\0'; text++) {
        hash = mix(hash + UINT64_C(0x9e3779b97f4a7c15) + (unsigned char)*text);
    }
    return hash;
}

typedef struct finder {
    const swp_space            *space;
    const swp_outcome_of_point *results;
    size_t                      n;
    member                     *members;     /* [n] */
    uint32_t                   *value_index; /* [n_params] */
    size_t *n_equal; /* [n_values]: pairs that span the step from this value to the next */
    bool   *differs; /* [n_values] */
} finder;

static void list_members(finder *f, size_t param)
{
    const swp_spec *spec = f->space->spec;
    for (size_t i = 0; i < f->n; i++) {
        uint64_t others = 0;
        swp_space_point(f->space, f->results[i].job, f->value_index);
        for (size_t p = 0; p < spec->n_params; p++) {
            if (p != param) {
                others = mix(others + hash_label(spec->params[p].values[f->value_index[p]].label) +
                             UINT64_C(0x9e3779b97f4a7c15));
            }
        }
        f->members[i] = (member){.others = others, .value = f->value_index[param], .result = i};
    }
    qsort(f->members, f->n, sizeof(f->members[0]), compare_members);
}

/* Compare neighbours of each group. */
static void compare_neighbours(finder *f, size_t n_values)
{
    memset(f->n_equal, 0, n_values * sizeof(f->n_equal[0]));
    memset(f->differs, 0, n_values * sizeof(f->differs[0]));
    for (size_t i = 1; i < f->n; i++) {
        const member *a = &f->members[i - 1], *b = &f->members[i];
        if (a->others != b->others) {
            continue;
        }
        const bool is_same = f->results[a->result].same == f->results[b->result].same;
        for (uint32_t v = a->value; v < b->value; v++) {
            f->n_equal[v] += is_same;
            f->differs[v] = f->differs[v] || !is_same;
        }
    }
}

/* Most requests at once where the parameter has one of these values. */
static double peak_of(const finder *f, size_t first, size_t last)
{
    double peak = NAN;
    for (size_t i = 0; i < f->n; i++) {
        if (f->members[i].value >= first && f->members[i].value <= last) {
            peak = fmax(peak, f->results[f->members[i].result].n_peak);
        }
    }
    return peak;
}

static bool limits_running(const char *name)
{
    const char *end = strrchr(name, '/');
    return strcmp(end != NULL ? end + 1 : name, "max_num_seqs") == 0;
}

static void tell(const finder *f, const swp_parameter *param, size_t first, size_t last, ws_strbuf *out)
{
    ws_strbuf_printf(out, "%s %s %s %s gave equal results", param->name, param->values[first].label,
                     last - first > 1 ? "to" : "and", param->values[last].label);
    const double peak = limits_running(param->name) ? peak_of(f, first, last) : NAN;
    if (!isnan(peak)) {
        ws_strbuf_printf(out, ": at most %.0f ran at once", peak);
    }
    ws_strbuf_puts(out, "\n");
}

static bool is_named(const char *known, const char *name)
{
    const size_t len = strlen(name);
    for (; known[0] != '\0'; known += strcspn(known, "\n"), known += known[0] == '\n') {
        if (strncmp(known, name, len) == 0 && (known[len] == ' ' || known[len] == ':')) {
            return true;
        }
    }
    return false;
}

static void find_runs(finder *f, size_t p, ws_strbuf *out)
{
    const swp_parameter *param = &f->space->spec->params[p];
    list_members(f, p);
    compare_neighbours(f, param->n_values);
    for (size_t first = 0; first + 1 < param->n_values;) {
        size_t last = first;
        while (last + 1 < param->n_values && f->n_equal[last] > 0 && !f->differs[last]) {
            last++;
        }
        if (last > first) {
            tell(f, param, first, last, out);
        }
        first = last + 1;
    }
}

static size_t most_values(const swp_spec *spec)
{
    size_t most = 1;
    for (size_t p = 0; p < spec->n_params; p++) {
        most = spec->params[p].n_values > most ? spec->params[p].n_values : most;
    }
    return most;
}

ws_status swp_unbound_find(const swp_space *space, const swp_outcome_of_point *results, size_t n,
                           const char *known, ws_strbuf *out)
{
    const swp_spec *spec   = space->spec;
    const size_t    n_most = most_values(spec);
    finder          f      = {.space       = space,
                              .results     = results,
                              .n           = n,
                              .members     = calloc(n + 1, sizeof(*f.members)),
                              .value_index = calloc(spec->n_params + 1, sizeof(*f.value_index)),
                              .n_equal     = calloc(n_most, sizeof(*f.n_equal)),
                              .differs     = calloc(n_most, sizeof(*f.differs))};
    ws_status       status = WS_ERR_NOMEM;
    if (f.members != NULL && f.value_index != NULL && f.n_equal != NULL && f.differs != NULL) {
        for (size_t p = 0; p < spec->n_params; p++) {
            if (spec->params[p].n_values > 1 && !is_named(known, spec->params[p].name)) {
                find_runs(&f, p, out);
            }
        }
        status = out->failed ? WS_ERR_NOMEM : WS_OK;
    }
    free(f.members);
    free(f.value_index);
    free(f.n_equal);
    free(f.differs);
    return status;
}

/* ---- from a file ---- */

static ws_status read_results(const swp_selection *selection, const swp_ties *ties, ws_error *err,
                              swp_outcome_of_point *results)
{
    swp_cells     job    = {.n = 0};
    swp_estimate *peak   = NULL;
    ws_status     status = swp_result_table_read(&selection->results, "job", err, &job);
    if (status == WS_OK) {
        status = swp_selection_estimates(selection, "running_peak", err, &peak);
    }
    for (size_t i = 0; status == WS_OK && i < selection->points.n; i++) {
        const size_t row = selection->points.rows[selection->points.first[i]];
        results[i]       = (swp_outcome_of_point){
                  .job = (uint64_t)swp_cells_number(&job, row), .same = ties->leader[i], .n_peak = peak[i].mean};
    }
    free(peak);
    swp_cells_fini(&job);
    return status;
}

ws_status swp_unbound_of_file(const char *path, const swp_space *space, const char *known, ws_error *err,
                              ws_strbuf *out)
{
    if (space->n_jobs > MAX_RESULTS || space->spec->n_params == 0) {
        return WS_OK;
    }
    swp_selection         selection = {.points = {.n = 0}};
    swp_ties              ties      = {.n = 0};
    swp_outcome_of_point *results   = NULL;
    ws_status             status    = swp_selection_open(path, NULL, err, &selection);
    if (status == WS_OK) {
        status = swp_selection_ties(&selection, err, &ties);
    }
    if (status == WS_OK) {
        results = calloc(selection.points.n + 1, sizeof(*results));
        status  = results != NULL ? read_results(&selection, &ties, err, results) : WS_ERR_NOMEM;
    }
    if (status == WS_OK) {
        status = swp_unbound_find(space, results, selection.points.n, known, out);
    }
    free(results);
    swp_ties_fini(&ties);
    swp_selection_close(&selection);
    return status;
}
