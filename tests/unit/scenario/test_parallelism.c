/* Invariants: degrees that were left out follow from those given, as docs/model/serving.md 1.4 says, and NPUs
 * are always stages times ranks; members of a DP group share the experts evenly; every collective's ring has
 * as many members as the degree says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/parallelism.h"

static ws_json_doc *parse(const char *text)
{
    ws_json_doc *doc = NULL;
    assert_int_equal(ws_json_doc_parse("cluster.json", text, strlen(text), NULL, &doc), WS_OK);
    return doc;
}

#define SHAPE .n_layers = 32, .n_heads = 32, .n_kv_heads = 8, .intermediate_size = 14336, .vocab_size = 128256
static const ws_model DENSE   = {.name = "dense", SHAPE, .n_experts = 1},
                      EXPERTS = {.name = "experts", SHAPE, .n_experts = 8, .is_moe = true};

/* ---- degrees ---- */

typedef struct degrees_case {
    int64_t     num_npus, tp, pp, ep; /* given, 0 = not */
    bool        is_moe;
    int64_t     want_npus, want_tp, want_pp, want_ep; /* want_npus = 0: an error */
    const char *message;
} degrees_case;

static const degrees_case DEGREES[] = {
    {0, 0, 0, 0, false, 1, 1, 1, 1, NULL},
    {4, 0, 0, 0, false, 4, 4, 1, 1, NULL},
    {4, 0, 2, 0, false, 4, 2, 2, 1, NULL},
    {0, 4, 0, 0, false, 4, 4, 1, 1, NULL},
    {0, 2, 3, 0, false, 6, 2, 3, 1, NULL},
    {8, 2, 0, 0, false, 8, 2, 4, 1, NULL}, /* stages are what is left over */
    {8, 2, 4, 0, false, 8, 2, 4, 1, NULL},
    {8, 8, 1, 0, false, 8, 8, 1, 1, NULL},
    {0, 4, 0, 0, true, 4, 4, 1, 4, NULL}, /* experts over the ranks */
    {0, 4, 0, 2, true, 4, 4, 1, 2, NULL},
    {0, 4, 0, 1, true, 4, 4, 1, 1, NULL},
    {8, 3, 0, 0, false, 0, 0, 0, 0, "num_npus = tp_size * pp_size, found 8 for 3 * 1"},
    {8, 2, 2, 0, false, 0, 0, 0, 0, "num_npus = tp_size * pp_size, found 8 for 2 * 2"},
    {5, 0, 2, 0, false, 0, 0, 0, 0, "num_npus divisible by pp_size = 2, found 5"},
    {0, 0, 2, 0, false, 0, 0, 0, 0, "num_npus or tp_size next to pp_size = 2"},
    {0, 2, 0, 4, true, 0, 0, 0, 0, "ep_size <= tp_size = 2 without a dp_group, found 4"},
    {0, 1, 33, 0, false, 0, 0, 0, 0, "pp_size <= 32 layers, found 33"},
    {0, 4, 0, 3, true, 0, 0, 0, 0, "ep_size to divide 8 experts, found 3"},
};

static void missing_degrees_follow(void **state)
{
    (void)state;
    ws_json_doc *doc = parse("{}");
    for (size_t i = 0; i < sizeof(DEGREES) / sizeof(DEGREES[0]); i++) {
        const degrees_case *c   = &DEGREES[i];
        ws_error            err = WS_ERROR_INIT;
        ws_instance_entry   e   = {.json     = ws_json_doc_root(doc),
                                   .num_npus = c->num_npus,
                                   .tp_size  = c->tp,
                                   .pp_size  = c->pp,
                                   .ep_size  = c->ep};
        const ws_status     status =
            ws_parallelism_resolve(&e, c->is_moe ? &EXPERTS : &DENSE, WS_FIDELITY_PHYSICAL, &err);
        assert_int_equal(status, c->message != NULL ? WS_ERR_INPUT : WS_OK);
        if (c->message != NULL) {
            assert_non_null(strstr(ws_error_text(&err), c->message));
        } else {
            assert_true(e.num_npus == c->want_npus && e.tp_size == c->want_tp && e.pp_size == c->want_pp &&
                        e.ep_size == c->want_ep);
        }
        ws_error_clear(&err);
    }
    ws_json_doc_destroy(&doc);
}

/* ---- what tensor parallelism divides ---- */

typedef struct division_case {
    const ws_model *model;
    int64_t         tp;
    const char     *message; /* NULL: a server starts */
} division_case;

