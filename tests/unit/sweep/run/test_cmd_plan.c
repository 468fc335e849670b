/* Invariants: table, JSON and list of a plan say the same: so many jobs, so many left out and by which
 * constraint, and each job's own values; nothing but a plan is printed on stdout, and the exit code is 0, or
 * 2 for a spec that is wrong. */
#include <string.h>

#include "captured.h"
#include "cli/commands.h"
#include "run/cmd_plan.h"
#include "store_fixture.h"

#include "base/json.h"

enum { MAX_ARGS = 8 };

typedef struct planned {
    char *folder;
    char  path[600];
    char *argv[MAX_ARGS];
    int   argc;
    int   code;
    char *out; /* what it printed */
} planned;

static int set_up(void **state)
{
    planned *p = calloc(1, sizeof *p);
    p->folder  = fixture_folder();
    snprintf(p->path, sizeof p->path, "%s/spec.json", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    planned *p = *state;
    free(p->out);
    fixture_remove(p->folder);
    free(p);
    return 0;
}

/* A spec over a cluster of the repository; members are those besides "cluster". */
static void put_spec(const planned *p, const char *members)
{
    FILE *file = fopen(p->path, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "{\"cluster\": \"%s/configs/cluster/single_node_power_instance.json\", %s}",
                        getenv("WS_SOURCE_DIR"), members) > 0);
    assert_int_equal(fclose(file), 0);
}

static void call(void *ctx)
{
    planned *p = ctx;
    p->code    = swp_cmd_plan(p->argc, p->argv);
}

static void call_and_hide_notes(void *ctx)
{
    free(captured(stderr, call, ctx));
}

/* Plan with up to two more options; what it prints is in p->out. */
static void plan(planned *p, const char *first, const char *second)
{
    char *const words[] = {"plan", p->path, (char *)first, (char *)second};
    p->argc             = 0;
    for (size_t i = 0; i < 4 && words[i] != NULL; i++) {
        p->argv[p->argc++] = words[i];
    }
    free(p->out);
    p->out = captured(stdout, call_and_hide_notes, p);
}

/* 3 x 2 points, twice each. 64 x 32 is more than 1024; 16 x 16 less than 300. */
#define SPEC                                                                                                 \
    "\"name\": \"small\", \"parameters\": {\"max_num_seqs\": [16, 32, 64], \"block_size\": [16, 32]}, "      \
    "\"repeats\": 2, \"constraints\": [\"max_num_seqs * block_size <= 1024\", "                              \
    "\"max_num_seqs * block_size >= 300\"]"

static void test_json(void **state)
{
    planned     *p   = *state;
    ws_json_doc *doc = NULL;
    put_spec(p, SPEC);
    plan(p, "--json", "--no-probe");
    assert_int_equal(p->code, WS_EXIT_DONE);
    assert_int_equal(ws_json_doc_parse("plan", p->out, strlen(p->out), NULL, &doc), WS_OK);
    const ws_json root = ws_json_doc_root(doc);
    static const struct {
        const char *pointer;
        double      number;
    } rows[] = {{"/n_grid", 6},
                {"/n_points", 6},
                {"/repeats", 2},
                {"/n_jobs", 8},
                {"/n_pruned", 4},
                {"/pruned_by/0/n_jobs", 2},
                {"/pruned_by/1/n_jobs", 2},
                {"/axes/0/max_num_seqs/2", 64},
                {"/axes/1/block_size/1", 32}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double found = ws_json_number(ws_json_resolve(root, rows[i].pointer));
        if (found != rows[i].number) {
            fail_msg("%s: expected %g, found %g", rows[i].pointer, rows[i].number, found);
        }
    }
    assert_string_equal(ws_json_string(ws_json_member(root, "name")), "small");
    assert_string_equal(ws_json_string(ws_json_member(root, "sampling")), "grid");
    assert_int_equal(ws_json_kind_of(ws_json_member(root, "estimated_core_s")), WS_JSON_ABSENT);
    ws_json_doc_destroy(&doc);
}

static void test_the_estimate_is_for_the_jobs_that_run(void **state)
{
    planned     *p   = *state;
    ws_json_doc *doc = NULL;
    put_spec(p, SPEC);
    plan(p, "--json", NULL);
    assert_int_equal(ws_json_doc_parse("plan", p->out, strlen(p->out), NULL, &doc), WS_OK);
    assert_true(ws_json_number(ws_json_resolve(ws_json_doc_root(doc), "/estimated_core_s")) > 0.0);
    /* eight rows of at least 100 numbers */
    assert_true(ws_json_number(ws_json_resolve(ws_json_doc_root(doc), "/estimated_file_bytes")) > 8 * 800.0);
    ws_json_doc_destroy(&doc);
}

