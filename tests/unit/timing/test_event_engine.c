/* Invariants: one operation takes the nanoseconds of docs/model/timing.md 6.1; and random graphs on several
 * NPUs end when a simulator without queues of events says, which looks at every node of every NPU again after
 * each end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "timing/event_engine.h"
#include "scenario/parallelism.h"

enum { N_NPUS_MAX = 4, NODES_MAX = 24, PROGRAMS_MAX = 8 };

/* ---- a cluster made by hand: every NPU an instance of its own, or one instance of all ---- */

typedef struct bench {
    ws_arena           arena;
    ws_model           model;
    ws_node_config     node;
    ws_instance_config instances[N_NPUS_MAX];
    ws_scenario        scenario;
    ws_event_engine   *engine;
    int64_t            end_ns[N_NPUS_MAX][PROGRAMS_MAX]; /* of each graph, in order */
    size_t             n_ended[N_NPUS_MAX];
    int64_t            kernel_ns[N_NPUS_MAX]; /* sum of kernel ends minus begins */
} bench;

static void on_end(void *ctx, int64_t npu, int64_t batch_id, int64_t now_ns)
{
    bench *b = ctx;
    assert_int_equal(batch_id, b->n_ended[npu]); /* first in, first out */
    b->end_ns[npu][b->n_ended[npu]++] = now_ns;
}

static void on_kernel(void *ctx, int64_t npu, int64_t batch_id, bool is_start, int64_t now_ns)
{
    bench *b = ctx;
    (void)batch_id;
    b->kernel_ns[npu] += is_start ? -now_ns : now_ns;
}

static void bench_init(bench *b, ws_fidelity fidelity, int n_npus, double link_gbps, double link_latency_ns)
{
    memset(b, 0, sizeof(*b));
    ws_arena_init(&b->arena, 0);
    b->model.n_layers   = 2;
    b->node.n_channels  = 3;
    b->scenario         = (ws_scenario){.fidelity      = fidelity,
                                        .n_nodes       = 1,
                                        .nodes         = &b->node,
                                        .n_cxl_devices = 2,
                                        .n_instances   = 1,
                                        .instances     = b->instances,
                                        .cxl           = {.latency_ns = 250, .bytes_per_ns = 60}};
    b->scenario.network = (ws_network){.n_dims     = 1,
                                       .size       = {n_npus},
                                       .bw_gbps    = {link_gbps},
                                       .latency_ns = {link_latency_ns},
                                       .reduce_bw  = 1597};
    b->instances[0]     = (ws_instance_config){.model        = &b->model,
                                               .num_npus     = n_npus,
                                               .tp_size      = n_npus,
                                               .pp_size      = 1,
                                               .n_npu_ids    = n_npus,
                                               .dp_group     = WS_NO_GROUP,
                                               .npu_mem_gbps = 1597,
                                               .ep_total     = 1,
                                               .local_ep     = 1,
                                               .remote       = {.latency_ns = 777, .bytes_per_ns = 200},
                                               .local        = {.latency_ns = 5, .bytes_per_ns = 1000}};
    ws_topology_localize(&b->scenario);
    const ws_event_engine_hooks hooks = {.ctx = b, .on_end = on_end, .on_kernel = on_kernel};
    assert_int_equal(ws_event_engine_create(&b->arena, &b->scenario, n_npus, hooks, &b->engine), WS_OK);
}

static void bench_run(bench *b)
{
    while (ws_event_engine_next_ns(b->engine) != INT64_MAX) {
        assert_int_equal(ws_event_engine_run_tick(b->engine, ws_event_engine_next_ns(b->engine)), WS_OK);
    }
}

/* A graph of nodes without links. */
static void submit(bench *b, int64_t npu, int64_t batch_id, const ws_graph_node *nodes, int n, int64_t now_ns)
{
    ws_npu_graph *graph = ws_npu_graph_new(b->engine);
    graph->batch_id     = batch_id;
    for (int i = 0; i < n; i++) {
        assert_int_equal(ws_npu_graph_add_node(b->engine, graph, nodes[i]), i);
    }
    assert_int_equal(ws_npu_graph_seal(b->engine, graph), WS_OK);
    assert_int_equal(ws_event_engine_submit(b->engine, npu, graph, now_ns), WS_OK);
}

