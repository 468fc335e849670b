/* layout.h -- copies of a layout, and the layout read back from a file. Internal to the store. */
#ifndef SWP_LAYOUT_H
#define SWP_LAYOUT_H

#include "store.h"

/** A deep copy that owns all its texts; release with swp_layout_free(). NULL texts become "". */
WS_NODISCARD ws_status swp_layout_copy(const swp_layout *layout, swp_layout **copy_out);
void                   swp_layout_free(swp_layout **layout);

#endif /* SWP_LAYOUT_H */