static void expect_line(const planned *p, const char *line)
{
    if (strstr(p->out, line) == NULL) {
        fail_msg("expected \"%s\" in\n%s", line, p->out);
    }
}

static void test_table(void **state)
{
    planned *p = *state;
    put_spec(p, SPEC);
    plan(p, "--no-probe", NULL);
    assert_int_equal(p->code, WS_EXIT_DONE);
    expect_line(p, "sweep     small\n");
    expect_line(p, "       3  16, 32, 64\n");
    expect_line(p, "sampling  grid: 6 of 6 grid points, 2 repeats\n");
    expect_line(p, "jobs      8\npruned    4\n");
    expect_line(p, "          2 do not meet max_num_seqs * block_size <= 1024\n");
    /* t(1) = 12.706 over the root of 2 */
    expect_line(p, "; a mean's 95% interval is +-8.98 standard deviations of the repeats\n");
    assert_null(strstr(p->out, "estimate"));
}

/* Nine values and more are shown as the first five and the last two. */
static void test_long_axes_fit_a_line(void **state)
{
    planned *p = *state;
    put_spec(
        p,
        "\"parameters\": {\"max_num_seqs\": {\"range\": [1, 8, 1]}, \"block_size\": {\"range\": [1, 9, 1]}}");
    plan(p, "--no-probe", NULL);
    expect_line(p, "       8  1, 2, 3, 4, 5, 6, 7, 8\n");
    expect_line(p, "       9  1, 2, 3, 4, 5 ..., 8, 9\n");
}

static void test_list(void **state)
{
    static const char *const slices[] = {NULL, "--slice=1/3"};
    planned                 *p        = *state;
    put_spec(p, SPEC);
    for (int k = 0; k < 2; k++) {
        plan(p, "--list", slices[k]);
        assert_int_equal(p->code, WS_EXIT_DONE);
        const char *at = p->out;
        assert_int_equal(strncmp(at, "job\trepeat\tmax_num_seqs\tblock_size\tpruned_by\n", 45), 0);
        for (int job = k == 0 ? 0 : 4; job < (k == 0 ? 12 : 8); job++) {
            const int seqs = 16 << job / 4, block = 16 << job / 2 % 2;
            char      line[128];
            at = strchr(at, '\n') + 1;
            snprintf(line, sizeof line, "%d\t%d\t%d\t%d\t%s\n", job, job % 2, seqs, block,
                     seqs * block > 1024  ? "max_num_seqs * block_size <= 1024"
                     : seqs * block < 300 ? "max_num_seqs * block_size >= 300"
                                          : "");
            if (strncmp(at, line, strlen(line)) != 0) {
                fail_msg("expected %s found %.*s", line, (int)strcspn(at, "\n"), at);
            }
        }
        assert_string_equal(strchr(at, '\n'), "\n");
    }
}

static void test_what_is_wrong(void **state)
{
    planned *p = *state;
    put_spec(p, "\"parameters\": {\"tp_sise\": [1]}");
    plan(p, NULL, NULL);
    assert_int_equal(p->code, WS_EXIT_INPUT);
    assert_string_equal(p->out, "");
    plan(p, "--jsn", NULL);
    assert_int_equal(p->code, WS_EXIT_INPUT);
    put_spec(p, "\"parameters\": {\"hardware\": [\"NOBODY_MADE_IT\"]}"); /* no point works */
    plan(p, NULL, NULL);
    assert_int_equal(p->code, WS_EXIT_INPUT);
    assert_string_equal(p->out, "");
    assert_int_equal(remove(p->path), 0);
    plan(p, NULL, NULL);
    assert_int_equal(p->code, WS_EXIT_INPUT);
    plan(p, "--help", NULL);
    assert_int_equal(p->code, WS_EXIT_DONE);
    expect_line(p, "usage: wattsweep plan SPEC");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_json),  TEST(test_the_estimate_is_for_the_jobs_that_run),
                                       TEST(test_table), TEST(test_long_axes_fit_a_line),
                                       TEST(test_list),  TEST(test_what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
