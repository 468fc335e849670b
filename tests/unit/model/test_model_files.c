/* Invariants: a name finds its own file before any other; variants find the shape of their base, in either
 * direction; a path finds a file or a folder; every bundled config is read, and reads as what its name says.
 */
#include "hf_read.h"

#include "model/model_files.h"

static const char *const dirs[] = {"a", "b"};

static ws_files *files_of(const char *const *paths, size_t n)
{
    ws_files *files = NULL;
    assert_int_equal(ws_files_create(&files), WS_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ws_files_put(files, paths[i], "{}", 2), WS_OK);
    }
    return files;
}

static void expect_path(ws_files *files, const char *name, const char *expected)
{
    char               path[4096] = "";
    const ws_data_dirs data       = {files, dirs, 2};
    const bool         is_found   = ws_model_files_find(&data, name, path);
    if (is_found != (expected != NULL) || (is_found && strcmp(path, expected) != 0)) {
        fail_msg("%s: expected %s, found %s", name, expected != NULL ? expected : "nothing",
                 is_found ? path : "nothing");
    }
}

static void test_names_and_paths(void **state)
{
    (void)state;
    static const char *const paths[] = {"b/model/o/m.json",    "a/model/o/n.json", "b/model/o/n.json",
                                        "b/model/o/n-it.json", "here/config.json", "here.json"};
    ws_files                *files   = files_of(paths, sizeof(paths) / sizeof(paths[0]));
    expect_path(files, "o/m", "b/model/o/m.json");
    expect_path(files, "o/n", "a/model/o/n.json");       /* the first folder that has it */
    expect_path(files, "o/n-it", "b/model/o/n-it.json"); /* its own before its base */
    expect_path(files, "o/m-Instruct", "b/model/o/m.json");
    expect_path(files, "o/m-Instruct-2507", "b/model/o/m.json");
    expect_path(files, "o/m-0528", "b/model/o/m.json");
    expect_path(files, "here", "here/config.json");
    expect_path(files, "here.json", "here.json");
    expect_path(files, "o/m-25", NULL);
    expect_path(files, "o/m-FP8", NULL); /* its weights are others */
    expect_path(files, "m", NULL);
    ws_files_destroy(&files);
}

/* ---- bundled ---- */

static void check_bundled(ws_files *files, const char *bundled, const char *name)
{
    ws_model_files   model;
    ws_error         err   = WS_ERROR_INIT;
    ws_strbuf        notes = WS_STRBUF_INIT;
    ws_architecture *arch  = calloc(1, sizeof(*arch));
    assert_non_null(arch);
    assert_int_equal(ws_model_files_open(&(const ws_data_dirs){files, &bundled, 1}, name, &err, &model),
                     WS_OK);
    assert_non_null(model.config);
    if (ws_model_files_read(&model, false, &err, &notes, arch) != WS_OK) {
        fail_msg("%s: %s", name, ws_error_text(&err));
    }
    const double billions = (double)ws_arch_parameters(arch).total / 1e9;
    assert_true(billions > 0.5 && billions < 1100.0);
    assert_string_equal(ws_strbuf_text(&notes), "");
    ws_strbuf_fini(&notes);
    ws_error_clear(&err);
    ws_model_files_fini(&model);
    free(arch);
}

static void test_bundled_configs(void **state)
{
    (void)state;
    char      bundled[1024], folder[2048], below[4096];
    ws_files *files = NULL;
    size_t    n     = 0;
    assert_int_equal(ws_files_create(&files), WS_OK);
    snprintf(bundled, sizeof(bundled), "%s/configs", getenv("WS_SOURCE_DIR"));
    snprintf(folder, sizeof(folder), "%s/model", bundled);
    for (const char *owner = ws_files_list(files, folder); *owner != '\0';) {
        const int len = (int)strcspn(owner, "\n");
        snprintf(below, sizeof(below), "%s/%.*s", folder, len, owner);
        for (const char *entry = strncmp(owner, "arch", 4) == 0 ? "" : ws_files_list(files, below);
             *entry != '\0';) {
            const int entry_len = (int)strcspn(entry, "\n");
            char      name[512];
            snprintf(name, sizeof(name), "%.*s/%.*s", len, owner, entry_len - 5, entry);
            check_bundled(files, bundled, name);
            n++;
            entry += entry_len + (entry[entry_len] == '\n');
        }
        owner += len + (owner[len] == '\n');
    }
    assert_true(n >= 60);
    ws_files_destroy(&files);
}

/* Names that people measured, and the files that they find. */
static void test_names_of_measured_models(void **state)
{
    (void)state;
    static const struct {
        const char *name, *file;
    } rows[] = {{"Qwen/Qwen3-235B-A22B-Thinking-2507", "Qwen/Qwen3-235B-A22B"},
                {"Qwen/Qwen3-30B-A3B-Thinking-2507", "Qwen/Qwen3-30B-A3B-Instruct-2507"},
                {"Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B-Instruct-2507"},
                {"deepseek-ai/DeepSeek-R1-0528", "deepseek-ai/DeepSeek-R1"},
                {"meta-llama/Llama-3.1-405B-Instruct", "meta-llama/Llama-3.1-405B"},
                {"meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B"},
                {"google/gemma-3-12b-it", "google/gemma-3-12b-it"},
                {"google/gemma-3-12b", "google/gemma-3-12b-it"},
                {"Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B"}};
    char        bundled[1024], expected[2048], path[4096];
    ws_files   *files = NULL;
    const char *dir   = bundled;
    assert_int_equal(ws_files_create(&files), WS_OK);
    snprintf(bundled, sizeof(bundled), "%s/configs", getenv("WS_SOURCE_DIR"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(expected, sizeof(expected), "%s/model/%s.json", bundled, rows[i].file);
        if (!ws_model_files_find(&(const ws_data_dirs){files, &dir, 1}, rows[i].name, path) ||
            strcmp(path, expected) != 0) {
            fail_msg("%s: expected %s", rows[i].name, expected);
        }
    }
    ws_files_destroy(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_and_paths),
                                       cmocka_unit_test(test_bundled_configs),
                                       cmocka_unit_test(test_names_of_measured_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
