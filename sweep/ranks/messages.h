/* messages.h -- every message between rank 0 (the coordinator) and the other ranks (workers), and who sends
 * it when.
 *
 *   tag (SWP_TAG_)  what it carries     from -> to        when
 *   RANK0           swp_msg_hello       rank 0 -> worker  first of all: who to watch
 *   HELLO           swp_msg_hello       worker -> rank 0  first of all: who has come
 *   SETUP           swp_msg_setup       rank 0 -> worker  once, after rank 0 has read its inputs: how long
 *   BYTES           bytes of the setup  rank 0 -> worker  after it, until all are there (job/setup.h)
 *   READY           nothing             worker -> rank 0  the setup was understood, jobs may come
 *   JOBS            swp_msg_jobs        rank 0 -> worker  whenever the worker has less than two bundles
 *   RESULTS         packed rows         worker -> rank 0  after a bundle, or when rows have waited
 *                                                         (result/row_wire.h)
 *   HEARTBEAT       nothing             both ways         once a second, whatever else goes on
 *   DRAIN           nothing             worker -> rank 0  a signal asked the worker to leave
 *   STOP            swp_msg_stop        rank 0 -> worker  no more jobs will come
 *   BYE             nothing             worker -> rank 0  after STOP: everything was sent
 *   RELEASE         swp_msg_release     rank 0 -> worker  last message, when the file is finished; or,
 *                                                         instead of SETUP, when the sweep cannot start
 *
 * There is no collective call after the ranks have met: one that dies at any moment is missed by its
 * heartbeats, or at once where it ran on the same host, and nobody waits for it. A worker runs its jobs in
 * the order they came and reports them in that order, so that rank 0 knows what a silent worker had not
 * reported. All structs have fixed-width fields; ranks of one sweep run on one kind of machine. */
#ifndef SWP_MESSAGES_H
#define SWP_MESSAGES_H

#include <assert.h>
#include <stdint.h>

#include "result/row.h"

typedef enum swp_tag {
    SWP_TAG_RANK0 = 1,
    SWP_TAG_HELLO,
    SWP_TAG_SETUP,
    SWP_TAG_BYTES,
    SWP_TAG_READY,
    SWP_TAG_JOBS,
    SWP_TAG_RESULTS,
    SWP_TAG_HEARTBEAT,
    SWP_TAG_DRAIN,
    SWP_TAG_STOP,
    SWP_TAG_BYE,
    SWP_TAG_RELEASE
} swp_tag;

#define SWP_HEARTBEAT_INTERVAL_S 1.0
#define SWP_MIN_SILENCE_S (3.0 * SWP_HEARTBEAT_INTERVAL_S) /* a shorter silence is no sign of death */
#define SWP_MAX_BUNDLE 2048                                /* jobs in one message */
#define SWP_SETUP_CHUNK_BYTES (64u << 20)                  /* of the setup in one message */

/** Who somebody is: of RANK0 and of HELLO. */
typedef struct swp_msg_hello {
    int64_t pid;
    char    host[SWP_HOST_LEN];
} swp_msg_hello;
static_assert(sizeof(swp_msg_hello) == 8 + SWP_HOST_LEN, "wire format");

/** Where the setup's bytes are. */
typedef enum swp_setup_place {
    SWP_SETUP_BY_MESSAGES, /**< they come as BYTES, for this worker alone */
    SWP_SETUP_INTO_WINDOW, /**< as BYTES, too; the worker puts them into its node's window, for all there */
    SWP_SETUP_IN_WINDOW    /**< they lie in the node's window */
} swp_setup_place;

typedef struct swp_msg_setup {
    uint64_t n_bytes;
    int32_t  place; /**< swp_setup_place */
    int32_t  zero;
} swp_msg_setup;
static_assert(sizeof(swp_msg_setup) == 16, "wire format");

typedef struct swp_msg_ticket {
    uint64_t job;
    int32_t  attempt;
    int32_t  zero;
} swp_msg_ticket;
static_assert(sizeof(swp_msg_ticket) == 16, "wire format");

typedef struct swp_msg_jobs {
    uint64_t       n;
    swp_msg_ticket tickets[]; /* [n] */
} swp_msg_jobs;
static_assert(sizeof(swp_msg_jobs) == 8, "wire format");

/** How to stop; a later STOP may only be more urgent. */
typedef enum swp_stop {
    SWP_STOP_DONE,   /**< no job is outstanding any more */
    SWP_STOP_DRAIN,  /**< leave after the running job */
    SWP_STOP_ABANDON /**< leave the running job too: its row says interrupted */
} swp_stop;

typedef struct swp_msg_stop {
    int32_t how; /**< swp_stop */
    int32_t zero;
} swp_msg_stop;
static_assert(sizeof(swp_msg_stop) == 8, "wire format");

typedef struct swp_msg_release {
    int32_t finalize; /**< 1: MPI_Finalize; 0: a rank died and Finalize would hang, leave by _exit */
    int32_t zero;
} swp_msg_release;
static_assert(sizeof(swp_msg_release) == 8, "wire format");

#endif /* SWP_MESSAGES_H */
