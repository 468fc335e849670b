/* A job's hash depends on what it runs and on nothing else: not on the names, the order or the number of the
 * sweep's parameters, but on every value that reaches the simulation. */
#include "toy_builder.h"

static void hash_of(const char *members, uint64_t job, char hash[SWP_HASH_LEN + 1])
{
    toy_builder toy;
    toy_builder_init(&toy, members);
    assert_int_equal(toy_builder_hash(&toy, job, hash), WS_OK);
    assert_int_equal(strlen(hash), SWP_HASH_LEN);
    toy_builder_fini(&toy);
}

static void expect_same(const char *a, uint64_t job_a, const char *b, uint64_t job_b, bool is_same)
{
    char hash_a[SWP_HASH_LEN + 1], hash_b[SWP_HASH_LEN + 1];
    hash_of(a, job_a, hash_a);
    hash_of(b, job_b, hash_b);
    if ((strcmp(hash_a, hash_b) == 0) != is_same) {
        fail_msg("%s job %d, %s job %d: expected %s hashes", a, (int)job_a, b, (int)job_b,
                 is_same ? "equal" : "different");
    }
}

static void test_same_job_in_another_sweep(void **state)
{
    (void)state;
    const char *small = "\"parameters\": {\"max_num_seqs\": [4, 8]}";
    expect_same(small, 1, "\"parameters\": {\"max_num_seqs\": [2, 4, 8, 16]}", 2, true);
    expect_same(small, 1, "\"options\": {\"max_num_seqs\": 8}", 0, true);
    expect_same(small, 1, "\"parameters\": {\"block_size\": [16, 32], \"max_num_seqs\": [4, 8]}", 1, true);
    expect_same(small, 0,
                "\"name\": \"other\", \"parameters\": {\"p\": {\"none\": {}}, \"max_num_seqs\": [4]}", 0,
                true);
    expect_same("\"parameters\": {\"link_bw\": {\"x\": {\"link_bw\": 16}}}", 0, "\"parameters\": {}", 0,
                true);
}

