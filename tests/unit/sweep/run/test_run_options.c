/* Invariants: every option of the help is understood by its command and by no other; a value is what it says
 * or an error that names the option; all problems of a command line are reported, and without any the
 * defaults hold. */
#include <math.h>
#include <string.h>

#include "captured.h"
#include "random_words.h"
#include "run/run_options.h"

enum { MAX_ARGS = 40 };

typedef struct parsed {
    ws_error        err;
    ws_status       status;
    swp_run_options options; /* borrows from the words */
    char            words[1024];
} parsed;

/* A command line of blank-separated words behind the command's name. */
static void parse(parsed *p, swp_command command, const char *line)
{
    char *argv[MAX_ARGS] = {command == SWP_COMMAND_RUN ? "run" : "plan"};
    int   argc           = 1;
    p->err               = WS_ERROR_INIT;
    snprintf(p->words, sizeof p->words, "%s", line);
    for (char *word = strtok(p->words, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_true(argc < MAX_ARGS);
        argv[argc++] = word;
    }
    p->status = swp_run_options_parse(command, argc, argv, &p->err, &p->options);
}

static void need(parsed *p, swp_command command, const char *line)
{
    parse(p, command, line);
    if (p->status != WS_OK) {
        fail_msg("%s: %s", line, ws_error_text(&p->err));
    }
}

static void refuse(swp_command command, const char *line, size_t n_problems, const char *expected)
{
    parsed p;
    parse(&p, command, line);
    if (p.status != WS_ERR_INPUT || p.err.n_problems != n_problems ||
        strstr(ws_error_text(&p.err), expected) == NULL) {
        fail_msg("%s: expected %zu problems with \"%s\", found %zu: %s", line, n_problems, expected,
                 p.err.n_problems, ws_error_text(&p.err));
    }
    ws_error_clear(&p.err);
}

static void test_defaults(void **state)
{
    (void)state;
    parsed p;
    need(&p, SWP_COMMAND_RUN, "spec.json");
    const swp_run_options *o = &p.options;
    assert_string_equal(o->spec_path, "spec.json");
    assert_true(o->output_path == NULL && o->n_data_dirs == 0 && o->scratch_dir == NULL &&
                o->progress_json == NULL);
    assert_true(o->slice_index == 0 && o->n_slices == 1);
    assert_false(o->resume || o->retry_failed || o->drop_rows || o->overwrite || o->keep_infeasible ||
                 o->no_live || o->no_repack || o->is_quiet || o->as_json || o->as_list || o->no_probe ||
                 o->wants_help);
    assert_true(o->time_budget_s == 0.0 && o->time_limit_s == 0.0 && o->memory_bytes == 0);
    assert_true(o->silence_s == 30.0 && o->start_s == 300.0);
    assert_false(o->ignore_slo);
    assert_true(o->best == WS_METRIC_J_PER_TOKEN && o->rank0_works == SWP_RANK0_WORKS_AUTO &&
                o->verbosity == 0);
}

static void test_everything_once(void **state)
{
    (void)state;
    parsed p;
    need(&p, SWP_COMMAND_RUN,
         "-o out.h5 --data-dir a --data-dir=b --resume --retry-failed --drop-rows --slice 2/5 "
         "--keep-infeasible "
         "--job-timeout 5min --job-memory 1.5 --time-limit=1h --silence-timeout 10s --start-timeout 250ms "
         "--rank0-works no --best ttft_p99_ms --ignore-slo --no-live --scratch-dir /s --no-repack "
         "--progress-json p.json "
         "-v "
         "--verbose -q s.json");
    const swp_run_options *o = &p.options;
    assert_string_equal(o->output_path, "out.h5");
    assert_string_equal(o->spec_path, "s.json");
    assert_int_equal(o->n_data_dirs, 2);
    assert_string_equal(o->data_dirs[0], "a");
    assert_string_equal(o->data_dirs[1], "b");
    assert_true(o->resume && o->retry_failed && o->drop_rows && o->keep_infeasible && o->no_live &&
                o->no_repack && o->is_quiet && !o->overwrite);
    assert_true(o->slice_index == 2 && o->n_slices == 5);
    assert_true(o->time_budget_s == 300.0 && o->time_limit_s == 3600.0);
    assert_int_equal(o->memory_bytes, 1500000);
    assert_true(o->silence_s == 10.0 && o->start_s == 0.25);
    assert_int_equal(o->rank0_works, SWP_RANK0_WORKS_NO);
    assert_int_equal(o->best, WS_METRIC_TTFT_P99_MS);
    assert_true(o->ignore_slo);
    assert_string_equal(o->scratch_dir, "/s");
    assert_string_equal(o->progress_json, "p.json");
    assert_int_equal(o->verbosity, 2);
    need(&p, SWP_COMMAND_PLAN, "--json --list --no-probe --slice=0/1 --data-dir d spec.json");
    assert_true(p.options.as_json && p.options.as_list && p.options.no_probe && p.options.n_slices == 1);
    need(&p, SWP_COMMAND_RUN, "--rank0-works yes s --overwrite");
    assert_true(p.options.rank0_works == SWP_RANK0_WORKS_YES && p.options.overwrite);
    need(&p, SWP_COMMAND_RUN, "--rank0-works yes --rank0-works auto s");
    assert_int_equal(p.options.rank0_works, SWP_RANK0_WORKS_AUTO); /* the last one counts */
    need(&p, SWP_COMMAND_RUN, "-");
    assert_string_equal(p.options.spec_path, "-");
}

/* K/N, nothing before, between or behind. */
static void test_slices(void **state)
{
    (void)state;
    static const char *const bad[] = {"1",     "1/",        "/3",   "3/3",  "-1/3", "1/0",
                                      "1/-3",  "a/3",       "1/3x", "1x/3", "1//3", "1/3/",
                                      "0.5/3", "1/1000001", "/",    "+1/3", "1/+3"};
    parsed                   p;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "s --slice=%s", bad[i]);
        refuse(SWP_COMMAND_RUN, line, 1, "--slice: expected K/N with 0 <= K < N");
    }
    need(&p, SWP_COMMAND_PLAN, "s --slice 999999/1000000");
    assert_true(p.options.slice_index == 999999 && p.options.n_slices == 1000000);
    char *argv[] = {"run", "s", "--slice", " 1/3"}; /* a blank that a script left */
    assert_int_equal(swp_run_options_parse(SWP_COMMAND_RUN, 4, argv, NULL, &p.options), WS_ERR_INPUT);
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    static const char *const durations[] = {"--job-timeout", "--time-limit", "--silence-timeout",
                                            "--start-timeout"};
    static const char *const bad[]       = {"0", "0s", "-1s", "soon", "5parsec", "nan", "inf"};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            char line[64], expected[64];
            snprintf(line, sizeof line, "s %s %s", durations[i], bad[k]);
            snprintf(expected, sizeof expected, "%s: expected a time above 0", durations[i]);
            refuse(SWP_COMMAND_RUN, line, 1, expected);
        }
    }
    static const char *const memory[] = {"0", "0.5", "-3", "nan", "inf", "1e10", "5GB", "x"};
    for (size_t i = 0; i < sizeof memory / sizeof memory[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "s --job-memory %s", memory[i]);
        refuse(SWP_COMMAND_RUN, line, 1, "--job-memory: expected megabytes >= 1, found ");
    }
    refuse(SWP_COMMAND_RUN, "s --best power", 1,
           "--best: expected a metric such as j_per_token, found 'power'");
    refuse(SWP_COMMAND_RUN, "s --rank0-works maybe", 1,
           "--rank0-works: expected one of yes, no, auto, found 'maybe'");
    refuse(SWP_COMMAND_RUN, "s --resume=yes", 1, "--resume: expected no value, found 'yes'");
    refuse(SWP_COMMAND_RUN, "s --slice", 1, "--slice: expected a value behind it: K/N");
    refuse(SWP_COMMAND_RUN, "s -o", 1, "--output: expected a value behind it: FILE");
}

