/* fake_transport.h -- ranks that live in one process and in a time that is played: the transport that
 * coordinator, roster and worker are tested over.
 *
 * Every rank has a thread, but only one of them runs at any moment: the one whose clock is behind all others.
 * It goes on until it polls or sleeps, which takes it time, and hands over. So the same calls meet in the
 * same order whenever a test runs, and an hour of silence takes no time. What can go wrong between ranks is
 * planned before, in played time:
 *
 *     fake_world *world = fake_world_create(3, 1);
 *     fake_start(world, 0, run_rank0, &x);            three threads' work
 *     ...
 *     fake_kill(world, 2, 1.5);                       rank 2 is gone from 1.5 s on
 *     assert_true(fake_run(world, 60.0));             until all have ended
 *
 * A rank's work must not call assert_*(), which leave for another thread: it keeps what it found for later.
 */
#ifndef FAKE_TRANSPORT_H
#define FAKE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "ranks/transport.h"

#define FAKE_LATENCY_S 1e-4   /* of a message, unless fake_slow() says otherwise */
#define FAKE_EAGER_BYTES 4096 /* longer messages are sent only once the receiver has taken them */

typedef struct fake_world fake_world; /* opaque */

/** Ranks of one node each, alone on their hosts; the seed decides by how much messages of different sources
 * overtake each other, and nothing else. */
fake_world *fake_world_create(int n_ranks, uint64_t seed);
void        fake_world_destroy(fake_world *world);

swp_transport *fake_transport(fake_world *world, int rank);

/** All ranks share a window of so many bytes, led by that rank; before they start. */
void fake_share_window(fake_world *world, int leader, uint64_t n_bytes);

/** What a rank does; before fake_run(). */
void fake_start(fake_world *world, int rank, void (*work)(void *ctx), void *ctx);

/** Run until all ranks have ended or died. @return false if some are still there at limit_s; they are ended
 * then */
bool fake_run(fake_world *world, double limit_s);

/** Called by a rank's work: it takes so long. */
void fake_spend(fake_world *world, int rank, double s);

/* ---- what goes wrong, from a moment on; before it comes ---- */

void fake_kill(fake_world *world, int rank, double at_s);
void fake_stop(fake_world *world, int rank, double from_s, double until_s); /**< as by SIGSTOP and SIGCONT */
void fake_signal(fake_world *world, int rank, double at_s);                 /**< it is asked to stop */
void fake_slow(fake_world *world, int from, int to, double latency_s); /**< of messages sent from now on */

/** The next message of that tag between two ranks is lost. */
void fake_lose(fake_world *world, int from, int to, int tag);

/** A rank's n-th send from now on (1 = the next one), and every one after it, fails with that status. */
void fake_fail_sends(fake_world *world, int rank, int n, ws_status status);

/** Put a message under way as if a rank had sent it; copied. */
void fake_inject(fake_world *world, int from, int to, int tag, const void *data, size_t len, double at_s);

/* ---- what happened ---- */

double fake_now_s(const fake_world *world, int rank);
bool   fake_is_dead(const fake_world *world, int rank);
int fake_exit_code(const fake_world *world, int rank); /**< that it ended its process with; -1 = it did not */
int fake_n_polls(fake_world *world, int rank);         /**< so far; may be called from any thread */
bool fake_was_forgotten(const fake_world *world, int by, int rank);

#endif /* FAKE_TRANSPORT_H */
