/* Invariants: every metric is what its definition makes of the requests, series and energies of the same
 * result (docs and design: "Metrics"), over random scenarios of every kind; requests come instance by
 * instance in the order they ended; and the gaps of a request's tokens add up to its decode time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "property_run.h"

static world the_world;

static bool is_near(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * fmax(1.0, fmax(fabs(a), fabs(b)));
}

static void expect(const gen_scenario *g, uint64_t seed, const char *what, double found, double expected)
{
    if (!is_near(found, expected)) {
        fail_msg("seed %d: %s: expected %.15g, found %.15g\n%s", (int)seed, what, expected, found,
                 property_describe(g));
    }
}

/* ---- distributions, by sorting everything ---- */

typedef struct list {
    size_t  n, capacity;
    double *ms;
} list;

static void push(list *l, double ms)
{
    if (l->n == l->capacity) {
        l->capacity  = 2 * l->capacity + 16;
        double *more = realloc(l->ms, l->capacity * sizeof(l->ms[0]));
        assert_non_null(more);
        l->ms = more;
    }
    l->ms[l->n++] = ms;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean and four percentiles against the five metrics; frees the list. */
static void check_distribution(const gen_scenario *g, uint64_t seed, list *l, const double *metrics,
                               const char *what)
{
    static const double shares[] = {0.5, 0.9, 0.95, 0.99};
    double              sum      = 0.0;
    if (l->n > 0) {
        qsort(l->ms, l->n, sizeof(l->ms[0]), compare_doubles);
    }
    for (size_t i = 0; i < l->n; i++) {
        sum += l->ms[i];
    }
    expect(g, seed, what, metrics[0], l->n > 0 ? sum / (double)l->n : NAN);
    for (int k = 0; k < 4; k++) {
        const double at    = shares[k] * (double)(l->n - 1);
        const size_t below = l->n > 0 ? (size_t)at : 0;
        const size_t above = below + 1 < l->n ? below + 1 : below;
        expect(g, seed, what, metrics[1 + k],
               l->n > 0 ? l->ms[below] + (at - (double)below) * (l->ms[above] - l->ms[below]) : NAN);
    }
    free(l->ms);
    *l = (list){0};
}

static void push_set(list *l, int64_t ns)
{
    if (ns >= 0) { /* -1: never set */
        push(l, (double)ns * 1e-6);
    }
}

static void check_latencies(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    list ttft = {0}, tpot = {0}, latency = {0}, queue = {0}, itl = {0};
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r    = &result->requests[i];
        int64_t                 *gaps = calloc(r->n_itl + 1, sizeof(*gaps));
        int64_t                  sum  = 0;
        push_set(&ttft, r->ttft_ns);
        push_set(&tpot, r->tpot_ns);
        push_set(&latency, r->latency_ns);
        push_set(&queue, r->queue_ns);
        ws_result_itl(result, r, gaps);
        for (size_t k = 0; k < r->n_itl; k++) {
            REQUIRE(gaps[k] >= 0);
            push(&itl, (double)gaps[k] * 1e-6);
            sum += gaps[k];
        }
        REQUIRE(r->latency_ns == r->end_ns - r->arrival_ns);
        REQUIRE(r->n_itl == 0 || sum <= r->latency_ns);
        free(gaps);
    }
    check_distribution(g, seed, &ttft, &result->metrics[WS_METRIC_TTFT_MEAN_MS], "ttft");
    check_distribution(g, seed, &tpot, &result->metrics[WS_METRIC_TPOT_MEAN_MS], "tpot");
    check_distribution(g, seed, &latency, &result->metrics[WS_METRIC_LATENCY_MEAN_MS], "latency");
    check_distribution(g, seed, &queue, &result->metrics[WS_METRIC_QUEUE_MEAN_MS], "queue");
    check_distribution(g, seed, &itl, &result->metrics[WS_METRIC_ITL_MEAN_MS], "itl");
}

/* ---- throughput, counts and energy ---- */

