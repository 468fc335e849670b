/* Invariants: a zeroed SLO bounds nothing; every part has a name of its own, that of a metric where it bounds
 * the run; a bound met exactly is met, one of the run is not asked of requests; a share that too few requests
 * reach is a miss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "engine.h"

static void parts_have_names_of_their_own(void **state)
{
    (void)state;
    ws_slo slo = {.ttft_ms = 0.0};
    for (size_t part = 0; part < WS_SLO_N_PARTS; part++) {
        const char *name = ws_slo_part_name(part);
        assert_int_equal(ws_slo_find(name, strlen(name)), part);
        assert_int_equal(ws_slo_find(name, strlen(name) - 1), WS_SLO_N_PARTS);
        assert_true(*ws_slo_part(&slo, part) == 0.0);
        *ws_slo_part(&slo, part) = (double)part + 1.0;
    }
    for (size_t part = 0; part < WS_SLO_N_PARTS; part++) {
        assert_true(*ws_slo_part(&slo, part) == (double)part + 1.0); /* no two share a place */
    }
    assert_true(slo.ttft_ms == 1.0 && slo.queue_ms == 5.0 && slo.attainment == WS_SLO_N_PARTS);
    assert_true(*ws_slo_part(&slo, ws_slo_find("queue_p99_ms", 12)) == slo.run_ms[WS_SLO_N_RUN_BOUNDS - 1]);
    assert_true(*ws_slo_part(&slo, ws_slo_find("tpot_p50_ms", 11)) ==
                slo.run_ms[WS_METRIC_TPOT_P50_MS - WS_METRIC_TTFT_MEAN_MS]);
    assert_int_equal(ws_slo_find("power_mean_w", 12), WS_SLO_N_PARTS);
}

static void what_bounds_nothing_is_no_slo(void **state)
{
    (void)state;
    const ws_slo zero = {.ttft_ms = 0.0}, infinite = {.ttft_ms = INFINITY}, share = {.attainment = 0.9},
                 set = {.run_ms[3] = 1.0};
    assert_false(ws_slo_is_set(&zero) || ws_slo_is_set(&infinite) || ws_slo_is_set(&share));
    assert_true(ws_slo_is_set(&set));
    assert_true(ws_slo_is_valid(&zero) && ws_slo_is_valid(&infinite) && ws_slo_is_valid(&set));
    const ws_slo wrong[] = {{.ttft_ms = -1.0},
                            {.run_ms[2] = NAN},
                            {.attainment = 0.9},
                            {.ttft_ms = 1.0, .attainment = 1.5},
                            {.ttft_ms = 1.0, .attainment = -0.5},
                            {.ttft_ms = 1.0, .attainment = NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ws_slo_is_valid(&wrong[i]));
    }
}

static void expect(const ws_slo *slo, const double *metrics, const char *broken)
{
    ws_strbuf text = WS_STRBUF_INIT;
    ws_slo_put_broken(slo, metrics, &text);
    assert_string_equal(ws_strbuf_text(&text), broken);
    assert_int_equal(ws_slo_is_met(slo, metrics), broken[0] == '\0');
    ws_strbuf_fini(&text);
}

static void bounds_of_the_run_are_asked_of_its_metrics(void **state)
{
    (void)state;
    double metrics[WS_METRIC_COUNT];
    for (size_t i = 0; i < WS_METRIC_COUNT; i++) {
        metrics[i] = 1.0;
    }
    metrics[WS_METRIC_TTFT_P99_MS]                              = 2000.0;
    metrics[WS_METRIC_TPOT_MEAN_MS]                             = NAN; /* every answer has one token */
    ws_slo slo                                                  = {.attainment = 0.0};
    slo.run_ms[WS_METRIC_TTFT_P99_MS - WS_METRIC_TTFT_MEAN_MS]  = 2000.0;
    slo.run_ms[WS_METRIC_TPOT_MEAN_MS - WS_METRIC_TTFT_MEAN_MS] = 5.0;
    expect(&slo, metrics, "");
    metrics[WS_METRIC_TTFT_P99_MS] = 9200.0;
    expect(&slo, metrics, "ttft_p99_ms 9200 > 2000");
    metrics[WS_METRIC_SLO_ATTAINMENT] = 0.5; /* half of the requests were never served */
    expect(&slo, metrics, "ttft_p99_ms 9200 > 2000, slo_attainment 0.5 < 0.99");
}

static void a_share_of_requests_has_to_be_good(void **state)
{
    (void)state;
    double metrics[WS_METRIC_COUNT]   = {0};
    ws_slo slo                        = {.ttft_ms = 500.0};
    metrics[WS_METRIC_SLO_ATTAINMENT] = 99.0 / 100.0;
    expect(&slo, metrics, "");
    metrics[WS_METRIC_SLO_ATTAINMENT] = 98.0 / 100.0;
    expect(&slo, metrics, "slo_attainment 0.98 < 0.99");
    slo.attainment = 0.95;
    expect(&slo, metrics, "");
    metrics[WS_METRIC_SLO_ATTAINMENT] = 18.0 / 20.0;
    expect(&slo, metrics, "slo_attainment 0.9 < 0.95");
    metrics[WS_METRIC_SLO_ATTAINMENT] = NAN; /* of no requests */
    assert_false(ws_slo_is_met(&slo, metrics));
}

static void text_is_what_the_option_takes(void **state)
{
    (void)state;
    ws_slo slo = {.ttft_ms = 500.0, .queue_ms = INFINITY, .attainment = 0.1 + 0.2};
    slo.run_ms[WS_METRIC_TTFT_P99_MS - WS_METRIC_TTFT_MEAN_MS] = 2000.0;
    ws_strbuf text                                             = WS_STRBUF_INIT;
    ws_slo_put_text(&slo, &text);
    assert_string_equal(ws_strbuf_text(&text), "ttft_ms=500,ttft_p99_ms=2000,attainment=0.30000000000000004");
    ws_strbuf_clear(&text);
    ws_slo_put_text(&WS_SLO_NONE, &text);
    assert_int_equal(text.len, 0);
    ws_strbuf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_have_names_of_their_own),
        cmocka_unit_test(what_bounds_nothing_is_no_slo),
        cmocka_unit_test(bounds_of_the_run_are_asked_of_its_metrics),
        cmocka_unit_test(a_share_of_requests_has_to_be_good),
        cmocka_unit_test(text_is_what_the_option_takes),
    };
    return cmocka_run_group_tests_name("result.slo", tests, NULL, NULL);
}
