/* Invariants: every measured single operation of the reference comes out to the nanosecond; members that
 * enter together take the closed form, members that do not take the step-by-step recurrence, repeated rings
 * equal single ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hardware/network.h"

enum { MEMBERS_MAX = 64, N_RANDOM = 300 };

/* ---- docs/model/timing.md 6.1, line by line ---- */

typedef struct measured_line {
    ws_collective kind;
    ws_network    net;
    int64_t       bytes;
    unsigned      dims;
    int64_t       expected_ns;
} measured_line;

#define NET1(n, bw, lat, w)                                                                                  \
    {                                                                                                        \
        1, {n}, {bw}, {lat}, w                                                                               \
    }
#define NET2(a, b)                                                                                           \
    {                                                                                                        \
        2, {a, b}, {16, 11}, {1000, 1500}, 1597                                                              \
    }

static const measured_line k_collectives[] = {
    {WS_ALL_REDUCE, NET1(2, 16, 20000, 1597), 81920, 1, 44873},
    {WS_ALL_REDUCE, NET1(2, 16, 20000, 1597), 8192, 1, 40512},
    {WS_ALL_REDUCE, NET1(2, 37.5, 1234, 1597), 81920, 1, 4607},
    {WS_ALL_REDUCE, NET1(4, 50, 500.5, 1597), 81920, 1, 5464},
    {WS_ALL_REDUCE, NET1(8, 112, 500.5, 3350), 16777216, 1, 264442},
    {WS_ALL_REDUCE, NET1(8, 112, 500.5, 3350), 5, 1, 7150}, /* raised to 8 bytes */
    {WS_ALL_REDUCE, NET1(2, 16, 0, 1597), 47910, 1, 2860},  /* 23955 = 15 * 1597 still reduces in 14 */
    {WS_ALL_GATHER, NET1(2, 16, 20000, 1597), 21760, 1, 21286},
    {WS_ALL_GATHER, NET1(4, 16, 2000, 1597), 21760, 1, 9838},
    {WS_REDUCE_SCATTER, NET1(2, 16, 20000, 1597), 40960, 1, 21248},
    {WS_REDUCE_SCATTER, NET1(4, 16, 2000, 1597), 81920, 1, 9724},
    {WS_ALL_GATHER, NET2(2, 2), 21760, 3, 6915},
    {WS_REDUCE_SCATTER, NET2(2, 2), 40960, 3, 4652},
    {WS_ALL_REDUCE, NET2(2, 3), 81920, 3, 17601},
    {WS_ALL_REDUCE, NET2(2, 3), 81920, 1, 6873},
    {WS_ALL_GATHER, {3, {2, 2, 2}, {16, 5, 11}, {1000, 7, 1500}, 1597}, 21760, 5, 6915},
    {WS_ALL_TO_ALL, NET1(4, 16, 2000, 1597), 81920, 1, 19222},
    {WS_ALL_REDUCE, NET1(2, 16, 700, 1597), 1000000, 1, 60575},
};

static void measured_collectives_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(k_collectives) / sizeof(k_collectives[0]); i++) {
        const measured_line *line = &k_collectives[i];
        const int64_t        got  = ws_collective_ns(&line->net, line->kind, line->bytes, line->dims);
        if (got != line->expected_ns) {
            fail_msg("line %zu: got %lld ns, expected %lld", i, (long long)got, (long long)line->expected_ns);
        }
    }
}

static void measured_messages_agree(void **state)
{
    (void)state;
    const ws_network slow = NET1(2, 16, 20000, 1597), thin = NET1(2, 5.25, 333, 1597),
                     fast = NET1(2, 450, 500.5, 1597);
    assert_int_equal(ws_network_message_ns(&slow, 0, 40), 20002);
    assert_int_equal(ws_network_message_ns(&slow, 0, 81920), 24768);
    assert_int_equal(ws_network_message_ns(&thin, 0, 81920), 14865);
    assert_int_equal(ws_network_message_ns(&fast, 0, 1), 500);
    assert_int_equal(ws_network_message_ns(&slow, 0, 40960), 22384);
}

/* ---- addresses ---- */

/* NPU = c0 + 2*c1 + 6*c2 in a 2 x 3 x 2 network; the lowest differing coordinate pays, the others do not. */
static void message_pays_lowest_differing_dimension(void **state)
{
    (void)state;
    const ws_network net = {3, {2, 3, 2}, {1, 2, 4}, {100, 2000, 30000}, 1000};
    assert_int_equal(ws_network_n_npus(&net), 12);
    assert_int_equal(ws_network_between_ns(&net, 0, 1, 64), ws_network_message_ns(&net, 0, 64));
    assert_int_equal(ws_network_between_ns(&net, 0, 11, 64), ws_network_message_ns(&net, 0, 64));
    assert_int_equal(ws_network_between_ns(&net, 4, 0, 64), ws_network_message_ns(&net, 1, 64));
    assert_int_equal(ws_network_between_ns(&net, 2, 10, 64), ws_network_message_ns(&net, 1, 64));
    assert_int_equal(ws_network_between_ns(&net, 5, 11, 64), ws_network_message_ns(&net, 2, 64));
}

