/* Invariants: the bundled devices have the capacity, bandwidth and latency of docs/model/serving.md 6.7, and
 * the time of a piece of work that 11.6 has; a broken file is refused with line and key. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "hardware/pim.h"

static void assert_near(double got, double expected)
{
    if (fabs(got - expected) > 1e-12 * expected) {
        fail_msg("got %.17g, expected %.17g", got, expected);
    }
}

static ws_pim bundled(const char *stem)
{
    ws_files *files = NULL;
    ws_pim    pim;
    char      path[1024];
    snprintf(path, sizeof(path), "%s/configs/pim/%s.ini", getenv("WS_SOURCE_DIR"), stem);
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_pim_read(files, path, stem, NULL, &pim), WS_OK);
    ws_files_destroy(&files);
    return pim;
}

static void bundled_devices_match_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *stem;
        double      gib, gbps, latency_ns, idle_w, active_w;
    } k_rows[] = {
        {"DDR4_8GB_3200_pim", 8, 25.6, 13.86, 0.623, 3.803},
        {"HBM2_1GB_2000_pim", 1, 32.0, 14.0, 0.160, 0.760},
        {"LPDDR4X_2GB_4266_pim", 2, 8.532, 16.848, 0.070, 0.771},
        {"LPDDR5_2GB_6400_pim", 2, 12.8, 10.625, 0.071, 0.877},
    };
    for (size_t i = 0; i < sizeof(k_rows) / sizeof(k_rows[0]); i++) {
        const ws_pim pim = bundled(k_rows[i].stem);
        assert_true(pim.channel_gib == k_rows[i].gib);
        assert_true(pim.channel_gbps == k_rows[i].gbps);
        assert_near(pim.latency_ns, k_rows[i].latency_ns);
        assert_near(pim.idle_w, k_rows[i].idle_w);
        assert_near(pim.active_w, k_rows[i].active_w);
    }
}

/* 512 GiB of DDR4: 64 channels, split over the 8 KV heads; 10 tokens: (333.2538*10 + 30675.2739)/8 = 4250.97
 * -> 4250. */
static void the_worked_example(void **state)
{
    (void)state;
    const ws_pim   pim   = bundled("DDR4_8GB_3200_pim");
    const ws_model llama = {.n_heads = 32, .n_kv_heads = 8, .head_dim = 128};
    assert_int_equal(ws_pim_n_channels(&pim, 512.0), 64);
    assert_int_equal(ws_pim_n_channels(&pim, 519.9), 64);
    assert_int_equal(ws_pim_n_channels(&pim, 7.9), 0);
    assert_near(ws_pim_node_gbps(&pim, 512.0), 1638.4);
    assert_int_equal(ws_pim_split(&pim, &llama, 512.0), 8);
    assert_int_equal(ws_pim_split(&pim, &llama, 24.0), 3);
    assert_int_equal(ws_pim_entry_ns(&pim, &llama, 8, 10), 4250);
}

/* Twice the heads per KV head: slope doubles; half the head size: intercept halves back. H 64, K 8, D 64:
 * g = 2, s = 1: (2*333.2538*10 + 30675.2739)/1 = 37340.35. */
static void other_shapes_scale_slope_and_intercept(void **state)
{
    (void)state;
    const ws_pim   pim   = bundled("DDR4_8GB_3200_pim");
    const ws_model model = {.n_heads = 64, .n_kv_heads = 8, .head_dim = 64};
    assert_int_equal(ws_pim_entry_ns(&pim, &model, 1, 10), 37340);
}

static const char k_good[] =
    "[a]\n; note\n# note\nbankgroups=2\nbanks_per_group = 4\nrows = 65536 # many\r\ncolumns = 1024\n"
    "device_width = 16\nbus_width = 64\nchannel_size = 8192\ntCK = 0.63\nCL = 22\ndata_rate = 3200\n"
    "idle_power = 623\npeak_power = 3803\nprotocol = DDR4\n";

/* Read k_good followed by `more`, without the line that starts with `dropped`. */
static ws_status read_text(const char *dropped, const char *more, const char *stem, char *text_out,
                           size_t cap)
{
    char        text[2048];
    const char *line = dropped != NULL ? strstr(k_good, dropped) : NULL;
    const char *rest = line != NULL ? strchr(line, '\n') + 1 : k_good;
    snprintf(text, sizeof(text), "%.*s%s%s", line != NULL ? (int)(line - k_good) : 0, k_good, rest, more);
    ws_files *files = NULL;
    ws_error  err   = WS_ERROR_INIT;
    ws_pim    pim;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "p.ini", text, strlen(text)), WS_OK);
    const ws_status status = ws_pim_read(files, "p.ini", stem, &err, &pim);
    snprintf(text_out, cap, "%s", ws_error_text(&err));
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return status;
}

static void broken_files_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *dropped, *more, *stem, *message;
    } k_cases[] = {
        {"rows", "", "DDR4_8GB_3200_pim", "p.ini: missing key \"rows\""},
        {"rows", "rows = many\n", "DDR4_8GB_3200_pim",
         "p.ini:16: rows: expected a number in 0.001..1e+09, found \"many\""},
        {"tCK", "tCK = 0\n", "DDR4_8GB_3200_pim", "tCK: expected a number in 0.001"},
        {"CL", "CL = -1\n", "DDR4_8GB_3200_pim", "CL: expected a number in 0.."},
        {"CL", "CL = nan\n", "DDR4_8GB_3200_pim", "CL: expected"},
        {"CL", "CL =\n", "DDR4_8GB_3200_pim", "CL: expected"},
        {NULL, "nonsense\n", "DDR4_8GB_3200_pim", "p.ini:17: expected key = value, found \"nonsense\""},
        {NULL, "", "DDR6_pim", "\"DDR6_pim\"; expected one of DDR4_8GB_3200_pim"},
    };
    char text[2048];
    assert_int_equal(read_text(NULL, "", "DDR4_8GB_3200_pim", text, sizeof(text)), WS_OK);
    for (size_t i = 0; i < sizeof(k_cases) / sizeof(k_cases[0]); i++) {
        assert_int_equal(read_text(k_cases[i].dropped, k_cases[i].more, k_cases[i].stem, text, sizeof(text)),
                         WS_ERR_INPUT);
        if (strstr(text, k_cases[i].message) == NULL) {
            fail_msg("expected \"%s\" in: %s", k_cases[i].message, text);
        }
    }
}

int main(void)
{
    if (getenv("WS_SOURCE_DIR") == NULL) {
        print_error("WS_SOURCE_DIR is not set: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundled_devices_match_the_table),
        cmocka_unit_test(the_worked_example),
        cmocka_unit_test(other_shapes_scale_slope_and_intercept),
        cmocka_unit_test(broken_files_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
