#include "analysis/ties.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

ws_status swp_ties_init(swp_ties *ties, size_t n)
{
    *ties         = (swp_ties){.n = n};
    ties->digests = calloc(n + 1, sizeof(ties->digests[0]));
    ties->leader  = malloc((n + 1) * sizeof(ties->leader[0]));
    ties->next    = malloc((n + 1) * sizeof(ties->next[0]));
    ties->n_equal = calloc(n + 1, sizeof(ties->n_equal[0]));
    return ties->digests != NULL && ties->leader != NULL && ties->next != NULL && ties->n_equal != NULL
               ? WS_OK
               : WS_ERR_NOMEM;
}

void swp_ties_fini(swp_ties *ties)
{
    free(ties->digests);
    free(ties->leader);
    free(ties->next);
    free(ties->n_equal);
    *ties = (swp_ties){.n = 0};
}

/* The finalizer of splitmix64: every bit depends on every bit. Source: Steele, Lea, Flood, OOPSLA 2014. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void swp_ties_add(swp_ties *ties, size_t result, double value)
{
    uint64_t     bits      = 0;
    const double canonical = isnan(value) ? (double)NAN : value + 0.0; /* -0 + 0 is 0 */
    memcpy(&bits, &canonical, sizeof bits);
    uint64_t *digest = ties->digests[result];
    digest[0]        = mix(digest[0] + UINT64_C(0x9e3779b97f4a7c15) + bits);
    digest[1]        = mix(digest[1] * UINT64_C(0xd1342543de82ef95) + UINT64_C(0x2545f4914f6cdd1d) + bits);
}

typedef struct item {
    uint64_t digest[2];
    size_t   result;
} item;

static int by_digest(const void *a, const void *b)
{
    const item *x = a, *y = b;
    for (int i = 0; i < 2; i++) {
        if (x->digest[i] != y->digest[i]) {
            return x->digest[i] < y->digest[i] ? -1 : 1;
        }
    }
    return x->result < y->result ? -1 : x->result > y->result;
}

ws_status swp_ties_find(swp_ties *ties)
{
    item *items = malloc((ties->n + 1) * sizeof(items[0]));
    if (items == NULL) {
        return WS_ERR_NOMEM;
    }
    for (size_t i = 0; i < ties->n; i++) {
        items[i] = (item){{ties->digests[i][0], ties->digests[i][1]}, i};
    }
    qsort(items, ties->n, sizeof(items[0]), by_digest);
    for (size_t i = 0; i < ties->n; i++) {
        const bool is_equal =
            i > 0 && memcmp(items[i].digest, items[i - 1].digest, sizeof items[i].digest) == 0;
        const size_t result  = items[i].result;
        ties->leader[result] = is_equal ? ties->leader[items[i - 1].result] : result;
        ties->next[result]   = ties->n;
        if (is_equal) {
            ties->next[items[i - 1].result] = result;
        }
        ties->n_equal[ties->leader[result]]++;
    }
    free(items);
    return WS_OK;
}
