/* Invariants: a span's energy lands in the intervals it overlaps, by its share of time in each; for every
 * node and component the total is the sum over intervals; tick power is what is drawn just before the tick.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "base/units.h"
#include "power/ledger.h"

typedef struct fixture {
    ws_arena  arena;
    ws_ledger ledger;
} fixture;

static void start(fixture *f, size_t n_nodes, int64_t interval_ns)
{
    ws_arena_init(&f->arena, 0);
    assert_int_equal(ws_ledger_init(&f->ledger, &f->arena, n_nodes, interval_ns), WS_OK);
}

static double bin_j(const ws_ledger *ledger, size_t bin, size_t node, ws_component component)
{
    assert_true(bin < ledger->n_bins);
    return ledger->bin_j[(bin * ledger->n_nodes + node) * WS_COMPONENT_COUNT + component];
}

static double tick_w(const ws_ledger *ledger, size_t bin, size_t node)
{
    assert_true(bin < ledger->n_bins);
    return ledger->tick_w[bin * ledger->n_nodes + node];
}

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

/* 100 W over [0.5 s, 3.25 s), interval 1 s: 50, 100, 100, 25 J; ticks 1, 2, 3 s see 100 W, tick 4 s nothing.
 */
static void a_long_span_is_spread_by_time(void **state)
{
    (void)state;
    fixture f;
    start(&f, 2, WS_NS_PER_S);
    ws_ledger_charge(&f.ledger, 1, WS_CPU, WS_NS_PER_S / 2, 13 * WS_NS_PER_S / 4, 275.0);
    ws_ledger_close(&f.ledger, 4 * WS_NS_PER_S);
    const double energy_j[] = {50, 100, 100, 25}, power_w[] = {100, 100, 100, 0};
    assert_int_equal(f.ledger.n_bins, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_near(bin_j(&f.ledger, i, 1, WS_CPU), energy_j[i], 1e-10);
        assert_near(tick_w(&f.ledger, i, 1), power_w[i], 1e-10);
        assert_near(tick_w(&f.ledger, i, 0), 0.0, 0.0);
    }
    assert_near(ws_ledger_total_j(&f.ledger, 1, WS_CPU), 275.0, 0.0);
    assert_near(ws_ledger_node_j(&f.ledger, 0), 0.0, 0.0);
    ws_arena_fini(&f.arena);
}

/* Interval 10 ns. A span ending at a tick is seen by it; one beginning there is not, and belongs to the next
 * interval. */
static void ticks_see_the_power_just_before_them(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1, 10);
    ws_ledger_charge(&f.ledger, 0, WS_CPU, 4, 10, 6e-9);   /* 1 W up to the tick at 10 */
    ws_ledger_charge(&f.ledger, 0, WS_DRAM, 10, 14, 8e-9); /* 2 W from the tick on */
    ws_ledger_charge(&f.ledger, 0, WS_BASE, 0, 20, 60e-9); /* 3 W all along */
    ws_ledger_close(&f.ledger, 20);
    assert_int_equal(f.ledger.n_bins, 2);
    assert_near(tick_w(&f.ledger, 0, 0), 4.0, 1e-12);
    assert_near(tick_w(&f.ledger, 1, 0), 3.0, 1e-12);
    assert_near(bin_j(&f.ledger, 0, 0, WS_DRAM), 0.0, 0.0);
    assert_near(bin_j(&f.ledger, 1, 0, WS_DRAM), 8e-9, 0.0);
    ws_arena_fini(&f.arena);
}

/* The run ends at 25 with interval 10: the last tick is 25 and sees the spans that reach the end, 1 + 2 W. */
static void the_last_tick_of_a_partial_interval_is_the_end_of_the_run(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1, 10);
    ws_ledger_charge(&f.ledger, 0, WS_BASE, 0, 25, 25e-9);
    ws_ledger_charge(&f.ledger, 0, WS_CPU, 21, 24, 30e-9);
    ws_ledger_charge(&f.ledger, 0, WS_LINK, 22, 25, 6e-9);
    ws_ledger_close(&f.ledger, 25);
    assert_int_equal(f.ledger.n_bins, 3);
    assert_near(tick_w(&f.ledger, 1, 0), 1.0, 1e-12);
    assert_near(tick_w(&f.ledger, 2, 0), 3.0, 1e-12);
    ws_arena_fini(&f.arena);
}

