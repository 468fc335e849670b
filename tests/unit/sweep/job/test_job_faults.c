/* Whatever allocation fails while a sweep is read and its jobs are built, the call says that memory is short,
 * or has done all of its work: never half of it, and never another reason. A job is a row in any case. */
#include "faults.h"
#include "job/cost_model.h"
#include "job/prefetch.h"
#include "job/simulator.h"
#include "result/columns.h"
#include "result/row_wire.h"
#include "sweep_world.h"

#define MEMBERS                                                                                              \
    "\"workload\": {\"dataset\": \"w.jsonl\", \"num_reqs\": 2}, \"slo\": {\"ttft_ms\": 100}, \"repeats\": "  \
    "2, "                                                                                                    \
    "\"constraints\": [\"num_npus * tp_size <= 4\", \"weights_gb < 1\"], \"parameters\": {\"tp_size\": [1, " \
    "2], "                                                                                                   \
    "\"mix\": {\"one\": {}, \"two\": {\"link_bw\": 8}}, \"zip\": {\"max_num_seqs\": [1, 2], "                \
    "\"/link_latency\": [0, 1]}}"

static const char *const k_specs[] = {
    "{\"cluster\": \"c.json\", " MEMBERS "}",
    "{\"cluster\": \"c.json\", \"sampling\": {\"method\": \"list\", \"points\": [{\"tp_size\": 1, \"dtype\": "
    "\"auto\"}, {\"tp_size\": 2, \"dtype\": \"fp8\"}]}}",
    "{\"cluster\": \"c.json\", \"sampling\": {\"method\": \"random\", \"n\": 2}, \"parameters\": "
    "{\"standby_duration\": {\"logspace\": [1, 10, 3]}, \"hardware\": [\"TOY\"]}}",
};

typedef struct world_and_setup {
    sweep_world s;
    char        spec_path[128], configs[512];
    swp_setup   setup;
    char       *block;
} world_and_setup;

static void init(world_and_setup *w)
{
    char  *files     = NULL;
    size_t files_len = 0, len = 0;
    sweep_world_init(&w->s, MEMBERS, NULL);
    assert_int_equal(ws_files_pack(w->s.w.files, &files, &files_len), WS_OK);
    snprintf(w->spec_path, sizeof w->spec_path, "%s/spec.json", w->s.w.dir);
    snprintf(w->configs, sizeof w->configs, "%s/configs", getenv("WS_SOURCE_DIR"));
    const swp_setup setup = {.max_nodes   = 1,
                             .spec_path   = w->spec_path,
                             .bundled_dir = w->configs,
                             .data_dirs   = {w->s.w.dir},
                             .n_data_dirs = 1,
                             .spec_text   = k_specs[0],
                             .spec_len    = strlen(k_specs[0]),
                             .files       = files,
                             .files_len   = files_len};
    assert_int_equal(swp_setup_pack(&setup, &w->block, &len), WS_OK);
    assert_int_equal(swp_setup_unpack(w->block, len, &w->setup), WS_OK);
    free(files);
}

static void fini(world_and_setup *w)
{
    free(w->block);
    sweep_world_fini(&w->s);
}

typedef ws_status (*action_fn)(world_and_setup *w);

/* Let the first allocation fail, the second, and so on until none does: then the action works. */
static void try_all(world_and_setup *w, action_fn action)
{
    for (unsigned call = 0;; call++) {
        faults_arm(FAULT_MEMORY, 0, call);
        const ws_status status = action(w);
        const bool      is_hit = faults_disarm();
        if (status != WS_OK && (status != WS_ERR_NOMEM || !is_hit)) {
            fail_msg("allocation %u fails: %s", call, ws_status_text(status));
        }
        if (!is_hit) {
            assert_true(call > 0);
            return;
        }
    }
}

/* ---- specs ---- */

static size_t spec_tried;

static ws_status parse(world_and_setup *w)
{
    swp_spec *spec = NULL;
    (void)w;
    const ws_status status =
        swp_spec_parse("spec.json", k_specs[spec_tried], strlen(k_specs[spec_tried]), NULL, &spec);
    assert_true((status == WS_OK) == (spec != NULL));
    swp_spec_destroy(&spec);
    return status;
}

static void test_specs(void **state)
{
    (void)state;
    for (spec_tried = 0; spec_tried < sizeof k_specs / sizeof k_specs[0]; spec_tried++) {
        try_all(NULL, parse);
    }
}

/* ---- what is made of them ---- */