static void dimensions_of_size_one_change_nothing(void **state)
{
    (void)state;
    const ws_network net = {3, {1, 4, 1}, {1, 16, 1}, {9, 2000, 9}, 1597};
    assert_int_equal(ws_collective_ns(&net, WS_ALL_GATHER, 21760, 7), 9838);
    assert_int_equal(ws_collective_ns(&net, WS_ALL_GATHER, 21760, 2), 9838);
    assert_int_equal(ws_collective_size(&net, 7), 4);
    assert_int_equal(ws_collective_ns(&net, WS_ALL_REDUCE, 21760, 5), -1); /* nobody to talk to */
    assert_int_equal(ws_collective_ns(&net, WS_ALL_REDUCE, 21760, 0), -1);
}

static void absurd_links_stay_inside_the_clock(void **state)
{
    (void)state;
    const ws_network net = NET1(2, 1e-300, 1e300, 1);
    assert_true(ws_collective_ns(&net, WS_ALL_REDUCE, 1, 1) > 0);
}

/* ---- random cases against slow oracles ---- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

static int64_t random_between(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(next_random(state) % (uint64_t)(high - low + 1));
}

static ws_network random_network(uint64_t *state, int n_dims)
{
    ws_network net = {.n_dims = n_dims, .reduce_bw = random_between(state, 1, 4000)};
    for (int dim = 0; dim < n_dims; dim++) {
        net.size[dim]       = random_between(state, n_dims == 1 ? 2 : 1, n_dims == 1 ? 8 : 4);
        net.bw_gbps[dim]    = (double)random_between(state, 1, 2000) / 7.0;
        net.latency_ns[dim] = (double)random_between(state, 0, 40000) / 2.0;
    }
    return net;
}

/* Spec 2.5, step by step: S(1) = t + e; S_i(k+1) = max(S_i(k), S_(i-1)(k) + D) + e + R_k. */
static void slow_ring(int64_t *t_ns, int64_t n, int64_t steps, int64_t reducing, int64_t d, int64_t r)
{
    int64_t sent[MEMBERS_MAX], next[MEMBERS_MAX];
    for (int64_t i = 0; i < n; i++) {
        sent[i] = t_ns[i] + 10;
    }
    for (int64_t k = 0; k < steps; k++) {
        for (int64_t i = 0; i < n; i++) {
            const int64_t arrival = sent[(i + n - 1) % n] + d;
            next[i]               = (sent[i] > arrival ? sent[i] : arrival) + 10 + (k < reducing ? r : 0);
        }
        memcpy(sent, next, (size_t)n * sizeof(sent[0]));
    }
    memcpy(t_ns, sent, (size_t)n * sizeof(sent[0]));
}

static void skewed_rings_follow_the_recurrence(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < N_RANDOM; round++) {
        const ws_network    net        = random_network(&seed, 1);
        const ws_collective kind       = (ws_collective)random_between(&seed, WS_ALL_REDUCE, WS_ALL_TO_ALL);
        const int64_t       n          = net.size[0];
        const int64_t       bytes      = random_between(&seed, n, 1000000);
        const int64_t       s          = kind == WS_ALL_GATHER ? bytes : bytes / n;
        const int64_t       r          = 3 * (int64_t)((double)s / ((double)net.reduce_bw * 1e9) * 1e9);
        const int64_t       steps[]    = {2 * (n - 1), n - 1, n - 1, n * (n - 1) / 2};
        const int64_t       reducing[] = {n - 1, 0, n - 1, 0};
        const int64_t       spread     = random_between(&seed, 0, 1) ? 1000000 : 1000;
        int64_t             got[MEMBERS_MAX], expected[MEMBERS_MAX], scratch[MEMBERS_MAX];
        for (int64_t i = 0; i < n; i++) {
            got[i] = expected[i] = random_between(&seed, 0, spread);
        }
        slow_ring(expected, n, steps[kind], reducing[kind], ws_network_message_ns(&net, 0, s), r);
        ws_collective_run(&net, kind, bytes, 1, got, scratch);
        assert_memory_equal(got, expected, (size_t)n * sizeof(got[0]));
    }
}

static void equal_entries_take_the_closed_form(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < N_RANDOM; round++) {
        const ws_network    net  = random_network(&seed, (int)random_between(&seed, 1, 3));
        const ws_collective kind = (ws_collective)random_between(&seed, WS_ALL_REDUCE, WS_ALL_TO_ALL);
        const unsigned      dims = (unsigned)random_between(&seed, 1, (1 << net.n_dims) - 1);
        const int64_t bytes = random_between(&seed, 1, 500000), start = random_between(&seed, 0, 1000000000);
        const int64_t n = ws_collective_size(&net, dims), total = ws_collective_ns(&net, kind, bytes, dims);
        int64_t       t[MEMBERS_MAX], scratch[MEMBERS_MAX];
        if (n < 2) {
            assert_int_equal(total, -1);
            continue;
        }
        for (int64_t i = 0; i < n; i++) {
            t[i] = start;
        }
        ws_collective_run(&net, kind, bytes, dims, t, scratch);
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(t[i], start + total);
        }
    }
}