static void test_every_value_counts(void **state)
{
    (void)state;
    const char *grid = "\"parameters\": {\"max_num_seqs\": [4, 8], \"/link_bw\": [16, 32]}, \"repeats\": 2";
    for (uint64_t a = 0; a < 8; a++) {
        for (uint64_t b = 0; b < 8; b++) {
            expect_same(grid, a, grid, b, a == b);
        }
    }
    expect_same("\"seed\": 1", 0, "\"seed\": 2", 0, false);
    expect_same("\"slo\": {\"ttft_ms\": 1}", 0, "\"slo\": {\"ttft_ms\": 2}", 0, false);
    expect_same("\"workload\": {\"dataset\": \"w.jsonl\"}", 0,
                "\"workload\": {\"dataset\": \"w.jsonl\", \"num_reqs\": 1}", 0, false);
    static const char *const shapes[] = {"\"rate\": 3",        "\"time_scale\": 2", "\"from_s\": 1",
                                         "\"to_s\": \"5min\"", "\"sample\": 0.5",   "\"rate\": 4"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        char spec[256], other[256];
        snprintf(spec, sizeof spec, "\"workload\": {\"dataset\": \"w.jsonl\", %s}", shapes[i]);
        snprintf(other, sizeof other, "\"workload\": {\"dataset\": \"w.jsonl\", %s}",
                 shapes[i == 0 ? 1 : i - 1]);
        expect_same("\"workload\": {\"dataset\": \"w.jsonl\"}", 0, spec, 0, false);
        expect_same(spec, 0, other, 0, false);
    }
    expect_same("\"workload\": {\"dataset\": \"w.jsonl\", \"rate\": 3}", 0,
                "\"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": {\"workload.rate\": [2, 3]}", 1,
                true);
    expect_same("\"workload\": {\"rate\": 1}", 0, "\"workload\": {\"rate\": 2}", 0, false);
    expect_same("\"workload\": {\"rate\": 1}", 0,
                "\"workload\": {\"rate\": 2}, \"parameters\": {\"workload.rate\": [1]}", 0, true);
}

/* More combinations than the caches hold: the cached parts are those of the point asked for. */
static void test_caches_do_not_mix_points(void **state)
{
    (void)state;
    const char *many = "\"parameters\": {\"/link_bw\": {\"range\": [1, 3000, 1]}}";
    toy_builder toy;
    toy_builder_init(&toy, many);
    for (uint64_t job = 0; job < 3000; job += 500) {
        char first[SWP_HASH_LEN + 1], again[SWP_HASH_LEN + 1];
        for (uint64_t other = job; other < 3000; other += 1024) { /* they share a slot of the cache */
            assert_int_equal(toy_builder_hash(&toy, other, first), WS_OK);
        }
        assert_int_equal(toy_builder_hash(&toy, job, first), WS_OK);
        hash_of(many, job, again);
        assert_string_equal(first, again);
    }
    toy_builder_fini(&toy);
}

static void test_params_and_options_of_a_job(void **state)
{
    (void)state;
    toy_builder       toy;
    uint32_t          v[3];
    swp_value         params[3];
    const ws_options *options;
    toy_builder_init(&toy, "\"seed\": 5, \"repeats\": 2, \"parameters\": {\"max_num_seqs\": [4, 8],"
                           "\"log_interval\": [\"100ms\"], \"dtype\": [\"fp8\", \"float16\"]}");
    swp_space_point(swp_builder_space(toy.builder), 7, v); /* point 3, repeat 1 */
    swp_builder_params(toy.builder, v, params);
    assert_int_equal(params[0].integer, 8);
    assert_true(params[1].number == 0.1);
    assert_string_equal(params[2].text, "float16");
    swp_job job = swp_job_of(toy.builder, 7, v);
    assert_int_equal(swp_job_options(&job, NULL, &options), WS_OK);
    assert_int_equal(options->max_num_seqs, 8);
    assert_true(options->log_interval_s == 0.1);
    assert_int_equal(options->seed, swp_repeat_seed(5, 1));
    swp_job_fini(&job);
    toy_builder_fini(&toy);
}

static void test_missing_files_are_named(void **state)
{
    (void)state;
    static const char *const specs[][2] = {
        {"{\"cluster\": \"nowhere.json\"}", "nowhere.json"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"nowhere.jsonl\"}}", "nowhere.jsonl"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\", \"nmu_reqs\": 1}}", "nmu_reqs"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\", \"rate\": -1}}",
         "spec.json: /workload/rate: expected number from 0 to"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": "
         "{\"workload.input.mean\": "
         "[1]}}",
         "/parameters/workload.input.mean: the workload is a dataset, which has no such field"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": "
         "{\"workload.sample\": "
         "[0.5, 2]}}",
         "/parameters/workload.sample/1: expected number from 1e-09 to 1, found 2"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\"}, \"parameters\": "
         "{\"workload.rate\": "
         "{\"linspace\": [-1, 1, 3]}}}",
         "/parameters/workload.rate: "},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\", \"num_reqs\": 3}, \"options\": "
         "{\"num_reqs\": "
         "5}}",
         "/options/num_reqs: changes nothing, since the workload says it too"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"w.jsonl\", \"num_reqs\": 3}, "
         "\"parameters\": "
         "{\"num_reqs\": [5]}}",
         "/parameters/num_reqs: changes nothing, since the workload says it too"},
        {"{\"cluster\": \"c.json\", \"parameters\": {\"/nodes/3/x\": [1]}}", "/nodes/3/x leads nowhere"},
        {"{\"cluster\": \"c.json\", \"parameters\": {\"workload.rate\": [1]}}", "needs a workload"}};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        ws_error                 err     = WS_ERROR_INIT;
        ws_files                *files   = NULL;
        swp_spec                *spec    = NULL;
        swp_builder             *builder = NULL;
        const swp_builder_config config  = {.spec_path = "spec.json"};
        assert_int_equal(ws_files_create(&files), WS_OK);
        assert_int_equal(ws_files_put(files, "c.json", toy_cluster, strlen(toy_cluster)), WS_OK);
        assert_int_equal(ws_files_put(files, "w.jsonl", "{}\n", 3), WS_OK);
        assert_int_equal(swp_spec_parse("spec.json", specs[i][0], strlen(specs[i][0]), &err, &spec), WS_OK);
        assert_int_equal(swp_builder_create(spec, &config, files, &err, &builder), WS_ERR_INPUT);
        assert_null(builder);
        if (strstr(ws_error_text(&err), specs[i][1]) == NULL) {
            fail_msg("expected \"%s\" in %s", specs[i][1], ws_error_text(&err));
        }
        ws_error_clear(&err);
        swp_spec_destroy(&spec);
        ws_files_destroy(&files);
    }
}

