#include "hardware/network.h"

#include "base/status.h"
#include "base/units.h"

/* Ceiling of one message, 13 days: keeps sums over a ring inside int64 whatever the config says. */
static const double k_message_max_ns = 1125899906842624.0;

/* ---- messages ---- */

int64_t ws_network_n_npus(const ws_network *net)
{
    int64_t n_npus = 1;
    for (int dim = 0; dim < net->n_dims; dim++) {
        n_npus *= net->size[dim];
    }
    return n_npus;
}

WS_HOT int64_t ws_network_message_ns(const ws_network *net, int dim, int64_t bytes)
{
    WS_ASSERT(dim >= 0 && dim < net->n_dims && bytes >= 1);
    const double bytes_per_ns = net->bw_gbps[dim] * (double)WS_BYTES_PER_GIB / (double)WS_NS_PER_S;
    const double delay_ns     = net->latency_ns[dim] + (double)bytes / bytes_per_ns;
    return (int64_t)(delay_ns < k_message_max_ns ? delay_ns : k_message_max_ns);
}

int64_t ws_network_between_ns(const ws_network *net, int64_t from, int64_t to, int64_t bytes)
{
    for (int dim = 0; dim < net->n_dims; dim++) {
        if (from % net->size[dim] != to % net->size[dim]) {
            return ws_network_message_ns(net, dim, bytes);
        }
        from /= net->size[dim];
        to /= net->size[dim];
    }
    WS_ASSERT(false && "a message needs two different NPUs of the network");
    return 0;
}

/* ---- a collective as a list of ring phases (docs/model/timing.md 2.5) ---- */

/* Two reads and one write, each truncated; evaluated as written, which falls below some exact multiples. */
static int64_t reduction_ns(const ws_network *net, int64_t bytes)
{
    const double bytes_per_s = (double)net->reduce_bw * (double)WS_NS_PER_S;
    return 3 * (int64_t)((double)bytes / bytes_per_s * (double)WS_NS_PER_S);
}

/* Append one phase; returns the size it leaves behind. */
static int64_t add_phase(const ws_network *net, ws_collective kind, int dim, int64_t bytes,
                         ws_ring_phases *list)
{
    const int64_t n       = net->size[dim];
    const int64_t message = kind == WS_ALL_GATHER ? bytes : bytes / n;
    ws_ring_phase phase   = {
          .dim = dim, .n_members = n, .message_ns = ws_network_message_ns(net, dim, message)};
    int64_t left = bytes;
    switch (kind) {
    case WS_ALL_REDUCE:
        phase.n_steps    = 2 * (n - 1);
        phase.n_reducing = n - 1;
        break;
    case WS_ALL_GATHER:
        phase.n_steps = n - 1;
        left          = bytes * n;
        break;
    case WS_REDUCE_SCATTER:
        phase.n_steps    = n - 1;
        phase.n_reducing = n - 1;
        left             = bytes / n;
        break;
    case WS_ALL_TO_ALL:
        phase.n_steps = n * (n - 1) / 2;
        break;
    }
    phase.reduce_ns = phase.n_reducing > 0 ? reduction_ns(net, message) : 0;
    WS_ASSERT(list->n_phases < WS_RING_PHASES_MAX);
    list->phases[list->n_phases++] = phase;
    return left;
}

/* Dimensions that are involved and larger than 1, ascending. */
static int active_dims(const ws_network *net, unsigned dims, int active[WS_DIMS_MAX])
{
    int n_active = 0;
    for (int dim = 0; dim < net->n_dims; dim++) {
        if ((dims >> dim & 1U) != 0 && net->size[dim] > 1) {
            active[n_active++] = dim;
        }
    }
    return n_active;
}

/* Several dimensions: scatter upwards, reduce over the highest, gather downwards. */
static void add_all_reduce(const ws_network *net, const int *active, int n_active, int64_t bytes,
                           ws_ring_phases *list)
{
    for (int i = 0; i < n_active - 1; i++) {
        bytes = add_phase(net, WS_REDUCE_SCATTER, active[i], bytes, list);
    }
    bytes = add_phase(net, WS_ALL_REDUCE, active[n_active - 1], bytes, list);
    for (int i = n_active - 2; i >= 0; i--) {
        bytes = add_phase(net, WS_ALL_GATHER, active[i], bytes, list);
    }
}

WS_HOT ws_ring_phases ws_collective_phases(const ws_network *net, ws_collective kind, int64_t bytes,
                                           unsigned dims)
{
    WS_ASSERT(bytes >= 1);
    ws_ring_phases list = {.n_phases = 0};
    int            active[WS_DIMS_MAX];
    const int      n_active = active_dims(net, dims, active);
    /* The source raises small buffers to one byte per NPU of the system, gathers excepted. */
    const int64_t n_npus = ws_network_n_npus(net);
    if (kind != WS_ALL_GATHER && bytes < n_npus) {
        bytes = n_npus;
    }
    if (kind == WS_ALL_REDUCE && n_active > 0) {
        add_all_reduce(net, active, n_active, bytes, &list);
        return list;
    }
    for (int i = 0; i < n_active; i++) {
        const int dim = kind == WS_ALL_GATHER ? active[n_active - 1 - i] : active[i];
        bytes         = add_phase(net, kind, dim, bytes, &list);
    }
    return list;
}

/* ---- time ---- */

/* What a phase adds to every member beyond K messages: endpoint delays and reductions. */
static int64_t phase_overhead_ns(const ws_ring_phase *phase)
{
    return (phase->n_steps + 1) * WS_ENDPOINT_NS + phase->n_reducing * phase->reduce_ns;
}

