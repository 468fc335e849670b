/* The names of bounds on requests' latencies (wattsim.h). */
#include <stddef.h>
#include <string.h>

#include "wattsim.h"

static const struct {
    const char *name;
    size_t      offset; /* in ws_slo */
} bounds[] = {{"ttft", offsetof(ws_slo, ttft_ms)},
              {"tpot", offsetof(ws_slo, tpot_ms)},
              {"itl", offsetof(ws_slo, itl_ms)},
              {"latency", offsetof(ws_slo, latency_ms)},
              {"queue", offsetof(ws_slo, queue_ms)}};

static const char *const endings[] = {"_ms", "_mean_ms", "_p50_ms", "_p90_ms", "_p95_ms", "_p99_ms"};

static bool is_ending(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strlen(endings[i]) == len && strncmp(text, endings[i], len) == 0) {
            return true;
        }
    }
    return false;
}

double *ws_slo_find(ws_slo *slo, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const size_t stem = strlen(bounds[i].name);
        if (len > stem && strncmp(name, bounds[i].name, stem) == 0 && is_ending(name + stem, len - stem)) {
            return (double *)(void *)((char *)slo + bounds[i].offset);
        }
    }
    return NULL;
}
