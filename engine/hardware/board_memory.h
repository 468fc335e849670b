/* hardware/board_memory.h -- how much memory a board has and how fast it is, by its data sheet. */
#ifndef WS_BOARD_MEMORY_H
#define WS_BOARD_MEMORY_H

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"

typedef struct ws_board_memory {
    double size_gib, bw_gbps; /* 0 = not known */
} ws_board_memory;

/** Read `memory_gib` and `memory_gbps` of a data sheet.
 * @param[in] datasheet  configs/hardware/<tag>.json; absent: nothing is known
 * @return WS_OK; WS_ERR_INPUT if a number is there that is none */
WS_NODISCARD ws_status ws_board_memory_read(ws_json datasheet, ws_error *err, ws_board_memory *out);

#endif /* WS_BOARD_MEMORY_H */
