/* wattsim/api.h -- how the library's functions are declared. */
#ifndef WATTSIM_API_H
#define WATTSIM_API_H

/* WS_API marks what a shared library shows; everything else in it is hidden. */
#if defined(__GNUC__)
#define WS_API __attribute__((visibility("default")))
#define WS_NODISCARD __attribute__((warn_unused_result))
#else
#define WS_API
#define WS_NODISCARD
#endif

#endif /* WATTSIM_API_H */