#define LLAMA "meta-llama/Llama-3.1-8B"
#define QWEN "Qwen/Qwen2.5-7B"
static const ws_model
    LLAMA_8B = {.name = LLAMA, SHAPE, .n_experts = 1},
    QWEN_7B  = {.name              = QWEN,
                .n_layers          = 28,
                .n_heads           = 28,
                .n_kv_heads        = 4,
                .intermediate_size = 18944,
                .vocab_size        = 152064,
                .n_experts         = 1},
    /* 50257 is padded to 50304 = 64 * 786; an FFN that seven ranks cannot share; experts are never cut */
    ODD     = {.name              = "odd",
               .n_layers          = 4,
               .n_heads           = 28,
               .n_kv_heads        = 28,
               .intermediate_size = 1000,
               .vocab_size        = 50257,
               .n_experts         = 1},
    ODD_MOE = {.name              = "odd",
               .n_layers          = 4,
               .n_heads           = 28,
               .n_kv_heads        = 28,
               .intermediate_size = 1001,
               .vocab_size        = 50257,
               .n_experts         = 8,
               .is_moe            = true},
    SIX     = {.name              = "six",
               .n_layers          = 4,
               .n_heads           = 24,
               .n_kv_heads        = 6,
               .intermediate_size = 2400,
               .vocab_size        = 64,
               .n_experts         = 1};

static const division_case DIVISIONS[] = {
    {&LLAMA_8B, 8, NULL},
    {&LLAMA_8B, 16, NULL},
    {&LLAMA_8B, 32, NULL},
    {&LLAMA_8B, 3, "/tp_size: expected a tp_size that divides the 32 attention heads of " LLAMA ", found 3"},
    {&LLAMA_8B, 1000,
     "/tp_size: expected a tp_size that divides the 32 attention heads of " LLAMA ", found 1000"},
    {&QWEN_7B, 4, NULL},
    {&QWEN_7B, 28, "divides the 18944 columns (intermediate_size) of " QWEN ", found 28"},
    {&QWEN_7B, 16, "/tp_size: expected a tp_size that divides the 28 attention heads of " QWEN ", found 16"},
    {&QWEN_7B, 7, "divides the 4 KV heads of " QWEN " or is a multiple of them, found 7"},
    {&SIX, 2, NULL},
    {&SIX, 8, "divides the 6 KV heads of six or is a multiple of them, found 8"},
    {&SIX, 12, "divides the 64 entries of the padded vocabulary of six, found 12"},
    {&SIX, 3, "divides the 64 entries of the padded vocabulary of six, found 3"},
    {&ODD, 4, NULL}, /* of 50257 entries no four are the same, of 50304 they are */
    {&ODD, 7, "divides the 1000 columns (intermediate_size) of odd, found 7"},
    {&ODD_MOE, 4, NULL},
};

static void heads_have_to_divide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(DIVISIONS) / sizeof(DIVISIONS[0]); i++) {
        const division_case *c = &DIVISIONS[i];
        char                 text[64];
        snprintf(text, sizeof text, "{\"tp_size\": %d}", (int)c->tp);
        ws_json_doc *doc = parse(text);
        for (int fidelity = 0; fidelity < 2; fidelity++) {
            const bool        divides = fidelity == WS_FIDELITY_REFERENCE || c->message == NULL;
            ws_error          err     = WS_ERROR_INIT;
            ws_instance_entry e       = {.json = ws_json_doc_root(doc), .tp_size = c->tp, .ep_size = 1};
            const ws_status   status  = ws_parallelism_resolve(&e, c->model, (ws_fidelity)fidelity, &err);
            if (status != (divides ? WS_OK : WS_ERR_INPUT) ||
                (!divides && strstr(ws_error_text(&err), c->message) == NULL)) {
                fail_msg("%s at tp %d: found %s", c->model->name, (int)c->tp, ws_error_text(&err));
            }
            ws_error_clear(&err);
        }
        ws_json_doc_destroy(&doc);
    }
}

/* Whatever is given: if it is taken, then NPUs = ranks * stages, and what was given stayed (stages of 1 may
 * grow). */
static void accepted_degrees_multiply(void **state)
{
    (void)state;
    ws_json_doc *doc        = parse("{}");
    int          n_accepted = 0;
    for (int64_t code = 0; code < 9 * 9 * 9; code++) {
        ws_error          err   = WS_ERROR_INIT;
        ws_instance_entry given = {.json     = ws_json_doc_root(doc),
                                   .num_npus = code % 9,
                                   .tp_size  = code / 9 % 9,
                                   .pp_size  = code / 81};
        ws_instance_entry e     = given;
        if (ws_parallelism_resolve(&e, &DENSE, WS_FIDELITY_REFERENCE, &err) == WS_OK) {
            assert_int_equal(e.num_npus, e.tp_size * e.pp_size);
            assert_true(given.num_npus == 0 || e.num_npus == given.num_npus);
            assert_true(given.tp_size == 0 || e.tp_size == given.tp_size);
            assert_true(given.pp_size <= 1 || e.pp_size == given.pp_size);
            n_accepted++;
        } else {
            assert_true(err.n_problems == 1);
        }
        ws_error_clear(&err);
    }
    assert_true(n_accepted > 100);
    ws_json_doc_destroy(&doc);
}

