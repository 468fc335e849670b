/* hardware/profile_fuse.h -- norms and rotary embeddings that a profile holds as several kernels, taken as
 * one; private to engine/hardware.
 *
 * Serving engines run RMSNorm (with the residual added) and rotary embedding as one kernel each. A profile
 * recorded layer by layer in plain PyTorch has five to eight kernels there, each with its launch and its own
 * pass over memory. The profile tells by itself: its activation, one kernel everywhere, is a yardstick for
 * time against bytes moved on that board. Kernels of today stay below it (0.5 to 1.0 of it on the RTXPRO6000
 * bundles, vLLM 0.19); the A6000 bundle is 2.8 to 7 times above. */
#ifndef WS_PROFILE_FUSE_H
#define WS_PROFILE_FUSE_H

#include "base/strbuf.h"
#include "hardware/profile_table.h"
#include "model/model.h"

/** What the points of a draft were measured for. */
typedef struct ws__fuse_subject {
    const ws_model *model;
    int64_t         tp, element_bytes;
    const char     *hardware; /**< for the note */
} ws__fuse_subject;

/** Give every norm and rotary layer that takes at least twice the yardstick at each of its counts the
 * yardstick's time. Sorts the layers' points. Without an activation in the draft nothing changes.
 * @param[in,out] notes  one line naming the layers that changed; NULL allowed */
void ws__fuse_elementwise(ws__profile_draft *draft, const ws__fuse_subject *subject, ws_strbuf *notes);

#endif /* WS_PROFILE_FUSE_H */
