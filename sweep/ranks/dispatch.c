#include "ranks/dispatch.h"

#include <math.h>
#include <stdlib.h>

#include "ranks/messages.h"

ws_status swp_outstanding_reserve(swp_outstanding *jobs, size_t n)
{
    if (jobs->n + n <= jobs->capacity) {
        return WS_OK;
    }
    const size_t capacity = (jobs->n + n) * 2;
    swp_ticket  *tickets  = malloc(capacity * sizeof(*tickets));
    if (tickets == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < jobs->n; i++) {
        tickets[i] = jobs->tickets[(jobs->head + i) % jobs->capacity];
    }
    free(jobs->tickets);
    *jobs = (swp_outstanding){.tickets = tickets, .capacity = capacity, .n = jobs->n};
    return WS_OK;
}

void swp_outstanding_push(swp_outstanding *jobs, swp_ticket ticket)
{
    WS_ASSERT(jobs->n < jobs->capacity);
    jobs->tickets[(jobs->head + jobs->n++) % jobs->capacity] = ticket;
}

swp_ticket swp_outstanding_first(const swp_outstanding *jobs)
{
    WS_ASSERT(jobs->n > 0);
    return jobs->tickets[jobs->head];
}

bool swp_outstanding_take(swp_outstanding *jobs, uint64_t job)
{
    if (jobs->n == 0 || jobs->tickets[jobs->head].job != job) {
        return false;
    }
    jobs->head = (jobs->head + 1) % jobs->capacity;
    jobs->n--;
    return true;
}

void swp_outstanding_fini(swp_outstanding *jobs)
{
    free(jobs->tickets);
    *jobs = (swp_outstanding){0};
}

size_t swp_bundle_size(double bundle_s, double job_s, size_t last_bundle, uint64_t n_left, size_t n_workers)
{
    double n = job_s > 0.0 ? bundle_s / job_s : 1.0;
    n        = fmin(n, 2.0 * (double)last_bundle + 1.0);
    n        = fmin(n, (double)n_left / (2.0 * (double)n_workers));
    n        = fmin(n, SWP_MAX_BUNDLE);
    return n < 1.0 ? 1 : (size_t)n;
}
