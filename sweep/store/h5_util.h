/* h5_util.h -- small HDF5 helpers: error texts, property lists of our two file styles, attributes, dimension
 * scales.
 *
 * Only the store's own sources include this header (and with it hdf5.h). */
#ifndef SWP_H5_UTIL_H
#define SWP_H5_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#include "base/error.h"
#include "base/status.h"

/** Once per call chain, cheap: no error printing by the library, no clean-up at exit (a file whose disk is
 * full would be flushed again and again there). */
void swp_h5_init(void);

/** Add `<path>: <what>: <HDF5's own text>` and return WS_ERR_IO. Clears HDF5's error stack. */
ws_status swp_h5_fail(ws_error *err, const char *path, const char *fmt, ...) WS_PRINTF(3, 4);

/** File access list. live: format pinned to V110 as SWMR needs; otherwise files any HDF5 >= 1.8 reads.
 * Without HDF5's own locks: FILE.lock guards writers, and readers need none. @return < 0 on error; close with
 * H5Pclose() */
hid_t swp_h5_file_access(int live);

/** Group and file creation lists with creation order tracked and indexed, as netCDF-4 wants. Live files are
 * laid out in pages of the memory page's size, so that no metadata block crosses one: a kill between two
 * pages of one write() would leave it torn. < 0 on error. */
hid_t swp_h5_group_creation(void);
hid_t swp_h5_file_creation(int live);

/** Attributes. Text is a scalar variable-length UTF-8 string. @return < 0 on error */
herr_t swp_h5_put_text(hid_t object, const char *name, const char *text);
herr_t swp_h5_put_int(hid_t object, const char *name, int64_t value);
herr_t swp_h5_put_i8s(hid_t object, const char *name, const int8_t *values, size_t n);
herr_t swp_h5_put_double(hid_t object, const char *name, double value);

/** Read a scalar text attribute, of fixed or variable length. @return owned by the caller, free(); NULL if
 * absent, of another type or extent, or out of memory */
char *swp_h5_get_text(hid_t object, const char *name);
/** Read a scalar integer attribute into *out, untouched and < 0 if absent or of another type or extent. */
herr_t swp_h5_get_int(hid_t object, const char *name, int64_t *out);

/** A variable-length UTF-8 string type; close with H5Tclose(). */
hid_t swp_h5_text_type(void);

/** Write one scalar text dataset. */
herr_t swp_h5_put_text_dataset(hid_t parent, const char *name, const char *text, const char *long_name);
/** Read one scalar text dataset; owned by the caller, NULL on error, as for attributes. */
char *swp_h5_get_text_dataset(hid_t parent, const char *name);

/** True if parent has an object of that name itself: links to other files and dangling ones are not followed.
 */
bool swp_h5_has(hid_t parent, const char *name);
/** Open a dataset whose data lie in this file, in chunks of a sane size. @return < 0 if there is none */
hid_t swp_h5_open_dataset(hid_t parent, const char *name, hid_t access);

/** A dimension without a variable: a scale of netCDF's form, no storage. max_len may be H5S_UNLIMITED.
 * @return the open dataset, < 0 on error */
hid_t swp_h5_make_dimension(hid_t parent, const char *name, hsize_t len, hsize_t max_len);

#endif /* SWP_H5_UTIL_H */
