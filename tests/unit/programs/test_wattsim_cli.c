/* Invariants: every option of the table can be given in its CLI form, as two arguments or one; each mistake
 * is named, with the nearest known option where there is one, and all mistakes of a line are reported. The
 * help names every option with its default, and fits a terminal of 112 columns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/exit_code.h"
#include "programs/wattsim_cli.h"
#include "random_words.h"

#define PARSE(args_out, ...)                                                                                 \
    parse((const char *const[]){"wattsim", __VA_ARGS__},                                                     \
          sizeof((const char *const[]){"wattsim", __VA_ARGS__}) / sizeof(char *), args_out)
#define REFUSE(message, ...)                                                                                 \
    refuse((const char *const[]){"wattsim", __VA_ARGS__},                                                    \
           sizeof((const char *const[]){"wattsim", __VA_ARGS__}) / sizeof(char *), message)

static void parse(const char *const *argv, size_t argc, ws_wattsim_args *args)
{
    ws_error err = WS_ERROR_INIT;
    if (ws_wattsim_args_parse((int)argc, argv, &err, args) != WS_OK) {
        fail_msg("%s", ws_error_text(&err));
    }
}

static void refuse(const char *const *argv, size_t argc, const char *message)
{
    ws_error        err = WS_ERROR_INIT;
    ws_wattsim_args args;
    assert_int_equal(ws_wattsim_args_parse((int)argc, argv, &err, &args), WS_ERR_INPUT);
    if (strstr(ws_error_text(&err), message) == NULL) {
        fail_msg("'%s' is not in: %s", message, ws_error_text(&err));
    }
    ws_error_clear(&err);
}

static void an_empty_line_gives_the_defaults(void **state)
{
    (void)state;
    const char *const argv[] = {"wattsim"};
    ws_wattsim_args   args;
    parse(argv, 1, &args);
    assert_string_equal(args.cluster_config, "configs/cluster/single_node_single_instance.json");
    assert_null(args.dataset);
    assert_null(args.output);
    assert_null(args.summary_json);
    assert_int_equal(args.data_dirs.n, 0);
    assert_int_equal(args.options.max_num_seqs, 128);
    assert_false(ws_slo_is_set(&args.slo));
    assert_false(args.is_quiet || args.is_dry_run || args.wants_help || args.wants_version);
    ws_wattsim_args_fini(&args);
}

static void both_forms_of_a_value_are_the_same(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--max-num-seqs", "32", "--block-size=8", "--dataset=a=b.jsonl", "--output", "-");
    assert_int_equal(args.options.max_num_seqs, 32);
    assert_int_equal(args.options.block_size, 8);
    assert_string_equal(args.dataset, "a=b.jsonl");
    assert_string_equal(args.output, "-");
    ws_wattsim_args_fini(&args);
}

static void energy_of_requests_needs_an_output(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--request-energy", "--output", "a.csv");
    assert_true(args.wants_request_energy);
    ws_wattsim_args_fini(&args);
    PARSE(&args, "--output", "a.csv");
    assert_false(args.wants_request_energy);
    ws_wattsim_args_fini(&args);
    REFUSE("--request-energy: expected --output FILE", "--request-energy", "--summary-json", "a.json");
}

static void booleans_are_switched_on_and_off(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--no-enable-prefix-caching", "--enable-local-offloading", "--no-reserve-full-isl",
          "--enable-block-copy=false", "--quiet", "--dry-run");
    assert_false(args.options.enable_prefix_caching);
    assert_true(args.options.enable_local_offloading);
    assert_false(args.options.reserve_full_isl);
    assert_false(args.options.enable_block_copy);
    assert_true(args.is_quiet && args.is_dry_run);
    ws_wattsim_args_fini(&args);
}

static void later_options_win_and_data_dirs_add_up(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--max-num-seqs", "1", "--data-dir", "a", "--max-num-seqs", "2", "--data-dir=b");
    assert_int_equal(args.options.max_num_seqs, 2);
    assert_int_equal(args.data_dirs.n, 2);
    assert_string_equal(args.data_dirs.items[0], "a");
    assert_string_equal(args.data_dirs.items[1], "b");
    ws_wattsim_args_fini(&args);
}

static void of_dataset_and_workload_the_last_wins(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--dataset", "a.jsonl", "--workload", "b.json");
    assert_null(args.dataset);
    assert_string_equal(args.workload, "b.json");
    ws_wattsim_args_fini(&args);
    PARSE(&args, "--workload=b.json", "--dataset=a.jsonl");
    assert_null(args.workload);
    assert_string_equal(args.dataset, "a.jsonl");
    ws_wattsim_args_fini(&args);
}

static void every_option_has_a_cli_form(void **state)
{
    (void)state;
    size_t           n;
    const ws_option *options  = ws_option_table(&n);
    const ws_options defaults = ws_options_default();
    for (size_t i = 0; i < n; i++) {
        char flag[64], value[64], argument[160];
        (void)snprintf(argument, sizeof(argument), "--%s=%s", ws_option_flag(&options[i], flag),
                       ws_option_get_text(&defaults, &options[i], value));
        ws_wattsim_args args;
        PARSE(&args, argument);
        ws_wattsim_args_fini(&args);
    }
}

static void slo_bounds_are_named(void **state)
{
    (void)state;
    ws_wattsim_args args;
    PARSE(&args, "--slo", "ttft_ms=500,tpot_ms=50.5", "--slo=queue_ms=1");
    assert_true(args.slo.ttft_ms == 500.0 && args.slo.tpot_ms == 50.5 && args.slo.queue_ms == 1.0);
    assert_true(args.slo.itl_ms == 0.0 && args.slo.latency_ms == 0.0);
    ws_wattsim_args_fini(&args);
    PARSE(&args, "--slo", "ttft_p99_ms=500,latency_mean_ms=7,ttft_ms=60", "--slo",
          "ttft_ms=600,attainment=0.9"); /* a spec's names, each a bound of its own; the last wins */
    assert_true(args.slo.ttft_ms == 600.0 && args.slo.attainment == 0.9 && args.slo.latency_ms == 0.0);
    assert_true(args.slo.run_ms[WS_METRIC_TTFT_P99_MS - WS_METRIC_TTFT_MEAN_MS] == 500.0);
    assert_true(args.slo.run_ms[WS_METRIC_LATENCY_MEAN_MS - WS_METRIC_TTFT_MEAN_MS] == 7.0);
    ws_wattsim_args_fini(&args);
    REFUSE("found 'attainment=1.5'", "--slo", "ttft_ms=5,attainment=1.5");
    REFUSE("found 'ttft_ms=nan'", "--slo", "ttft_ms=nan");
    REFUSE("found 'ttft_ms=inf'", "--slo", "ttft_ms=inf");
    REFUSE("found 'ttft_p98_ms=5'", "--slo", "ttft_p98_ms=5");
    REFUSE("found 'ttft_ms'", "--slo", "ttft_ms,tpot_ms=3");
    REFUSE("found '_ms=5'", "--slo", "_ms=5");
    REFUSE("found 'ttft=5'", "--slo", "ttft=5");
    REFUSE("found 'ttft_ms=-1'", "--slo", "ttft_ms=-1");
    REFUSE("found 'ttft_ms='", "--slo", "ttft_ms=,tpot_ms=3");
    REFUSE("found ''", "--slo", "ttft_ms=1,");
    REFUSE("found 'ttft_ms=1x'", "--slo", "ttft_ms=1x");
}