static void check_throughput(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    int64_t first_ns = INT64_MAX, last_ns = 0, prompt = 0, generated = 0;
    for (size_t i = 0; i < result->n_requests; i++) {
        const ws_request_record *r = &result->requests[i];
        first_ns                   = r->arrival_ns < first_ns ? r->arrival_ns : first_ns;
        last_ns                    = r->end_ns > last_ns ? r->end_ns : last_ns;
        prompt += r->input_tokens;
        generated += r->output_tokens;
        REQUIRE(i == 0 || r->instance_id >= result->requests[i - 1].instance_id);
        REQUIRE(i == 0 || r->instance_id > result->requests[i - 1].instance_id ||
                r->end_ns >= result->requests[i - 1].end_ns);
    }
    const double *m = result->metrics, duration_s = (double)(last_ns - first_ns) * 1e-9;
    REQUIRE(prompt == result->prompt_tokens && generated == result->generated_tokens);
    expect(g, seed, "duration_s", m[WS_METRIC_DURATION_S], duration_s);
    expect(g, seed, "prompt_tok_s", m[WS_METRIC_PROMPT_TOK_S], (double)prompt / duration_s);
    expect(g, seed, "decode_tok_s", m[WS_METRIC_DECODE_TOK_S], (double)generated / duration_s);
    expect(g, seed, "total_tok_s", m[WS_METRIC_TOTAL_TOK_S], (double)(prompt + generated) / duration_s);
    expect(g, seed, "req_s", m[WS_METRIC_REQ_S], (double)result->n_requests / duration_s);
    expect(g, seed, "n_completed", m[WS_METRIC_N_COMPLETED], (double)result->n_requests);
    REQUIRE(m[WS_METRIC_N_REQUESTS] ==
            m[WS_METRIC_N_COMPLETED] + m[WS_METRIC_N_REJECTED]); /* it ran to its end */
    expect(g, seed, "goodput_req_s", m[WS_METRIC_GOODPUT_REQ_S],
           m[WS_METRIC_REQ_S]); /* without bounds all are good */
    expect(g, seed, "slo_attainment", m[WS_METRIC_SLO_ATTAINMENT],
           m[WS_METRIC_N_COMPLETED] / m[WS_METRIC_N_REQUESTS]); /* a rejected one is missed */
    REQUIRE(m[WS_METRIC_KV_USAGE_PEAK] >= 0.0 && m[WS_METRIC_KV_USAGE_PEAK] <= 1.0);
    REQUIRE(m[WS_METRIC_EXTRAPOLATED_SHARE] >= 0.0 && m[WS_METRIC_EXTRAPOLATED_SHARE] <= 1.0);
    REQUIRE(m[WS_METRIC_PREFIX_HIT_SHARE] >= 0.0 && m[WS_METRIC_LOWER_TIER_HIT_SHARE] >= 0.0);
    REQUIRE(m[WS_METRIC_PREFIX_HIT_SHARE] + m[WS_METRIC_LOWER_TIER_HIT_SHARE] <= 1.0 + 1e-12);
    REQUIRE(m[WS_METRIC_SATURATED] == 0.0 || m[WS_METRIC_SATURATED] == 1.0);
}

