/* file_objects.h -- every group, dataset, scale and attribute of a new result file. Internal to the store. */
#ifndef SWP_FILE_OBJECTS_H
#define SWP_FILE_OBJECTS_H

#include "file.h"

#define SWP_MAX_RANK 3

/** Names of root attributes that are no layout->attributes: NULL-terminated. */
extern const char *const swp_own_attributes[];

/** Shape of n rows of a column. @return rank, <= SWP_MAX_RANK */
int swp_column_dims(const swp_column *column, const swp_layout *layout, size_t n,
                    hsize_t dims_out[SWP_MAX_RANK]);

hid_t swp_memory_type(swp_type type);

/** Make all objects in the open, empty file->id and keep the columns' handles. */
WS_NODISCARD ws_status swp_file_make_objects(swp_file *file, const swp_file_options *options, ws_error *err);

#endif /* SWP_FILE_OBJECTS_H */
