/* h5_objects.h -- every group, dataset, scale and attribute of a new result file. Internal to the store. */
#ifndef SWP_H5_OBJECTS_H
#define SWP_H5_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include <hdf5.h>

#include "base/error.h"
#include "result/columns.h"
#include "result/layout.h"

/** Names of root attributes that are no layout->attributes: NULL-terminated. */
extern const char *const swp_h5_own_attributes[];

/** Which objects, and where; all borrowed. */
typedef struct swp_h5_objects {
    hid_t              id;   /**< the open, empty file */
    const char        *path; /**< what messages call it */
    const swp_layout  *layout;
    const swp_columns *columns;
    bool               live;                       /**< growing axes, see store/h5_file.h */
    size_t             n_rows[SWP_AXIS_COUNT];     /**< final: length of each axis */
    size_t             chunk_rows[SWP_AXIS_COUNT]; /**< live: rows worth gathering before a write */
    const char        *history;                    /**< text of the attribute */
} swp_h5_objects;

/** Make them.
 * @param[out] datasets_out    [columns->n] open; those not made keep their value
 * @param[out] dimensions_out  open bare scales of sample and request; those not made keep their value
 * @return WS_OK; WS_ERR_IO with what could not be made */
WS_NODISCARD ws_status swp_h5_make_objects(const swp_h5_objects *objects, ws_error *err, hid_t *datasets_out,
                                           hid_t dimensions_out[SWP_AXIS_COUNT]);

#endif /* SWP_H5_OBJECTS_H */
