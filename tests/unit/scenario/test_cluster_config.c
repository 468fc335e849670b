/* Invariants: every key of a cluster config finds its place; counts must match what is there; whatever is
 * wrong is said at once with its place; and memory rates may only be left out where the PIM file gives them
 * (docs/model/serving.md 1.1 to 1.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/cluster_config.h"
#include "scenario/options.h"

static const char CLUSTER[] =
    "{\"num_nodes\": 2, \"link_bw\": [16, 8], \"link_latency\": 1000, "
    "\"cxl_mem\": {\"mem_size\": 512, \"mem_bw\": 60, \"mem_latency\": 250, \"num_devices\": 4}, \"nodes\": ["
    "{\"num_instances\": 2, \"cpu_mem\": {\"mem_size\": 128, \"mem_bw\": 256, \"mem_latency\": 0.5, "
    "\"pim_config\": \"DDR4\"}, "
    "\"power\": {}, \"instances\": ["
    "{\"model_name\": \"a/b\", \"hardware\": \"H100\", \"pd_type\": \"prefill\", \"num_npus\": 8, "
    "\"tp_size\": 4, \"pp_size\": 2, "
    "\"ep_size\": 3, \"npu_mem\": {\"mem_size\": 80, \"mem_bw\": 3350, \"mem_latency\": 7, \"mem_util\": "
    "0.8}, "
    "\"max_num_seqs\": 17, \"placement\": {}}, "
    "{\"model_name\": \"c\", \"hardware\": \"A100\", \"pd_type\": null, \"dp_group\": \"g\", "
    "\"npu_mem\": {\"mem_size\": 40, \"mem_bw\": 1555, \"mem_latency\": 0}}]}, "
    "{\"num_instances\": 1, \"cpu_mem\": {\"mem_size\": 64, \"mem_bw\": 200, \"mem_latency\": 1}, "
    "\"instances\": ["
    "{\"model_name\": \"c\", \"hardware\": \"A100\", \"pd_type\": \"decode\", "
    "\"npu_mem\": {\"mem_size\": 40, \"mem_bw\": 1555, \"mem_latency\": 0}}]}]}";

typedef struct reading {
    ws_arena          arena;
    ws_json_doc      *doc;
    ws_error          err;
    ws_cluster_config config;
    ws_status         status;
} reading;

static void read_text(reading *r, const char *text, bool cli_offloading)
{
    *r = (reading){.err = WS_ERROR_INIT};
    ws_arena_init(&r->arena, 0);
    assert_int_equal(ws_json_doc_parse("c.json", text, strlen(text), NULL, &r->doc), WS_OK);
    r->status =
        ws_cluster_config_read(ws_json_doc_root(r->doc), &r->arena, cli_offloading, &r->err, &r->config);
}

static void reading_fini(reading *r)
{
    ws_json_doc_destroy(&r->doc);
    ws_error_clear(&r->err);
    ws_arena_fini(&r->arena);
}

static size_t option_index(const char *name)
{
    size_t           n       = 0;
    const ws_option *options = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return i;
        }
    }
    fail_msg("no option %s", name);
    return 0;
}

static void every_key_finds_its_place(void **state)
{
    (void)state;
    reading r;
    read_text(&r, CLUSTER, false);
    assert_int_equal(r.status, WS_OK);
    const ws_cluster_config *c = &r.config;
    assert_true(c->n_nodes == 2 && c->n_instances == 3);
    assert_true(ws_json_kind_of(c->link_bw) == WS_JSON_ARRAY &&
                ws_json_kind_of(c->link_latency) == WS_JSON_NUMBER);
    assert_true(c->cxl_mem.is_present && c->cxl_mem.size_gib == 512 && c->cxl_mem.bw_gbps == 60 &&
                c->cxl_mem.latency_ns == 250 && c->cxl_mem.n_devices == 4);
    assert_true(c->nodes[0].cpu_mem.size_gib == 128 && c->nodes[0].cpu_mem.bw_gbps == 256 &&
                c->nodes[0].cpu_mem.latency_ns == 0.5);
    assert_string_equal(c->nodes[0].cpu_mem.pim_config, "DDR4");
    assert_true(c->nodes[0].power.item != NULL && c->nodes[1].power.item == NULL);
    const ws_instance_entry *e = &c->nodes[0].instances[0];
    assert_string_equal(e->model_name, "a/b");
    assert_string_equal(e->hardware, "H100");
    assert_string_equal(e->pd_type, "prefill");
    assert_true(e->num_npus == 8 && e->tp_size == 4 && e->pp_size == 2 && e->ep_size == 3 &&
                e->dp_group == NULL);
    assert_true(e->npu_mem.size_gib == 80 && e->npu_mem.bw_gbps == 3350 && e->npu_mem.latency_ns == 7 &&
                e->npu_mem.utilization == 0.8);
    assert_true(e->placement.item != NULL);
    int64_t seqs = 0;
    assert_int_equal(ws_json_read_int(e->overrides[option_index("max_num_seqs")], 1, 100, NULL, &seqs),
                     WS_OK);
    assert_int_equal(seqs, 17);
    assert_null(e->overrides[option_index("block_size")].item);
    const ws_instance_entry *other = &c->nodes[0].instances[1];
    assert_true(other->pd_type == NULL && other->tp_size == 0 && other->npu_mem.utilization == 0);
    assert_string_equal(other->dp_group, "g");
    assert_string_equal(c->nodes[1].instances[0].pd_type, "decode");
    reading_fini(&r);
}

/* The cluster with the first `from` replaced, and what has to be said of it; NULL = nothing. */
static void check_change(const char *from, const char *to, bool cli_offloading, const char *want)
{
    char        text[4096];
    reading     r;
    const char *at = strstr(CLUSTER, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - CLUSTER), CLUSTER, to, at + strlen(from));
    read_text(&r, text, cli_offloading);
    assert_int_equal(r.status, want != NULL ? WS_ERR_INPUT : WS_OK);
    if (want != NULL && strstr(ws_error_text(&r.err), want) == NULL) {
        fail_msg("%s: %s", to, ws_error_text(&r.err));
    }
    reading_fini(&r);
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    (void)state;
    check_change("\"num_nodes\": 2", "\"num_nodes\": 3", false,
                 "/nodes: expected num_nodes = 3 elements, found 2");
    check_change("\"num_instances\": 2", "\"num_instances\": 1", false,
                 "/nodes/0/instances: expected num_instances = 1");
    check_change("\"pd_type\": \"prefill\"", "\"pd_type\": \"both\"", false,
                 "/nodes/0/instances/0/pd_type: expected \"prefill\", \"decode\" or null");
    check_change("\"pd_type\": \"prefill\", ", "", false, "missing key \"pd_type\"");
    check_change("\"tp_size\": 4", "\"tp_size\": 0", false, "/nodes/0/instances/0/tp_size:");
    check_change("\"mem_util\": 0.8", "\"mem_util\": 1.5", false, "/nodes/0/instances/0/npu_mem/mem_util:");
    check_change("\"mem_size\": 80", "\"mem_size\": 0", false, "/nodes/0/instances/0/npu_mem/mem_size:");
    check_change("\"max_num_seqs\"", "\"max_num_seq\"", false, "did you mean \"max_num_seqs\"?");
    check_change("\"max_num_seqs\"", "\"npu_memory_utilization\"", false, "npu_memory_utilization");
    check_change("\"num_devices\": 4", "\"num_devices\": 0", false, "/cxl_mem/num_devices:");
    check_change("\"link_latency\": 1000, ", "", false, "missing key \"link_latency\"");
    check_change("\"power\": {}", "\"power\": null", false, NULL);
}