static ws_status build(world_and_setup *w)
{
    swp_builder             *builder     = NULL;
    swp_constraints         *constraints = NULL;
    const char *const        dirs[]      = {w->s.w.dir};
    const swp_builder_config config      = {
             .spec_path = w->spec_path, .data_dirs = dirs, .n_data_dirs = 1, .bundled_dir = w->configs};
    ws_status status = swp_builder_create(w->s.spec, &config, w->s.w.files, NULL, &builder);
    if (status == WS_OK) {
        status = swp_constraints_create(builder, NULL, &constraints);
    }
    swp_constraints_destroy(&constraints);
    swp_builder_destroy(&builder);
    return status;
}

static ws_status build_job(world_and_setup *w)
{
    ws_scenario *scenario = NULL;
    char         hash[SWP_HASH_LEN + 1];
    double       weights_gb;
    swp_job      job    = sweep_world_job(&w->s, 5);
    ws_status    status = swp_job_hash(&job, NULL, hash);
    if (status == WS_OK) {
        status = swp_job_scenario(&job, NULL, &scenario);
    }
    if (status == WS_OK) {
        status = swp_job_weights_gb(&job, &weights_gb);
    }
    ws_scenario_destroy(&scenario);
    swp_job_fini(&job);
    return status;
}

static ws_status simulate(world_and_setup *w)
{
    const swp_simulator_config config    = {.n_ranks_here = 1};
    swp_simulator             *simulator = NULL;
    WS_TRY(swp_simulator_create(&w->setup, &config, NULL, &simulator));
    const swp_row *row     = swp_simulator_run(simulator, 0, 1);
    const bool     is_row  = row != NULL && row->hash != NULL && strlen(row->hash) == SWP_HASH_LEN;
    const bool     is_done = is_row && row->state == SWP_STATE_DONE;
    const bool is_short    = is_row && row->state == SWP_STATE_FAILED && strstr(row->error, "memory") != NULL;
    if (is_row && !is_done && !is_short) {
        fail_msg("%s: %s", swp_job_state_name(row->state), row->error);
    }
    swp_simulator_destroy(&simulator);
    assert_true(is_row);
    return is_done ? WS_OK : WS_ERR_NOMEM;
}

static void with_world(action_fn action)
{
    world_and_setup w;
    init(&w);
    try_all(&w, action);
    fini(&w);
}

static void test_builder(void **state)
{
    (void)state;
    with_world(build);
}

static void test_jobs(void **state)
{
    (void)state;
    with_world(build_job);
}

static void test_simulator(void **state)
{
    (void)state;
    with_world(simulate);
}

static ws_status prefetch(world_and_setup *w)
{
    swp_prefetch    found;
    const ws_status status = swp_prefetch_inputs(w->s.builder, NULL, &found);
    swp_prefetch_fini(&found);
    return status;
}

static void test_prefetch(void **state)
{
    (void)state;
    with_world(prefetch);
}

/* ---- plain data ---- */

static ws_status copy_data(world_and_setup *w)
{
    swp_layout            *copy     = NULL;
    swp_columns            columns  = {.n = 0};
    swp_cost              *cost     = NULL;
    swp_rows               rows     = {0};
    char                  *block    = NULL;
    size_t                 len      = 0;
    static const swp_param params[] = {{"a", "a", "1", SWP_PARAM_INT, 0}, {"b", "b", "s", SWP_PARAM_TEXT, 3}};
    static const swp_text_attribute texts[] = {{"x", "1"}};
    const swp_layout                layout  = {.title        = "t",
                                               .spec_json    = "{}",
                                               .spec_sha256  = "0",
                                               .n_params     = 2,
                                               .params       = params,
                                               .max_nodes    = 1,
                                               .has_series   = true,
                                               .has_requests = true,
                                               .n_attributes = 1,
                                               .attributes   = texts};
    const swp_row                   row     = {.hash = "0123456789abcdef0123456789abcdef", .error = "why"};
    ws_status                       status  = swp_layout_copy(&layout, &copy);
    if (status == WS_OK) {
        status = swp_columns_build(copy, NULL, &columns);
    }
    if (status == WS_OK) {
        status = swp_cost_create(w->s.spec, &cost);
    }
    if (status == WS_OK) {
        status = swp_rows_add(&rows, &row);
    }
    if (status == WS_OK) {
        status = swp_setup_pack(&w->setup, &block, &len);
    }
    free(block);
    free(rows.data);
    swp_cost_destroy(&cost);
    swp_columns_fini(&columns);
    swp_layout_free(&copy);
    return status;
}

static void test_plain_data(void **state)
{
    (void)state;
    with_world(copy_data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specs),     cmocka_unit_test(test_builder),  cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_simulator), cmocka_unit_test(test_prefetch), cmocka_unit_test(test_plain_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
