/* hardware/datasheet.h -- what a data sheet says about an accelerator, and how much of it real kernels reach:
 * the input of the roofline. One JSON file per hardware tag, configs/hardware/<tag>.json; documented in
 * docs/profiles.md. */
#ifndef WS_DATASHEET_H
#define WS_DATASHEET_H

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "model/dtype.h"

enum { WS__DATASHEET_NAME_MAX = 96 };

/** Shares of the peaks that kernels reach, in (0, 2]: above 1 where a peak is understated or data stay in
 * cache. */
typedef struct ws__efficiency {
    double matrix;      /**< of peak FLOP/s, in matrix products */
    double memory;      /**< of memory bandwidth, reading weights */
    double elementwise; /**< of memory bandwidth, in norms, activations and sampling */
    double attention;   /**< of peak FLOP/s, in prefill attention */
    double kv;          /**< of memory bandwidth, reading the KV cache */
} ws__efficiency;

typedef struct ws__datasheet {
    char   name[WS__DATASHEET_NAME_MAX];
    double memory_gib, memory_gbps;
    double peak_tflops[WS_DTYPE_COUNT]; /* dense, 10^12 FLOP/s; 0 = the hardware does not have this type */
    double n_sms;                       /* streaming multiprocessors: how many tiles run at once */
    double launch_overhead_us;          /* of one kernel */
    ws__efficiency efficiency;
    double         typical_error; /* mean relative error of a whole step; 0 = not known */
} ws__datasheet;

/** Read a data sheet from its document. @return WS_OK; WS_ERR_INPUT with every problem */
WS_NODISCARD ws_status ws__datasheet_read(ws_json root, ws_error *err, ws__datasheet *out);

/** Read and parse the file, too. */
WS_NODISCARD ws_status ws__datasheet_load(ws_files *files, const char *path, ws_error *err,
                                          ws__datasheet *out);

#endif /* WS_DATASHEET_H */