/* ---- groups ---- */

typedef struct group_fixture {
    ws_json_doc             *doc;
    ws_instance_entry        entries[4];
    const ws_instance_entry *list[4];
    ws_instance_config       instances[4];
} group_fixture;

static void group_init(group_fixture *f, const ws_model *model, int64_t tp, int64_t ep,
                       const char *const *groups)
{
    *f = (group_fixture){.doc = parse("{}")};
    for (size_t i = 0; i < 4; i++) {
        f->entries[i]   = (ws_instance_entry){.json     = ws_json_doc_root(f->doc),
                                              .num_npus = tp,
                                              .tp_size  = tp,
                                              .pp_size  = 1,
                                              .ep_size  = ep,
                                              .dp_group = groups[i]};
        f->list[i]      = &f->entries[i];
        f->instances[i] = (ws_instance_config){.model = model};
    }
}

/* b and a, in order of first mention: groups 0 and 1. Eight experts over two members with tp 2, ep 4: two
 * expert ranks each. */
static void groups_are_numbered_and_share_experts(void **state)
{
    (void)state;
    static const char *const groups[] = {"b", "a", "b", "a"}, *const some[] = {NULL, "a", NULL, "a"};
    group_fixture f;
    group_init(&f, &EXPERTS, 2, 4, groups);
    assert_int_equal(ws_parallelism_group(f.instances, f.list, 4, NULL), WS_OK);
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(f.instances[i].dp_group, i % 2);
        assert_true(f.instances[i].ep_total == 4 && f.instances[i].local_ep == 2);
    }
    ws_json_doc_destroy(&f.doc);

    group_init(&f, &DENSE, 2, 1, some);
    assert_int_equal(ws_parallelism_group(f.instances, f.list, 4, NULL), WS_OK);
    for (int32_t i = 0; i < 4; i++) {
        assert_int_equal(f.instances[i].dp_group, i % 2 == 1 ? 0 : WS_NO_GROUP);
        assert_true(f.instances[i].ep_total == 1 && f.instances[i].local_ep == 1);
    }
    ws_json_doc_destroy(&f.doc);
}

static void check_group_error(group_fixture *f, const char *message)
{
    ws_error err = WS_ERROR_INIT;
    assert_int_equal(ws_parallelism_group(f->instances, f->list, 4, &err), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&err), message));
    ws_error_clear(&err);
    ws_json_doc_destroy(&f->doc);
}

static void unlike_members_are_refused(void **state)
{
    (void)state;
    static const char *const groups[] = {"a", "a", "a", "a"};
    group_fixture            f;
    group_init(&f, &EXPERTS, 2, 4, groups);
    f.entries[3].tp_size = 1;
    check_group_error(&f, "the same tp_size, pp_size and ep_size as the other members of dp_group \"a\"");
    group_init(&f, &EXPERTS, 2, 2, groups); /* two ranks over four members */
    check_group_error(&f, "ep_size to be a multiple of the 4 members of dp_group \"a\"");
    group_init(&f, &EXPERTS, 1, 8, groups); /* two ranks each on one NPU each */
    check_group_error(&f, "at most tp_size each, found 8");
}

/* ---- models ---- */

/* In one group, and where KV blocks are handed on, there is one model; elsewhere everybody has their own. */
static void partners_run_one_model(void **state)
{
    (void)state;
    static const char *const group[] = {"a", NULL, "a", NULL}, *const none[] = {NULL, NULL, NULL, NULL};
    for (int place = 0; place < 4; place++) {
        for (int how = 0; how < 3; how++) { /* a group of 0 and 2; 0 and 3 hand on; nothing */
            group_fixture f;
            ws_error      err = WS_ERROR_INIT;
            group_init(&f, &LLAMA_8B, 1, 1, how == 0 ? group : none);
            assert_int_equal(ws_parallelism_group(f.instances, f.list, 4, NULL), WS_OK);
            f.instances[0].role      = how == 1 ? WS_ROLE_PREFILL : WS_ROLE_COMBINED;
            f.instances[3].role      = how == 1 ? WS_ROLE_DECODE : WS_ROLE_COMBINED;
            f.instances[place].model = &QWEN_7B;
            const bool is_bound      = how == 0 ? place % 2 == 0 : how == 1 && place % 3 == 0;
            assert_int_equal(ws_parallelism_check_models(f.instances, f.list, 4, &err),
                             is_bound ? WS_ERR_INPUT : WS_OK);
            if (is_bound) {
                assert_non_null(strstr(ws_error_text(&err), place == 0 ? "found " LLAMA : "found " QWEN));
                assert_non_null(strstr(ws_error_text(&err), how == 0 ? "one dp_group" : "hand requests on"));
            }
            ws_error_clear(&err);
            ws_json_doc_destroy(&f.doc);
        }
    }
}

