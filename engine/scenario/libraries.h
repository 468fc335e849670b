/* scenario/libraries.h -- what reads files for the engine; for provenance. */
#ifndef WS_LIBRARIES_H
#define WS_LIBRARIES_H

/** The libraries the engine reads files with, "cJSON 1.7.15, libyaml 0.2.5". Returns buf. */
char *ws_libraries(char buf[64]);

#endif /* WS_LIBRARIES_H */