/* ---- by hand ---- */

/* Two all-reduces ready at once on each of two NPUs pass one after the other, kernels next to them. */
static void collectives_take_the_slot_in_turn(void **state)
{
    (void)state;
    static const ws_graph_node nodes[] = {
        {.kind = WS_NODE_COLLECTIVE, .collective = WS_ALL_REDUCE, .value = 1000000, .dims = 1},
        {.kind = WS_NODE_COLLECTIVE, .collective = WS_ALL_REDUCE, .value = 1000000, .dims = 1},
        {.kind = WS_NODE_COMPUTE, .value = 70000},
        {.kind = WS_NODE_COMPUTE, .value = 50000},
    };
    for (int fidelity = 0; fidelity < 2; fidelity++) {
        bench b;
        bench_init(&b, (ws_fidelity)fidelity, 2, 16, 700);
        submit(&b, 0, 0, nodes, 4, 0);
        submit(&b, 1, 0, nodes, 4, 0);
        bench_run(&b);
        assert_true(b.end_ns[0][0] == 2 * 60575 && b.end_ns[1][0] == 2 * 60575);
        assert_int_equal(b.kernel_ns[0], 120000);
        ws_arena_fini(&b.arena);
    }
}

/* Two sends of 58,907 ns share the sender's slot; a receive that begins when the message is there takes no
 * time, one that begins before waits for it. */
static void messages_wait_for_slot_and_arrival(void **state)
{
    (void)state;
    static const ws_graph_node sends[] = {
        {.kind = WS_NODE_SEND, .device = 1, .channel = WS_CHANNEL_STAGE, .value = 1000000},
        {.kind = WS_NODE_SEND, .device = 2, .channel = WS_CHANNEL_OUTPUT, .value = 1000000}};
    static const ws_graph_node stage  = {.kind = WS_NODE_RECV, .channel = WS_CHANNEL_STAGE};
    static const ws_graph_node output = {.kind = WS_NODE_RECV, .channel = WS_CHANNEL_OUTPUT};
    bench                      b;
    bench_init(&b, WS_FIDELITY_REFERENCE, 3, 16, 700);
    submit(&b, 0, 0, sends, 2, 0);
    submit(&b, 2, 0, &output, 1, 0);
    bench_run(&b);
    assert_int_equal(b.end_ns[0][0], 117814);
    assert_int_equal(b.end_ns[2][0], 117814);
    submit(&b, 1, 0, &stage, 1, 300000);
    bench_run(&b);
    assert_int_equal(b.end_ns[1][0], 300000);
    submit(&b, 1, 1, &stage, 1, 400000); /* a message is taken once: this one waits for the next */
    bench_run(&b);
    assert_int_equal(b.n_ended[1], 1);
    submit(&b, 0, 1, sends, 1, 500000);
    bench_run(&b);
    assert_int_equal(b.end_ns[1][1], 558907);
    ws_arena_fini(&b.arena);
}

/* 123,457 bytes take 777 + 617 = 1394 ns from the host and 250 + 2057 = 2307 from CXL memory, one transfer at
 * a time per device; NPU memory, 5 + 123 = 128 ns, serves any number at once. PIM: 100 ns of work and 777 +
 * 10 of transfer, one at a time per channel. */
