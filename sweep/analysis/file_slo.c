#include "analysis/file_slo.h"

#include <string.h>

ws_slo swp_file_slo(const char *spec_json)
{
    ws_slo       slo = WS_SLO_NONE;
    ws_json_doc *doc = NULL;
    if (ws_json_doc_parse("spec_json", spec_json, strlen(spec_json), NULL, &doc) == WS_OK) {
        const ws_json places = ws_json_member(ws_json_member(ws_json_doc_root(doc), "spec"), "slo");
        for (size_t part = 0; part < WS_SLO_N_PARTS; part++) {
            const ws_json place = ws_json_member(places, ws_slo_part_name(part));
            double        value = 0.0;
            if (ws_json_kind_of(place) == WS_JSON_NUMBER &&
                ws_json_read_double(place, 0.0, ws_slo_part_most(part), NULL, &value) == WS_OK) {
                *ws_slo_part(&slo, part) = value;
            }
        }
    }
    ws_json_doc_destroy(&doc);
    return slo;
}
