/* programs/wattsim_help.h -- what wattsim --help prints: usage, examples, and every option with unit, default
 * and range. */
#ifndef WS_WATTSIM_HELP_H
#define WS_WATTSIM_HELP_H

#include <stdio.h>

void ws_wattsim_help_print(FILE *stream);

#endif /* WS_WATTSIM_HELP_H */
