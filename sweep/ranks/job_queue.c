#include "ranks/job_queue.h"

#include <stdlib.h>
#include <string.h>

#include "job/cost_model.h"

enum { WINDOW = 4096 };

typedef struct candidate {
    swp_ticket ticket;
    double     cost_s;
} candidate;

struct swp_job_queue {
    swp_job_queue_config config;
    swp_cost            *cost;
    uint32_t            *value_index; /* [n_params] scratch */
    uint64_t             cursor;      /* next job number to look at */
    uint64_t             n_left;
    size_t               next_retry;
    candidate            window[WINDOW]; /* [head, tail) in the order of dispatch */
    size_t               head, tail;
    uint64_t             sort_again_at; /* observations */
    swp_ticket          *returned;
    size_t               n_returned, returned_capacity;
};

swp_slice swp_slice_of(const swp_space *space, uint64_t k, uint64_t n)
{
    const uint64_t share = space->n_jobs / n, rest = space->n_jobs % n;
    const uint64_t begin = k * share + (k < rest ? k : rest);
    return (swp_slice){.begin = begin, .end = begin + share + (k < rest ? 1 : 0)};
}

/* ---- census ---- */

ws_status swp_census_take(swp_builder *builder, swp_constraints *constraints, swp_slice slice,
                          swp_census *census_out)
{
    const swp_spec *spec        = swp_builder_spec(builder);
    uint32_t       *value_index = calloc(spec->n_params + 1, sizeof(*value_index));
    *census_out                 = (swp_census){.n_jobs = slice.end - slice.begin};
    census_out->pruned_by       = calloc(spec->n_constraints + 1, sizeof(uint64_t));
    census_out->unknown_by      = calloc(spec->n_constraints + 1, sizeof(uint64_t));
    if (value_index == NULL || census_out->pruned_by == NULL || census_out->unknown_by == NULL) {
        free(value_index);
        swp_census_fini(census_out);
        return WS_ERR_NOMEM;
    }
    for (uint64_t job = slice.begin; job < slice.end && spec->n_constraints > 0; job++) {
        swp_space_point(swp_builder_space(builder), job, value_index);
        const size_t unmet = swp_constraints_check(constraints, job, value_index);
        if (unmet != SWP_MEETS_ALL) {
            census_out->pruned_by[unmet]++;
            census_out->n_pruned++;
        } else if (swp_constraints_unknown(constraints) != SWP_MEETS_ALL) {
            census_out->unknown_by[swp_constraints_unknown(constraints)]++;
        }
    }
    census_out->n_jobs -= census_out->n_pruned;
    free(value_index);
    return WS_OK;
}

void swp_census_fini(swp_census *census)
{
    free(census->pruned_by);
    free(census->unknown_by);
    *census = (swp_census){0};
}

/* ---- source ---- */

ws_status swp_job_queue_create(const swp_job_queue_config *config, swp_job_queue **source_out)
{
    *source_out            = NULL;
    const swp_spec *s      = swp_builder_spec(config->builder);
    swp_job_queue  *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        return WS_ERR_NOMEM;
    }
    source->config         = *config;
    source->cursor         = config->slice.begin;
    source->n_left         = config->n_to_run;
    source->sort_again_at  = 8;
    source->value_index    = calloc(s->n_params + 1, sizeof(*source->value_index));
    const ws_status status = source->value_index == NULL ? WS_ERR_NOMEM : swp_cost_create(s, &source->cost);
    if (status != WS_OK) {
        swp_job_queue_destroy(&source);
        return status;
    }
    *source_out = source;
    return WS_OK;
}

void swp_job_queue_destroy(swp_job_queue **source)
{
    if (*source != NULL) {
        swp_cost_destroy(&(*source)->cost);
        free((*source)->value_index);
        free((*source)->returned);
        free(*source);
        *source = NULL;
    }
}

static int compare_candidates(const void *a, const void *b)
{
    const candidate *left = a, *right = b;
    if (left->cost_s != right->cost_s) {
        return left->cost_s > right->cost_s ? -1 : 1; /* long jobs first */
    }
    return left->ticket.job < right->ticket.job ? -1 : 1;
}

