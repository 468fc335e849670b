/* output/request_csv.h -- one row per finished request, in the byte-exact form of the reference
 * (docs/model/serving.md 9.1).
 *
 * Lines end with CR LF. Times are ns; -1 where a value was never set. ITL is a bracketed list, quoted when it
 * contains a comma. Two columns of energy may follow: this project's own, so only on demand. */
#ifndef WS_REQUEST_CSV_H
#define WS_REQUEST_CSV_H

#include <stdbool.h>

#include "base/status.h"
#include "base/output_file.h"
#include "result/result.h"

/** Write header and rows. Write errors show at ws_output_file_commit().
 * @param[in] with_energy  active_j and energy_j behind the reference's columns, empty where no power is
 * tracked
 * @return WS_OK; WS_ERR_NOMEM */
WS_NODISCARD ws_status ws_request_csv_write(const ws_result *result, bool with_energy, ws_output_file *file);

#endif /* WS_REQUEST_CSV_H */
