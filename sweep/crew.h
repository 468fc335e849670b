/* crew.h -- the workers as rank 0 sees them: who has come, who is set up, who went silent, who may leave.
 *
 * Rank 0 keeps the conversation (messages.h) going from the first moment to the last, also while it reads its
 * inputs and while it repacks the file; a worker that is heard of again after it was taken for dead is taken
 * back. All calls come from the thread that calls MPI. A sweep of one rank has a crew of nobody. */
#ifndef SWP_CREW_H
#define SWP_CREW_H

#include <stdbool.h>

#include "messages.h"
#include "mpi_env.h"

typedef enum swp_member_state {
    SWP_MEMBER_EXPECTED, /**< not heard of yet */
    SWP_MEMBER_HERE,     /**< said hello; not set up */
    SWP_MEMBER_READY,    /**< takes jobs */
    SWP_MEMBER_LEAVING,  /**< was told to stop */
    SWP_MEMBER_GONE,     /**< said goodbye */
    SWP_MEMBER_DEAD
} swp_member_state;

typedef struct swp_crew swp_crew; /* opaque */

/** Begin: tells every other rank who rank 0 is.
 * @param[in] mpi        borrowed; NULL = no other ranks
 * @param[in] host       of rank 0
 * @param[in] silence_s  a worker silent for longer is dead
 * @return WS_OK; WS_ERR_NOMEM; WS_ERR_IO */
WS_NODISCARD ws_status swp_crew_create(swp_mpi *mpi, const char *host, double silence_s, swp_crew **crew_out);
void                   swp_crew_destroy(swp_crew **crew);

int              swp_crew_size(const swp_crew *crew); /**< ranks, with rank 0 */
swp_member_state swp_crew_state(const swp_crew *crew, int rank);
const char      *swp_crew_host(const swp_crew *crew, int rank); /**< "" until it said hello */
bool             swp_crew_wants_to_stop(const swp_crew *crew);  /**< some worker got a signal */
int              swp_crew_n_dead(const swp_crew *crew);

/** Run a long call in a thread of its own and keep the conversation going meanwhile. */
void swp_crew_keep_while(swp_crew *crew, void (*call)(void *ctx), void *ctx);

/** Send the setup to those who are here and, from now on, to those who come.
 * @param[in] block  borrowed until the process has left MPI; lies in the window of rank 0's node already if
 * that has one and it fits */
WS_NODISCARD ws_status swp_crew_set_up(swp_crew *crew, const char *block, size_t len);

/** Go through what has come up to the next SWP_TAG_RESULTS; everything else is handled here.
 * @param[out] came_out  false: there is none now
 * @return WS_OK; WS_ERR_NOMEM; WS_ERR_IO */
WS_NODISCARD ws_status swp_crew_next_results(swp_crew *crew, swp_message *message_out, bool *came_out);

/** Workers that were pointed to their node's window instead of being sent the setup. */
int swp_crew_n_pointed(const swp_crew *crew);

/** Called for a worker found dead. */
typedef ws_status (*swp_lost_fn)(void *ctx, int rank, const char *why);

/** Call now and then: beats to the others, and a look at who died. */
WS_NODISCARD ws_status swp_crew_check(swp_crew *crew, swp_lost_fn lost, void *ctx);

/** Give jobs: a SWP_TAG_JOBS message, whose memory it takes over. */
WS_NODISCARD ws_status swp_crew_give(swp_crew *crew, int rank, char *message, size_t len);

/** Tell those to stop who were not told yet, or less urgently. */
WS_NODISCARD ws_status swp_crew_ask_to_leave(swp_crew *crew, swp_stop how);

/** True if nobody is LEAVING. */
bool swp_crew_has_left(const swp_crew *crew);

/** Take everybody who has not left yet for dead. */
WS_NODISCARD ws_status swp_crew_give_up(swp_crew *crew, swp_lost_fn lost, void *ctx);

/** The last message, to everybody who is not dead.
 * @return true if MPI can be left in the usual way; false: rank 0 has to leave by _exit */
bool swp_crew_release(swp_crew *crew);

#endif /* SWP_CREW_H */