static void transfers_queue_by_device(void **state)
{
    (void)state;
    bench b;
    bench_init(&b, WS_FIDELITY_PHYSICAL, 2, 16, 700);
    const ws_instance_config *c   = &b.instances[0];
    const int32_t             cxl = ws_event_engine_device(&b.scenario, c, (ws_location){WS_LOCATION_CXL, 1});
    const int32_t       host = ws_event_engine_device(&b.scenario, c, (ws_location){WS_LOCATION_REMOTE, 0});
    const int32_t       channel     = ws_event_engine_pim_queue(&b.scenario, c, 2);
    const ws_graph_node from_host[] = {{.kind = WS_NODE_MEMORY, .device = host, .value = 123457}};
    const ws_graph_node from_cxl[]  = {{.kind = WS_NODE_MEMORY, .device = cxl, .value = 123457}};
    const ws_graph_node from_npu[]  = {{.kind = WS_NODE_MEMORY, .device = WS_DEVICE_LOCAL, .value = 123457},
                                       {.kind = WS_NODE_MEMORY, .device = WS_DEVICE_LOCAL, .value = 123457}};
    const ws_graph_node pim[]       = {{.kind = WS_NODE_PIM, .device = channel, .value = 100, .bytes = 2000}};
    submit(&b, 0, 0, from_host, 1, 0);
    submit(&b, 1, 0, from_host, 1, 0);
    bench_run(&b);
    assert_true(b.end_ns[0][0] == 1394 && b.end_ns[1][0] == 2788);
    submit(&b, 0, 1, from_cxl, 1, 5000);
    submit(&b, 1, 1, from_cxl, 1, 6000);
    bench_run(&b);
    assert_true(b.end_ns[0][1] == 7307 && b.end_ns[1][1] == 7307 + 2307);
    submit(&b, 0, 2, from_npu, 2, 10000);
    bench_run(&b);
    assert_int_equal(b.end_ns[0][2], 10128);
    submit(&b, 0, 3, pim, 1, 20000);
    submit(&b, 1, 2, pim, 1, 20000);
    bench_run(&b);
    assert_true(b.end_ns[0][3] == 20887 && b.end_ns[1][2] == 21774);
    ws_arena_fini(&b.arena);
}

/* A kernel of random length and an all-reduce, many times in a row: members enter at different times, and who
 * is ahead sends the next ring's messages before the others have ended this one. Each ring as the recurrence
 * has it (hardware/network.h). */
static void skewed_rings_follow_the_recurrence(void **state)
{
    (void)state;
    enum { N_RINGS = 150 }; /* counters of arrivals are used again after 64 */
    ws_rng rng;
    ws_rng_seed(&rng, 31);
    for (int trial = 0; trial < 40; trial++) {
        const int     n = 2 + (int)ws_rng_below(&rng, N_NPUS_MAX - 1);
        int64_t       kernel_ns[N_NPUS_MAX][N_RINGS], t_ns[N_NPUS_MAX] = {0}, scratch[N_NPUS_MAX];
        const int64_t bytes = 1 + ws_rng_below(&rng, 2000000);
        bench         b;
        bench_init(&b, WS_FIDELITY_PHYSICAL, n, 16, 700);
        for (int npu = 0; npu < n; npu++) {
            ws_npu_graph *graph = ws_npu_graph_new(b.engine);
            for (int k = 0; k < N_RINGS; k++) {
                kernel_ns[npu][k]    = ws_rng_below(&rng, 60000);
                const int32_t kernel = ws_npu_graph_add_node(
                    b.engine, graph, (ws_graph_node){.kind = WS_NODE_COMPUTE, .value = kernel_ns[npu][k]});
                const int32_t ring = ws_npu_graph_add_node(
                    b.engine, graph,
                    (ws_graph_node){
                        .kind = WS_NODE_COLLECTIVE, .collective = WS_ALL_REDUCE, .value = bytes, .dims = 1});
                assert_int_equal(ws_npu_graph_add_edge(b.engine, graph, kernel, ring), WS_OK);
                assert_true(k == 0 || ws_npu_graph_add_edge(b.engine, graph, kernel - 1, kernel) == WS_OK);
            }
            assert_int_equal(ws_npu_graph_seal(b.engine, graph), WS_OK);
            assert_int_equal(ws_event_engine_submit(b.engine, npu, graph, 0), WS_OK);
        }
        bench_run(&b);
        for (int k = 0; k < N_RINGS; k++) {
            for (int npu = 0; npu < n; npu++) {
                t_ns[npu] += kernel_ns[npu][k];
            }
            ws_collective_run(&b.instances[0].network, WS_ALL_REDUCE, bytes, 1, t_ns, scratch);
        }
        for (int npu = 0; npu < n; npu++) {
            assert_int_equal(b.end_ns[npu][0], t_ns[npu]);
        }
        ws_arena_fini(&b.arena);
    }
}

