/* Invariants: what is read is what the spec names, from the file system; a spec that is wrong is refused with
 * its problems and the files it names in vain; whatever happened, it can be released. */
#include <string.h>

#include "run/sweep_inputs.h"
#include "store_place.h"

static void put(const place *p, const char *name, const char *text)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
}

#define CLUSTER                                                                                              \
    "{\"num_nodes\": 1, \"link_bw\": 16, \"link_latency\": 0, \"nodes\": [{\"num_instances\": 1, "           \
    "\"instances\": [{\"hardware\": \"TOY\", \"model_name\": \"toy/dense\", \"num_npus\": 1, "               \
    "\"npu_mem\": {\"mem_size\": 10}}]}]}"

/* Read <folder>/s.json as slice k of n. */
static ws_status read_inputs(place *p, uint64_t k, uint64_t n, swp_sweep_inputs *out)
{
    char path[700];
    snprintf(path, sizeof path, "%s/s.json", p->folder);
    const swp_run_options options = {.spec_path = path, .slice_index = k, .n_slices = n};
    return swp_sweep_inputs_read(&options, &p->err, out);
}

static void test_slices_of_a_spec(void **state)
{
    static const char spec[] =
        "{\"cluster\": \"c.json\", \"parameters\": {\"max_num_seqs\": [1, 2, 3, 4, 5, 6, 7]},"
        "\"constraints\": [\"max_num_seqs != 3\"] }\n\n";
    place   *p    = *state;
    uint64_t next = 0;
    put(p, "c.json", CLUSTER);
    put(p, "s.json", spec);
    for (uint64_t k = 0; k < 3; k++) {
        swp_sweep_inputs in;
        if (read_inputs(p, k, 3, &in) != WS_OK) {
            fail_msg("%s", ws_error_text(&p->err));
        }
        assert_int_equal(in.slice.begin, next);
        next = in.slice.end;
        assert_int_equal(in.spec_len, strlen(spec));
        assert_string_equal(in.spec_text, spec); /* as read, blanks at the end included */
        assert_int_equal(swp_builder_space(in.builder)->n_jobs, 7);
        const uint32_t third = 2;
        assert_int_equal(swp_constraints_check(in.constraints, 2, &third), 0);
        assert_non_null(strstr(swp_builder_cluster_path(in.builder), p->folder));
        swp_sweep_inputs_fini(&in);
        assert_true(in.spec == NULL && in.builder == NULL && in.files == NULL && in.spec_text == NULL);
        swp_sweep_inputs_fini(&in);
    }
    assert_int_equal(next, 7);
}

typedef struct wrong {
    const char *spec;
    const char *parts[3];
} wrong;

static void test_what_is_wrong_is_told_at_once(void **state)
{
    static const wrong rows[] = {
        {"{\"cluster\": \"nowhere.json\", \"repeats\": 0}", {"/repeats", "nowhere.json"}},
        {"{\"cluster\": \"c.json\", \"workload\": {\"dataset\": \"none.jsonl\"}, \"parameters\": "
         "{\"tp_sise\": [1]}}",
         {"tp_sise", "none.jsonl"}},
        {"{\"cluster\": \"nowhere.json\", \"constraints\": [\"tp_size ==\"]}",
         {"nowhere.json", "/constraints/0"}},
        {"{\"cluster\": \"c.json\", \"constraints\": [\"tp_sise == 1\"]}", {"/constraints/0"}},
        {"{\"cluster\": \"broken.json\"}", {"broken.json"}},
        {"{\"cluster\": ", {"s.json"}},
        {"", {"s.json"}},
        {"[1]", {"expected object"}},
    };
    place *p = *state;
    put(p, "c.json", CLUSTER);
    put(p, "broken.json", "{\"num_nodes\": }");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        swp_sweep_inputs in;
        put(p, "s.json", rows[i].spec);
        assert_int_equal(read_inputs(p, 0, 1, &in), WS_ERR_INPUT);
        for (size_t k = 0; k < 3 && rows[i].parts[k] != NULL; k++) {
            if (strstr(ws_error_text(&p->err), rows[i].parts[k]) == NULL) {
                fail_msg("%s: expected \"%s\" in %s", rows[i].spec, rows[i].parts[k], ws_error_text(&p->err));
            }
        }
        swp_sweep_inputs_fini(&in);
        ws_error_clear(&p->err);
    }
}

static void test_no_spec(void **state)
{
    place           *p = *state;
    swp_sweep_inputs in;
    assert_int_equal(read_inputs(p, 0, 1, &in), WS_ERR_INPUT);
    assert_non_null(strstr(ws_error_text(&p->err), "s.json"));
    assert_int_equal(p->err.n_problems, 1);
    swp_sweep_inputs_fini(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {PLACE_TEST(test_slices_of_a_spec),
                                       PLACE_TEST(test_what_is_wrong_is_told_at_once),
                                       PLACE_TEST(test_no_spec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
