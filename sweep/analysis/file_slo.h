/* file_slo.h -- the SLO of the sweep that a result file holds. */
#ifndef SWP_FILE_SLO_H
#define SWP_FILE_SLO_H

#include "engine.h"

/** The bounds in a file's /spec_json; none where it has none or they cannot be read. */
ws_slo swp_file_slo(const char *spec_json);

#endif /* SWP_FILE_SLO_H */