static void test_command_lines_that_make_no_sense(void **state)
{
    (void)state;
    refuse(SWP_COMMAND_RUN, "", 1, "expected a sweep spec");
    refuse(SWP_COMMAND_RUN, "a.json b.json", 1, "b.json: an argument too many, expected a sweep spec");
    refuse(SWP_COMMAND_RUN, "s --resum", 1, "--resum: unknown option; did you mean --resume?");
    refuse(SWP_COMMAND_RUN, "s --sliec=1/3", 1, "--sliec: unknown option; did you mean --slice?");
    refuse(SWP_COMMAND_RUN, "s -x", 1, "-x: unknown option; see wattsweep run --help");
    refuse(SWP_COMMAND_RUN, "s -o --resume", 1, "--output: expected a value behind it");
    refuse(SWP_COMMAND_RUN, "s --retry-failed", 1, "go with --resume");
    refuse(SWP_COMMAND_RUN, "s --drop-rows", 1, "go with --resume");
    refuse(SWP_COMMAND_RUN, "s --rehash", 1, "go with --resume");
    refuse(SWP_COMMAND_RUN, "s --resume --rehash --drop-rows", 1, "expected one of them");
    refuse(SWP_COMMAND_RUN, "s --resume --overwrite", 1, "expected one of them");
    refuse(SWP_COMMAND_RUN, "--nonsense --slice 3/3 --job-memory 0", 4, "expected a sweep spec");
    parsed p;
    need(&p, SWP_COMMAND_RUN, "--help");
    assert_true(p.options.wants_help && p.options.spec_path == NULL);
    need(&p, SWP_COMMAND_RUN, "-- --resume");
    assert_true(!p.options.resume && strcmp(p.options.spec_path, "--resume") == 0);
    need(&p, SWP_COMMAND_PLAN, "-h");
    assert_true(p.options.wants_help);
    char line[512] = "s";
    for (int i = 0; i < SWP_MAX_DATA_DIRS; i++) {
        strcat(line, " --data-dir x");
    }
    need(&p, SWP_COMMAND_RUN, line);
    assert_int_equal(p.options.n_data_dirs, SWP_MAX_DATA_DIRS);
    strcat(line, " --data-dir y");
    refuse(SWP_COMMAND_RUN, line, 1, "--data-dir: at most 16");
}