static void check_power(const gen_scenario *g, uint64_t seed, const ws_result *result)
{
    const double *m = result->metrics;
    if (!result->has_power) {
        for (int k = WS_METRIC_ENERGY_J; k <= WS_METRIC_NPU_IDLE_SHARE; k++) {
            REQUIRE(isnan(m[k]));
        }
        REQUIRE(result->series.columns[WS_SERIES_POWER_W] == NULL && result->series.node_power_w == NULL);
        return;
    }
    double total_j = 0.0, largest_w = 0.0;
    for (size_t i = 0; i < result->n_nodes * WS_COMPONENT_COUNT; i++) {
        total_j += result->node_tracked[i / WS_COMPONENT_COUNT] ? result->component_j[i] : 0.0;
    }
    for (size_t i = 0; i < result->series.n_samples; i++) {
        largest_w = fmax(largest_w, result->series.columns[WS_SERIES_POWER_W][i]);
    }
    expect(g, seed, "energy_j", m[WS_METRIC_ENERGY_J], total_j);
    expect(g, seed, "j_per_token", m[WS_METRIC_J_PER_TOKEN], total_j / (double)result->generated_tokens);
    expect(g, seed, "j_per_total_token", m[WS_METRIC_J_PER_TOTAL_TOKEN],
           total_j / (double)(result->generated_tokens + result->prompt_tokens));
    expect(g, seed, "j_per_request", m[WS_METRIC_J_PER_REQUEST], total_j / (double)result->n_requests);
    expect(g, seed, "tok_per_j", m[WS_METRIC_TOK_PER_J], (double)result->generated_tokens / total_j);
    expect(g, seed, "power_mean_w", m[WS_METRIC_POWER_MEAN_W],
           total_j / ((double)result->sim_duration_ns * 1e-9));
    expect(g, seed, "power_peak_w", m[WS_METRIC_POWER_PEAK_W], largest_w);
    expect(g, seed, "shares of NPU-seconds",
           m[WS_METRIC_NPU_ACTIVE_SHARE] + m[WS_METRIC_NPU_STANDBY_SHARE] + m[WS_METRIC_NPU_IDLE_SHARE], 1.0);
    REQUIRE(m[WS_METRIC_POWER_P50_W] <= m[WS_METRIC_POWER_P99_W] &&
            m[WS_METRIC_POWER_P99_W] <= m[WS_METRIC_POWER_PEAK_W]);
    REQUIRE(m[WS_METRIC_POWER_PEAK_1S_W] <= m[WS_METRIC_POWER_PEAK_100MS_W] * (1 + 1e-9));
}

static void metrics_are_what_their_definitions_say(void **state)
{
    (void)state;
    const int n_scenarios = property_count(400);
    int       n_ran       = 0;
    for (uint64_t seed = 20000; seed < 20000 + (uint64_t)n_scenarios; seed++) {
        const gen_change change = {.physical = seed % 4 != 0};
        gen_scenario     scenario, *g = &scenario;
        ws_scenario     *built  = NULL;
        const ws_result *result = NULL;
        gen_init(g, seed, &change);
        if (property_run(&the_world, g, seed, false, &built, &result)) {
            check_throughput(g, seed, result);
            check_latencies(g, seed, result);
            check_power(g, seed, result);
            n_ran++;
        }
        ws_scenario_destroy(&built);
        gen_fini(g);
    }
    assert_true(n_ran > n_scenarios / 2);
}

/* Requests whose first token is not marked have no time to it, which is not a time of -1 ns. */
static void what_was_never_set_does_not_count(void **state)
{
    (void)state;
    ws_options options   = ws_options_default();
    options.skip_prefill = true;
    ws_scenario *s =
        world_need_scenario(&the_world, world_cluster(1.0, ""),
                            "{\"input_toks\": 20, \"output_toks\": 3, \"arrival_time_ns\": 0}\n", &options);
    const ws_result *r = world_need_result(&the_world, s);
    assert_int_equal(r->requests[0].ttft_ns, -1);
    for (int k = 0; k < 5; k++) {
        assert_true(isnan(r->metrics[WS_METRIC_TTFT_MEAN_MS + k]));
        assert_true(r->metrics[WS_METRIC_LATENCY_MEAN_MS + k] > 0.0);
    }
    ws_scenario_destroy(&s);
}

/* ---- bounds ---- */

/* Each bound alone at the middle of what requests have: those within it, counted one by one, are the good
 * ones. */