/* Files that lie elsewhere, or in the spec itself, are the same job. */
static void test_where_files_lie(void **state)
{
    (void)state;
    static const char workload[] = "{\"rate\": 2, \"num_reqs\": 3}";
    char              text[1024], inline_text[1024];
    ws_files         *files = NULL;
    snprintf(inline_text, sizeof inline_text, "{\"cluster\": %s, \"workload\": %s}", toy_cluster, workload);
    assert_int_equal(ws_files_create(&files), WS_OK);
    assert_int_equal(ws_files_put(files, "/abs/c.json", toy_cluster, strlen(toy_cluster)), WS_OK);
    assert_int_equal(ws_files_put(files, "beside/g.json", workload, strlen(workload)), WS_OK);
    snprintf(text, sizeof text, "{\"cluster\": \"/abs/c.json\", \"workload\": {\"path\": \"g.json\"}}");
    char              hashes[2][SWP_HASH_LEN + 1];
    const char *const specs[] = {text, inline_text};
    for (int i = 0; i < 2; i++) {
        ws_error                 err     = WS_ERROR_INIT;
        swp_spec                *spec    = NULL;
        swp_builder             *builder = NULL;
        const swp_builder_config config  = {.spec_path = "beside/spec.json"};
        assert_int_equal(swp_spec_parse("spec.json", specs[i], strlen(specs[i]), &err, &spec), WS_OK);
        if (swp_builder_create(spec, &config, files, &err, &builder) != WS_OK) {
            fail_msg("%s", ws_error_text(&err));
        }
        const uint32_t none = 0;
        swp_job        job  = swp_job_of(builder, 0, &none);
        assert_int_equal(swp_job_hash(&job, &err, hashes[i]), WS_OK);
        assert_int_equal(ws_json_kind_of(swp_builder_workload(builder)), WS_JSON_OBJECT);
        swp_job_fini(&job);
        swp_builder_destroy(&builder);
        swp_spec_destroy(&spec);
        ws_error_clear(&err);
    }
    assert_string_equal(hashes[0], hashes[1]);
    ws_files_destroy(&files);
}

/* Of a spec that is wrong elsewhere, the files it names are looked for all the same. */
static void test_files_of_a_wrong_spec(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *missing; /* NULL = none */
    } cases[] = {
        {"{\"cluster\": \"lost.json\", \"workload\": {\"dataset\": \"away.jsonl\"}}", "lost.json"},
        {"{\"cluster\": \"lost.json\", \"workload\": {\"dataset\": \"away.jsonl\"}}", "away.jsonl"},
        {"{\"cluster\": \"c.json\", \"workload\": {\"path\": \"away.json\"}}", "away.json"},
        {"{\"cluster\": \"c.json\", \"workload\": 3}", NULL},
        {"{\"cluster\": {}}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const swp_builder_config config = {.spec_path = "spec.json"};
        ws_error                 err    = WS_ERROR_INIT;
        ws_files                *files  = NULL;
        ws_json_doc             *doc    = NULL;
        assert_int_equal(ws_files_create(&files), WS_OK);
        assert_int_equal(ws_files_put(files, "c.json", toy_cluster, strlen(toy_cluster)), WS_OK);
        assert_int_equal(ws_json_doc_parse("spec.json", cases[i].spec, strlen(cases[i].spec), NULL, &doc),
                         WS_OK);
        const ws_status status = swp_builder_check_files(doc, &config, files, &err);
        assert_int_equal(status, cases[i].missing == NULL ? WS_OK : WS_ERR_INPUT);
        if (cases[i].missing != NULL && strstr(ws_error_text(&err), cases[i].missing) == NULL) {
            fail_msg("expected \"%s\" in \"%s\"", cases[i].missing, ws_error_text(&err));
        }
        ws_json_doc_destroy(&doc);
        ws_files_destroy(&files);
        ws_error_clear(&err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_job_in_another_sweep), cmocka_unit_test(test_every_value_counts),
        cmocka_unit_test(test_caches_do_not_mix_points),  cmocka_unit_test(test_params_and_options_of_a_job),
        cmocka_unit_test(test_missing_files_are_named),   cmocka_unit_test(test_where_files_lie),
        cmocka_unit_test(test_files_of_a_wrong_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