/* One ring phase of a 2 x 3 network by the slow oracle, on every ring along dimension `dim`. */
static void slow_phase(const ws_network *net, int dim, ws_collective kind, int64_t message, int64_t t_ns[6])
{
    const int64_t n = net->size[dim], stride = dim == 0 ? 1 : 2, n_rings = 6 / n;
    const int64_t steps    = kind == WS_ALL_REDUCE ? 2 * (n - 1) : n - 1,
                  reducing = kind == WS_ALL_GATHER ? 0 : n - 1;
    const int64_t r        = 3 * (int64_t)((double)message / ((double)net->reduce_bw * 1e9) * 1e9);
    for (int64_t ring = 0; ring < n_rings; ring++) {
        int64_t       members[3];
        const int64_t first = dim == 0 ? 2 * ring : ring;
        for (int64_t i = 0; i < n; i++) {
            members[i] = t_ns[first + i * stride];
        }
        slow_ring(members, n, steps, reducing, ws_network_message_ns(net, dim, message), r);
        for (int64_t i = 0; i < n; i++) {
            t_ns[first + i * stride] = members[i];
        }
    }
}

/* All-reduce over both dimensions = scatter along 0, reduce along 1, gather along 0; members cross phases on
 * their own. */
static void two_dimensions_run_ring_after_ring(void **state)
{
    (void)state;
    const ws_network net  = NET2(2, 3);
    uint64_t         seed = 5;
    for (int round = 0; round < N_RANDOM; round++) {
        int64_t       got[6], expected[6], scratch[6];
        const int64_t bytes  = random_between(&seed, 6, 1000000),
                      spread = random_between(&seed, 0, 1) ? 100000 : 900;
        for (int i = 0; i < 6; i++) {
            got[i] = expected[i] = random_between(&seed, 0, spread);
        }
        slow_phase(&net, 0, WS_REDUCE_SCATTER, bytes / 2, expected);
        slow_phase(&net, 1, WS_ALL_REDUCE, bytes / 2 / 3, expected);
        slow_phase(&net, 0, WS_ALL_GATHER, bytes / 2, expected);
        ws_collective_run(&net, WS_ALL_REDUCE, bytes, 3, got, scratch);
        assert_memory_equal(got, expected, sizeof(got));
    }
}

static void repeated_all_reduces_equal_single_ones(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < N_RANDOM; round++) {
        const ws_network net = random_network(&seed, 1);
        const int64_t    n = net.size[0], bytes = random_between(&seed, 1, 500000);
        const int64_t    count = random_between(&seed, 0, 130),
                      spread   = random_between(&seed, 0, 1) ? 1000000 : 500;
        int64_t got[MEMBERS_MAX], expected[MEMBERS_MAX], scratch[MEMBERS_MAX];
        for (int64_t i = 0; i < n; i++) {
            got[i] = expected[i] = random_between(&seed, 0, spread);
        }
        for (int64_t i = 0; i < count; i++) {
            ws_collective_run(&net, WS_ALL_REDUCE, bytes, 1, expected, scratch);
        }
        ws_all_reduce_repeat(&net, 0, bytes, count, got, scratch);
        assert_memory_equal(got, expected, (size_t)n * sizeof(got[0]));
    }
}

/* Two NPUs: each keeps its own lateness through any number of all-reduces (docs/model/timing.md 5.3). */
static void a_pair_keeps_its_skew(void **state)
{
    (void)state;
    const ws_network net  = NET1(2, 16, 20000, 1597);
    int64_t          t[2] = {1000, 1777}, scratch[2];
    ws_all_reduce_repeat(&net, 0, 81920, 64, t, scratch);
    assert_int_equal(t[0], 1000 + 64 * 44873);
    assert_int_equal(t[1], 1777 + 64 * 44873);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured_collectives_agree),
        cmocka_unit_test(measured_messages_agree),
        cmocka_unit_test(message_pays_lowest_differing_dimension),
        cmocka_unit_test(dimensions_of_size_one_change_nothing),
        cmocka_unit_test(absurd_links_stay_inside_the_clock),
        cmocka_unit_test(skewed_rings_follow_the_recurrence),
        cmocka_unit_test(equal_entries_take_the_closed_form),
        cmocka_unit_test(two_dimensions_run_ring_after_ring),
        cmocka_unit_test(repeated_all_reduces_equal_single_ones),
        cmocka_unit_test(a_pair_keeps_its_skew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
