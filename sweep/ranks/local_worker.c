#include "ranks/local_worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { RING = 2 * 4096 }; /* two bundles of any size the coordinator makes */

struct swp_local_worker {
    swp_job_fn      run;
    void           *ctx;
    pthread_t       thread;
    pthread_mutex_t mutex;
    pthread_cond_t  has_work, has_rows;
    /* under the mutex */
    swp_ticket ring[RING];
    size_t     head, n_waiting;
    bool       is_running, is_stopping, has_failed;
    swp_rows   rows;
};

static void *local_main(void *arg)
{
    swp_local_worker *local = arg;
    pthread_mutex_lock(&local->mutex);
    for (;;) {
        while (local->n_waiting == 0 && !local->is_stopping) {
            pthread_cond_wait(&local->has_work, &local->mutex);
        }
        if (local->is_stopping) {
            break;
        }
        const swp_ticket ticket = local->ring[local->head];
        local->head             = (local->head + 1) % RING;
        local->n_waiting--;
        local->is_running = true;
        pthread_mutex_unlock(&local->mutex);
        const swp_row *row = local->run(local->ctx, ticket.job, ticket.attempt);
        pthread_mutex_lock(&local->mutex);
        if (swp_rows_add(&local->rows, row) != WS_OK) {
            local->has_failed = true;
        }
        local->is_running = false;
        pthread_cond_signal(&local->has_rows);
    }
    pthread_mutex_unlock(&local->mutex);
    return NULL;
}

static void release(swp_local_worker **local)
{
    pthread_cond_destroy(&(*local)->has_rows);
    pthread_cond_destroy(&(*local)->has_work);
    pthread_mutex_destroy(&(*local)->mutex);
    free((*local)->rows.data);
    free(*local);
    *local = NULL;
}

ws_status swp_local_worker_start(swp_job_fn run, void *ctx, swp_local_worker **local_out)
{
    *local_out              = NULL;
    swp_local_worker *local = calloc(1, sizeof(*local));
    if (local == NULL) {
        return WS_ERR_NOMEM;
    }
    if (ws_cond_init(&local->has_rows) != WS_OK) {
        free(local);
        return WS_ERR_NOMEM;
    }
    local->run = run;
    local->ctx = ctx;
    pthread_mutex_init(&local->mutex, NULL);
    pthread_cond_init(&local->has_work, NULL);
    if (pthread_create(&local->thread, NULL, local_main, local) != 0) {
        release(&local);
        return WS_ERR_NOMEM;
    }
    *local_out = local;
    return WS_OK;
}

ws_status swp_local_worker_add(swp_local_worker *local, const swp_ticket *tickets, size_t n)
{
    pthread_mutex_lock(&local->mutex);
    const bool has_room = n <= RING - local->n_waiting;
    for (size_t i = 0; i < n && has_room; i++) {
        local->ring[(local->head + local->n_waiting++) % RING] = tickets[i];
    }
    pthread_cond_signal(&local->has_work);
    pthread_mutex_unlock(&local->mutex);
    return has_room ? WS_OK : WS_ERR_ARG;
}

bool swp_local_worker_collect(swp_local_worker *local, double wait_s, swp_rows *rows_out)
{
    pthread_mutex_lock(&local->mutex);
    if (local->rows.n_rows == 0 && (local->is_running || local->n_waiting > 0)) {
        ws_cond_wait_s(&local->has_rows, &local->mutex, wait_s);
    }
    const bool has_rows = local->rows.n_rows > 0;
    if (has_rows) {
        *rows_out   = local->rows;
        local->rows = (swp_rows){0};
    }
    pthread_mutex_unlock(&local->mutex);
    return has_rows;
}

void swp_local_worker_drain(swp_local_worker *local)
{
    pthread_mutex_lock(&local->mutex);
    local->n_waiting = 0;
    pthread_mutex_unlock(&local->mutex);
}

bool swp_local_worker_is_idle(swp_local_worker *local)
{
    pthread_mutex_lock(&local->mutex);
    const bool is_idle = !local->is_running && local->n_waiting == 0 && local->rows.n_rows == 0;
    pthread_mutex_unlock(&local->mutex);
    return is_idle;
}

bool swp_local_worker_has_failed(swp_local_worker *local)
{
    pthread_mutex_lock(&local->mutex);
    const bool has_failed = local->has_failed;
    pthread_mutex_unlock(&local->mutex);
    return has_failed;
}

void swp_local_worker_stop(swp_local_worker **local)
{
    if (*local == NULL) {
        return;
    }
    pthread_mutex_lock(&(*local)->mutex);
    (*local)->is_stopping = true;
    pthread_cond_signal(&(*local)->has_work);
    pthread_mutex_unlock(&(*local)->mutex);
    pthread_join((*local)->thread, NULL);
    release(local);
}
