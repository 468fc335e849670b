/* Invariants: what an idle instance can do begins in the nanosecond it can begin, an arrival or the end of a
 * batch; waits of any length cost no rounds; the order of instances in the file decides nothing but who is
 * named; members of a DP group start together; the run ends with its last NPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "sim/run.h"
#include "world.h"

static world the_world;

#define REQUEST "{\"input_toks\": %d, \"output_toks\": %d, \"arrival_time_ns\": %lld}\n"

static ws_scenario *scenario_of(const char *cluster, const char *dataset)
{
    ws_options options             = ws_options_default();
    options.enable_chunked_prefill = false;
    options.max_num_seqs           = 1; /* one after the other */
    return world_need_scenario(&the_world, cluster, dataset, &options);
}

static const ws_request_record *record_of(const ws_result *result, int64_t id)
{
    for (size_t i = 0; i < result->n_requests; i++) {
        if (result->requests[i].request_id == id) {
            return &result->requests[i];
        }
    }
    fail_msg("request %d is not done", (int)id);
    return NULL;
}

/* One instance, one request at a time: each begins at its arrival or when the one before has ended, whichever
 * is later, and takes as long as it takes alone. Arrivals at odd ns, some days apart. */
static void work_begins_when_it_can(void **state)
{
    (void)state;
    enum { N = 12 };
    ws_rng    rng;
    ws_strbuf text = WS_STRBUF_INIT;
    int64_t   arrival_ns[N], alone_ns[N];
    int       n_prompt[N], n_out[N];
    ws_rng_seed(&rng, 1);
    for (int i = 0; i < N; i++) {
        const int64_t gap_ns = i % 4 == 3 ? INT64_C(1000000000000000) + 7 : ws_rng_below(&rng, 3000000);
        arrival_ns[i]        = (i > 0 ? arrival_ns[i - 1] : 12345) + gap_ns;
        n_prompt[i]          = 1 + (int)ws_rng_below(&rng, 100);
        n_out[i]             = 1 + (int)ws_rng_below(&rng, 6);
        ws_strbuf_printf(&text, REQUEST, n_prompt[i], n_out[i], (long long)arrival_ns[i]);
    }
    for (int i = 0; i < N; i++) {
        char line[128];
        snprintf(line, sizeof(line), REQUEST, n_prompt[i], n_out[i], 999LL);
        ws_scenario *s            = scenario_of(world_cluster(1.0, ""), line);
        s->options.log_interval_s = 1e9;
        s->log_interval_ns = s->power_interval_ns = INT64_C(1000000000000000000); /* no samples on the way */
        alone_ns[i]                               = world_need_result(&the_world, s)->requests[0].latency_ns;
        ws_scenario_destroy(&s);
    }
    ws_scenario *s     = scenario_of(world_cluster(1.0, ""), ws_strbuf_text(&text));
    s->log_interval_ns = s->power_interval_ns = INT64_C(1000000000000000000);
    const ws_result *result                   = world_need_result(&the_world, s);
    int64_t          free_ns                  = 0;
    for (int i = 0; i < N; i++) {
        const ws_request_record *r        = record_of(result, i);
        const int64_t            begin_ns = arrival_ns[i] > free_ns ? arrival_ns[i] : free_ns;
        if (r->queue_ns != begin_ns - arrival_ns[i] || r->end_ns != begin_ns + alone_ns[i]) {
            fail_msg("request %d: expected [%lld, %lld), found %lld ns in the queue and an end at %lld", i,
                     (long long)begin_ns, (long long)(begin_ns + alone_ns[i]), (long long)r->queue_ns,
                     (long long)r->end_ns);
        }
        free_ns = r->end_ns;
    }
    assert_true(result->sim_duration_ns >= free_ns);
    ws_scenario_destroy(&s);
    ws_strbuf_fini(&text);
}

#define INSTANCE(keys)                                                                                       \
    "{\"model_name\": \"toy/dense\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": {\"mem_size\": " \
    "1, "                                                                                                    \
    "\"mem_bw\": 1000, \"mem_latency\": 0}" keys "}"
#define CLUSTER(n, instances)                                                                                \
    "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 1000, \"nodes\": [{\"num_instances\": " #n        \
    ", \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 256, \"mem_latency\": 0}, \"instances\": [" instances     \
    "]}]}"

/* A slow and a fast instance take requests in turn: with the instances the other way round and the turns too,
 * every request takes as long. */
static void the_order_of_instances_decides_nothing(void **state)
{
    (void)state;
    static const char *const clusters[] = {CLUSTER(2, INSTANCE("") ", " INSTANCE(", \"tp_size\": 4")),
                                           CLUSTER(2, INSTANCE(", \"tp_size\": 4") ", " INSTANCE(""))};
    int64_t                  latency_ns[2][8];
    for (int order = 0; order < 2; order++) {
        ws_strbuf text = WS_STRBUF_INIT;
        for (int i = 0; i < 8; i++) { /* even ones are for the slow instance */
            const int k = order == 0 ? i : i ^ 1;
            ws_strbuf_printf(&text, REQUEST, 10 + 7 * k, 1 + k, 1000LL * (k / 2));
        }
        ws_options options             = ws_options_default();
        options.request_routing_policy = WS_ROUTING_RR;
        ws_scenario *s = world_need_scenario(&the_world, clusters[order], ws_strbuf_text(&text), &options);
        const ws_result *result = world_need_result(&the_world, s);
        for (int i = 0; i < 8; i++) {
            latency_ns[order][order == 0 ? i : i ^ 1] = record_of(result, i)->latency_ns;
        }
        ws_scenario_destroy(&s);
        ws_strbuf_fini(&text);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(latency_ns[1][i], latency_ns[0][i]);
    }
}

/* A group of two of which one has work: both run as many batches, and none ends before the round before is
 * over. */
static void a_group_runs_in_rounds(void **state)
{
    (void)state;
    static const char experts[] =
        "{\"model_name\": \"toy/experts\", \"hardware\": \"TOY\", \"pd_type\": null, \"npu_mem\": "
        "{\"mem_size\": 1, "
        "\"mem_bw\": 1000, \"mem_latency\": 0}, \"tp_size\": 1, \"ep_size\": 2, \"dp_group\": \"g\"}";
    char cluster[2048], dataset[128];
    snprintf(cluster, sizeof(cluster), CLUSTER(2, "%s, %s"), experts, experts);
    snprintf(dataset, sizeof(dataset), REQUEST, 20, 6, 5000LL);
    ws_scenario     *s      = scenario_of(cluster, dataset);
    const ws_result *result = world_need_result(&the_world, s);
    const ws_run    *run    = result->run;
    assert_int_equal(result->n_requests, 1);
    assert_int_equal(run->schedulers[0].next_batch_id,
                     6); /* a prefill, which gives the first token, and five decodes */
    assert_int_equal(run->schedulers[1].next_batch_id, 6);
    for (int i = 1; i < 6; i++) {
        for (int k = 0; k < 2; k++) {
            assert_true(run->instances[k].batch_end_ns[i] > run->instances[0].batch_end_ns[i - 1]);
            assert_true(run->instances[k].batch_end_ns[i] > run->instances[1].batch_end_ns[i - 1]);
        }
    }
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_begins_when_it_can),
        cmocka_unit_test(the_order_of_instances_decides_nothing),
        cmocka_unit_test(a_group_runs_in_rounds),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.event_loop_physical", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
