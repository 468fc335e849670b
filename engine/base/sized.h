/* base/sized.h -- structs that cross the library's boundary and may grow: their first member is their size as
 * the program knows it (wattsim/wattsim.h, "Growing"). */
#ifndef WS_SIZED_H
#define WS_SIZED_H

#include <stddef.h>

#include "base/error.h"
#include "base/status.h"

/** Take in a struct of a program: what an older program does not know of it is zero.
 * @param[in]  type      names the struct in the message: "ws_run_limits"
 * @param[in]  given     begins with a size_t, its own size; NULL = all zero
 * @param[in]  own_size  bytes this library knows
 * @param[out] own       [own_size]; its first member becomes own_size
 * @return WS_OK; WS_ERR_ARG if given is larger than what is known, or too small to hold its size */
WS_NODISCARD ws_status ws_sized_read(const char *type, const void *given, size_t own_size, void *own,
                                     ws_error *err);

/** Give a struct to a program: as much of it as the program knows. Its size stays what the program said.
 * @param[in]     own    [own_size]
 * @param[in,out] given  begins with its size
 * @return as ws_sized_read(), in which case given is untouched */
WS_NODISCARD ws_status ws_sized_write(const char *type, const void *own, size_t own_size, void *given,
                                      ws_error *err);

#endif /* WS_SIZED_H */
