/* worker_roster.h -- the workers as rank 0 sees them: who has come, who is set up, who went silent, who may
 * leave.
 *
 * Rank 0 keeps the conversation (ranks/messages.h) going from the first moment to the last, also while it
 * reads its inputs and while it repacks the file; a worker that is heard of again after it was taken for dead
 * is taken back. All calls come from the thread of the transport. A sweep of one rank has a roster of nobody.
 */
#ifndef SWP_WORKER_ROSTER_H
#define SWP_WORKER_ROSTER_H

#include <stdbool.h>

#include "ranks/messages.h"
#include "ranks/transport.h"

typedef enum swp_worker_state {
    SWP_WORKER_EXPECTED, /**< not heard of yet */
    SWP_WORKER_HERE,     /**< said hello; not set up */
    SWP_WORKER_READY,    /**< takes jobs */
    SWP_WORKER_LEAVING,  /**< was asked to stop */
    SWP_WORKER_GONE,     /**< said goodbye */
    SWP_WORKER_DEAD
} swp_worker_state;

typedef struct swp_roster swp_roster; /* opaque */

/** Begin: every other rank learns who rank 0 is.
 * @param[in] transport  borrowed
 * @param[in] host       of rank 0
 * @param[in] silence_s  a worker silent for longer is dead
 * @return WS_OK; WS_ERR_NOMEM; WS_ERR_IO */
WS_NODISCARD ws_status swp_roster_create(swp_transport *transport, const char *host, double silence_s,
                                         swp_roster **roster_out);
void                   swp_roster_destroy(swp_roster **roster);

int              swp_roster_size(const swp_roster *roster); /**< ranks, with rank 0 */
swp_worker_state swp_roster_state(const swp_roster *roster, int rank);
const char      *swp_roster_host(const swp_roster *roster, int rank); /**< "" until it said hello */
bool             swp_roster_wants_to_stop(const swp_roster *roster);  /**< some worker got a signal */
int              swp_roster_n_dead(const swp_roster *roster);

/** Run a long call in a thread of its own and keep the conversation going meanwhile. */
void swp_roster_keep_while(swp_roster *roster, void (*call)(void *ctx), void *ctx);

/** Send the setup to those who are here and, from now on, to those who come.
 * @param[in] block  borrowed until the process has left MPI; lies in the window of rank 0's node already if
 * that has one and it fits */
WS_NODISCARD ws_status swp_roster_set_up(swp_roster *roster, const char *block, size_t len);

/** Go through what has come up to the next SWP_TAG_RESULTS; everything else is handled here.
 * @param[out] came_out  false: there is none now
 * @return WS_OK; WS_ERR_NOMEM; WS_ERR_IO */
WS_NODISCARD ws_status swp_roster_next_results(swp_roster *roster, swp_message *message_out, bool *came_out);

/** Workers that were pointed to their node's window instead of being sent the setup. */
int swp_roster_n_pointed(const swp_roster *roster);

/** Called for a worker found dead; why: a clause about it ("its process is gone"). */
typedef ws_status (*swp_lost_fn)(void *ctx, int rank, const char *why);

/** Call now and then: heartbeats to the others, and a look at who died. */
WS_NODISCARD ws_status swp_roster_check(swp_roster *roster, swp_lost_fn lost, void *ctx);

/** Send jobs: a SWP_TAG_JOBS message, whose memory it takes over. */
WS_NODISCARD ws_status swp_roster_send_jobs(swp_roster *roster, int rank, char *message, size_t len);

/** Ask those to stop who were not asked yet, or less urgently. */
WS_NODISCARD ws_status swp_roster_ask_to_leave(swp_roster *roster, swp_stop how);

/** True if nobody is LEAVING. */
bool swp_roster_has_left(const swp_roster *roster);

/** Take everybody who has not left yet for dead. */
WS_NODISCARD ws_status swp_roster_give_up(swp_roster *roster, swp_lost_fn lost, void *ctx);

/** The last message, to everybody who is not dead.
 * @return true if the transport can be left in the usual way; false: rank 0 has to leave by _exit */
bool swp_roster_release(swp_roster *roster);

#endif /* SWP_WORKER_ROSTER_H */
