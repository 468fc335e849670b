/* profiling/compact_write.h -- a compact profile as the text of its file. */
#ifndef WS_COMPACT_WRITE_H
#define WS_COMPACT_WRITE_H

#include "base/strbuf.h"
#include "hardware/profile_compact.h"

/** Write the file's text; what is written reads back as it is. */
void ws__compact_write(const ws__compact *compact, ws_strbuf *out);

struct ws_json_writer;

/** The statistics as a JSON object, one member per class that has points. */
void ws__check_report_write(const ws__check_report *report, struct ws_json_writer *writer);

#endif /* WS_COMPACT_WRITE_H */
