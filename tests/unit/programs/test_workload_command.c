/* Invariant: the command writes exactly the trace the spec generates, or nothing and a documented exit code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/files.h"
#include "programs/workload_command.h"
#include "temp_folder.h"

typedef struct sandbox {
    char dir[64], spec[96], trace[96];
} sandbox;

static void write_spec(const sandbox *box, const char *text)
{
    FILE *file = fopen(box->spec, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    sandbox *box = calloc(1, sizeof(*box));
    if (!temp_folder_make(box->dir, sizeof(box->dir))) {
        return -1;
    }
    snprintf(box->spec, sizeof(box->spec), "%s/spec.json", box->dir);
    snprintf(box->trace, sizeof(box->trace), "%s/trace.jsonl", box->dir);
    write_spec(box, "{\"generator\":\"poisson\",\"rate\":5,\"num_reqs\":4,\"input\":10,\"output\":3}");
    *state = box;
    return 0;
}

static int tear_down(void **state)
{
    sandbox *box = *state;
    (void)unlink(box->spec);
    (void)unlink(box->trace);
    (void)rmdir(box->dir);
    free(box);
    return 0;
}

/* Run with up to six words behind the command's name; NULL ends them. */
static int run(const char *a, const char *b, const char *c, const char *d, const char *e)
{
    const char *words[] = {a, b, c, d, e};
    char        name[]  = "workload", copies[5][128];
    char       *argv[7] = {name};
    int         argc    = 1;
    for (size_t i = 0; i < 5 && words[i] != NULL; i++) {
        snprintf(copies[i], sizeof(copies[i]), "%s", words[i]);
        argv[argc++] = copies[i];
    }
    return ws_workload_command(argc, argv);
}

static void read_trace(const sandbox *box, char *text, size_t cap)
{
    ws_files *files = NULL;
    ws_bytes  bytes;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_read(files, box->trace, NULL, &bytes), WS_OK);
    snprintf(text, cap, "%s", bytes.data);
    ws_files_destroy(&files);
}

static void a_spec_becomes_a_trace(void **state)
{
    const sandbox *box = *state;
    char           first[4096], again[4096], other[4096];
    assert_int_equal(run(box->spec, "--output", box->trace, "--seed", "1"), 0);
    read_trace(box, first, sizeof(first));
    assert_int_equal(strncmp(first, "{\"input_toks\":10,\"output_toks\":3,\"arrival_time_ns\":", 50), 0);
    int n_lines = 0;
    for (const char *c = first; *c != '\0'; c++) {
        n_lines += *c == '\n';
    }
    assert_int_equal(n_lines, 4);
    assert_int_equal(run("--seed=1", box->spec, "--output", box->trace, NULL), 0);
    read_trace(box, again, sizeof(again));
    assert_string_equal(first, again);
    assert_int_equal(run("--seed=2", box->spec, "--output", box->trace, NULL), 0);
    read_trace(box, other, sizeof(other));
    assert_string_not_equal(first, other);
}

static void help_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(run("--help", NULL, NULL, NULL, NULL), 0);
}

static void bad_input_exits_2_and_writes_nothing(void **state)
{
    const sandbox *box = *state;
    assert_int_equal(run(NULL, NULL, NULL, NULL, NULL), 2);
    assert_int_equal(run("/nowhere.json", NULL, NULL, NULL, NULL), 2);
    assert_int_equal(run(box->spec, "--seed", "-1", "--output", box->trace), 2);
    assert_int_equal(run(box->spec, "--output", box->trace, "--seed", NULL), 2);
    assert_int_equal(run(box->spec, "--sed", "1", "--output", box->trace), 2);
    assert_int_equal(run(box->spec, box->spec, "--output", box->trace, NULL), 2);
    write_spec(box, "{\"generator\":\"poisson\",\"rate\":-5,\"num_reqs\":4,\"input\":10,\"output\":3}");
    assert_int_equal(run(box->spec, "--output", box->trace, NULL, NULL), 2);
    write_spec(box, "{");
    assert_int_equal(run(box->spec, "--output", box->trace, NULL, NULL), 2);
    assert_int_not_equal(access(box->trace, F_OK), 0);
}

static void an_unwritable_output_exits_3(void **state)
{
    const sandbox *box = *state;
    char           below[320];
    snprintf(below, sizeof(below), "%s/below.jsonl", box->spec); /* a file is no folder */
    assert_int_equal(run(box->spec, "--output", below, NULL, NULL), 3);
    assert_int_equal(run(box->spec, "--output", box->dir, NULL, NULL), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_spec_becomes_a_trace, set_up, tear_down),
        cmocka_unit_test(help_is_no_error),
        cmocka_unit_test_setup_teardown(bad_input_exits_2_and_writes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unwritable_output_exits_3, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
