/* reader_h5.h -- a reader on a file this process has open already. Internal to the store. */
#ifndef SWP_READER_H5_H
#define SWP_READER_H5_H

#include <hdf5.h>

#include "base/error.h"

struct swp_reader; /* store/reader.h */

/** A reader on an open HDF5 file, so that a file whose name is gone can still be read. The id is borrowed.
 * @param[in] path  what messages call it */
WS_NODISCARD ws_status swp_reader_attach(hid_t file, const char *path, ws_error *err,
                                         struct swp_reader **reader_out);

#endif /* SWP_READER_H5_H */
