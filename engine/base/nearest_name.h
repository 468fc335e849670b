/* base/nearest_name.h -- the known name nearest to a mistyped one, for error messages. */
#ifndef WS_NEAREST_NAME_H
#define WS_NEAREST_NAME_H

#include <stddef.h>

/** The known name nearest to `name` by edit distance, or NULL if none is near. */
const char *ws_nearest_name(const char *name, const char *const *known, size_t n_known);

#endif /* WS_NEAREST_NAME_H */
