#include "hardware/board_memory.h"

static ws_status read_optional(ws_json datasheet, const char *key, ws_error *err, double *out)
{
    static const double min = 1e-6, max = 1e6;
    const ws_json       value = ws_json_member(datasheet, key);
    return value.item != NULL ? ws_json_read_double(value, min, max, err, out) : WS_OK;
}

ws_status ws_board_memory_read(ws_json datasheet, ws_error *err, ws_board_memory *out)
{
    *out                 = (ws_board_memory){0};
    const ws_status size = read_optional(datasheet, "memory_gib", err, &out->size_gib);
    const ws_status bw   = read_optional(datasheet, "memory_gbps", err, &out->bw_gbps);
    return size != WS_OK ? size : bw;
}