static int64_t phase_ns(const ws_ring_phase *phase)
{
    return phase_overhead_ns(phase) + phase->n_steps * phase->message_ns;
}

WS_HOT int64_t ws_collective_ns(const ws_network *net, ws_collective kind, int64_t bytes, unsigned dims)
{
    const ws_ring_phases list = ws_collective_phases(net, kind, bytes, dims);
    if (list.n_phases == 0) {
        return -1;
    }
    int64_t total_ns = 0;
    for (int i = 0; i < list.n_phases; i++) {
        total_ns += phase_ns(&list.phases[i]);
    }
    return total_ns;
}

int64_t ws_collective_size(const ws_network *net, unsigned dims)
{
    int64_t size = 1;
    for (int dim = 0; dim < net->n_dims; dim++) {
        size *= (dims >> dim & 1U) != 0 ? net->size[dim] : 1;
    }
    return size;
}

/* ---- members entering at different times ---- */

/* One ring among the members: its i-th one is at t_ns[i * stride]. */
typedef struct ring_times {
    int64_t *t_ns;
    int64_t  stride, n;
} ring_times;

/* Where nobody is more than one message later than the member before it, nobody is ever overtaken by a
 * message from further behind: the phase hands each entry time K places on (docs/model/timing.md 5.3). */
static bool only_rotates(const ring_times *ring, int64_t message_ns)
{
    for (int64_t i = 0; i < ring->n; i++) {
        const int64_t next = i + 1 < ring->n ? i + 1 : 0;
        if (ring->t_ns[next * ring->stride] - ring->t_ns[i * ring->stride] > message_ns) {
            return false;
        }
    }
    return true;
}

/* Replace each time by the one `places` before it, plus delay_ns. */
static WS_HOT void rotate(const ring_times *ring, int64_t places, int64_t delay_ns, int64_t *scratch)
{
    for (int64_t i = 0; i < ring->n; i++) {
        scratch[i] = ring->t_ns[i * ring->stride];
    }
    WS_ASSERT(ring->n > 0);
    int64_t from = (ring->n - places % ring->n) % ring->n;
    for (int64_t i = 0; i < ring->n; i++) {
        ring->t_ns[i * ring->stride] = scratch[from] + delay_ns;
        from                         = from + 1 < ring->n ? from + 1 : 0;
    }
}

/* end_i = overhead + max over j = 0..K of t_(i-j) + j*D. Of the j that name the same member only the largest
 * counts, and K >= N-1, so the last N values of j are enough. */
static void run_skewed_ring(const ring_times *ring, const ws_ring_phase *phase, int64_t *scratch)
{
    const int64_t n = ring->n, k = phase->n_steps, d = phase->message_ns;
    for (int64_t i = 0; i < n; i++) {
        int64_t latest_ns = INT64_MIN;
        for (int64_t j = k - n + 1; j <= k; j++) {
            const int64_t member  = ((i - j) % n + n) % n;
            const int64_t time_ns = ring->t_ns[member * ring->stride] + j * d;
            latest_ns             = time_ns > latest_ns ? time_ns : latest_ns;
        }
        scratch[i] = latest_ns + phase_overhead_ns(phase);
    }
    for (int64_t i = 0; i < n; i++) {
        ring->t_ns[i * ring->stride] = scratch[i];
    }
}

static WS_HOT void run_ring(const ring_times *ring, const ws_ring_phase *phase, int64_t *scratch)
{
    if (only_rotates(ring, phase->message_ns)) {
        rotate(ring, phase->n_steps, phase_ns(phase), scratch);
    } else {
        run_skewed_ring(ring, phase, scratch);
    }
}

WS_HOT void ws_collective_run(const ws_network *net, ws_collective kind, int64_t bytes, unsigned dims,
                              int64_t *t_ns, int64_t *scratch)
{
    const ws_ring_phases list      = ws_collective_phases(net, kind, bytes, dims);
    const int64_t        n_members = ws_collective_size(net, dims);
    for (int i = 0; i < list.n_phases; i++) {
        const ws_ring_phase *phase  = &list.phases[i];
        const int64_t        stride = ws_collective_size(net, dims & ((1U << phase->dim) - 1U));
        for (int64_t first = 0; first < n_members; first++) {
            if (first / stride % phase->n_members == 0) {
                run_ring(&(ring_times){t_ns + first, stride, phase->n_members}, phase, scratch);
            }
        }
    }
}

/* After one phase each member is at most one message later than the one before it, whatever the entry times
 * were: the end of member i+1 is a maximum over the same entries as that of member i, each at most one
 * message later. So all further phases only rotate. */
WS_HOT void ws_all_reduce_repeat(const ws_network *net, int dim, int64_t bytes, int64_t count, int64_t *t_ns,
                                 int64_t *scratch)
{
    if (count < 1 || net->size[dim] < 2) {
        return;
    }
    const ws_ring_phases list  = ws_collective_phases(net, WS_ALL_REDUCE, bytes, 1U << dim);
    const ws_ring_phase *phase = &list.phases[0];
    WS_ASSERT(list.n_phases == 1 && phase->n_members > 1); /* one involved dimension of more than one NPU */
    const ring_times ring = {t_ns, 1, phase->n_members};
    run_ring(&ring, phase, scratch);
    const int64_t n_left = count - 1;
    rotate(&ring, phase->n_steps % ring.n * (n_left % ring.n), n_left * phase_ns(phase), scratch);
}