/* ---- topology ---- */

static ws_network topology(const ws_instance_config *instances, size_t n, const char *links, ws_status want,
                           ws_error *err)
{
    ws_json_doc    *doc = parse(links);
    ws_network      net;
    const ws_status status = ws_topology_build(instances, n, ws_json_member(ws_json_doc_root(doc), "bw"),
                                               ws_json_member(ws_json_doc_root(doc), "latency"), err, &net);
    assert_int_equal(status, want);
    ws_json_doc_destroy(&doc);
    return net;
}

static void check_dims(ws_network net, int n_dims, int64_t d0, int64_t d1, int64_t d2)
{
    assert_int_equal(net.n_dims, n_dims);
    assert_int_equal(net.size[0], d0);
    assert_int_equal(net.size[1], d1);
    assert_int_equal(net.size[2], d2);
}

static ws_instance_config of(int64_t tp, int64_t pp, ws_role role, int32_t group)
{
    return (ws_instance_config){
        .tp_size = tp, .pp_size = pp, .num_npus = tp * pp, .role = role, .dp_group = group, .ep_total = 1};
}

/* docs/model/serving.md 1.6: [tp, pp, D] or [tp, D] with a group; else [N / M, M] where no instance has
 * stages, [N / S, S] where one has; a prefill instance counts twice; ones at the end are dropped. */
static void dimensions_follow_the_cluster(void **state)
{
    (void)state;
    static const char        one[]      = "{\"bw\": 16, \"latency\": 2.5}";
    const ws_instance_config group[]    = {of(2, 1, WS_ROLE_COMBINED, 0), of(2, 1, WS_ROLE_COMBINED, 0)};
    const ws_instance_config staged[]   = {of(2, 3, WS_ROLE_COMBINED, 0), of(2, 3, WS_ROLE_COMBINED, 0)};
    const ws_instance_config single[]   = {of(4, 1, WS_ROLE_COMBINED, WS_NO_GROUP)};
    const ws_instance_config tiny[]     = {of(1, 1, WS_ROLE_COMBINED, WS_NO_GROUP),
                                           of(1, 1, WS_ROLE_COMBINED, WS_NO_GROUP)};
    const ws_instance_config pipeline[] = {of(2, 4, WS_ROLE_COMBINED, WS_NO_GROUP)};
    const ws_instance_config handoff[]  = {of(1, 1, WS_ROLE_PREFILL, WS_NO_GROUP),
                                           of(1, 1, WS_ROLE_DECODE, WS_NO_GROUP)};
    check_dims(topology(group, 2, one, WS_OK, NULL), 2, 2, 2, 1);
    check_dims(topology(staged, 2, one, WS_OK, NULL), 3, 2, 3, 2);
    check_dims(topology(single, 1, one, WS_OK, NULL), 1, 4, 1, 1);
    check_dims(topology(tiny, 2, one, WS_OK, NULL), 2, 1, 2, 1);
    check_dims(topology(pipeline, 1, one, WS_OK, NULL), 2, 2, 4, 1);
    check_dims(topology(handoff, 2, one, WS_OK, NULL), 2, 1, 3, 1);
}

static void links_are_given_once_or_per_dimension(void **state)
{
    (void)state;
    const ws_instance_config staged[] = {of(2, 3, WS_ROLE_COMBINED, 0), of(2, 3, WS_ROLE_COMBINED, 0)};
    ws_network               net = topology(staged, 2, "{\"bw\": 16, \"latency\": [1, 2.5, 7]}", WS_OK, NULL);
    assert_true(net.bw_gbps[0] == 16 && net.bw_gbps[2] == 16);
    assert_true(net.latency_ns[0] == 1 && net.latency_ns[1] == 2.5 && net.latency_ns[2] == 7);
    ws_error err = WS_ERROR_INIT;
    (void)topology(staged, 2, "{\"bw\": [16, 16], \"latency\": 1}", WS_ERR_INPUT, &err);
    assert_non_null(strstr(ws_error_text(&err),
                           "/bw: expected a number or one entry for each of 3 topology dimensions, found 2"));
    ws_error_clear(&err);
    (void)topology(staged, 2, "{\"bw\": 0, \"latency\": 1}", WS_ERR_INPUT, &err);
    (void)topology(staged, 2, "{\"bw\": 1, \"latency\": -1}", WS_ERR_INPUT, &err);
    assert_int_equal(err.n_problems, 2);
    ws_error_clear(&err);
}