/* "mem_bw" of the host comes from the PIM file where attention is offloaded, by option or by any instance. */
static void rates_may_be_left_to_the_pim_file(void **state)
{
    (void)state;
    const char *rates = ", \"mem_bw\": 256, \"mem_latency\": 0.5";
    check_change(rates, "", false, "/nodes/0/cpu_mem: missing key \"mem_bw\"");
    check_change(rates, "", true, NULL);
    char              text[4096];
    reading           r;
    const char *const at = strstr(CLUSTER, rates), *option = strstr(CLUSTER, "\"max_num_seqs\": 17");
    (void)snprintf(text, sizeof(text), "%.*s%.*s\"enable_attn_offloading\": true%s", (int)(at - CLUSTER),
                   CLUSTER, (int)(option - at - (ptrdiff_t)strlen(rates)), at + strlen(rates),
                   option + strlen("\"max_num_seqs\": 17"));
    read_text(&r, text, false);
    assert_int_equal(r.status, WS_OK);
    reading_fini(&r);
}

static void all_faults_are_said_at_once(void **state)
{
    (void)state;
    reading r;
    read_text(
        &r,
        "{\"num_nodes\": 1, \"link_bw\": 1, \"link_latency\": 1, \"cxl_mem\": {\"mem_size\": 1}, \"nodes\": ["
        "{\"num_instances\": 2, \"cpu_mem\": {\"mem_size\": -1, \"mem_bw\": 1, \"mem_latency\": 1}, "
        "\"instances\": ["
        "{\"model_name\": 3, \"hardware\": \"A\", \"pd_type\": null, \"npu_mem\": {}}, {}]}]}",
        false);
    assert_int_equal(r.status, WS_ERR_INPUT);
    const char *text = ws_error_text(&r.err);
    assert_non_null(strstr(text, "/cxl_mem: missing key \"mem_bw\""));
    assert_non_null(strstr(text, "/nodes/0/cpu_mem/mem_size"));
    assert_non_null(strstr(text, "/nodes/0/instances/0/model_name"));
    assert_non_null(strstr(text, "/nodes/0/instances/1: missing key \"hardware\""));
    reading_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_finds_its_place),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(rates_may_be_left_to_the_pim_file),
        cmocka_unit_test(all_faults_are_said_at_once),
    };
    return cmocka_run_group_tests_name("scenario.cluster_config", tests, NULL, NULL);
}
