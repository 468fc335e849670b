/* row_identity.h -- who a copied row is in its new file, where that is not what its old file says. */
#ifndef SWP_ROW_IDENTITY_H
#define SWP_ROW_IDENTITY_H

#include <stdint.h>

#include "base/status.h"
#include "result/layout.h"

/** Both are asked by the job the row has in the new file. */
typedef struct swp_row_identity {
    /** Values of a job's parameters: writes [n_params] values, texts valid until the next call. NULL = the
     * columns of the old file. */
    ws_status (*params_of)(void *ctx, int64_t job, swp_value *params_out);
    /** A job's hash: SWP_HASH_LEN digits and a NUL. NULL = as in the old file. */
    ws_status (*hash_of)(void *ctx, int64_t job, char *hash_out);
    void *ctx;
} swp_row_identity;

#endif /* SWP_ROW_IDENTITY_H */