static double predict(swp_job_queue *source, uint64_t job)
{
    swp_space_point(swp_builder_space(source->config.builder), job, source->value_index);
    return swp_cost_predict(source->cost, source->value_index);
}

static void sort_window(swp_job_queue *source)
{
    for (size_t i = source->head; i < source->tail; i++) {
        source->window[i].cost_s = predict(source, source->window[i].ticket.job);
    }
    qsort(source->window + source->head, source->tail - source->head, sizeof(candidate), compare_candidates);
    while (source->sort_again_at <= swp_cost_n_observed(source->cost)) {
        source->sort_again_at *= 2;
    }
}

static bool is_done(const swp_job_queue *source, uint64_t job)
{
    const uint64_t bit = job - source->config.slice.begin;
    return source->config.done_bits != NULL && (source->config.done_bits[bit / 8] >> (bit % 8) & 1) != 0;
}

static int32_t attempt_of(swp_job_queue *source, uint64_t job)
{
    while (source->next_retry < source->config.n_retries &&
           source->config.retries[source->next_retry].job < job) {
        source->next_retry++;
    }
    const bool is_retry = source->next_retry < source->config.n_retries &&
                          source->config.retries[source->next_retry].job == job;
    return is_retry ? source->config.retries[source->next_retry].attempt : 1;
}

/* True if the job is to run; tells about pruned ones. */
static bool admit(swp_job_queue *source, uint64_t job)
{
    if (is_done(source, job)) {
        return false;
    }
    swp_space_point(swp_builder_space(source->config.builder), job, source->value_index);
    const size_t unmet = swp_constraints_check(source->config.constraints, job, source->value_index);
    if (unmet != SWP_MEETS_ALL && source->config.on_pruned != NULL) {
        source->config.on_pruned(source->config.ctx, job, source->value_index, unmet);
    }
    return unmet == SWP_MEETS_ALL;
}

static void refill(swp_job_queue *source)
{
    memmove(source->window, source->window + source->head, (source->tail - source->head) * sizeof(candidate));
    source->tail -= source->head;
    source->head = 0;
    while (source->tail < WINDOW && source->cursor < source->config.slice.end) {
        const uint64_t job = source->cursor++;
        if (admit(source, job)) {
            source->window[source->tail++].ticket =
                (swp_ticket){.job = job, .attempt = attempt_of(source, job)};
        }
    }
    sort_window(source);
}

size_t swp_job_queue_take(swp_job_queue *source, size_t n, swp_ticket *out)
{
    size_t taken = 0;
    while (taken < n && source->n_returned > 0) {
        out[taken++] = source->returned[--source->n_returned];
    }
    while (taken < n) {
        if (source->tail - source->head < WINDOW / 2 && source->cursor < source->config.slice.end) {
            refill(source);
        } else if (swp_cost_n_observed(source->cost) >= source->sort_again_at) {
            sort_window(source);
        }
        if (source->head == source->tail) {
            break;
        }
        out[taken++] = source->window[source->head++].ticket;
    }
    source->n_left = taken == 0 ? 0 : source->n_left - (taken < source->n_left ? taken : source->n_left);
    return taken;
}

ws_status swp_job_queue_return(swp_job_queue *source, swp_ticket ticket)
{
    if (source->n_returned == source->returned_capacity) {
        const size_t capacity = source->returned_capacity * 2 + 64;
        swp_ticket  *grown    = realloc(source->returned, capacity * sizeof(*grown));
        if (grown == NULL) {
            return WS_ERR_NOMEM;
        }
        source->returned          = grown;
        source->returned_capacity = capacity;
    }
    source->returned[source->n_returned++] = ticket;
    source->n_left++;
    return WS_OK;
}

void swp_job_queue_observe(swp_job_queue *source, uint64_t job, double wall_s)
{
    swp_space_point(swp_builder_space(source->config.builder), job, source->value_index);
    swp_cost_observe(source->cost, source->value_index, wall_s);
}

uint64_t swp_job_queue_n_left(const swp_job_queue *source)
{
    return source->n_left;
}
