/* Invariants: a part of a job is built once, whoever asks; a part that cannot be built is refused each time
 * with the reason, and the other parts are none the worse; asking what the weights need leaves the job as it
 * was. */
#include <math.h>

#include "sweep_world.h"

#define DATASET "\"workload\": {\"dataset\": \"w.jsonl\"}"

static void test_parts_are_built_once(void **state)
{
    (void)state;
    sweep_world       s;
    const ws_options *options, *again;
    ws_json           cluster, other;
    char              hash[SWP_HASH_LEN + 1];
    ws_scenario      *scenario = NULL;
    sweep_world_init(&s, DATASET ", \"parameters\": {\"max_num_seqs\": [1, 8], \"/link_bw\": [8, 16]}", NULL);
    swp_job job = sweep_world_job(&s, 3);
    assert_int_equal(swp_job_hash(&job, &s.w.err, hash), WS_OK);
    const ws_json_doc *built = job.cluster, *workload = job.workload;
    assert_non_null(built);
    assert_non_null(workload);
    assert_int_equal(swp_job_options(&job, &s.w.err, &options), WS_OK);
    assert_int_equal(options->max_num_seqs, 8);
    assert_int_equal(swp_job_cluster(&job, &s.w.err, &cluster), WS_OK);
    assert_int_equal(swp_job_scenario(&job, &s.w.err, &scenario), WS_OK);
    assert_int_equal(swp_job_cluster(&job, &s.w.err, &other), WS_OK);
    assert_int_equal(swp_job_options(&job, &s.w.err, &again), WS_OK);
    assert_ptr_equal(options, again);
    assert_ptr_equal(job.cluster, built);
    assert_ptr_equal(job.workload, workload);
    assert_true(ws_json_number(ws_json_member(other, "link_bw")) == 16.0);
    ws_scenario_destroy(&scenario);
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

/* The hash of a job whose cluster was met before needs no cluster config of its own. */
static void test_what_is_known_is_not_built(void **state)
{
    (void)state;
    sweep_world       s;
    char              hash[SWP_HASH_LEN + 1], other[SWP_HASH_LEN + 1];
    swp_cluster_facts facts;
    sweep_world_init(&s, DATASET ", \"parameters\": {\"/link_bw\": [8, 16]}, \"repeats\": 2", NULL);
    assert_int_equal(sweep_world_hash(&s, 2, hash), WS_OK);
    swp_job job = sweep_world_job(&s, 3);
    assert_int_equal(swp_job_hash(&job, NULL, other), WS_OK);
    assert_int_equal(swp_job_facts(&job, NULL, &facts), WS_OK);
    assert_null(job.cluster);
    assert_null(job.workload);
    assert_true(facts.num_nodes == 1.0 && facts.num_npus == 1.0);
    assert_string_not_equal(hash, other); /* the repeat's seed */
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

static void expect_problem(sweep_world *s, ws_status status, const char *reason)
{
    assert_int_equal(status, WS_ERR_INPUT);
    if (strstr(ws_error_text(&s->w.err), reason) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", reason, ws_error_text(&s->w.err));
    }
    ws_error_clear(&s->w.err);
}

static void test_a_broken_part_is_told_each_time(void **state)
{
    (void)state;
    sweep_world       s;
    ws_json           place;
    const ws_options *options;
    ws_scenario      *scenario = NULL;
    swp_cluster_facts facts;
    double            weights_gb = 7.0;
    char              hash[SWP_HASH_LEN + 1];
    sweep_world_init(
        &s,
        DATASET ", \"parameters\": {\"mix\": {\"none\": {\"nodes\": null}}, \"/nodes/0/num_instances\": [1]}",
        NULL);
    swp_job job = sweep_world_job(&s, 0);
    for (int i = 0; i < 2; i++) {
        expect_problem(&s, swp_job_cluster(&job, &s.w.err, &place), "/nodes/0/num_instances");
        expect_problem(&s, swp_job_scenario(&job, &s.w.err, &scenario), "/nodes/0/num_instances");
        expect_problem(&s, swp_job_facts(&job, &s.w.err, &facts), "/nodes/0/num_instances");
        expect_problem(&s, swp_job_hash(&job, &s.w.err, hash), "/nodes/0/num_instances");
        assert_int_equal(swp_job_weights_gb(&job, &weights_gb), WS_ERR_INPUT);
        assert_null(scenario);
        assert_true(weights_gb == 7.0);
        assert_int_equal(swp_job_options(&job, &s.w.err, &options), WS_OK);
        assert_int_equal(swp_job_workload(&job, &s.w.err, &place), WS_OK);
    }
    char row_hash[SWP_HASH_LEN + 1];
    swp_job_row_hash(&job, row_hash);
    assert_int_equal(strlen(row_hash), SWP_HASH_LEN);
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

/* A dataset of a point's own is looked for when the point is built. */
static void test_a_dataset_of_the_points(void **state)
{
    (void)state;
    sweep_world  s;
    ws_scenario *scenario = NULL;
    char         hash[3][SWP_HASH_LEN + 1];
    sweep_world_init(&s,
                     DATASET ", \"parameters\": {\"workload.dataset\": [\"w.jsonl\", \"lost.jsonl\", "
                             "\"v.jsonl\"]}",
                     NULL);
    world_put(&s.w, "v.jsonl", SWEEP_WORLD_DATASET);
    assert_int_equal(sweep_world_hash(&s, 0, hash[0]), WS_OK);
    assert_int_equal(sweep_world_hash(&s, 2, hash[2]), WS_OK);
    assert_string_equal(hash[0], hash[2]); /* the bytes count, not the path */
    swp_job job = sweep_world_job(&s, 1);
    expect_problem(&s, swp_job_hash(&job, &s.w.err, hash[1]), "lost.jsonl");
    expect_problem(&s, swp_job_scenario(&job, &s.w.err, &scenario), "lost.jsonl");
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

static void test_weights_where_nothing_fits(void **state)
{
    (void)state;
    sweep_world  s;
    ws_json      cluster;
    ws_scenario *scenario   = NULL;
    double       weights_gb = 0.0;
    sweep_world_init(&s, DATASET ", \"parameters\": {\"/nodes/0/instances/0/npu_mem/mem_size\": [1e-6]}",
                     NULL);
    swp_job job = sweep_world_job(&s, 0);
    assert_int_not_equal(swp_job_scenario(&job, NULL, &scenario), WS_OK);
    assert_int_equal(swp_job_weights_gb(&job, &weights_gb), WS_OK);
    assert_true(weights_gb > 1e-6 * 1.073741824);
    assert_int_equal(swp_job_cluster(&job, NULL, &cluster), WS_OK);
    const ws_json place = ws_json_resolve(cluster, "/nodes/0/instances/0/npu_mem/mem_size");
    assert_true(ws_json_number(place) == 1e-6); /* the job's own keeps its memory */
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

static void test_no_workload(void **state)
{
    (void)state;
    sweep_world s;
    ws_json     workload;
    char        hash[SWP_HASH_LEN + 1];
    sweep_world_init(&s, "\"parameters\": {\"max_num_seqs\": [1]}", NULL);
    swp_job job = sweep_world_job(&s, 0);
    assert_int_equal(swp_job_workload(&job, NULL, &workload), WS_OK);
    assert_int_equal(ws_json_kind_of(workload), WS_JSON_ABSENT);
    assert_int_equal(swp_job_hash(&job, NULL, hash), WS_OK);
    swp_job_fini(&job);
    sweep_world_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_built_once),
        cmocka_unit_test(test_what_is_known_is_not_built),
        cmocka_unit_test(test_a_broken_part_is_told_each_time),
        cmocka_unit_test(test_a_dataset_of_the_points),
        cmocka_unit_test(test_weights_where_nothing_fits),
        cmocka_unit_test(test_no_workload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
