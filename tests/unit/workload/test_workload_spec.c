/* Invariants: a spec reads into exactly what it says, with the documented defaults; every wrong key or value
 * is refused by name; help and docs/workloads.md name every key there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "workload/workload_spec.h"

/* Reads a spec; the document stays with the caller, because the spec borrows its place. */
static ws_status read_text(const char *text, char *error_out, size_t cap, ws_json_doc **doc,
                           ws_workload_spec *out)
{
    ws_files *files = NULL;
    ws_error  err   = WS_ERROR_INIT;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_json_doc_parse("spec.json", text, strlen(text), &err, doc), WS_OK);
    const ws_status status = ws_workload_spec_read(files, ws_json_doc_root(*doc), &err, out);
    snprintf(error_out, cap, "%s", ws_error_text(&err));
    ws_error_clear(&err);
    ws_files_destroy(&files);
    return status;
}

#define LENGTHS "\"input\":10,\"output\":{\"distribution\":\"uniform\",\"min\":1,\"max\":9}"

static void defaults_are_as_documented(void **state)
{
    (void)state;
    ws_json_doc     *doc = NULL;
    ws_workload_spec spec;
    char             error[1024];
    assert_int_equal(read_text("{\"generator\":\"poisson\",\"rate\":2,\"num_reqs\":5," LENGTHS "}", error,
                               sizeof(error), &doc, &spec),
                     WS_OK);
    assert_int_equal(spec.n_reqs, 5);
    assert_false(spec.has_seed);
    assert_true(spec.start_s == 0.0);
    assert_false(spec.has_token_ids);
    assert_int_equal(spec.arrivals.kind, WS_ARRIVAL_POISSON);
    assert_true(spec.arrivals.rate == 2.0);
    assert_int_equal(spec.prefix.n_groups, 0);
    assert_false(spec.session.is_given);
    assert_int_equal(spec.users.n_users, 0);
    assert_int_equal(spec.output.kind, WS_DISTRIBUTION_UNIFORM);
    ws_workload_spec_fini(&spec);
    ws_json_doc_destroy(&doc);
}

static void everything_given_is_read(void **state)
{
    (void)state;
    ws_json_doc     *doc = NULL;
    ws_workload_spec spec;
    char             error[1024];
    const char      *text =
        "{\"generator\":\"onoff\",\"rate\":9,\"rate_off\":1,\"on_s\":2,\"off_s\":3,\"phases\":"
        "\"exponential\","
        "\"num_reqs\":5,\"seed\":\"9007199254740993\",\"start_s\":1.5,\"token_ids\":false," LENGTHS ","
        "\"prefix\":{\"groups\":4,\"length\":256},"
        "\"session\":{\"calls\":3,\"tool_s\":0.5,\"input\":20,\"context\":4096}}";
    if (read_text(text, error, sizeof(error), &doc, &spec) != WS_OK) {
        fail_msg("%s", error);
    }
    assert_true(spec.has_seed && spec.seed == 9007199254740993);
    assert_true(spec.start_s == 1.5);
    assert_false(spec.has_token_ids); /* although prefix and session are given */
    assert_int_equal(spec.arrivals.kind, WS_ARRIVAL_ONOFF);
    assert_true(spec.arrivals.has_random_phases);
    assert_true(spec.arrivals.rate_off == 1.0 && spec.arrivals.on_s == 2.0 && spec.arrivals.off_s == 3.0);
    assert_int_equal(spec.prefix.n_groups, 4);
    assert_int_equal(spec.prefix.length_tokens, 256);
    assert_true(spec.prefix.share == 1.0);
    assert_true(spec.session.is_given && spec.session.has_input);
    assert_int_equal(spec.session.context_tokens, 4096);
    ws_workload_spec_fini(&spec);
    ws_json_doc_destroy(&doc);
}

