/* base/version.h -- which program this is; written into every result. */
#ifndef WS_VERSION_H
#define WS_VERSION_H

#include "wattsim/version.h"

const char *ws_git_commit(void); /**< commit the build was configured at, "" if unknown */

#endif /* WS_VERSION_H */
