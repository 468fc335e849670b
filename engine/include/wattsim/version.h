/* wattsim/version.h -- which version a program was compiled for, and which one it runs with.
 *
 * While the major version is 0, a program needs the library of its minor version (0.1.x for 0.1). From 1.0
 * on, one compiled for an earlier minor version runs with every later one of the same major version. */
#ifndef WATTSIM_VERSION_H
#define WATTSIM_VERSION_H

#include "wattsim/api.h"

/* The one place that has the numbers: CMakeLists.txt reads them here. */
#define WATTSIM_VERSION_MAJOR 0
#define WATTSIM_VERSION_MINOR 1
#define WATTSIM_VERSION_PATCH 0

/** For comparisons: `#if WATTSIM_VERSION >= WATTSIM_VERSION_OF(0, 2, 0)`. */
#define WATTSIM_VERSION_OF(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define WATTSIM_VERSION                                                                                      \
    WATTSIM_VERSION_OF(WATTSIM_VERSION_MAJOR, WATTSIM_VERSION_MINOR, WATTSIM_VERSION_PATCH)

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library at work, "0.1.0". */
WS_API const char *ws_version(void);

#ifdef __cplusplus
}
#endif

#endif /* WATTSIM_VERSION_H */
