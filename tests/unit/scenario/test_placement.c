/* Invariants of docs/model/serving.md 1.7: a layer rule goes before a block rule, and that before the
 * default; ranges name blocks in any order and select nothing where they cannot be read; places that do not
 * exist are refused; and the bytes in CXL memory are those of all layers placed there, counted one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/placement.h"
#include "world.h"

enum { NODE = 3, N_DEVICES = 2, N_LAYERS = 4 }; /* layers of the toy models */

static world           the_world;
static const ws_model *model; /* of the toy world, dense */

typedef struct reading {
    ws_arena     arena;
    ws_json_doc *doc;
    ws_error     err;
    ws_placement placement;
    ws_status    status;
} reading;

static void read_text(reading *r, const char *text)
{
    *r = (reading){.err = WS_ERROR_INIT};
    ws_arena_init(&r->arena, 0);
    assert_int_equal(ws_json_doc_parse("cluster.json", text, strlen(text), NULL, &r->doc), WS_OK);
    const ws_placement_site site = {.model = model, .node = NODE, .n_cxl_devices = N_DEVICES};
    r->status = ws_placement_read(ws_json_doc_root(r->doc), &r->arena, &site, &r->err, &r->placement);
}

static void reading_fini(reading *r)
{
    ws_json_doc_destroy(&r->doc);
    ws_error_clear(&r->err);
    ws_arena_fini(&r->arena);
}

static void assert_place(ws_location found, ws_location_kind kind, int32_t index)
{
    assert_int_equal(found.kind, kind);
    assert_int_equal(found.index, index);
}

/* Where the blocks' qkv_proj lies, a letter a block: n(pu), c(pu), 0 or 1 (CXL). */
static void assert_blocks(const char *ranges, const char *want)
{
    char    text[256];
    reading r;
    (void)snprintf(text, sizeof(text), "{\"blocks\": [%s]}", ranges);
    read_text(&r, text);
    assert_int_equal(r.status, WS_OK);
    for (int64_t block = 0; block < N_LAYERS; block++) {
        const ws_location at    = ws_placement_weights(&r.placement, block, WS_LAYER_QKV_PROJ);
        const char        found = at.kind == WS_LOCATION_LOCAL    ? 'n'
                                  : at.kind == WS_LOCATION_REMOTE ? 'c'
                                                                  : (char)('0' + at.index);
        assert_int_equal(found, want[block]);
    }
    assert_int_equal(ws_placement_is_off_npu(&r.placement, model), strspn(want, "n") < N_LAYERS);
    reading_fini(&r);
}

static void ranges_name_blocks(void **state)
{
    (void)state;
    assert_blocks("{\"blocks\": \"1-2\", \"weights\": \"cpu\"}", "nccn");
    assert_blocks("{\"blocks\": \"2-1\", \"weights\": \"cpu\"}", "nccn");
    assert_blocks("{\"blocks\": \" 0 , 3 \", \"weights\": \"CXL:1\"}", "1nn1");
    assert_blocks("{\"blocks\": \"0-3\", \"weights\": \"cxl\"}, {\"blocks\": \"2\", \"weights\": \"npu\"}",
                  "00n0");
    assert_blocks(
        "{\"blocks\": \"0-3\", \"weights\": \"cxl:0\"}, {\"blocks\": \"2\", \"kv_evict_loc\": \"cpu\"}",
        "0000");
    assert_blocks("{\"blocks\": \"2-99\", \"weights\": \"cpu\"}", "nncc");
    assert_blocks("{\"blocks\": \"x,1-,-2,1-2-3,,3\", \"weights\": \"cpu\"}", "nnnc");
    assert_blocks("{\"blocks\": \"4,77\", \"weights\": \"cpu\"}", "nnnn");
}

/* A rule that selects no block does not switch to block mode (6.2). */
static void rules_without_blocks_are_none(void **state)
{
    (void)state;
    reading r;
    read_text(&r, "{\"blocks\": [{\"blocks\": \"9\", \"weights\": \"cpu\"}]}");
    assert_int_equal(r.status, WS_OK);
    assert_null(r.placement.blocks);
    reading_fini(&r);
}

