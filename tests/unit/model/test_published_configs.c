/* Invariant: of every published config the parameters are what its name or model card says, or it is refused
 * by the name of a feature. */
#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "hf_read.h"

/* What names leave out; 0 = the name says it. Sources: the model cards. */
static const struct {
    const char *part;
    double      total_b, active_b, active_tolerance;
} cards[] = {
    {"Mixtral-8x7B", 46.7, 12.9, 0.05},    {"mixtral-8x7b", 46.7, 12.9, 0.05},
    {"llama-4-scout", 109.0, 17.0, 0.06}, /* Meta counts the embedding as active */
    {"Llama-4-Scout", 109.0, 17.0, 0.06},  {"Llama-4-Maverick", 400.0, 17.0, 0.06},
    {"DeepSeek-R1", 671.0, 37.0, 0.05},    {"DeepSeek-V3", 671.0, 37.0, 0.05},
    {"Kimi-K2", 1026.0, 32.0, 0.05},       {"GLM-5", 744.0, 40.0, 0.05},
    {"glm-5.2", 744.0, 40.0, 0.05},        {"MiMo-V2-Flash", 309.0, 15.0, 0.05},
    {"Step-3.7-Flash", 196.0, 11.0, 0.07}, /* counts the embedding as active */
    {"MiniMax-M2.5", 229.0, 10.0, 0.05},   {"gpt-oss-120b", 117.0, 5.1, 0.05},
    {"mistral-nemo", 12.2, 12.2, 0.05},    {"Gemma-4-26B-A4B", 25.2, 3.8, 0.05},
    {"Qwen3-VL-2B", 1.72, 1.72, 0.05}, /* without the vision tower */
    {"Qwen3-1.7B", 1.72, 1.72, 0.05},      {"Qwen3-32B", 32.8, 32.8, 0.05},
    {"Qwen3-VL-32B", 32.8, 32.8, 0.05},    {"Qwen3-8B", 8.2, 8.2, 0.05},
    {"Qwen3-VL-8B", 8.2, 8.2, 0.05},       {"Qwen3-30B-A3B", 30.5, 3.0, 0.05},
    {"qwen3-30b-a3b", 30.5, 3.0, 0.05},    {"Qwen3-VL-30B-A3B", 30.5, 3.0, 0.05},
    {"qwen2.5-7b", 7.61, 7.61, 0.05},      {"llama-2-7b", 6.74, 6.74, 0.05},
};

/* "235B-A22B" of a name, in 10^9; false if there is none. */
static bool counts_of_name(const char *name, double *total_b, double *active_b)
{
    for (const char *c = name; *c != '\0'; c++) {
        char *end = NULL;
        if (c == name || c[-1] != '-' || *c < '0' || *c > '9') {
            continue;
        }
        *total_b = strtod(c, &end);
        if (*end != 'B' && *end != 'b') {
            continue;
        }
        *active_b = *total_b;
        if (end[1] == '-' && (end[2] == 'A' || end[2] == 'a')) {
            *active_b = strtod(end + 3, NULL);
        }
        return true;
    }
    return false;
}

static ws_json_doc *parse_file(ws_files *files, const char *path)
{
    ws_bytes     bytes;
    ws_json_doc *doc = NULL;
    if (!ws_files_has(files, path)) {
        return NULL;
    }
    assert_int_equal(ws_files_read(files, path, NULL, &bytes), WS_OK);
    assert_int_equal(ws_json_doc_parse(path, bytes.data, bytes.len, NULL, &doc), WS_OK);
    return doc;
}

static hf_outcome *read_file(const char *folder, const char *file)
{
    char        config[2048], quant[2048];
    hf_outcome *out   = calloc(1, sizeof(*out));
    ws_files   *files = NULL;
    const int   stem  = (int)(strstr(file, "_config.json") - file);
    snprintf(config, sizeof(config), "%s/%s", folder, file);
    snprintf(quant, sizeof(quant), "%s/%.*s_hf_quant_config.json", folder, stem, file);
    assert_int_equal(ws_files_create(&files), WS_OK);
    ws_json_doc *doc = parse_file(files, config), *beside = parse_file(files, quant);
    assert_non_null(doc);
    out->status =
        ws_hf_config_read(ws_json_doc_root(doc), beside != NULL ? ws_json_doc_root(beside) : WS_JSON_NONE,
                          false, &out->err, &out->notes, &out->arch);
    ws_json_doc_destroy(&doc);
    ws_json_doc_destroy(&beside);
    ws_files_destroy(&files);
    return out;
}

static void check_counts(const char *file, const hf_outcome *out)
{
    double total_b = 0.0, active_b = 0.0, tolerance = 0.05;
    bool   is_known = counts_of_name(file, &total_b, &active_b);
    for (size_t i = 0; i < sizeof(cards) / sizeof(cards[0]); i++) {
        if (strstr(file, cards[i].part) != NULL) {
            total_b   = cards[i].total_b;
            active_b  = cards[i].active_b;
            tolerance = cards[i].active_tolerance;
            is_known  = true;
            break;
        }
    }
    if (!is_known) {
        fail_msg("%s: no number of parameters in its name: add what its card says", file);
    }
    const ws_parameter_count n = ws_arch_parameters(&out->arch);
    if (fabs((double)n.total / 1e9 - total_b) > 0.02 * total_b ||
        fabs((double)n.active / 1e9 - active_b) > tolerance * active_b) {
        fail_msg("%s: expected %.4g of %.4g billion parameters active, found %.4g of %.4g", file, active_b,
                 total_b, (double)n.active / 1e9, (double)n.total / 1e9);
    }
}

static void test_published_configs(void **state)
{
    (void)state;
    char folder[1024];
    snprintf(folder, sizeof(folder), "%s/data/hf_configs", getenv("WS_SHARED_DIR"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    size_t n_read = 0, n_refused = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *file = entry->d_name;
        if (strstr(file, "_config.json") == NULL || strstr(file, "_hf_quant_config.json") != NULL) {
            continue;
        }
        hf_outcome *out = read_file(folder, file);
        if (out->status == WS_OK) {
            check_counts(file, out);
            n_read++;
        } else {
            assert_int_equal(out->status, WS_ERR_INPUT);
            if (strstr(ws_error_text(&out->err), "not modelled: ") == NULL) {
                fail_msg("%s: refused without naming a feature: %s", file, ws_error_text(&out->err));
            }
            n_refused++;
        }
        hf_free(out);
    }
    closedir(dir);
    assert_true(n_read >= 44 && n_refused <= 2); /* DeepSeek-V4's two */
}

int main(void)
{
    char folder[1024];
    snprintf(folder, sizeof(folder), "%s/data/hf_configs", getenv("WS_SHARED_DIR"));
    if (access(folder, R_OK) != 0) {
        print_message("SKIPPED: no published configs in %s\n", folder);
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_configs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