static void bad_specs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } k_cases[] = {
        {"[]", "a generator spec (object)"},
        {"{}", "missing key \"generator\" (poisson, gamma"},
        {"{\"generator\":\"possion\"}", "/generator"},
        {"{\"generator\":\"poisson\",\"num_reqs\":1," LENGTHS "}", "\"rate\""},
        {"{\"generator\":\"poisson\",\"rate\":0,\"num_reqs\":1," LENGTHS "}", "/rate"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":0," LENGTHS "}", "/num_reqs"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"cv\":2," LENGTHS "}", "/cv: unknown key"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_req\":1," LENGTHS "}", "did you mean \"num_reqs\"?"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"seed\":-1," LENGTHS "}", "/seed"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"input\":0,\"output\":1}", "/input"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"input\":1,\"output\":0}", "/output"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"prefix\":{\"groups\":2}," LENGTHS "}",
         "\"length\""},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"prefix\":{\"groups\":2,\"length\":1,"
         "\"share\":1.5}," LENGTHS "}",
         "/prefix/share"},
        {"{\"generator\":\"poisson\",\"rate\":1,\"num_reqs\":1,\"session\":{\"calls\":0,\"tool_s\":-1}"
         "," LENGTHS "}",
         "/session/tool_s"},
        {"{\"generator\":\"pulse\",\"pulse_size\":2,\"period_s\":1,\"spread_s\":2,\"num_reqs\":1," LENGTHS
         "}",
         "spread_s <= period_s"},
        {"{\"generator\":\"onoff\",\"rate\":1e-5,\"on_s\":1,\"off_s\":1,\"num_reqs\":1," LENGTHS "}",
         "0.01 arrivals per pair"},
        {"{\"generator\":\"onoff\",\"rate\":1,\"on_s\":1,\"off_s\":1,\"phases\":\"x\",\"num_reqs\":1," LENGTHS
         "}",
         "/phases"},
        {"{\"generator\":\"closed_loop\",\"users\":3,\"think_s\":1,\"num_reqs\":2," LENGTHS "}",
         "users <= num_reqs"},
        {"{\"generator\":\"closed_loop\",\"users\":1,\"think_s\":1,\"num_reqs\":2,\"session\":{}," LENGTHS
         "}",
         "/session: a closed_loop's users"},
    };
    for (size_t i = 0; i < sizeof(k_cases) / sizeof(k_cases[0]); i++) {
        ws_json_doc     *doc = NULL;
        ws_workload_spec spec;
        char             error[2048];
        assert_int_equal(read_text(k_cases[i].text, error, sizeof(error), &doc, &spec), WS_ERR_INPUT);
        if (strstr(error, k_cases[i].message) == NULL) {
            fail_msg("%s: expected \"%s\" in: %s", k_cases[i].text, k_cases[i].message, error);
        }
        ws_workload_spec_fini(&spec);
        ws_json_doc_destroy(&doc);
    }
}

/* Lines of the help that name a key are indented by four blanks; generators and distributions stand in
 * quotes. */
static void the_documentation_names_every_key(void **state)
{
    (void)state;
    char path[1024], name[64], quoted[80];
    snprintf(path, sizeof(path), "%s/docs/workloads.md", getenv("WS_SOURCE_DIR"));
    ws_files *files = NULL;
    ws_bytes  doc;
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_read(files, path, NULL, &doc), WS_OK);
    ws_strbuf help = WS_STRBUF_INIT;
    ws_workload_spec_help(&help);
    int n_keys = 0;
    for (const char *line = ws_strbuf_text(&help); *line != '\0'; line = strchr(line, '\n') + 1) {
        if (sscanf(line, " \"generator\": \"%63[a-z_]\"", name) == 1 ||
            sscanf(line, " \"distribution\": \"%63[a-z_]\"", name) == 1 ||
            (strncmp(line, "    ", 4) == 0 && sscanf(line, " %63s", name) == 1)) {
            snprintf(quoted, sizeof(quoted), "`%s`", name);
            if (strstr(doc.data, quoted) == NULL) {
                fail_msg("docs/workloads.md does not name %s", quoted);
            }
            n_keys++;
        }
    }
    assert_true(n_keys > 40);
    ws_strbuf_fini(&help);
    ws_files_destroy(&files);
}

int main(void)
{
    if (getenv("WS_SOURCE_DIR") == NULL) {
        print_error("WS_SOURCE_DIR is not set: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(everything_given_is_read),
        cmocka_unit_test(bad_specs_are_refused),
        cmocka_unit_test(the_documentation_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
