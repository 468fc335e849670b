/* power/power_curve.h -- what an NPU draws at a core clock below the full one, and the clock that a power cap
 * allows.
 *
 * With c the clock as a share of the full one, at which a kernel draws active_power P, and s the share of P
 * that does not depend on it (memory, leakage, voltage regulators):
 *
 *     P(c) = P (s + (1 - s) g(c)),   g(c) = c^a             for c >= f   (voltage falls with the clock)
 *                                    g(c) = f^(a-1) c       for c <  f   (voltage at its floor: linear)
 *
 * g is continuous, rises strictly and is 1 at c = 1. Derivation, sources of s, a and f, and limits:
 * docs/power-model.md, "Power caps". */
#ifndef WS_POWER_CURVE_H
#define WS_POWER_CURVE_H

#include "base/error.h"
#include "base/json.h"
#include "base/status.h"

typedef struct ws_power_curve {
    double static_share;  /**< s, in [0, 0.99] */
    double exponent;      /**< a, in [1, 10] */
    double voltage_floor; /**< f, in (0, 1] */
    double min_clock;     /**< lowest clock there is, in (0, 1] */
} ws_power_curve;

/** Read the `power_curve` of a data sheet. @return WS_OK; WS_ERR_INPUT with every problem */
WS_NODISCARD ws_status ws_power_curve_read(ws_json entry, ws_error *err, ws_power_curve *out);

/** Watts drawn by a kernel at a clock in (0, 1]; active_w at 1. */
double ws_power_curve_w(const ws_power_curve *curve, double active_w, double clock);

/** Least a cap can be: watts at the lowest clock. */
double ws_power_curve_min_w(const ws_power_curve *curve, double active_w);

/** The highest clock at which no more than cap_w is drawn, for a cap from ws_power_curve_min_w() to active_w.
 * Inverse of ws_power_curve_w(); 1 at cap_w = active_w. */
double ws_power_curve_clock(const ws_power_curve *curve, double active_w, double cap_w);

#endif /* WS_POWER_CURVE_H */