/* A busy NPU queues programs; each begins in the tick in which the one before ends. */
static void programs_follow_each_other(void **state)
{
    (void)state;
    static const ws_graph_node kernel = {.kind = WS_NODE_COMPUTE, .value = 100};
    bench                      b;
    bench_init(&b, WS_FIDELITY_PHYSICAL, 1, 16, 700);
    for (int64_t id = 0; id < 4; id++) {
        submit(&b, 0, id, &kernel, 1, 50);
    }
    assert_false(ws_event_engine_is_idle(b.engine, 0));
    bench_run(&b);
    assert_true(ws_event_engine_is_idle(b.engine, 0));
    for (int64_t id = 0; id < 4; id++) {
        assert_int_equal(b.end_ns[0][id], 50 + 100 * (id + 1));
    }
    ws_arena_fini(&b.arena);
}

/* PIM channels: 3 on each of three nodes. Physical: node by node; the reference: n_nodes * node + channel
 * (docs/model/timing.md T-36). */
static void pim_channels_are_numbered(void **state)
{
    (void)state;
    ws_node_config     nodes[3] = {{.n_channels = 3}, {.n_channels = 3}, {.n_channels = 3}};
    ws_scenario        s        = {.n_nodes = 3, .nodes = nodes};
    ws_instance_config c        = {.node = 2};
    s.fidelity                  = WS_FIDELITY_PHYSICAL;
    assert_int_equal(ws_event_engine_pim_queue(&s, &c, 1), 7);
    s.fidelity = WS_FIDELITY_REFERENCE;
    assert_int_equal(ws_event_engine_pim_queue(&s, &c, 1), 7); /* by chance ... */
    c.node = 1;
    assert_int_equal(ws_event_engine_pim_queue(&s, &c, 1), 4);
    nodes[0].n_channels = 8;
    assert_int_equal(ws_event_engine_pim_queue(&s, &c, 1), 4); /* ... and here a channel of node 0 */
    s.fidelity = WS_FIDELITY_PHYSICAL;
    assert_int_equal(ws_event_engine_pim_queue(&s, &c, 1), 9);
}

/* ---- random graphs ---- */

typedef struct slow_node {
    ws_graph_node node;
    uint32_t      parents; /* bit per node, all of lower numbers */
    bool          is_begun, is_done, is_received;
    int64_t       end_ns;
} slow_node;

typedef struct slow {
    int       n_npus;
    int       n_nodes[N_NPUS_MAX];
    slow_node nodes[N_NPUS_MAX][NODES_MAX];
    int64_t   tail_ns[8], pim_tail_ns[8];
    int       n_arrived[N_NPUS_MAX][8]; /* messages not taken, by channel */
} slow;

static bool is_running(const slow *s, int npu, bool communicates)
{
    bool found = false;
    for (int i = 0; i < s->n_nodes[npu]; i++) {
        const slow_node *n = &s->nodes[npu][i];
        found              = found || (n->is_begun && !n->is_done &&
                          n->node.kind == (communicates ? WS_NODE_SEND : WS_NODE_COMPUTE));
    }
    return found;
}

static bool slow_is_ready(const slow *s, int npu, int i)
{
    const slow_node *n        = &s->nodes[npu][i];
    bool             is_ready = !n->is_begun;
    for (int k = 0; k < i; k++) {
        is_ready = is_ready && (s->nodes[npu][k].is_done || (n->parents >> k & 1U) == 0);
    }
    if (n->node.kind == WS_NODE_COMPUTE || n->node.kind == WS_NODE_SEND) {
        is_ready = is_ready && !is_running(s, npu, n->node.kind == WS_NODE_SEND);
    }
    return n->node.kind == WS_NODE_RECV ? is_ready && s->n_arrived[npu][n->node.channel] > 0 : is_ready;
}