static void good_requests_meet_every_bound(void **state)
{
    (void)state;
    static const char data[]  = "{\"input_toks\": 100, \"output_toks\": 9, \"arrival_time_ns\": 0}\n"
                                "{\"input_toks\": 200, \"output_toks\": 5, \"arrival_time_ns\": 1000}\n"
                                "{\"input_toks\": 10, \"output_toks\": 30, \"arrival_time_ns\": 2000}\n"
                                "{\"input_toks\": 50, \"output_toks\": 2, \"arrival_time_ns\": 900000}\n"
                                "{\"input_toks\": 5, \"output_toks\": 1, \"arrival_time_ns\": 950000}\n";
    ws_options        options = ws_options_default();
    options.max_num_seqs      = 2;
    ws_scenario *s            = world_need_scenario(&the_world, world_cluster(1.0, ""), data, &options);
    for (int which = 0; which < 4; which++) {
        for (int k = 0; k < 5; k++) {
            double *bounds[] = {&s->slo.ttft_ms, &s->slo.tpot_ms, &s->slo.latency_ms, &s->slo.queue_ms};
            const ws_result         *result   = world_need_result(&the_world, s);
            const ws_request_record *r        = &result->requests[k];
            const int64_t            values[] = {r->ttft_ns, r->tpot_ns, r->latency_ns, r->queue_ns};
            if (values[which] <= 0) {
                continue; /* 0 would be no bound */
            }
            *bounds[which] = (double)values[which] * 1e-6; /* met exactly is met */
            int n_good     = 0;
            result         = world_need_result(&the_world, s);
            for (size_t i = 0; i < result->n_requests; i++) {
                const int64_t each[] = {result->requests[i].ttft_ns, result->requests[i].tpot_ns,
                                        result->requests[i].latency_ns, result->requests[i].queue_ns};
                n_good += (double)each[which] * 1e-6 <= *bounds[which];
            }
            assert_true(n_good >= 1);
            assert_true(is_near(result->metrics[WS_METRIC_SLO_ATTAINMENT], n_good / 5.0));
            assert_true(is_near(result->metrics[WS_METRIC_GOODPUT_REQ_S],
                                n_good / result->metrics[WS_METRIC_DURATION_S]));
            assert_true(result->metrics[WS_METRIC_SLO_MET] == (n_good == 5 ? 1.0 : 0.0));
            s->slo.attainment = (n_good - 0.5) / 5.0;
            assert_true(world_need_result(&the_world, s)->metrics[WS_METRIC_SLO_MET] == 1.0);
            s->slo.attainment = 0.0;
            *bounds[which]    = 0.0;
        }
    }
    ws_scenario_destroy(&s);
}

/* A percentile is the run's: that a request exceeds it makes no request bad. */
static void percentiles_are_of_the_run(void **state)
{
    (void)state;
    static const char data[]  = "{\"input_toks\": 100, \"output_toks\": 9, \"arrival_time_ns\": 0}\n"
                                "{\"input_toks\": 900, \"output_toks\": 5, \"arrival_time_ns\": 1000}\n"
                                "{\"input_toks\": 10, \"output_toks\": 30, \"arrival_time_ns\": 2000}\n";
    ws_options        options = ws_options_default();
    options.max_num_seqs      = 1;
    ws_scenario *s            = world_need_scenario(&the_world, world_cluster(1.0, ""), data, &options);
    assert_true(isnan(world_need_result(&the_world, s)->metrics[WS_METRIC_SLO_MET])); /* nothing is bounded */
    for (int metric = WS_METRIC_TTFT_MEAN_MS; metric <= WS_METRIC_QUEUE_P99_MS; metric++) {
        double       *bound = &s->slo.run_ms[metric - WS_METRIC_TTFT_MEAN_MS];
        const double  value = world_need_result(&the_world, s)->metrics[metric];
        const double *m;
        *bound = value;
        m      = world_need_result(&the_world, s)->metrics;
        assert_true(m[WS_METRIC_SLO_MET] == 1.0 && m[WS_METRIC_SLO_ATTAINMENT] == 1.0);
        *bound = value * (1.0 - 1e-9);
        m      = world_need_result(&the_world, s)->metrics;
        assert_true(m[WS_METRIC_SLO_MET] == 0.0 && m[WS_METRIC_SLO_ATTAINMENT] == 1.0);
        assert_true(is_near(m[WS_METRIC_GOODPUT_REQ_S], m[WS_METRIC_REQ_S]));
        *bound = 0.0;
    }
    ws_scenario_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_what_their_definitions_say),
        cmocka_unit_test(what_was_never_set_does_not_count),
        cmocka_unit_test(good_requests_meet_every_bound),
        cmocka_unit_test(percentiles_are_of_the_run),
    };
    world_init(&the_world);
    const int n_failed = cmocka_run_group_tests_name("sim.result_build", tests, NULL, NULL);
    world_fini(&the_world);
    return n_failed;
}