/* Rings: tp ranks for all-reduces; ep_total ranks for experts, in whatever dimensions. */
static void collectives_have_as_many_members_as_ranks(void **state)
{
    (void)state;
    static const struct {
        int64_t tp, pp, ep;
        bool    is_grouped;
    } cases[] = {{4, 1, 4, false}, {4, 1, 2, false}, {1, 1, 2, true},
                 {2, 1, 4, true},  {2, 1, 2, true},  {2, 3, 4, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int fidelity = 0; fidelity < 2; fidelity++) {
            const int32_t      group        = cases[i].is_grouped ? 0 : WS_NO_GROUP;
            ws_instance_config instances[2] = {of(cases[i].tp, cases[i].pp, WS_ROLE_COMBINED, group),
                                               of(cases[i].tp, cases[i].pp, WS_ROLE_COMBINED, group)};
            ws_scenario        s            = {.fidelity    = (ws_fidelity)fidelity,
                                               .instances   = instances,
                                               .n_instances = cases[i].is_grouped ? 2 : 1};
            instances[0].ep_total = instances[1].ep_total = cases[i].ep;
            s.network = topology(instances, s.n_instances, "{\"bw\": [16, 8, 4], \"latency\": 1}",
                                 cases[i].pp > 1 ? WS_OK : WS_ERR_INPUT, NULL);
            if (cases[i].pp == 1) {
                s.network = topology(instances, s.n_instances, "{\"bw\": 16, \"latency\": 1}", WS_OK, NULL);
            }
            ws_topology_localize(&s);
            for (size_t k = 0; k < s.n_instances; k++) {
                const ws_instance_config *c = &instances[k];
                assert_int_equal(ws_collective_size(&c->network, c->tp_dims), c->tp_size);
                /* experts inside an instance use the ring of its tp ranks */
                assert_int_equal(ws_collective_size(&c->network, c->ep_dims),
                                 c->ep_total <= c->tp_size ? c->tp_size : c->ep_total);
            }
        }
    }
}

/* Under physical fidelity an instance of [tp, pp, members] uses the first, the second and the last link of
 * the cluster, and its own memory for reductions. */
static void own_networks_use_the_clusters_links(void **state)
{
    (void)state;
    ws_instance_config instances[2] = {of(2, 3, WS_ROLE_COMBINED, 0), of(2, 3, WS_ROLE_COMBINED, 0)};
    ws_scenario        s      = {.fidelity = WS_FIDELITY_PHYSICAL, .instances = instances, .n_instances = 2};
    instances[0].npu_mem_gbps = 1000;
    instances[1].npu_mem_gbps = 2000;
    s.network = topology(instances, 2, "{\"bw\": [16, 8, 4], \"latency\": [1, 2, 3]}", WS_OK, NULL);
    ws_topology_localize(&s);
    for (int i = 0; i < 2; i++) {
        check_dims(instances[i].network, 3, 2, 3, 2);
        assert_true(instances[i].network.bw_gbps[WS_DIM_TP] == 16 &&
                    instances[i].network.bw_gbps[WS_DIM_STAGE] == 8 &&
                    instances[i].network.bw_gbps[WS_DIM_GROUP] == 4);
        assert_true(instances[i].network.latency_ns[WS_DIM_GROUP] == 3);
        assert_int_equal(instances[i].network.reduce_bw, 1000 * (i + 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_degrees_follow),
        cmocka_unit_test(heads_have_to_divide),
        cmocka_unit_test(accepted_degrees_multiply),
        cmocka_unit_test(groups_are_numbered_and_share_experts),
        cmocka_unit_test(unlike_members_are_refused),
        cmocka_unit_test(partners_run_one_model),
        cmocka_unit_test(dimensions_follow_the_cluster),
        cmocka_unit_test(links_are_given_once_or_per_dimension),
        cmocka_unit_test(collectives_have_as_many_members_as_ranks),
        cmocka_unit_test(own_networks_use_the_clusters_links),
    };
    return cmocka_run_group_tests_name("scenario.parallelism", tests, NULL, NULL);
}
