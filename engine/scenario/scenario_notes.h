/* scenario/scenario_notes.h -- lines for the user about what a config was resolved to. For this folder only.
 */
#ifndef WS_SCENARIO_NOTES_H
#define WS_SCENARIO_NOTES_H

#include "scenario/scenario_internal.h"

/** Add a line of up to 599 bytes, the same one once: several instances may have a model or an entry in
 * common. */
void ws_scenario_note(ws_scenario *scenario, const char *format, ...) WS_PRINTF(2, 3);

#endif /* WS_SCENARIO_NOTES_H */
