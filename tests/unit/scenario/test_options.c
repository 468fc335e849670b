/* Invariants: every option prints a text that sets it to the same value; defaults are the reference's;
 * out-of-range and mistyped values are refused with the option's name, what was expected and what was found,
 * and change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scenario/options.h"

static const ws_option *find(const char *name)
{
    const ws_option *option = ws_option_find(name);
    if (option == NULL) {
        fail_msg("no option %s", name);
    }
    return option;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' is not in: %s", part, text);
    }
}

static void defaults_are_those_of_the_reference(void **state)
{
    (void)state;
    const ws_options o = ws_options_default();
    assert_int_equal(o.max_num_seqs, 128);
    assert_int_equal(o.max_num_batched_tokens, 2048);
    assert_int_equal(o.long_prefill_token_threshold, 0);
    assert_int_equal(o.block_size, 16);
    assert_int_equal(o.dtype, WS_DTYPE_COUNT);
    assert_int_equal(o.kv_cache_dtype, 0);
    assert_true(o.enable_chunked_prefill && o.enable_prefix_caching && o.reserve_full_isl &&
                o.enable_block_copy);
    assert_false(o.enable_local_offloading || o.enable_attn_offloading || o.enable_sub_batch_interleaving);
    assert_false(o.enable_prefix_sharing || o.skip_prefill);
    assert_true(o.npu_memory_utilization == 0.9 && o.log_interval_s == 1.0 && o.power_interval_s == 0.0);
    assert_int_equal(o.request_routing_policy, WS_ROUTING_LOAD);
    assert_int_equal(o.expert_routing_policy, WS_EXPERT_BALANCED);
    assert_int_equal(o.prefix_storage, WS_PREFIX_STORAGE_NONE);
    assert_int_equal(o.num_reqs, 0);
    assert_int_equal(o.fidelity, WS_FIDELITY_PHYSICAL);
    assert_int_equal(o.seed, 42);
}

static void names_are_unique_and_found_with_dashes_or_underscores(void **state)
{
    (void)state;
    size_t           n;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        char flag[64];
        assert_ptr_equal(ws_option_find(table[i].name), &table[i]);
        assert_ptr_equal(ws_option_find(ws_option_flag(&table[i], flag)), &table[i]);
        assert_null(strchr(flag, '_'));
        assert_true(table[i].help[0] != '\0' && table[i].group[0] != '\0');
    }
    assert_null(ws_option_find("max_num_seq"));
    assert_null(ws_option_find("max_num_seqs_"));
    assert_null(ws_option_find(""));
}

/** A text unlike the default for each type. */
static const char *other_text(const ws_option *option)
{
    switch (option->type) {
    case WS_OPTION_INT:
        return "7";
    case WS_OPTION_DOUBLE:
        return "0.7";
    case WS_OPTION_CHOICE:
        return option->choices[1];
    case WS_OPTION_SECONDS:
        return "2.5";
    case WS_OPTION_BOOL:
        break;
    }
    const ws_options defaults = ws_options_default();
    char             text[64];
    return strcmp(ws_option_get_text(&defaults, option, text), "true") == 0 ? "false" : "true";
}

/** Setting one option to what another record says must make the two records equal, member by member. */
static void every_option_reads_back_what_it_prints(void **state)
{
    (void)state;
    ws_error         err = WS_ERROR_INIT;
    size_t           n;
    const ws_option *table = ws_option_table(&n);
    for (size_t i = 0; i < n; i++) {
        ws_options changed = ws_options_default(), copied = ws_options_default();
        char       before[64], after[64], again[64];
        ws_option_get_text(&changed, &table[i], before);
        assert_int_equal(ws_option_set_text(&changed, &table[i], other_text(&table[i]), &err), WS_OK);
        ws_option_get_text(&changed, &table[i], after);
        assert_string_not_equal(before, after);
        assert_int_equal(ws_option_set_text(&copied, &table[i], after, &err), WS_OK);
        assert_string_equal(ws_option_get_text(&copied, &table[i], again), after);
        for (size_t k = 0; k < n; k++) { /* no option writes into another one's place */
            const ws_options defaults = ws_options_default();
            ws_option_get_text(&defaults, &table[k], before);
            assert_true(k == i || strcmp(ws_option_get_text(&changed, &table[k], again), before) == 0);
        }
    }
}

static void seconds_take_units(void **state)
{
    (void)state;
    ws_error         err    = WS_ERROR_INIT;
    ws_options       o      = ws_options_default();
    const ws_option *option = find("log-interval");
    assert_int_equal(ws_option_set_text(&o, option, "100ms", &err), WS_OK);
    assert_true(o.log_interval_s == 0.1);
    assert_int_equal(ws_option_set_text(&o, option, "0.1", &err), WS_OK);
    assert_true(o.log_interval_s == 0.1);
    assert_int_equal(ws_option_set_text(&o, option, "2min", &err), WS_OK);
    assert_true(o.log_interval_s == 120.0);
}

