#include "ranks/node_window.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define RESERVED_BYTES ((size_t)1 << 30)
#define SHARED_MEMORY_DIR "/dev/shm" /* where MPI libraries on Linux keep it */
enum { ALIGN = 16 };

/* What may be reserved here; 0 if nothing. MPI is not asked for more than there is: Open MPI 4.1 leaves
 * the other ranks waiting forever when the first one finds no room. */
static size_t room(void)
{
    struct statvfs about;
    if (statvfs(SHARED_MEMORY_DIR, &about) != 0) {
        return 0;
    }
    const uint64_t half = (uint64_t)about.f_bavail * about.f_frsize / 2;
    return half < RESERVED_BYTES ? (size_t)half : RESERVED_BYTES;
}

/* Everybody takes the same way through the collective calls, whatever its own results: errors end in "no
 * window". */
static void make_window(swp_node_window *w, int node_rank, size_t bytes)
{
    void    *own = NULL, *first = NULL;
    MPI_Aint first_bytes = 0;
    int      unit        = 1;
    if (MPI_Win_allocate_shared(node_rank == 0 ? (MPI_Aint)bytes : 0, 1, MPI_INFO_NULL, w->node, &own,
                                &w->win) != MPI_SUCCESS) {
        w->win = MPI_WIN_NULL;
        return;
    }
    if (MPI_Win_shared_query(w->win, 0, &first_bytes, &unit, &first) == MPI_SUCCESS && first != NULL &&
        MPI_Win_lock_all(MPI_MODE_NOCHECK, w->win) == MPI_SUCCESS) {
        w->data = (char *)first + (ALIGN - (uintptr_t)first % ALIGN) % ALIGN; /* MPI promises less */
    }
}

/* The node's first rank, and its window. */
static int share_node(MPI_Comm comm, int rank, swp_node_window *w, uint64_t *bytes_out)
{
    int      node_rank = 0, node_size = 1;
    uint64_t first[2] = {(uint64_t)rank, room()}; /* what the node's first rank says counts */
    *bytes_out        = UINT64_MAX;
    if (MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &w->node) != MPI_SUCCESS) {
        w->node = MPI_COMM_NULL;
        return -1;
    }
    MPI_Comm_set_errhandler(w->node, MPI_ERRORS_RETURN);
    MPI_Comm_rank(w->node, &node_rank);
    MPI_Comm_size(w->node, &node_size);
    w->n_ranks_here = node_size;
    if (node_size == 1 || MPI_Bcast(first, 2, MPI_UINT64_T, 0, w->node) != MPI_SUCCESS || first[1] <= ALIGN) {
        return -1;
    }
    make_window(w, node_rank, (size_t)first[1]);
    if (w->data == NULL) {
        return -1;
    }
    *bytes_out = first[1] - ALIGN;
    return (int)first[0];
}

ws_status swp_node_window_create(MPI_Comm comm, swp_node_window *out)
{
    int rank = 0, size = 1;
    *out = (swp_node_window){.node = MPI_COMM_NULL, .win = MPI_WIN_NULL, .n_ranks_here = 1};
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    out->leader_of = malloc((size_t)size * sizeof(*out->leader_of));
    if (out->leader_of == NULL) {
        return WS_ERR_NOMEM;
    }
    uint64_t  bytes    = 0;
    const int leader   = share_node(comm, rank, out, &bytes);
    const int gathered = MPI_Allgather(&leader, 1, MPI_INT, out->leader_of, 1, MPI_INT, comm);
    const int agreed   = MPI_Allreduce(&bytes, &out->bytes, 1, MPI_UINT64_T, MPI_MIN, comm);
    return gathered == MPI_SUCCESS && agreed == MPI_SUCCESS ? WS_OK : WS_ERR_IO;
}

void swp_node_window_sync(const swp_node_window *window)
{
    if (window->win != MPI_WIN_NULL) {
        MPI_Win_sync(window->win);
    }
}

void swp_node_window_free(swp_node_window *window)
{
    if (window->data != NULL) {
        MPI_Win_unlock_all(window->win);
    }
    if (window->win != MPI_WIN_NULL) {
        MPI_Win_free(&window->win);
    }
    if (window->node != MPI_COMM_NULL) {
        MPI_Comm_free(&window->node);
    }
    free(window->leader_of);
    *window = (swp_node_window){.node = MPI_COMM_NULL, .win = MPI_WIN_NULL};
}
