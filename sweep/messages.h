/* messages.h -- every message between rank 0 (the coordinator) and the other ranks (workers), and who sends
 * it when.
 *
 *   setup, by broadcast, once:          rank 0 -> all        swp_msg_setup, then the bytes it announces
 *   SWP_TAG_HELLO    swp_msg_hello      worker -> rank 0     once, when it is ready for jobs
 *   SWP_TAG_JOBS     swp_msg_jobs       rank 0 -> worker     whenever the worker has less than two batches
 *   SWP_TAG_RESULTS  packed rows        worker -> rank 0     after a batch, or when rows have waited
 * (row_wire.h) SWP_TAG_BEAT     nothing            both ways            once a second, whatever else goes on
 *   SWP_TAG_DRAIN    nothing            worker -> rank 0     a signal asked the worker to leave
 *   SWP_TAG_STOP     swp_msg_stop       rank 0 -> worker     once: no more jobs will come
 *   SWP_TAG_BYE      nothing            worker -> rank 0     after STOP: everything was sent
 *   SWP_TAG_RELEASE  swp_msg_release    rank 0 -> worker     last message, when every worker said BYE or is
 * dead
 *
 * A worker runs its jobs in the order they came and reports them in that order, so that rank 0 knows what a
 * silent worker had in hand. All structs have fixed-width fields; ranks of one sweep run on one kind of
 * machine. */
#ifndef SWP_MESSAGES_H
#define SWP_MESSAGES_H

#include <assert.h>
#include <stdint.h>

#include "store.h"

typedef enum swp_tag {
    SWP_TAG_HELLO = 1,
    SWP_TAG_JOBS,
    SWP_TAG_RESULTS,
    SWP_TAG_BEAT,
    SWP_TAG_DRAIN,
    SWP_TAG_STOP,
    SWP_TAG_BYE,
    SWP_TAG_RELEASE
} swp_tag;

#define SWP_BEAT_INTERVAL_S 1.0
#define SWP_MAX_BATCH 2048 /* jobs in one message */

/** Broadcast first; a sweep that cannot start says so with exit_code and sends nothing else. */
typedef struct swp_msg_setup {
    int64_t  exit_code; /**< >= 0: leave with it; -1: go on */
    int64_t  pid;       /**< of rank 0 */
    uint64_t max_nodes;
    double   time_budget_s, silence_s;
    uint64_t memory_bytes;
    uint64_t texts_bytes;        /**< spec path, bundled dir ("" = none) and data dirs, each ended by a NUL */
    uint64_t spec_bytes;         /**< the spec's text */
    uint64_t files_bytes;        /**< packed file cache */
    char     host[SWP_HOST_LEN]; /**< of rank 0 */
} swp_msg_setup;
static_assert(sizeof(swp_msg_setup) == 72 + SWP_HOST_LEN, "wire format");

typedef struct swp_msg_hello {
    int64_t pid;
    char    host[SWP_HOST_LEN];
} swp_msg_hello;
static_assert(sizeof(swp_msg_hello) == 8 + SWP_HOST_LEN, "wire format");

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

typedef struct swp_msg_stop {
    int32_t drain; /**< 1: leave after the running job; 0: nothing is in hand any more */
    int32_t zero;
} swp_msg_stop;
static_assert(sizeof(swp_msg_stop) == 8, "wire format");

typedef struct swp_msg_release {
    int32_t finalize; /**< 1: MPI_Finalize; 0: a rank died and Finalize would hang, leave by _exit */
    int32_t zero;
} swp_msg_release;
static_assert(sizeof(swp_msg_release) == 8, "wire format");

#endif /* SWP_MESSAGES_H */
