/* engine.h -- the engine as the programs built with it see it: the library's public face (wattsim/wattsim.h)
 * and, besides, its plain structs and the parts it is put together from. These change as the programs need,
 * from one commit to the next, and are not installed. */
#ifndef WS_ENGINE_H
#define WS_ENGINE_H

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/status.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "result/metrics.h"
#include "result/result.h"
#include "result/slo.h"
#include "scenario/inputs_create.h"
#include "scenario/libraries.h"
#include "scenario/options.h"
#include "scenario/paths.h"
#include "scenario/scenario.h"
#include "wattsim/wattsim.h"

#endif /* WS_ENGINE_H */