static int64_t slow_end_ns(slow *s, const bench *b, const ws_graph_node *node, int64_t now_ns)
{
    const ws_instance_config *c = &b->instances[0];
    switch (node->kind) {
    case WS_NODE_COMPUTE:
        return now_ns + node->value;
    case WS_NODE_SEND:
        return now_ns + ws_network_message_ns(&c->network, WS_DIM_STAGE, node->value);
    case WS_NODE_MEMORY:
        if (node->device == WS_DEVICE_LOCAL) {
            return now_ns + 5 + node->value / 1000;
        }
        s->tail_ns[node->device] = (s->tail_ns[node->device] > now_ns ? s->tail_ns[node->device] : now_ns) +
                                   (node->device == 0 ? 777 + node->value / 200 : 250 + node->value / 60);
        return s->tail_ns[node->device];
    case WS_NODE_PIM:
        s->pim_tail_ns[node->device] =
            (s->pim_tail_ns[node->device] > now_ns ? s->pim_tail_ns[node->device] : now_ns) + node->value +
            777 + node->bytes / 200;
        return s->pim_tail_ns[node->device];
    case WS_NODE_RECV:
        return now_ns;
    case WS_NODE_COLLECTIVE:
        break;
    }
    fail_msg("no collectives here");
    return 0;
}

/* Begin whatever can, lowest numbers first, over and over, since a receive that begins is over at once. */
static void slow_begin(slow *s, const bench *b, int64_t now_ns)
{
    bool has_changed = true;
    while (has_changed) {
        has_changed = false;
        for (int npu = 0; npu < s->n_npus; npu++) {
            for (int i = 0; i < s->n_nodes[npu]; i++) {
                slow_node *n = &s->nodes[npu][i];
                if (slow_is_ready(s, npu, i)) {
                    n->is_begun = true;
                    n->end_ns   = slow_end_ns(s, b, &n->node, now_ns);
                    n->is_done  = n->node.kind == WS_NODE_RECV;
                    s->n_arrived[npu][n->node.channel] -= n->node.kind == WS_NODE_RECV;
                    has_changed = true;
                }
            }
        }
    }
}

/* @return the last end */
static int64_t slow_run(slow *s, const bench *b)
{
    for (int64_t now_ns = 0, last_ns = 0;;) {
        int64_t next_ns = INT64_MAX;
        slow_begin(s, b, now_ns);
        for (int npu = 0; npu < s->n_npus; npu++) {
            for (int i = 0; i < s->n_nodes[npu]; i++) {
                const slow_node *n = &s->nodes[npu][i];
                last_ns            = n->is_begun && n->end_ns > last_ns ? n->end_ns : last_ns;
                next_ns            = n->is_begun && !n->is_done && n->end_ns < next_ns ? n->end_ns : next_ns;
            }
        }
        if (next_ns == INT64_MAX) {
            return last_ns;
        }
        now_ns = next_ns;
        for (int npu = 0; npu < s->n_npus; npu++) {
            for (int i = 0; i < s->n_nodes[npu]; i++) {
                slow_node *n = &s->nodes[npu][i];
                if (n->is_begun && !n->is_done && n->end_ns == now_ns) {
                    n->is_done = true;
                    if (n->node.kind == WS_NODE_SEND) {
                        s->n_arrived[n->node.device][n->node.channel]++;
                    }
                }
            }
        }
    }
}

/* Nodes of all kinds but collectives, links to lower numbers. Every message has a receiver. Odd durations
 * keep ends apart. */
