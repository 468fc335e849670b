/* Invariants: a folder's options come before every other option of the line, wherever --from stands, so that
 * later ones win; a line without --from stays as it is; what is no such folder is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "programs/job_folder.h"

typedef struct fixture {
    ws_files   *files;
    ws_error    err;
    ws_job_args args;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    f      = (fixture){.err = WS_ERROR_INIT};
    *state = &f;
    return ws_files_create(&f.files) == WS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    ws_job_args_fini(&f->args);
    ws_error_clear(&f->err);
    ws_files_destroy(&f->files);
    return 0;
}

static void put(fixture *f, const char *path, const char *text)
{
    assert_int_equal(ws_files_put(f->files, path, text, strlen(text)), WS_OK);
}

static ws_status expand(fixture *f, int argc, const char *const *argv)
{
    return ws_job_args_expand(f->files, argc, argv, &f->err, &f->args);
}

static void expect_words(const fixture *f, size_t n, const char *const *words)
{
    assert_int_equal(f->args.argc, (int)n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(f->args.argv[i], words[i]);
    }
}

static void a_line_without_from_stays(void **state)
{
    const char *const argv[] = {"wattsim", "--quiet", "--fromage", "x"};
    assert_int_equal(expand(*state, 4, argv), WS_OK);
    expect_words(*state, 4, argv);
}

static void the_folder_comes_first(void **state)
{
    fixture          *f      = *state;
    const char *const argv[] = {"wattsim", "--quiet", "--from", "d", "--seed=2"};
    const char *const want[] = {
        "wattsim", "--cluster-config=d/cluster.json", "--seed=1", "--no-skip-prefill", "--quiet", "--seed=2"};
    put(f, "d/args.txt", "# a comment\n--seed=1\n\n--no-skip-prefill\n");
    assert_int_equal(expand(f, 5, argv), WS_OK);
    expect_words(f, 6, want);
}

static void a_generator_spec_is_used_if_it_is_there(void **state)
{
    fixture          *f      = *state;
    const char *const argv[] = {"wattsim", "--from=d"};
    const char *const want[] = {"wattsim", "--cluster-config=d/cluster.json", "--workload=d/workload.json"};
    put(f, "d/args.txt", "");
    put(f, "d/workload.json", "{}");
    assert_int_equal(expand(f, 2, argv), WS_OK);
    expect_words(f, 3, want);
}

static void refuse(fixture *f, int argc, const char *const *argv, const char *message)
{
    assert_int_equal(expand(f, argc, argv), WS_ERR_INPUT);
    if (strstr(ws_error_text(&f->err), message) == NULL) {
        fail_msg("'%s' is not in: %s", message, ws_error_text(&f->err));
    }
    ws_error_clear(&f->err);
    ws_job_args_fini(&f->args);
}

static void mistakes_are_named(void **state)
{
    fixture *f = *state;
    put(f, "d/args.txt", "--seed=1\nseed 2\n");
    put(f, "e/args.txt", "--from=d\n");
    refuse(f, 2, (const char *const[]){"wattsim", "--from"}, "expected a folder behind it");
    refuse(f, 2, (const char *const[]){"wattsim", "--from="}, "expected a folder behind it");
    refuse(f, 3, (const char *const[]){"wattsim", "--from", "--quiet"}, "expected a folder behind it");
    refuse(f, 3, (const char *const[]){"wattsim", "--from=d", "--from=e"}, "found 'd' and 'e'");
    refuse(f, 2, (const char *const[]){"wattsim", "--from=nowhere"}, "nowhere/args.txt: no such file");
    refuse(f, 2, (const char *const[]){"wattsim", "--from=d"},
           "d/args.txt:2: expected an option of wattsim that `show --export` writes, --NAME=VALUE, found "
           "'seed 2'");
    refuse(f, 2, (const char *const[]){"wattsim", "--from=e"}, "e/args.txt:1: expected an option of wattsim");
}

/* A folder from elsewhere says what to simulate; it does not say which files to write, and a value that is
 * wrong is found in its line. */
static void only_what_an_export_writes_is_obeyed(void **state)
{
    static const char *const lines[] = {"--output=x.csv",
                                        "--summary-json=x",
                                        "--cluster-config=c.json",
                                        "--workload=w.json",
                                        "--quiet",
                                        "--dry-run",
                                        "--help",
                                        "--version",
                                        "--request-energy",
                                        "--from=d",
                                        "--",
                                        "--dataset",
                                        "--seed",
                                        "--no-seed",
                                        "--no-dataset=x"};
    fixture                 *f       = *state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "# job\n%s\n", lines[i]);
        put(f, "h/args.txt", text);
        refuse(f, 2, (const char *const[]){"wattsim", "--from=h"},
               "h/args.txt:2: expected an option of wattsim");
    }
    put(f, "h/args.txt", "--seed=1\n--seed=x\n--slo=ttft=1\n--nonsense=1\n");
    const char *const argv[] = {"wattsim", "--from=h"};
    assert_int_equal(expand(f, 2, argv), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&f->err), "h/args.txt:2: --seed: expected"));
    assert_non_null(strstr(ws_error_text(&f->err), "h/args.txt:3: --slo: expected"));
    assert_non_null(strstr(ws_error_text(&f->err), "h/args.txt:4: expected an option of wattsim"));
}

static void changed_inputs_are_noted(void **state)
{
    /* SHA-256 of "abc": FIPS 180-4's example */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    fixture          *f     = *state;
    ws_strbuf         notes = WS_STRBUF_INIT, list = WS_STRBUF_INIT;
    const char *const argv[] = {"wattsim", "--from=d"};
    ws_strbuf_printf(&list, "%s  same.json\n%s  other.json\n%s  unread.json\n", abc, abc, abc);
    put(f, "d/args.txt", "");
    put(f, "d/inputs.sha256", ws_strbuf_text(&list));
    put(f, "same.json", "abc");
    put(f, "other.json", "abd");
    assert_int_equal(expand(f, 2, argv), WS_OK);
    assert_int_equal(ws_job_args_check_inputs(f->files, &f->args, &f->err, &notes), WS_OK);
    assert_string_equal(ws_strbuf_text(&notes),
                        "other.json: not as in the sweep (other contents): results may differ\n");
    ws_strbuf_fini(&notes);
    ws_strbuf_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_without_from_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folder_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_generator_spec_is_used_if_it_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_an_export_writes_is_obeyed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(changed_inputs_are_noted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