/* Instants carry energy but no power; at the very end of the run they count into the last interval. */
static void instants_are_charged_where_they_happen(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1, 10);
    ws_ledger_charge(&f.ledger, 0, WS_DRAM, 0, 0, 1.0);
    ws_ledger_charge(&f.ledger, 0, WS_DRAM, 10, 10, 2.0);
    ws_ledger_charge(&f.ledger, 0, WS_DRAM, 20, 20, 4.0);
    ws_ledger_close(&f.ledger, 20);
    assert_int_equal(f.ledger.n_bins, 2);
    assert_near(bin_j(&f.ledger, 0, 0, WS_DRAM), 1.0, 0.0);
    assert_near(bin_j(&f.ledger, 1, 0, WS_DRAM), 6.0, 0.0);
    assert_near(tick_w(&f.ledger, 0, 0), 0.0, 0.0);
    assert_near(tick_w(&f.ledger, 1, 0), 0.0, 0.0);
    assert_near(ws_ledger_total_j(&f.ledger, 0, WS_DRAM), 7.0, 0.0);
    ws_arena_fini(&f.arena);
}

static void a_run_without_charges_has_one_empty_interval(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1, 10);
    ws_ledger_close(&f.ledger, 0);
    assert_int_equal(f.ledger.n_bins, 1);
    assert_near(bin_j(&f.ledger, 0, 0, WS_BASE), 0.0, 0.0);
    ws_arena_fini(&f.arena);
}

/* ---- against an oracle that keeps every span and evaluates intervals and ticks from the definition ---- */

enum { N_SPANS = 4000, N_NODES = 3, INTERVAL_NS = 1000, END_NS = 50500 };

typedef struct span {
    size_t       node;
    ws_component component;
    int64_t      begin_ns, end_ns;
    double       energy_j;
} span;

/** Mostly short spans, some over many intervals, some exactly on ticks, some empty; times in no order. */
static span random_span(ws_rng *rng)
{
    span s;
    s.node                = ws_rng_below(rng, N_NODES);
    s.component           = (ws_component)ws_rng_below(rng, WS_COMPONENT_COUNT);
    s.begin_ns            = ws_rng_below(rng, END_NS);
    const uint32_t length = ws_rng_below(rng, 8) == 0 ? 20000 : 300;
    s.end_ns              = s.begin_ns + ws_rng_below(rng, length);
    if (ws_rng_below(rng, 10) == 0) {
        s.begin_ns -= s.begin_ns % INTERVAL_NS;
        s.end_ns += INTERVAL_NS - s.end_ns % INTERVAL_NS;
    }
    s.end_ns   = s.end_ns > END_NS ? END_NS : s.end_ns;
    s.energy_j = ws_rng_uniform(rng) * 100.0;
    return s;
}

static double share_within(const span *s, int64_t from_ns, int64_t to_ns)
{
    if (s->begin_ns == s->end_ns) {
        return s->begin_ns >= from_ns && (s->begin_ns < to_ns || to_ns == END_NS) ? 1.0 : 0.0;
    }
    const int64_t begin_ns = s->begin_ns > from_ns ? s->begin_ns : from_ns;
    const int64_t end_ns   = s->end_ns < to_ns ? s->end_ns : to_ns;
    return begin_ns < end_ns ? (double)(end_ns - begin_ns) / (double)(s->end_ns - s->begin_ns) : 0.0;
}

static void check_against_oracle(const ws_ledger *ledger, const span *spans)
{
    for (size_t bin = 0; bin < ledger->n_bins; bin++) {
        const int64_t from_ns = (int64_t)bin * INTERVAL_NS;
        const int64_t to_ns   = from_ns + INTERVAL_NS < END_NS ? from_ns + INTERVAL_NS : END_NS;
        double        expected_j[N_NODES][WS_COMPONENT_COUNT] = {{0.0}};
        double        expected_w[N_NODES]                     = {0.0};
        for (size_t i = 0; i < N_SPANS; i++) {
            const span *s = &spans[i];
            expected_j[s->node][s->component] += s->energy_j * share_within(s, from_ns, to_ns);
            if (s->begin_ns < to_ns && to_ns <= s->end_ns) {
                expected_w[s->node] += s->energy_j / ((double)(s->end_ns - s->begin_ns) * 1e-9);
            }
        }
        for (size_t node = 0; node < N_NODES; node++) {
            assert_near(tick_w(ledger, bin, node), expected_w[node], 1e-9 * expected_w[node] + 1e-9);
            for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
                assert_near(bin_j(ledger, bin, node, (ws_component)c), expected_j[node][c], 1e-9);
            }
        }
    }
}

