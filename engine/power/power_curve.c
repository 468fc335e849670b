#include "power/power_curve.h"

#include <math.h>
#include <stddef.h>

static const ws_field curve_fields[] = {
    {"static_share", WS_FIELD_DOUBLE, offsetof(ws_power_curve, static_share), WS_FIELD_REQUIRED, 0, 0.99,
     "share of active_power that does not depend on the core clock"},
    {"exponent", WS_FIELD_DOUBLE, offsetof(ws_power_curve, exponent), WS_FIELD_REQUIRED, 1, 10,
     "of the rest, as a power of the clock, above the voltage floor"},
    {"voltage_floor", WS_FIELD_DOUBLE, offsetof(ws_power_curve, voltage_floor),
     WS_FIELD_REQUIRED | WS_FIELD_POSITIVE, 0, 1, "clock below which the voltage falls no further"},
    {"min_clock", WS_FIELD_DOUBLE, offsetof(ws_power_curve, min_clock), WS_FIELD_REQUIRED | WS_FIELD_POSITIVE,
     0, 1, "lowest clock"},
};

ws_status ws_power_curve_read(ws_json entry, ws_error *err, ws_power_curve *out)
{
    ws_power_curve read = {.exponent = 1.0};
    WS_TRY(
        ws_json_read_object(entry, curve_fields, sizeof(curve_fields) / sizeof(curve_fields[0]), &read, err));
    *out = read;
    return WS_OK;
}

/* g(c) / c below the voltage floor. */
static double linear_slope(const ws_power_curve *curve)
{
    return pow(curve->voltage_floor, curve->exponent - 1.0);
}

double ws_power_curve_w(const ws_power_curve *curve, double active_w, double clock)
{
    const double dynamic =
        clock >= curve->voltage_floor ? pow(clock, curve->exponent) : linear_slope(curve) * clock;
    return active_w * (curve->static_share + (1.0 - curve->static_share) * dynamic);
}

double ws_power_curve_min_w(const ws_power_curve *curve, double active_w)
{
    return ws_power_curve_w(curve, active_w, curve->min_clock);
}

double ws_power_curve_clock(const ws_power_curve *curve, double active_w, double cap_w)
{
    const double dynamic = (cap_w / active_w - curve->static_share) / (1.0 - curve->static_share);
    const double clock   = dynamic >= pow(curve->voltage_floor, curve->exponent)
                               ? pow(dynamic, 1.0 / curve->exponent)
                               : dynamic / linear_slope(curve);
    return fmin(1.0, fmax(curve->min_clock, clock));
}