static void test_any_words_are_read_or_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"output",
                                        "o",
                                        "data-dir",
                                        "resume",
                                        "retry-failed",
                                        "drop-rows",
                                        "rehash",
                                        "overwrite",
                                        "slice",
                                        "job-timeout",
                                        "job-memory",
                                        "time-limit",
                                        "silence-timeout",
                                        "start-timeout",
                                        "rank0-works",
                                        "best",
                                        "no-live",
                                        "scratch-dir",
                                        "v",
                                        "quiet",
                                        "j_per_token",
                                        "auto",
                                        "json",
                                        "no-probe"};
    size_t                   n_read  = 0;
    random_line              line;
    ws_rng                   rng;
    random_words_seed(&rng);
    for (int i = 0; i < RANDOM_LINES; i++) {
        const swp_command command = i % 2 == 0 ? SWP_COMMAND_RUN : SWP_COMMAND_PLAN;
        ws_error          err     = WS_ERROR_INIT;
        swp_run_options   o;
        random_line_make(&rng, names, sizeof names / sizeof names[0], &line);
        if (swp_run_options_parse(command, line.argc, line.argv, &err, &o) == WS_OK) {
            n_read++;
            assert_true(err.n_problems == 0 && (o.wants_help || o.spec_path != NULL));
            assert_false((o.resume && o.overwrite) || (o.rehash && (o.drop_rows || !o.resume)));
        } else {
            assert_true(err.n_problems > 0);
        }
        assert_true(o.slice_index < o.n_slices && o.n_data_dirs <= SWP_MAX_DATA_DIRS);
        assert_true(o.best < WS_METRIC_COUNT && o.silence_s > 0.0 && o.start_s > 0.0);
        ws_error_clear(&err);
    }
    assert_true(n_read > 0 && n_read < RANDOM_LINES);
}

/* ---- help ---- */

static void print_help(void *ctx)
{
    swp_run_options_help(*(swp_command *)ctx);
}

/* A value every option takes that wants one of its kind; NULL = a flag. */
static const char *value_for(const char *kind)
{
    static const struct {
        const char *kind, *value;
    } rows[] = {{"FILE", "f"}, {"DIR", "d"},          {"K/N", "0/2"},        {"TIME", "5s"},
                {"MB", "10"},  {"yes|no|auto", "no"}, {"METRIC", "energy_j"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(kind, rows[i].kind, strlen(rows[i].kind)) == 0) {
            return rows[i].value;
        }
    }
    return NULL;
}

/* Every option of the text "options:" by itself: its command takes it; n_known_elsewhere counts what the
 * other command takes, too. */
static size_t check_options_of(swp_command command, swp_command other, size_t *n_known_elsewhere)
{
    char  *text        = captured(stdout, print_help, &command);
    size_t n           = 0;
    *n_known_elsewhere = 0;
    for (char *at = strstr(text, "\noptions:\n"); (at = strstr(at, "  ")) != NULL;) {
        at += strspn(at, " ");
        const char *dashes = strstr(at, "--");
        const char *end    = strchr(at, '\n');
        if (dashes != NULL && dashes < end && (at[0] == '-')) {
            char         line[128], name[64];
            const size_t len   = strcspn(dashes, " ");
            const char  *value = value_for(dashes + len + 1);
            parsed       p;
            snprintf(name, sizeof name, "%.*s", (int)len, dashes);
            snprintf(line, sizeof line, "s %s %s", name, value != NULL ? value : "");
            parse(&p, command, line);
            assert_true(p.status == WS_OK || strstr(ws_error_text(&p.err), "go with --resume") != NULL);
            ws_error_clear(&p.err);
            parse(&p, other, line);
            *n_known_elsewhere += strstr(ws_error_text(&p.err), "unknown option") == NULL;
            ws_error_clear(&p.err);
            n++;
        }
        at = strchr(at, '\n') == NULL ? at + strlen(at) : strchr(at, '\n');
    }
    free(text);
    return n;
}

static void test_the_help_is_true(void **state)
{
    (void)state;
    size_t       shared_run = 0, shared_plan = 0;
    const size_t n_run  = check_options_of(SWP_COMMAND_RUN, SWP_COMMAND_PLAN, &shared_run);
    const size_t n_plan = check_options_of(SWP_COMMAND_PLAN, SWP_COMMAND_RUN, &shared_plan);
    assert_true(n_run > 15 && n_plan > 4);
    assert_int_equal(shared_run, 4); /* data-dir, slice, job-memory, help */
    assert_int_equal(shared_plan, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_once),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_command_lines_that_make_no_sense),
        cmocka_unit_test(test_any_words_are_read_or_refused),
        cmocka_unit_test(test_the_help_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
