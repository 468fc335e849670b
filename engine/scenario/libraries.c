#include "scenario/libraries.h"

#include <stdio.h>

#include "hardware/bundle_meta.h"
#include "base/json.h"

char *ws_libraries(char buf[64])
{
    char json[32];
    (void)snprintf(buf, 64, "%s, libyaml %s", ws_json_library(json), ws__yaml_library_version());
    return buf;
}
