#include "base/sized.h"

#include <string.h>

#include "base/version.h"

/* The size a struct begins with. */
static size_t size_of(const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof(size));
    return size;
}

static ws_status check_size(const char *type, size_t size, size_t own_size, ws_error *err)
{
    if (size < sizeof(size_t)) {
        return ws_error_add(err, WS_ERR_ARG, "%s: struct_size is %zu: begin it with its _INIT macro", type,
                            size);
    }
    if (size > own_size) {
        return ws_error_add(err, WS_ERR_ARG,
                            "%s: struct_size is %zu, libwattsim %s knows %zu: the program was compiled for a "
                            "later version",
                            type, size, ws_version(), own_size);
    }
    return WS_OK;
}

ws_status ws_sized_read(const char *type, const void *given, size_t own_size, void *own, ws_error *err)
{
    const size_t size = given != NULL ? size_of(given) : own_size;
    WS_TRY(check_size(type, size, own_size, err));
    memset(own, 0, own_size);
    if (given != NULL) {
        memcpy(own, given, size);
    }
    memcpy(own, &own_size, sizeof(own_size));
    return WS_OK;
}

ws_status ws_sized_write(const char *type, const void *own, size_t own_size, void *given, ws_error *err)
{
    const size_t size = size_of(given);
    WS_TRY(check_size(type, size, own_size, err));
    memcpy((char *)given + sizeof(size), (const char *)own + sizeof(size), size - sizeof(size));
    return WS_OK;
}