static void random_spans_agree_with_a_brute_force_oracle(void **state)
{
    (void)state;
    fixture f;
    start(&f, N_NODES, INTERVAL_NS);
    ws_rng rng;
    ws_rng_seed(&rng, 7);
    span *spans = malloc(N_SPANS * sizeof(*spans));
    assert_non_null(spans);
    for (size_t i = 0; i < N_SPANS; i++) {
        spans[i] = random_span(&rng);
        ws_ledger_charge(&f.ledger, spans[i].node, spans[i].component, spans[i].begin_ns, spans[i].end_ns,
                         spans[i].energy_j);
    }
    ws_ledger_close(&f.ledger, END_NS);
    assert_int_equal(f.ledger.status, WS_OK);
    assert_int_equal(f.ledger.n_bins, 51);
    check_against_oracle(&f.ledger, spans);
    free(spans);
    ws_arena_fini(&f.arena);
}

/* A page of one source with spans inside it, in any order, the first of which ends with it. */
static void charge_page(ws_ledger *ledger, ws_rng *rng, size_t source, span *spans, size_t n)
{
    const span     whole = spans[0];
    ws_ledger_page page  = ws_ledger_open(ledger, source, whole.begin_ns, whole.end_ns);
    for (size_t i = 0; i < n; i++) {
        span *s      = &spans[i];
        s->node      = whole.node;
        s->component = (ws_component)ws_rng_below(rng, WS_COMPONENT_COUNT);
        s->begin_ns  = whole.begin_ns + ws_rng_below(rng, (uint32_t)(whole.end_ns - whole.begin_ns) + 1);
        s->end_ns    = i == 0 ? whole.end_ns
                              : s->begin_ns + ws_rng_below(rng, (uint32_t)(whole.end_ns - s->begin_ns) + 1);
        if (page.bin_j != NULL && ws_rng_below(rng, 2) == 0) {
            ws_ledger_charge_hot(&page, s->component, s->begin_ns, s->end_ns, s->energy_j,
                                 ws_ledger_window(&page));
        } else {
            ws_ledger_charge_on(&page, s->component, s->begin_ns, s->end_ns, s->energy_j);
        }
    }
}

/* Nodes charge by themselves and through two sources each; windows of their own see the same energy. */
static void pages_of_several_sources_agree_with_the_oracle(void **state)
{
    (void)state;
    enum { N_SOURCES = 3 * N_NODES, PER_PAGE = 4 };
    fixture f;
    start(&f, N_NODES, INTERVAL_NS);
    ws_window_meter_init(&f.ledger.windows, &f.arena, 700);
    size_t node_of[N_SOURCES];
    for (size_t i = 0; i < N_SOURCES; i++) {
        size_t source = i;
        node_of[i]    = i % N_NODES;
        if (i >= N_NODES) {
            assert_int_equal(ws_ledger_add_source(&f.ledger, node_of[i], &source), WS_OK);
        }
        assert_int_equal(source, i);
    }
    ws_rng rng;
    ws_rng_seed(&rng, 11);
    span *spans = malloc(N_SPANS * sizeof(*spans));
    assert_non_null(spans);
    double energy_j = 0.0;
    for (size_t i = 0; i < N_SPANS; i++) {
        spans[i] = random_span(&rng);
        energy_j += spans[i].energy_j;
    }
    for (size_t i = 0; i < N_SPANS; i += PER_PAGE) {
        const size_t source = ws_rng_below(&rng, N_SOURCES);
        spans[i].node       = node_of[source];
        charge_page(&f.ledger, &rng, source, &spans[i], PER_PAGE);
    }
    ws_ledger_close(&f.ledger, END_NS);
    check_against_oracle(&f.ledger, spans);
    double *window_w = NULL, windows_j = 0.0;
    size_t  n = 0;
    assert_int_equal(ws_window_meter_read(&f.ledger.windows, 73 * 700, 1, &window_w, &n), WS_OK);
    for (size_t i = 0; i < n; i++) {
        windows_j += window_w[i] * 700e-9;
    }
    assert_near(windows_j, energy_j, 1e-9 * energy_j);
    free(spans);
    ws_arena_fini(&f.arena);
}

