#include "model/dtype.h"

#include <stddef.h>
#include <string.h>

#include "base/status.h"

typedef struct dtype_row {
    const char *name, *variant;
    int         bytes;
} dtype_row;

static const dtype_row k_dtypes[WS_DTYPE_COUNT] = {
#define DTYPE_ROW(id, name, variant, bytes) [id] = {name, variant, bytes},
    WS_DTYPE_LIST(DTYPE_ROW)
#undef DTYPE_ROW
};

static const dtype_row *row_of(ws_dtype dtype)
{
    WS_ASSERT(dtype < WS_DTYPE_COUNT);
    return &k_dtypes[dtype];
}

const char *ws_dtype_name(ws_dtype dtype)
{
    return row_of(dtype)->name;
}

const char *ws_dtype_variant(ws_dtype dtype)
{
    return row_of(dtype)->variant;
}

int ws_dtype_bytes(ws_dtype dtype)
{
    return row_of(dtype)->bytes;
}

ws_dtype ws_dtype_from_name(const char *name)
{
    int dtype = 0;
    while (dtype < WS_DTYPE_COUNT && strcmp(k_dtypes[dtype].name, name) != 0) {
        dtype++;
    }
    return (ws_dtype)dtype;
}
