#include "in_hand.h"

#include <math.h>
#include <stdlib.h>

#include "messages.h"

ws_status swp_in_hand_reserve(swp_in_hand *hand, size_t n)
{
    if (hand->n + n <= hand->capacity) {
        return WS_OK;
    }
    const size_t capacity = (hand->n + n) * 2;
    swp_ticket  *tickets  = malloc(capacity * sizeof(*tickets));
    if (tickets == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < hand->n; i++) {
        tickets[i] = hand->tickets[(hand->head + i) % hand->capacity];
    }
    free(hand->tickets);
    *hand = (swp_in_hand){.tickets = tickets, .capacity = capacity, .n = hand->n};
    return WS_OK;
}

void swp_in_hand_push(swp_in_hand *hand, swp_ticket ticket)
{
    WS_ASSERT(hand->n < hand->capacity);
    hand->tickets[(hand->head + hand->n++) % hand->capacity] = ticket;
}

swp_ticket swp_in_hand_first(const swp_in_hand *hand)
{
    WS_ASSERT(hand->n > 0);
    return hand->tickets[hand->head];
}

bool swp_in_hand_take(swp_in_hand *hand, uint64_t job)
{
    if (hand->n == 0 || hand->tickets[hand->head].job != job) {
        return false;
    }
    hand->head = (hand->head + 1) % hand->capacity;
    hand->n--;
    return true;
}

void swp_in_hand_fini(swp_in_hand *hand)
{
    free(hand->tickets);
    *hand = (swp_in_hand){0};
}

size_t swp_batch_size(double batch_s, double job_s, size_t last_batch, uint64_t n_left, size_t n_workers)
{
    double n = job_s > 0.0 ? batch_s / job_s : 1.0;
    n        = fmin(n, 2.0 * (double)last_batch + 1.0);
    n        = fmin(n, (double)n_left / (2.0 * (double)n_workers));
    n        = fmin(n, SWP_MAX_BATCH);
    return n < 1.0 ? 1 : (size_t)n;
}
