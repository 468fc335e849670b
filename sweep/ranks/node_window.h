/* node_window.h -- memory that the ranks of a node share: an MPI window (MPI_Win_allocate_shared), for inputs
 * that each of them would otherwise hold a copy of. Internal to ranks/mpi_transport.c: includes mpi.h.
 *
 * The window is made when the ranks meet, because making it is collective and that is the one moment at which
 * all have to be alive; how large the inputs are is not known then, so it reserves room. The reserved memory
 * costs nothing until it is written to. */
#ifndef SWP_NODE_WINDOW_H
#define SWP_NODE_WINDOW_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct swp_node_window {
    MPI_Comm node;         /* the ranks of this node; MPI_COMM_NULL before and after */
    MPI_Win  win;          /* MPI_WIN_NULL = there is no window: a node of one rank, no room, or MPI cannot */
    char    *data;         /* NULL without a window; aligned to 16 bytes */
    uint64_t bytes;        /* room in the smallest window of all nodes */
    int      n_ranks_here; /* of this node; 1 where MPI cannot tell */
    int *leader_of; /* [ranks], owned; the first rank of each rank's node, -1 for ranks without a window */
} swp_node_window;

/** Make the windows; collective over comm. That there is none is no error. @return WS_OK; WS_ERR_NOMEM;
 * WS_ERR_IO */
WS_NODISCARD ws_status swp_node_window_create(MPI_Comm comm, swp_node_window *out);

/** Make what was written before visible to whoever learns of it afterwards. Not collective. */
void swp_node_window_sync(const swp_node_window *window);

/** Collective over the ranks of the node. */
void swp_node_window_free(swp_node_window *window);

#endif /* SWP_NODE_WINDOW_H */
