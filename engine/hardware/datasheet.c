#include "hardware/datasheet.h"

#include <stddef.h>
#include <string.h>

typedef struct sheet_parts {
    const char *name;
    double      memory_gib, memory_gbps, n_sms, launch_overhead_us, typical_error;
    ws_json     peak_tflops, efficiency, power, power_curve, source;
} sheet_parts;

static const ws_field efficiency_fields[] = {
    {"matrix", WS_FIELD_DOUBLE, offsetof(ws__efficiency, matrix), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 2,
     "share of peak FLOP/s in matrix products"},
    {"memory", WS_FIELD_DOUBLE, offsetof(ws__efficiency, memory), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 2,
     "share of memory bandwidth reading weights"},
    {"elementwise", WS_FIELD_DOUBLE, offsetof(ws__efficiency, elementwise),
     WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 2,
     "share of memory bandwidth in norms, activations, sampling"},
    {"attention", WS_FIELD_DOUBLE, offsetof(ws__efficiency, attention), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE,
     0, 2, "share of peak FLOP/s in prefill attention"},
    {"kv", WS_FIELD_DOUBLE, offsetof(ws__efficiency, kv), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 2,
     "share of memory bandwidth reading the KV cache"},
};

static const ws_field sheet_fields[] = {
    {"name", WS_FIELD_STRING, offsetof(sheet_parts, name), WS_FIELD_REQUIRED, 0, 0, "product name"},
    {"memory_gib", WS_FIELD_DOUBLE, offsetof(sheet_parts, memory_gib), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE,
     0, 1e6, "memory size, GiB"},
    {"memory_gbps", WS_FIELD_DOUBLE, offsetof(sheet_parts, memory_gbps),
     WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 1e6, "memory bandwidth, GB/s"},
    {"peak_tflops", WS_FIELD_JSON, offsetof(sheet_parts, peak_tflops), WS_FIELD_REQUIRED, 0, 0,
     "dense peak by type, TFLOP/s"},
    {"n_sms", WS_FIELD_DOUBLE, offsetof(sheet_parts, n_sms), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 1e5,
     "streaming multiprocessors"},
    {"launch_overhead_us", WS_FIELD_DOUBLE, offsetof(sheet_parts, launch_overhead_us), WS_FIELD_REQUIRED, 0,
     1e4, "time of an empty kernel, us"},
    {"efficiency", WS_FIELD_JSON, offsetof(sheet_parts, efficiency), WS_FIELD_REQUIRED, 0, 0,
     "shares of the peaks that kernels reach"},
    {"typical_error", WS_FIELD_DOUBLE, offsetof(sheet_parts, typical_error), 0, 0, 10,
     "mean relative error of a step"},
    {"power", WS_FIELD_JSON, offsetof(sheet_parts, power), 0, 0, 0,
     "default power coefficients, read by the power model"},
    {"power_curve", WS_FIELD_JSON, offsetof(sheet_parts, power_curve), 0, 0, 0,
     "power over core clock, read by the power model"},
    {"source", WS_FIELD_JSON, offsetof(sheet_parts, source), 0, 0, 0, "where each number comes from"},
};

static ws_status read_peaks(ws_json place, ws_error *err, double peak_tflops[WS_DTYPE_COUNT])
{
    if (ws_json_kind_of(place) != WS_JSON_OBJECT || ws_json_size(place) == 0) {
        return ws_json_expected(place, err, "an object of TFLOP/s by type name");
    }
    ws_status status = WS_OK;
    for (ws_json item = ws_json_first(place); item.item != NULL; item = ws_json_next(item)) {
        const ws_dtype  dtype = ws_dtype_from_name(ws_json_key(item));
        const ws_status each =
            dtype == WS_DTYPE_COUNT
                ? ws_json_problem(item, err, "expected float16, bfloat16, float32, fp8 or int8 as key")
                : ws_json_read_double(item, 1e-3, 1e9, err, &peak_tflops[dtype]);
        status = ws_status_worse(status, each);
    }
    return status;
}

ws_status ws__datasheet_read(ws_json root, ws_error *err, ws__datasheet *out)
{
    sheet_parts   parts = {.name = NULL};
    ws__datasheet sheet = {.name = ""};
    WS_TRY(
        ws_json_read_object(root, sheet_fields, sizeof(sheet_fields) / sizeof(sheet_fields[0]), &parts, err));
    if (strlen(parts.name) >= sizeof(sheet.name)) {
        return ws_json_expected(ws_json_member(root, "name"), err, "a name of at most 95 bytes");
    }
    memcpy(sheet.name, parts.name, strlen(parts.name) + 1);
    sheet.memory_gib         = parts.memory_gib;
    sheet.memory_gbps        = parts.memory_gbps;
    sheet.n_sms              = parts.n_sms;
    sheet.launch_overhead_us = parts.launch_overhead_us;
    sheet.typical_error      = parts.typical_error;
    ws_status status         = read_peaks(parts.peak_tflops, err, sheet.peak_tflops);
    status =
        ws_status_worse(status, ws_json_read_object(parts.efficiency, efficiency_fields,
                                                    sizeof(efficiency_fields) / sizeof(efficiency_fields[0]),
                                                    &sheet.efficiency, err));
    if (status == WS_OK) {
        *out = sheet;
    }
    return status;
}

ws_status ws__datasheet_load(ws_files *files, const char *path, ws_error *err, ws__datasheet *out)
{
    ws_bytes     bytes;
    ws_json_doc *doc = NULL;
    WS_TRY(ws_files_read(files, path, err, &bytes));
    WS_TRY(ws_json_doc_parse(path, bytes.data, bytes.len, err, &doc));
    const ws_status status = ws__datasheet_read(ws_json_doc_root(doc), err, out);
    ws_json_doc_destroy(&doc);
    return status;
}
