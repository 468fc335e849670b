/* model/dtype.h -- element types of weights and KV cache. */
#ifndef WS_DTYPE_H
#define WS_DTYPE_H

/* X(ID, option name, profile variant, bytes per element). Source: docs/model/serving.md 1.8 and 7. */
#define WS_DTYPE_LIST(X)                                                                                     \
    X(WS_DTYPE_FLOAT16, "float16", "fp16", 2)                                                                \
    X(WS_DTYPE_BFLOAT16, "bfloat16", "bf16", 2)                                                              \
    X(WS_DTYPE_FLOAT32, "float32", "fp32", 4)                                                                \
    X(WS_DTYPE_FP8, "fp8", "fp8", 1)                                                                         \
    X(WS_DTYPE_INT8, "int8", "int8", 1)

typedef enum ws_dtype {
#define WS_DTYPE_ENUM(id, name, variant, bytes) id,
    WS_DTYPE_LIST(WS_DTYPE_ENUM)
#undef WS_DTYPE_ENUM
        WS_DTYPE_COUNT /* also: not given */
} ws_dtype;

const char *ws_dtype_name(ws_dtype dtype);    /**< "bfloat16" */
const char *ws_dtype_variant(ws_dtype dtype); /**< "bf16", the folder name of a profile */
int         ws_dtype_bytes(ws_dtype dtype);
ws_dtype    ws_dtype_from_name(const char *name); /**< WS_DTYPE_COUNT if unknown */

#endif /* WS_DTYPE_H */
