/* Names of the series columns of result.h. */
#include "sim/result.h"

#include "base/status.h"

typedef struct column_info {
    const char *name, *unit, *description;
} column_info;

static const column_info columns[] = {
#define COLUMN_INFO(id, name, unit, description) [id] = {name, unit, description},
    WS_SERIES_LIST(COLUMN_INFO)
#undef COLUMN_INFO
};

static const column_info *info_of(ws_series_column column)
{
    WS_ASSERT((unsigned)column < WS_SERIES_COUNT);
    return &columns[column];
}

const char *ws_series_name(ws_series_column column)
{
    return info_of(column)->name;
}

const char *ws_series_unit(ws_series_column column)
{
    return info_of(column)->unit;
}

const char *ws_series_description(ws_series_column column)
{
    return info_of(column)->description;
}
