/* packer.h -- chunks of a finished file, shuffled and deflated by several threads, written by one.
 *
 * The caller gives chunks; helper threads, and the caller itself whenever it would have to wait, pack them as
 * HDF5's own shuffle, deflate and fletcher32 filters would; the caller's thread alone writes them, in the
 * order they were given. So what is written, and in which order, does not depend on the number of threads,
 * and HDF5 is called by one thread only. Knows nothing of HDF5 itself. */
#ifndef SWP_PACKER_H
#define SWP_PACKER_H

#include <stddef.h>

#include "base/status.h"

/** deflate's 1 to 9. 1 and 2 are no faster on power series, 4 takes 1.7 times as long for files a sixth
 * smaller. Measured on the file of tests/bench/hundred_thousand.json with zlib 1.2.13. */
#define SWP_DEFLATE_LEVEL 3

/** Bytes of the checksum behind each packed chunk. */
#define SWP_CHECKSUM_BYTES 4

/** More threads would wait for the one that reads, which does a quarter of the work. */
#define SWP_MAX_PACK_THREADS 8

/** Which chunk it is, handed back for writing. */
typedef struct swp_chunk {
    size_t column;    /**< index in the file's columns */
    size_t first_row; /**< its place on the growing axis */
} swp_chunk;

/** Write a packed chunk; called in the thread that uses the packer, in the order of swp_packer_put(). */
typedef ws_status (*swp_chunk_fn)(void *ctx, const swp_chunk *chunk, const void *packed, size_t n_bytes);

typedef struct swp_packer swp_packer; /* opaque */

/** Start n_threads - 1 helpers.
 * @param[in]  n_threads    that pack, the caller's among them; 1 to SWP_MAX_PACK_THREADS, others are moved
 * there
 * @param[in]  chunk_bytes  the longest chunk
 * @param[out] packer_out   owned by the caller, release with swp_packer_destroy()
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_packer_create(size_t n_threads, size_t chunk_bytes, swp_chunk_fn write, void *ctx,
                                         swp_packer **packer_out);

/** Release; chunks that were not drained are never written. NULL *packer is allowed. */
void swp_packer_destroy(swp_packer **packer);

/** A block of chunk_bytes to fill, for swp_packer_put() or swp_packer_return(). NULL if out of memory. */
char *swp_packer_take(swp_packer *packer);
/** Give a block back unused; NULL is allowed. */
void swp_packer_return(swp_packer *packer, char *block);

/** Give a chunk; takes over the block also after an error. May pack and write others first.
 * @param[in] n_bytes        of the block that are filled, a multiple of element_bytes
 * @param[in] element_bytes  what is shuffled; 1 = nothing
 * @return WS_OK; what the write function returned: then only swp_packer_destroy() may follow */
WS_NODISCARD ws_status swp_packer_put(swp_packer *packer, swp_chunk chunk, char *block, size_t n_bytes,
                                      size_t element_bytes);

/** Pack and write everything that was given. @return as swp_packer_put() */
WS_NODISCARD ws_status swp_packer_drain(swp_packer *packer);

#endif /* SWP_PACKER_H */
