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

/* ---- the queue ---- */

ws_status swp_job_queue_create(const swp_job_queue_config *config, swp_job_queue **queue_out)
{
    *queue_out            = NULL;
    const swp_spec *s     = swp_builder_spec(config->builder);
    swp_job_queue  *queue = calloc(1, sizeof(*queue));
    if (queue == NULL) {
        return WS_ERR_NOMEM;
    }
    queue->config          = *config;
    queue->cursor          = config->slice.begin;
    queue->n_left          = config->n_to_run;
    queue->sort_again_at   = 8;
    queue->value_index     = calloc(s->n_params + 1, sizeof(*queue->value_index));
    const ws_status status = queue->value_index == NULL ? WS_ERR_NOMEM : swp_cost_create(s, &queue->cost);
    if (status != WS_OK) {
        swp_job_queue_destroy(&queue);
        return status;
    }
    *queue_out = queue;
    return WS_OK;
}

void swp_job_queue_destroy(swp_job_queue **queue)
{
    if (*queue != NULL) {
        swp_cost_destroy(&(*queue)->cost);
        free((*queue)->value_index);
        free((*queue)->returned);
        free(*queue);
        *queue = NULL;
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

static double predict(swp_job_queue *queue, uint64_t job)
{
    swp_space_point(swp_builder_space(queue->config.builder), job, queue->value_index);
    return swp_cost_predict(queue->cost, queue->value_index);
}

static void sort_window(swp_job_queue *queue)
{
    for (size_t i = queue->head; i < queue->tail; i++) {
        queue->window[i].cost_s = predict(queue, queue->window[i].ticket.job);
    }
    qsort(queue->window + queue->head, queue->tail - queue->head, sizeof(candidate), compare_candidates);
    while (queue->sort_again_at <= swp_cost_n_observed(queue->cost)) {
        queue->sort_again_at *= 2;
    }
}

static bool is_done(const swp_job_queue *queue, uint64_t job)
{
    const uint64_t bit = job - queue->config.slice.begin;
    return queue->config.done_bits != NULL && (queue->config.done_bits[bit / 8] >> (bit % 8) & 1) != 0;
}

static int32_t attempt_of(swp_job_queue *queue, uint64_t job)
{
    while (queue->next_retry < queue->config.n_retries &&
           queue->config.retries[queue->next_retry].job < job) {
        queue->next_retry++;
    }
    const bool is_retry =
        queue->next_retry < queue->config.n_retries && queue->config.retries[queue->next_retry].job == job;
    return is_retry ? queue->config.retries[queue->next_retry].attempt : 1;
}

/* True if the job is to run; reports pruned ones. */
static bool admit(swp_job_queue *queue, uint64_t job)
{
    if (is_done(queue, job)) {
        return false;
    }
    swp_space_point(swp_builder_space(queue->config.builder), job, queue->value_index);
    const size_t unmet = swp_constraints_check(queue->config.constraints, job, queue->value_index);
    if (unmet != SWP_MEETS_ALL && queue->config.on_pruned != NULL) {
        queue->config.on_pruned(queue->config.ctx, job, queue->value_index, unmet);
    }
    return unmet == SWP_MEETS_ALL;
}

static void refill(swp_job_queue *queue)
{
    memmove(queue->window, queue->window + queue->head, (queue->tail - queue->head) * sizeof(candidate));
    queue->tail -= queue->head;
    queue->head = 0;
    while (queue->tail < WINDOW && queue->cursor < queue->config.slice.end) {
        const uint64_t job = queue->cursor++;
        if (admit(queue, job)) {
            queue->window[queue->tail++].ticket = (swp_ticket){.job = job, .attempt = attempt_of(queue, job)};
        }
    }
    sort_window(queue);
}

size_t swp_job_queue_take(swp_job_queue *queue, size_t n, swp_ticket *out)
{
    size_t taken = 0;
    while (taken < n && queue->n_returned > 0) {
        out[taken++] = queue->returned[--queue->n_returned];
    }
    while (taken < n) {
        if (queue->tail - queue->head < WINDOW / 2 && queue->cursor < queue->config.slice.end) {
            refill(queue);
        } else if (swp_cost_n_observed(queue->cost) >= queue->sort_again_at) {
            sort_window(queue);
        }
        if (queue->head == queue->tail) {
            break;
        }
        out[taken++] = queue->window[queue->head++].ticket;
    }
    queue->n_left = taken == 0 ? 0 : queue->n_left - (taken < queue->n_left ? taken : queue->n_left);
    return taken;
}

ws_status swp_job_queue_return(swp_job_queue *queue, swp_ticket ticket)
{
    if (queue->n_returned == queue->returned_capacity) {
        const size_t capacity = queue->returned_capacity * 2 + 64;
        swp_ticket  *grown    = realloc(queue->returned, capacity * sizeof(*grown));
        if (grown == NULL) {
            return WS_ERR_NOMEM;
        }
        queue->returned          = grown;
        queue->returned_capacity = capacity;
    }
    queue->returned[queue->n_returned++] = ticket;
    queue->n_left++;
    return WS_OK;
}

void swp_job_queue_observe(swp_job_queue *queue, uint64_t job, double wall_s)
{
    swp_space_point(swp_builder_space(queue->config.builder), job, queue->value_index);
    swp_cost_observe(queue->cost, queue->value_index, wall_s);
}

uint64_t swp_job_queue_n_left(const swp_job_queue *queue)
{
    return queue->n_left;
}
