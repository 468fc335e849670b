/* Invariants: every bundled cluster config is well-formed, power blocks included, and says the memory
 * that its boards have; the power example has the
 * documented coefficients. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hardware/board_memory.h"
#include "power/coefficients.h"
#include "scenario/cluster_config.h"
#include "engine.h"

enum { PATH_CAP = 4096 };

typedef struct fixture {
    ws_files         *files;
    ws_arena          arena;
    ws_error          err;
    ws_json_doc      *doc;
    ws_cluster_config cluster;
} fixture;

static void cluster_folder(char path[PATH_CAP])
{
    const int len = snprintf(path, PATH_CAP, "%s/configs/cluster", getenv("WS_SOURCE_DIR"));
    assert_true(len > 0 && len < PATH_CAP);
}

static void read_config(fixture *f, const char *name)
{
    char folder[PATH_CAP], path[PATH_CAP + 256];
    cluster_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    ws_bytes bytes = {.len = 0};
    ws_arena_init(&f->arena, 0);
    f->err = WS_ERROR_INIT;
    f->doc = NULL;
    if (ws_files_read(f->files, path, &f->err, &bytes) != WS_OK ||
        ws_json_doc_parse(name, bytes.data, bytes.len, &f->err, &f->doc) != WS_OK ||
        ws_cluster_config_read(ws_json_doc_root(f->doc), &f->arena, false, &f->err, &f->cluster) != WS_OK) {
        fail_msg("%s: %s", name, ws_error_text(&f->err));
    }
}

static void release_config(fixture *f)
{
    ws_json_doc_destroy(&f->doc);
    ws_arena_fini(&f->arena);
}

static void check_power(fixture *f, const ws_node_entry *node)
{
    ws_node_power power;
    ws_npu_power  npu;
    ws_status     status = ws_node_power_read(node->power, node->cpu_mem.size_gib, false, &f->err, &power);
    for (size_t i = 0; status == WS_OK && i < node->n_instances; i++) {
        const ws_json entry = ws_json_member(ws_json_member(node->power, "npu"), node->instances[i].hardware);
        status              = ws_npu_power_read(entry, 1.0, NULL, &f->err, &npu);
    }
    if (status != WS_OK) {
        fail_msg("%s", ws_error_text(&f->err));
    }
}

/* What the instances of a node say of their memory is what their boards have. */
static void check_memory(fixture *f, const ws_node_entry *node)
{
    for (size_t i = 0; i < node->n_instances; i++) {
        char            path[PATH_CAP + 256];
        ws_bytes        bytes = {.len = 0};
        ws_json_doc    *sheet = NULL;
        ws_board_memory board;
        (void)snprintf(path, sizeof(path), "%s/configs/hardware/%.100s.json", getenv("WS_SOURCE_DIR"),
                       node->instances[i].hardware);
        assert_int_equal(ws_files_read(f->files, path, &f->err, &bytes), WS_OK);
        assert_int_equal(ws_json_doc_parse(path, bytes.data, bytes.len, &f->err, &sheet), WS_OK);
        assert_int_equal(ws_board_memory_read(ws_json_doc_root(sheet), &f->err, &board), WS_OK);
        assert_true(node->instances[i].npu_mem.size_gib <= board.size_gib);
        assert_true(node->instances[i].npu_mem.bw_gbps == board.bw_gbps);
        ws_json_doc_destroy(&sheet);
    }
}

static void every_bundled_config_is_well_formed(void **state)
{
    (void)state;
    fixture f = {.files = NULL};
    char    folder[PATH_CAP];
    size_t  n_checked = 0;
    assert_int_equal(ws_files_create(&f.files), WS_OK);
    cluster_folder(folder);
    for (const char *name = ws_files_list(f.files, folder); *name != '\0';) {
        const size_t len = strcspn(name, "\n");
        char         file[256];
        (void)snprintf(file, sizeof(file), "%.*s", (int)len, name);
        if (len > 5 && strcmp(file + len - 5, ".json") == 0) {
            read_config(&f, file);
            for (size_t i = 0; i < f.cluster.n_nodes; i++) {
                check_memory(&f, &f.cluster.nodes[i]);
                if (ws_json_kind_of(f.cluster.nodes[i].power) == WS_JSON_OBJECT) {
                    check_power(&f, &f.cluster.nodes[i]);
                }
            }
            release_config(&f);
            n_checked++;
        }
        name += len + (name[len] == '\n' ? 1 : 0);
    }
    assert_true(n_checked >= 8);
    ws_files_destroy(&f.files);
}

static void the_power_example_has_its_documented_numbers(void **state)
{
    (void)state;
    fixture f = {.files = NULL};
    assert_int_equal(ws_files_create(&f.files), WS_OK);
    read_config(&f, "single_node_power_instance.json");
    const ws_node_entry *node = &f.cluster.nodes[0];
    ws_node_power        power;
    ws_npu_power         npu;
    const ws_json        entry = ws_json_member(ws_json_member(node->power, "npu"), "RTXPRO6000");
    assert_int_equal(f.cluster.n_instances, 1);
    assert_true(node->cpu_mem.size_gib == 512 && node->cpu_mem.bw_gbps == 256 &&
                node->cpu_mem.latency_ns == 0);
    assert_true(node->instances[0].npu_mem.size_gib == 96 && node->instances[0].npu_mem.bw_gbps == 1597);
    assert_int_equal(ws_node_power_read(node->power, node->cpu_mem.size_gib, false, &f.err, &power), WS_OK);
    assert_int_equal(ws_npu_power_read(entry, 1.0, NULL, &f.err, &npu), WS_OK);
    assert_true(npu.idle_w == 35 && npu.standby_w == 300 && npu.active_w == 600);
    assert_int_equal(npu.standby_ns, 18000000000);
    /* idle node: 60 base + 16 DIMMs of 2 + a link of 5 + a NIC of 20 + two drives of 5 W */
    assert_true(power.base_w + power.dram_idle_w + power.link_idle_w + power.nic_w + power.storage_w == 127);
    assert_true(power.cpu_idle_w == 10 && power.cpu_active_w == 200 && power.cpu_util == 0.15);
    release_config(&f);
    ws_files_destroy(&f.files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bundled_config_is_well_formed),
        cmocka_unit_test(the_power_example_has_its_documented_numbers),
    };
    return cmocka_run_group_tests_name("scenario.bundled_clusters", tests, NULL, NULL);
}