static void layers_go_before_blocks_before_the_default(void **state)
{
    (void)state;
    reading r;
    read_text(&r, "{\"default\": {\"weights\": \"cpu\", \"kv_evict_loc\": \"cxl:1\"}, "
                  "\"blocks\": [{\"blocks\": \"1\", \"weights\": \"npu\"}], "
                  "\"layers\": {\"o_proj\": {\"weights\": \"cxl:0\"}, \"qkv_proj\": {\"kv_loc\": \"npu\"}, "
                  "\"act_fn\": {}}}");
    assert_int_equal(r.status, WS_OK);
    const ws_placement *p = &r.placement;
    assert_place(p->kv_evict, WS_LOCATION_CXL, 1);
    assert_place(ws_placement_weights(p, WS_NO_BLOCK_INDEX, WS_LAYER_EMBEDDING), WS_LOCATION_REMOTE, NODE);
    assert_place(ws_placement_weights(p, 0, WS_LAYER_DOWN_PROJ), WS_LOCATION_REMOTE, NODE);
    assert_place(ws_placement_weights(p, 1, WS_LAYER_DOWN_PROJ), WS_LOCATION_LOCAL, 0);
    assert_place(ws_placement_weights(p, 1, WS_LAYER_O_PROJ), WS_LOCATION_CXL, 0);
    assert_place(ws_placement_weights(p, 1, WS_LAYER_QKV_PROJ), WS_LOCATION_REMOTE,
                 NODE); /* unnamed: the default's */
    assert_place(ws_placement_weights(p, 1, WS_LAYER_ACT_FN), WS_LOCATION_LOCAL,
                 0); /* an empty rule is none */
    assert_true(ws_placement_is_off_npu(p, model));
    reading_fini(&r);
}

static void nothing_given_is_all_on_the_npu(void **state)
{
    (void)state;
    ws_placement            p;
    const ws_placement_site site = {.model = model, .node = NODE};
    assert_int_equal(ws_placement_read(WS_JSON_NONE, NULL, &site, NULL, &p), WS_OK);
    assert_false(ws_placement_is_off_npu(&p, model));
    assert_place(p.kv_evict, WS_LOCATION_REMOTE, NODE);
    assert_int_equal(ws_placement_cxl_bytes(&p, model, 2, 1, 2), 0);
}

static void places_that_are_not_there_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"default\": {\"weights\": \"disk\"}}",
         "/default/weights: expected \"npu\", \"cpu\" or \"cxl:<device>\""},
        {"{\"default\": {\"weights\": 3}}",
         "/default/weights: expected \"npu\", \"cpu\" or \"cxl:<device>\""},
        {"{\"default\": {\"kv_loc\": \"cxl:x\"}}",
         "/default/kv_loc: expected \"cxl:<device>\" with a device number >= 0"},
        {"{\"default\": {\"kv_evict_loc\": \"cxl:2\"}}",
         "/default/kv_evict_loc: expected one of 2 CXL devices"},
        {"{\"layers\": {\"o_porj\": {\"weights\": \"cpu\"}}}", "/layers/o_porj: unknown layer \"o_porj\""},
        {"{\"blocks\": {}}", "/blocks: expected array of rules"},
        {"{\"blocks\": [{\"blocks\": 3}]}", "/blocks/0/blocks: expected a range"},
        {"{\"layers\": []}", "/layers: expected object of layer rules"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reading r;
        read_text(&r, cases[i][0]);
        assert_int_equal(r.status, WS_ERR_INPUT);
        if (strstr(ws_error_text(&r.err), cases[i][1]) == NULL) {
            fail_msg("%s: %s", cases[i][0], ws_error_text(&r.err));
        }
        reading_fini(&r);
    }
}

/* Everything in CXL memory, tp 2: both ranks' shares of every layer of the prologue, four blocks and the
 * head. */
static void cxl_bytes_are_those_of_the_layers(void **state)
{
    (void)state;
    reading r;
    int64_t bytes = 0;
    read_text(&r,
              "{\"default\": {\"weights\": \"cxl\"}, \"layers\": {\"down_proj\": {\"weights\": \"cpu\"}}}");
    for (int i = 0; i < WS_LAYER_COUNT; i++) {
        if (i != WS_LAYER_DOWN_PROJ) {
            bytes += 2 * ws_model_layer_count(model, (ws_layer)i) *
                     ws_model_layer_bytes(model, (ws_layer)i, 1, 0, 2, 2).weight;
        }
    }
    assert_true(bytes > 0);
    assert_int_equal(ws_placement_cxl_bytes(&r.placement, model, 2, 1, 2), bytes);
    reading_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_name_blocks),
        cmocka_unit_test(rules_without_blocks_are_none),
        cmocka_unit_test(layers_go_before_blocks_before_the_default),
        cmocka_unit_test(nothing_given_is_all_on_the_npu),
        cmocka_unit_test(places_that_are_not_there_are_refused),
        cmocka_unit_test(cxl_bytes_are_those_of_the_layers),
    };
    const ws_options options = ws_options_default();
    world_init(&the_world);
    ws_scenario *s =
        world_need_scenario(&the_world, world_cluster(1.0, ""),
                            "{\"input_toks\": 4, \"output_toks\": 2, \"arrival_time_ns\": 0}\n", &options);
    model              = s->instances[0].model;
    const int n_failed = cmocka_run_group_tests_name("scenario.placement", tests, NULL, NULL);
    ws_scenario_destroy(&s);
    world_fini(&the_world);
    return n_failed;
}