static void choices_ignore_case(void **state)
{
    (void)state;
    ws_error   err = WS_ERROR_INIT;
    ws_options o   = ws_options_default();
    assert_int_equal(ws_option_set_text(&o, find("prefix_storage"), "cpu", &err), WS_OK);
    assert_int_equal(o.prefix_storage, WS_PREFIX_STORAGE_CPU);
    assert_int_equal(ws_option_set_text(&o, find("dtype"), "fp8", &err), WS_OK);
    assert_int_equal(o.dtype, WS_DTYPE_FP8);
}

static void check_refused(const char *name, const char *text, const char *message)
{
    ws_error         err    = WS_ERROR_INIT;
    ws_options       o      = ws_options_default();
    const ws_options before = o;
    assert_int_equal(ws_option_set_text(&o, find(name), text, &err), WS_ERR_INPUT);
    assert_contains(ws_error_text(&err), message);
    assert_contains(ws_error_text(&err), text);
    assert_memory_equal(&o, &before, sizeof(o));
    ws_error_clear(&err);
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    check_refused("max_num_seqs", "0", "--max-num-seqs: expected integer from 1");
    check_refused("max_num_seqs", "-5", "--max-num-seqs");
    check_refused("max_num_seqs", "3.5", "integer");
    check_refused("max_num_seqs", "12x", "integer");
    check_refused("max_num_seqs", "", "integer");
    check_refused("max_num_seqs", "99999999999999999999", "integer");
    check_refused("npu_memory_utilization", "0", "number");
    check_refused("npu_memory_utilization", "1.01", "number");
    check_refused("npu_memory_utilization", "nan", "number");
    check_refused("log_interval", "0", "duration");
    check_refused("log_interval", "5 parsecs", "duration");
    check_refused("enable_prefix_caching", "maybe", "true or false");
    check_refused("request_routing_policy", "BEST", "one of LOAD, RR, RAND, KV");
}

static ws_status set_json(ws_options *o, const char *name, const char *json, ws_error *err)
{
    ws_json_doc *doc = NULL;
    assert_int_equal(ws_json_doc_parse("s.json", json, strlen(json), err, &doc), WS_OK);
    const ws_status status =
        ws_option_set_json(o, find(name), ws_json_member(ws_json_doc_root(doc), "v"), err);
    ws_json_doc_destroy(&doc);
    return status;
}

static void json_values_are_typed(void **state)
{
    (void)state;
    ws_error   err = WS_ERROR_INIT;
    ws_options o   = ws_options_default();
    assert_int_equal(set_json(&o, "max_num_seqs", "{\"v\": 64}", &err), WS_OK);
    assert_int_equal(o.max_num_seqs, 64);
    assert_int_equal(set_json(&o, "log_interval", "{\"v\": \"50ms\"}", &err), WS_OK);
    assert_true(o.log_interval_s == 0.05);
    assert_int_equal(set_json(&o, "log_interval", "{\"v\": 2}", &err), WS_OK);
    assert_true(o.log_interval_s == 2.0);
    assert_int_equal(set_json(&o, "enable_block_copy", "{\"v\": false}", &err), WS_OK);
    assert_false(o.enable_block_copy);
    assert_int_equal(set_json(&o, "dtype", "{\"v\": \"float32\"}", &err), WS_OK);
    assert_int_equal(o.dtype, WS_DTYPE_FLOAT32);
    assert_int_equal(set_json(&o, "seed", "{\"v\": \"9007199254740993\"}", &err), WS_OK);
    assert_int_equal(o.seed, 9007199254740993);
    assert_int_equal(set_json(&o, "max_num_seqs", "{\"v\": 1.5}", &err), WS_ERR_INPUT);
    assert_int_equal(set_json(&o, "max_num_seqs", "{\"v\": true}", &err), WS_ERR_INPUT);
    assert_int_equal(set_json(&o, "dtype", "{\"v\": 1}", &err), WS_ERR_INPUT);
    assert_int_equal(set_json(&o, "enable_block_copy", "{\"v\": 1}", &err), WS_ERR_INPUT);
    assert_contains(ws_error_text(&err), "s.json: /v: expected integer from 1");
    assert_int_equal(o.max_num_seqs, 64);
    ws_error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_reference),
        cmocka_unit_test(names_are_unique_and_found_with_dashes_or_underscores),
        cmocka_unit_test(every_option_reads_back_what_it_prints),
        cmocka_unit_test(seconds_take_units),
        cmocka_unit_test(choices_ignore_case),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(json_values_are_typed),
    };
    return cmocka_run_group_tests_name("scenario.options", tests, NULL, NULL);
}
