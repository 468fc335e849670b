/* hardware/network.h -- messages and ring collectives on a fully connected, congestion-free topology.
 * Source: docs/model/timing.md 2.4 to 2.6 and 5.2, 5.3. Plain data, pure functions. */
#ifndef WS_NETWORK_H
#define WS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WS_DIMS_MAX = 3 };

typedef struct ws_network {
    int     n_dims;
    int64_t size[WS_DIMS_MAX];       /* NPUs per dimension, dimension 0 varies fastest */
    double  bw_gbps[WS_DIMS_MAX];    /* 2^30 bytes per second */
    double  latency_ns[WS_DIMS_MAX]; /* may be fractional */
    int64_t reduce_bw;               /* bytes per ns of NPU memory, truncated, used by reductions */
} ws_network;

typedef enum ws_collective {
    WS_ALL_REDUCE,
    WS_ALL_GATHER, /* bytes are one rank's contribution; for all others the whole buffer */
    WS_REDUCE_SCATTER,
    WS_ALL_TO_ALL
} ws_collective;

/** Delay charged once when a ring phase begins and once per step. Source: docs/model/timing.md 0.2. */
enum { WS_ENDPOINT_NS = 10, WS_RING_PHASES_MAX = 2 * WS_DIMS_MAX - 1 };

/** One ring of a collective: every step sends a message and, in the first n_reducing steps, adds what
 * arrived. */
typedef struct ws_ring_phase {
    int     dim;
    int64_t n_members;  /* N >= 2 */
    int64_t n_steps;    /* K */
    int64_t n_reducing; /* <= n_steps */
    int64_t message_ns; /* D */
    int64_t reduce_ns;  /* R */
} ws_ring_phase;

typedef struct ws_ring_phases {
    int           n_phases; /* 0 = no involved dimension has more than one NPU */
    ws_ring_phase phases[WS_RING_PHASES_MAX];
} ws_ring_phases;

/** A collective as the rings it consists of, bytes >= 1 (docs/model/timing.md 2.5). */
ws_ring_phases ws_collective_phases(const ws_network *net, ws_collective kind, int64_t bytes, unsigned dims);

/** Number of NPUs, the product of the sizes. */
int64_t ws_network_n_npus(const ws_network *net);

/** Delay of a message of bytes >= 1 between two NPUs that differ in dimension dim (the lowest one): D(s). */
int64_t ws_network_message_ns(const ws_network *net, int dim, int64_t bytes);

/** Delay between two NPU ids, bytes >= 1, from != to. */
int64_t ws_network_between_ns(const ws_network *net, int64_t from, int64_t to, int64_t bytes);

/** Time of a collective over the involved dimensions when all members enter together.
 * @param[in] dims  bit k set = dimension k involved; bits of dimensions of size 1 change nothing
 * @return ns, or -1 if no involved dimension has more than one NPU (it would never end) */
int64_t ws_collective_ns(const ws_network *net, ws_collective kind, int64_t bytes, unsigned dims);

/** Members of a collective over dims: the product of the involved sizes. */
int64_t ws_collective_size(const ws_network *net, unsigned dims);

/** End time of each member when they enter at different times.
 * @param[in,out] t_ns  [ws_collective_size()] entry times, replaced by end times; members in the order of
 * their coordinates in the involved dimensions, the lowest dimension varying fastest
 * @param[in] scratch   [ws_collective_size()] work space */
void ws_collective_run(const ws_network *net, ws_collective kind, int64_t bytes, unsigned dims, int64_t *t_ns,
                       int64_t *scratch);

/** `count` equal all-reduces over one dimension in a row, with the same compute between them on all members
 * (so that only their skew matters): closed form as soon as no two members are more than one message apart
 * (docs/model/timing.md 5.3).
 * @param[in,out] t_ns  [size of dim] entry times of the first, replaced by end times of the last, the compute
 * between them not included */
void ws_all_reduce_repeat(const ws_network *net, int dim, int64_t bytes, int64_t count, int64_t *t_ns,
                          int64_t *scratch);

#endif /* WS_NETWORK_H */
