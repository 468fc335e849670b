/* mpi_transport.h -- entering and leaving MPI, and the transport over it.
 *
 * MPI is entered only under a launcher (mpirun, srun): alone, a sweep has one rank and never calls MPI. All
 * calls come from the main thread (MPI_THREAD_FUNNELED). */
#ifndef SWP_MPI_TRANSPORT_H
#define SWP_MPI_TRANSPORT_H

#include "ranks/transport.h"

/** True if a launcher started this process as one of several, or of one. */
bool swp_mpi_is_launched(void);

/** Enter MPI; collective over all ranks, the only such call besides swp_mpi_leave(). A rank that dies
 * meanwhile would hang the others forever: they end with WS_EXIT_RESUME instead.
 * @param[in] limit_s  longest time until all ranks have met
 * @return WS_OK; WS_ERR_IO with MPI's text on stderr; WS_ERR_NOMEM */
WS_NODISCARD ws_status swp_mpi_enter(double limit_s, swp_transport **transport_out);

/** Leave MPI; collective. Sets *transport to NULL. A process that hangs in it for 30 s ends with exit_code.
 */
void swp_mpi_leave(swp_transport **transport, int exit_code);

const char *swp_mpi_library(void); /**< the MPI library compiled against, one line */

#endif /* SWP_MPI_TRANSPORT_H */