static void totals_are_the_sums_of_the_intervals(void **state)
{
    (void)state;
    fixture f;
    start(&f, N_NODES, INTERVAL_NS);
    ws_rng rng;
    ws_rng_seed(&rng, 8);
    for (size_t i = 0; i < 100000; i++) {
        const span s = random_span(&rng);
        ws_ledger_charge(&f.ledger, s.node, s.component, s.begin_ns, s.end_ns, s.energy_j);
    }
    ws_ledger_close(&f.ledger, END_NS);
    for (size_t node = 0; node < N_NODES; node++) {
        double node_j = 0.0;
        for (int c = 0; c < WS_COMPONENT_COUNT; c++) {
            double sum_j = 0.0;
            for (size_t bin = 0; bin < f.ledger.n_bins; bin++) {
                sum_j += bin_j(&f.ledger, bin, node, (ws_component)c);
            }
            const double total_j = ws_ledger_total_j(&f.ledger, node, (ws_component)c);
            assert_near(sum_j, total_j, 1e-12 * total_j);
            node_j += total_j;
        }
        assert_near(ws_ledger_node_j(&f.ledger, node), node_j, 1e-12 * node_j);
    }
    ws_arena_fini(&f.arena);
}

/* An hour of spans that follow each other: no bin may drift, and growing keeps what is there. */
static void growing_keeps_earlier_intervals(void **state)
{
    (void)state;
    fixture f;
    start(&f, 1, WS_NS_PER_S);
    for (int64_t i = 0; i < 36000; i++) {
        ws_ledger_charge(&f.ledger, 0, WS_NPU_ACTIVE, i * (WS_NS_PER_S / 10), (i + 1) * (WS_NS_PER_S / 10),
                         60.0);
    }
    ws_ledger_close(&f.ledger, 3600 * WS_NS_PER_S);
    assert_int_equal(f.ledger.n_bins, 3600);
    for (size_t bin = 0; bin < 3600; bin++) {
        assert_near(bin_j(&f.ledger, bin, 0, WS_NPU_ACTIVE), 600.0, 1e-9);
        assert_near(tick_w(&f.ledger, bin, 0), 600.0, 1e-9);
    }
    ws_arena_fini(&f.arena);
}

static void running_out_of_memory_is_remembered(void **state)
{
    (void)state;
    fixture f;
    ws_arena_init(&f.arena, 1 << 20);
    assert_int_equal(ws_ledger_init(&f.ledger, &f.arena, 1, 1), WS_OK);
    ws_ledger_charge(&f.ledger, 0, WS_BASE, 0, 10, 1.0);
    assert_int_equal(f.ledger.status, WS_OK);
    ws_ledger_charge(&f.ledger, 0, WS_BASE, 10, INT64_MAX, 1.0);
    assert_int_equal(f.ledger.status, WS_ERR_NOMEM);
    ws_ledger_charge(&f.ledger, 0, WS_BASE, 0, 5, 1.0);
    assert_near(ws_ledger_total_j(&f.ledger, 0, WS_BASE), 1.0, 0.0);
    ws_ledger_close(&f.ledger, INT64_MAX);
    assert_int_equal(f.ledger.status, WS_ERR_NOMEM);
    ws_arena_fini(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_span_is_spread_by_time),
        cmocka_unit_test(ticks_see_the_power_just_before_them),
        cmocka_unit_test(the_last_tick_of_a_partial_interval_is_the_end_of_the_run),
        cmocka_unit_test(instants_are_charged_where_they_happen),
        cmocka_unit_test(a_run_without_charges_has_one_empty_interval),
        cmocka_unit_test(random_spans_agree_with_a_brute_force_oracle),
        cmocka_unit_test(pages_of_several_sources_agree_with_the_oracle),
        cmocka_unit_test(totals_are_the_sums_of_the_intervals),
        cmocka_unit_test(growing_keeps_earlier_intervals),
        cmocka_unit_test(running_out_of_memory_is_remembered),
    };
    return cmocka_run_group_tests_name("power.ledger", tests, NULL, NULL);
}