static void mistakes_are_named(void **state)
{
    (void)state;
    REFUSE("--max-num-seq: unknown option; did you mean --max-num-seqs?", "--max-num-seq", "3");
    REFUSE("--zzzzzzzzzzzzzzzz: unknown option; see wattsim --help", "--zzzzzzzzzzzzzzzz");
    REFUSE("--no-max-num-seqs: unknown option", "--no-max-num-seqs");
    REFUSE("--output: expected a value", "--output");
    REFUSE("--output: expected a value", "--output", "--quiet");
    REFUSE("--output: expected a value", "--output=");
    REFUSE("--quiet: expected no value, found 'yes'", "--quiet=yes");
    REFUSE("trace.jsonl: expected an option beginning with --", "trace.jsonl");
    REFUSE("trace.jsonl: expected an option beginning with --", "--", "trace.jsonl");
    REFUSE("-o: unknown option; see wattsim --help", "-o");
    REFUSE("both are 'x'", "--output", "x", "--summary-json", "x");
}

static void all_mistakes_of_a_line_are_reported(void **state)
{
    (void)state;
    const char *const argv[] = {"wattsim",        "--max-num-seqs", "0", "--bogus-option", "3",
                                "--other-option", "--block-size",   "x"};
    ws_error          err    = WS_ERROR_INIT;
    ws_wattsim_args   args;
    assert_int_equal(ws_wattsim_args_parse(8, argv, &err, &args), WS_ERR_INPUT);
    assert_int_equal(err.n_problems, 4);
    ws_error_clear(&err);
}