static void random_graph(ws_rng *rng, slow *s)
{
    memset(s, 0, sizeof(*s));
    s->n_npus = 1 + (int)ws_rng_below(rng, N_NPUS_MAX);
    for (int npu = 0; npu < s->n_npus; npu++) {
        s->n_nodes[npu] = 4 + (int)ws_rng_below(rng, 12);
        for (int i = 0; i < s->n_nodes[npu]; i++) {
            static const ws_node_kind kinds[] = {WS_NODE_COMPUTE, WS_NODE_COMPUTE, WS_NODE_MEMORY,
                                                 WS_NODE_PIM, WS_NODE_SEND};
            slow_node                *n       = &s->nodes[npu][i];
            n->node    = (ws_graph_node){.kind   = kinds[ws_rng_below(rng, s->n_npus > 1 ? 5 : 4)],
                                         .device = (int32_t)ws_rng_below(rng, 3),
                                         .value  = 1 + ws_rng_below(rng, 90000000),
                                         .bytes  = ws_rng_below(rng, 90000000)};
            n->parents = (ws_rng_below(rng, 1U << 16) & ws_rng_below(rng, 1U << 16)) & ((1U << i) - 1U);
            if (n->node.kind == WS_NODE_MEMORY) {
                n->node.device = (int32_t)ws_rng_below(rng, 4) - 1;
            } else if (n->node.kind == WS_NODE_SEND) { /* to a higher NPU, so that nobody waits in a circle */
                n->node.device = npu + 1 + (int32_t)ws_rng_below(rng, (uint32_t)(s->n_npus - npu));
                n->node.kind   = n->node.device < s->n_npus ? WS_NODE_SEND : WS_NODE_COMPUTE;
            }
        }
    }
    for (int npu = 0; npu < s->n_npus;
         npu++) { /* receivers, each with a channel of its own, behind all other nodes */
        int32_t n_channels[N_NPUS_MAX] = {0};
        for (int from = 0; from < npu; from++) {
            for (int i = 0; i < s->n_nodes[from]; i++) {
                ws_graph_node *send = &s->nodes[from][i].node;
                if (send->kind == WS_NODE_SEND && send->device == npu && n_channels[npu] < 4) {
                    send->channel                    = n_channels[npu]++;
                    s->nodes[npu][s->n_nodes[npu]++] = (slow_node){
                        .node = {.kind = WS_NODE_RECV, .channel = send->channel, .device = WS_DEVICE_LOCAL},
                        .parents = ws_rng_below(rng, 1U << 4)};
                } else if (send->kind == WS_NODE_SEND && send->device == npu) {
                    send->kind = WS_NODE_COMPUTE;
                }
            }
        }
    }
}

static void submit_graph(bench *b, const slow *s, int npu)
{
    ws_npu_graph *graph = ws_npu_graph_new(b->engine);
    for (int i = 0; i < s->n_nodes[npu]; i++) {
        assert_int_equal(ws_npu_graph_add_node(b->engine, graph, s->nodes[npu][i].node), i);
    }
    for (int child = 0; child < s->n_nodes[npu]; child++) {
        for (int parent = 0; parent < child; parent++) {
            if ((s->nodes[npu][child].parents >> parent & 1U) != 0) {
                assert_int_equal(ws_npu_graph_add_edge(b->engine, graph, parent, child), WS_OK);
            }
        }
    }
    assert_int_equal(ws_npu_graph_seal(b->engine, graph), WS_OK);
    assert_int_equal(ws_event_engine_submit(b->engine, npu, graph, 0), WS_OK);
}

static void random_graphs_agree_with_the_slow_simulator(void **state)
{
    (void)state;
    static slow s; /* large */
    ws_rng      rng;
    ws_rng_seed(&rng, 77);
    for (int trial = 0; trial < 500; trial++) {
        bench b;
        random_graph(&rng, &s);
        bench_init(&b, WS_FIDELITY_PHYSICAL, s.n_npus, 16, 700.5);
        for (int npu = 0; npu < s.n_npus; npu++) {
            submit_graph(&b, &s, npu);
        }
        bench_run(&b);
        (void)slow_run(&s, &b);
        for (int npu = 0; npu < s.n_npus; npu++) {
            int64_t last_ns = 0, kernel_ns = 0;
            for (int i = 0; i < s.n_nodes[npu]; i++) {
                const slow_node *n = &s.nodes[npu][i];
                assert_true(n->is_done);
                last_ns = n->end_ns > last_ns ? n->end_ns : last_ns;
                kernel_ns += n->node.kind == WS_NODE_COMPUTE ? n->node.value : 0;
            }
            assert_int_equal(b.n_ended[npu], 1);
            assert_int_equal(b.end_ns[npu][0], last_ns);
            assert_int_equal(b.kernel_ns[npu], kernel_ns);
        }
        ws_arena_fini(&b.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collectives_take_the_slot_in_turn),
        cmocka_unit_test(skewed_rings_follow_the_recurrence),
        cmocka_unit_test(messages_wait_for_slot_and_arrival),
        cmocka_unit_test(transfers_queue_by_device),
        cmocka_unit_test(programs_follow_each_other),
        cmocka_unit_test(pim_channels_are_numbered),
        cmocka_unit_test(random_graphs_agree_with_the_slow_simulator),
    };
    return cmocka_run_group_tests_name("timing.event_engine", tests, NULL, NULL);
}
