/* setup.h -- what a worker has to know before its first job, as one block of bytes: rank 0 packs it once,
 * every worker and rank 0's own worker thread read from it. Same kind of machine on both ends. */
#ifndef SWP_SETUP_H
#define SWP_SETUP_H

#include <stddef.h>

#include "base/status.h"

enum { SWP_MAX_DATA_DIRS = 16 };

/** All pointers are borrowed: from the packer's inputs, or from the unpacked block. */
typedef struct swp_setup {
    size_t      max_nodes;     /**< of the file's node axis */
    double      time_budget_s; /**< of a job; 0 = none */
    size_t      memory_bytes;  /**< of a job; 0 = none */
    const char *spec_path;
    const char *bundled_dir; /**< "" = none */
    const char *data_dirs[SWP_MAX_DATA_DIRS];
    size_t      n_data_dirs;
    const char *spec_text; /**< NUL behind it in an unpacked block */
    size_t      spec_len;
    const char *files; /**< packed file cache (ws_files_pack); in an unpacked block aligned to 16 bytes */
    size_t      files_len;
} swp_setup;

/** Pack.
 * @param[out] block_out  the caller frees
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_setup_pack(const swp_setup *setup, char **block_out, size_t *len_out);

/** Read a packed block, which has to stay as long as the setup is used.
 * @param[in] block  aligned to 16 bytes, as malloc() does
 * @return WS_OK; WS_ERR_INPUT if it is not one that swp_setup_pack() made */
WS_NODISCARD ws_status swp_setup_unpack(const char *block, size_t len, swp_setup *setup_out);

#endif /* SWP_SETUP_H */