/* What was read can be simulated: every option is in its range, and no two outputs are one. */
static void any_words_are_read_or_refused(void **state)
{
    (void)state;
    size_t           n_options;
    const ws_option *options    = ws_option_table(&n_options);
    const char      *names[128] = {"dataset",   "workload", "output",  "summary-json",   "data-dir",
                                   "slo",       "dry-run",  "quiet",   "request-energy", "from",
                                   "ttft_ms=5", "LOAD",     "physical"};
    size_t           n_names = 13, n_read = 0;
    random_line      line;
    ws_rng           rng;
    for (size_t i = 0; i < n_options; i++) {
        names[n_names++] = options[i].name;
    }
    random_words_seed(&rng);
    for (int i = 0; i < RANDOM_LINES; i++) {
        ws_error        err = WS_ERROR_INIT;
        ws_wattsim_args args;
        random_line_make(&rng, names, n_names, &line);
        if (ws_wattsim_args_parse(line.argc, (const char *const *)line.argv, &err, &args) == WS_OK) {
            n_read++;
            assert_int_equal(ws_options_check(&args.options, &err), WS_OK);
            assert_true(args.wants_help || args.dataset == NULL || args.workload == NULL);
            ws_wattsim_args_fini(&args);
        } else {
            assert_true(err.n_problems > 0);
        }
        ws_error_clear(&err);
    }
    assert_true(n_read > 0 && n_read < RANDOM_LINES);
}

/* ---- help ---- */

/** The help text, from malloc. */
static char *help_text(void)
{
    char  *text   = NULL;
    size_t len    = 0;
    FILE  *stream = open_memstream(&text, &len);
    assert_non_null(stream);
    ws_wattsim_print_help(stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in the help", part);
    }
}

static void every_option_is_explained(void **state)
{
    (void)state;
    char            *text = help_text();
    size_t           n;
    const ws_option *options = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char flag[64], usage[80];
        (void)snprintf(usage, sizeof(usage), "--%s%s", options[i].type == WS_OPTION_BOOL ? "[no-]" : "",
                       ws_option_flag(&options[i], flag));
        assert_contains(text, usage);
    }
    free(text);
}

static void defaults_files_and_exit_codes_are_shown(void **state)
{
    (void)state;
    char *text = help_text();
    assert_contains(text, "--max-num-seqs N *");
    assert_contains(text, "[128]");
    assert_contains(text, "--summary-json FILE");
    assert_contains(text, "--fidelity physical|reference");
    assert_contains(text, ws_exit_code_help());
    free(text);
}

static void lines_fit_a_terminal(void **state)
{
    (void)state;
    char *text = help_text();
    for (const char *line = text; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        if (len > 112) {
            fail_msg("%zu columns: %.*s", len, (int)len, line);
        }
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_line_gives_the_defaults),
        cmocka_unit_test(both_forms_of_a_value_are_the_same),
        cmocka_unit_test(energy_of_requests_needs_an_output),
        cmocka_unit_test(booleans_are_switched_on_and_off),
        cmocka_unit_test(later_options_win_and_data_dirs_add_up),
        cmocka_unit_test(of_dataset_and_workload_the_last_wins),
        cmocka_unit_test(every_option_has_a_cli_form),
        cmocka_unit_test(slo_bounds_are_named),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(all_mistakes_of_a_line_are_reported),
        cmocka_unit_test(any_words_are_read_or_refused),
        cmocka_unit_test(every_option_is_explained),
        cmocka_unit_test(defaults_files_and_exit_codes_are_shown),
        cmocka_unit_test(lines_fit_a_terminal),
    };
    return cmocka_run_group_tests_name("programs.wattsim_cli", tests, NULL, NULL);
}
