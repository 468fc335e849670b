#include "power/coefficients.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* Bounds against slips of a unit (uW for W, MB for GiB); generous for any machine, and small enough that what
 * the largest draw in the longest run is still printed digit by digit. */
#define MAX_W 1e6
#define MAX_CAP_W 1e9 /* a cap that large is none, and may be meant so */
#define MAX_PJ_PER_BIT 1e6
#define MAX_DEVICES 1e5
#define MAX_GIB 1e9

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const double J_PER_BYTE_PER_PJ_PER_BIT = 8.0 * WS_J_PER_PJ;
/** A bare standby_duration below this, read as ns, is shorter than any kernel launch: probably meant as
 * seconds. */
static const double SUSPICIOUS_NS  = 1000.0;
static const char   STANDBY_NOTE[] = "is read as nanoseconds";

/* ---- power.npu.<hw> ---- */

typedef struct npu_entry {
    double  idle_w, standby_w, active_w, cap_w;
    ws_json standby_duration;
} npu_entry;

static const ws_field npu_fields[] = {
    {"idle_power", WS_FIELD_DOUBLE, offsetof(npu_entry, idle_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W per NPU when standby has run out"},
    {"standby_power", WS_FIELD_DOUBLE, offsetof(npu_entry, standby_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W per NPU between kernels, for at most standby_duration"},
    {"active_power", WS_FIELD_DOUBLE, offsetof(npu_entry, active_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W per NPU while a kernel runs"},
    {"standby_duration", WS_FIELD_JSON, offsetof(npu_entry, standby_duration), WS_FIELD_REQUIRED, 0, 0,
     "longest stay in standby: a number (ns, or s with --standby-unit s) or text with a unit (\"18s\")"},
    {"power_cap_w", WS_FIELD_DOUBLE, offsetof(npu_entry, cap_w), WS_FIELD_NULLABLE | WS_FIELD_POSITIVE, 0,
     MAX_CAP_W, "power cap of each NPU, W"},
};

static ws_status read_standby_ns(ws_json value, double bare_unit_s, ws_error *err, int64_t *ns_out)
{
    static const char expected[] = "a duration >= 0, as a number or as text like \"18s\"";
    const char       *text       = ws_json_string(value);
    if (text != NULL) {
        return ws_duration_parse(text, bare_unit_s, ns_out) == WS_OK ? WS_OK
                                                                     : ws_json_expected(value, err, expected);
    }
    const double ns = round(ws_json_number(value) * (bare_unit_s / WS_S_PER_NS));
    if (!(ns >= 0.0 && ns < (double)WS_NS_MAX)) { /* also false for NaN, that is, not a number */
        return ws_json_expected(value, err, expected);
    }
    *ns_out = (int64_t)ns;
    return WS_OK;
}

/** One note, however many entries are concerned: bare numbers this small are likely meant as seconds. */
static void note_bare_ns(ws_json value, double bare_unit_s, ws_strbuf *notes)
{
    const char  *text       = ws_json_string(value);
    const double number     = text == NULL ? ws_json_number(value) : strtod(text, NULL);
    const bool   is_bare_ns = bare_unit_s < 1.0 && (text == NULL || !ws_duration_has_unit(text));
    if (notes == NULL || !is_bare_ns || !(number > 0.0 && number < SUSPICIOUS_NS) ||
        strstr(ws_strbuf_text(notes), STANDBY_NOTE) != NULL) {
        return;
    }
    char pointer[256];
    ws_strbuf_printf(notes, "%s: %s: %g %s; if seconds are meant, write \"%gs\" or pass --standby-unit s\n",
                     ws_json_doc_name(value.doc), ws_json_pointer(value, pointer, sizeof(pointer)), number,
                     STANDBY_NOTE, number);
}

/** Work costs at least what rest does: the other way round energy per token would fall with load. */
static ws_status check_at_most(ws_json object, const char *key, double value, const char *limit_key,
                               double limit, ws_error *err)
{
    return value <= limit ? WS_OK
                          : ws_json_problem(ws_json_member(object, key), err,
                                            "expected at most %s (%g W), found %g", limit_key, limit, value);
}

static ws_status check_npu_order(ws_json entry, const npu_entry *read, ws_error *err)
{
    const ws_status checks[] = {
        check_at_most(entry, "idle_power", read->idle_w, "standby_power", read->standby_w, err),
        check_at_most(entry, "standby_power", read->standby_w, "active_power", read->active_w, err),
        check_at_most(entry, "idle_power", read->idle_w, "active_power", read->active_w, err)};
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        WS_TRY(checks[i]);
    }
    return WS_OK;
}

ws_status ws_npu_power_read(ws_json entry, double bare_unit_s, ws_strbuf *notes, ws_error *err,
                            ws_npu_power *out)
{
    npu_entry read = {.standby_duration = WS_JSON_NONE};
    int64_t   standby_ns;
    WS_TRY(ws_json_read_object(entry, npu_fields, COUNT_OF(npu_fields), &read, err));
    WS_TRY(read_standby_ns(read.standby_duration, bare_unit_s, err, &standby_ns));
    WS_TRY(check_npu_order(entry, &read, err));
    note_bare_ns(read.standby_duration, bare_unit_s, notes);
    *out = (ws_npu_power){.idle_w     = read.idle_w,
                          .standby_w  = read.standby_w,
                          .active_w   = read.active_w,
                          .standby_ns = standby_ns,
                          .cap_w      = read.cap_w};
    return WS_OK;
}

/* ---- power ---- */

typedef struct power_block {
    double  base_w, cap_w;
    ws_json npu, cpu, dram, link, nic, storage, cxl;
} power_block;

static const ws_field power_fields[] = {
    {"base_node_power", WS_FIELD_DOUBLE, offsetof(power_block, base_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W of fans, board and power supply, at all times"},
    {"npu", WS_FIELD_JSON, offsetof(power_block, npu), 0, 0, 0, "NPU powers by hardware tag"},
    {"cpu", WS_FIELD_JSON, offsetof(power_block, cpu), WS_FIELD_REQUIRED, 0, 0, "host processors"},
    {"dram", WS_FIELD_JSON, offsetof(power_block, dram), WS_FIELD_REQUIRED, 0, 0, "host memory"},
    {"link", WS_FIELD_JSON, offsetof(power_block, link), WS_FIELD_REQUIRED, 0, 0, "links between NPUs"},
    {"nic", WS_FIELD_JSON, offsetof(power_block, nic), WS_FIELD_REQUIRED, 0, 0, "network cards"},
    {"storage", WS_FIELD_JSON, offsetof(power_block, storage), WS_FIELD_REQUIRED, 0, 0, "drives"},
    {"cxl", WS_FIELD_JSON, offsetof(power_block, cxl), 0, 0, 0, "CXL memory devices"},
    {"power_cap_w", WS_FIELD_DOUBLE, offsetof(power_block, cap_w), WS_FIELD_NULLABLE | WS_FIELD_POSITIVE, 0,
     MAX_CAP_W, "power cap of the whole node, W"},
};

static const ws_field cpu_fields[] = {
    {"idle_power", WS_FIELD_DOUBLE, offsetof(ws_node_power, cpu_idle_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W of the host at rest"},
    {"active_power", WS_FIELD_DOUBLE, offsetof(ws_node_power, cpu_active_w), WS_FIELD_REQUIRED, 0, MAX_W,
     "W of the host at full load"},
    {"util", WS_FIELD_DOUBLE, offsetof(ws_node_power, cpu_util), WS_FIELD_REQUIRED, 0, 1,
     "share of full load outside of steps"},
};

/** Sub-blocks of the form "how many, W each, pJ per bit". */
typedef struct device_block {
    double  dimm_size_gib;
    int64_t count;
    double  idle_w, energy_pj_per_bit;
} device_block;

#define IDLE_FIELD(flags)                                                                                    \
    {                                                                                                        \
        "idle_power", WS_FIELD_DOUBLE, offsetof(device_block, idle_w), flags, 0, MAX_W,                      \
            "W each, at all times"                                                                           \
    }
#define ENERGY_FIELD                                                                                         \
    {                                                                                                        \
        "energy_per_bit", WS_FIELD_DOUBLE, offsetof(device_block, energy_pj_per_bit), WS_FIELD_REQUIRED, 0,  \
            MAX_PJ_PER_BIT, "pJ per bit moved"                                                               \
    }
#define COUNT_FIELD(key)                                                                                     \
    {                                                                                                        \
        key, WS_FIELD_INT, offsetof(device_block, count), WS_FIELD_REQUIRED, 0, MAX_DEVICES, "how many"      \
    }
#define DIMM_FIELD(flags)                                                                                    \
    {                                                                                                        \
        "dimm_size", WS_FIELD_DOUBLE, offsetof(device_block, dimm_size_gib), (flags) | WS_FIELD_POSITIVE, 0, \
            MAX_GIB, "GiB per DIMM"                                                                          \
    }

static const ws_field dram_fields[]     = {DIMM_FIELD(WS_FIELD_REQUIRED), IDLE_FIELD(WS_FIELD_REQUIRED),
                                           ENERGY_FIELD};
static const ws_field dram_pim_fields[] = {DIMM_FIELD(0), IDLE_FIELD(0), ENERGY_FIELD};
static const ws_field link_fields[] = {COUNT_FIELD("num_links"), IDLE_FIELD(WS_FIELD_REQUIRED), ENERGY_FIELD};
static const ws_field nic_fields[]  = {COUNT_FIELD("num_nics"), IDLE_FIELD(WS_FIELD_REQUIRED)};
static const ws_field storage_fields[] = {COUNT_FIELD("num_devices"), IDLE_FIELD(WS_FIELD_REQUIRED)};
static const ws_field cxl_fields[]     = {IDLE_FIELD(WS_FIELD_REQUIRED), ENERGY_FIELD};

/** Every NPU entry is checked, also one of hardware that no instance has: a mistake must not wait until one
 * has it. */
static ws_status check_npu_entries(ws_json npu, ws_error *err)
{
    ws_status status = WS_OK;
    if (npu.item == NULL) {
        return WS_OK;
    }
    if (ws_json_kind_of(npu) != WS_JSON_OBJECT) {
        return ws_json_expected(npu, err, "an object of NPU powers by hardware tag");
    }
    for (ws_json entry = ws_json_first(npu); entry.item != NULL; entry = ws_json_next(entry)) {
        ws_npu_power    unused;
        const ws_status one = ws_npu_power_read(entry, WS_S_PER_NS, NULL, err, &unused);
        status              = one == WS_OK ? status : one;
    }
    return status;
}

/** Read one sub-block; a missing one is the outer table's to report. */
static ws_status read_block(ws_json block, const ws_field *fields, size_t n_fields, void *out, ws_error *err)
{
    return block.item == NULL ? WS_OK : ws_json_read_object(block, fields, n_fields, out, err);
}

/** Whole DIMMs in the node's memory. With PIM the device describes them, and what is said here is not used.
 */
static ws_status count_dimms(ws_json dram, double dimm_size_gib, double cpu_mem_gib, ws_error *err,
                             double *n_dimms_out)
{
    *n_dimms_out        = floor(cpu_mem_gib / dimm_size_gib);
    const ws_json place = ws_json_member(dram, "dimm_size");
    if (*n_dimms_out < 1.0) {
        return ws_json_problem(place, err, "expected at most cpu_mem.mem_size (%g GiB), found %g",
                               cpu_mem_gib, dimm_size_gib);
    }
    if (*n_dimms_out > MAX_DEVICES) {
        return ws_json_problem(place, err, "expected at most %g DIMMs in %g GiB, found DIMMs of %g GiB",
                               MAX_DEVICES, cpu_mem_gib, dimm_size_gib);
    }
    return WS_OK;
}

static ws_status check_cpu(ws_json cpu, const ws_node_power *node, ws_error *err)
{
    return check_at_most(cpu, "idle_power", node->cpu_idle_w, "active_power", node->cpu_active_w, err);
}

/** Read every sub-block before looking at the statuses, so that all problems are reported, not just the
 * first. */
static ws_status read_devices(const power_block *block, double cpu_mem_gib, bool has_pim, ws_error *err,
                              ws_node_power *node)
{
    device_block    dram = {.count = 0}, link = dram, nic = dram, storage = dram, cxl = dram;
    const ws_field *dram_table = has_pim ? dram_pim_fields : dram_fields;
    const ws_status statuses[] = {
        read_block(block->cpu, cpu_fields, COUNT_OF(cpu_fields), node, err),
        read_block(block->dram, dram_table, COUNT_OF(dram_fields), &dram, err),
        read_block(block->link, link_fields, COUNT_OF(link_fields), &link, err),
        read_block(block->nic, nic_fields, COUNT_OF(nic_fields), &nic, err),
        read_block(block->storage, storage_fields, COUNT_OF(storage_fields), &storage, err),
        read_block(block->cxl, cxl_fields, COUNT_OF(cxl_fields), &cxl, err),
    };
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        WS_TRY(statuses[i]);
    }
    double n_dimms = 0.0;
    if (block->dram.item != NULL && !has_pim) {
        WS_TRY(count_dimms(block->dram, dram.dimm_size_gib, cpu_mem_gib, err, &n_dimms));
    }
    WS_TRY(check_cpu(block->cpu, node, err));
    node->dram_idle_w     = dram.idle_w * n_dimms;
    node->dram_j_per_byte = dram.energy_pj_per_bit * J_PER_BYTE_PER_PJ_PER_BIT;
    node->link_idle_w     = link.idle_w * (double)link.count;
    node->link_j_per_byte = link.energy_pj_per_bit * J_PER_BYTE_PER_PJ_PER_BIT;
    node->nic_w           = nic.idle_w * (double)nic.count;
    node->storage_w       = storage.idle_w * (double)storage.count;
    node->cxl_idle_w      = cxl.idle_w;
    node->cxl_j_per_byte  = cxl.energy_pj_per_bit * J_PER_BYTE_PER_PJ_PER_BIT;
    return WS_OK;
}

ws_status ws_node_power_read(ws_json power, double cpu_mem_gib, bool has_pim, ws_error *err,
                             ws_node_power *out)
{
    power_block     block = {.cxl = WS_JSON_NONE}; /* the others are absent places too */
    ws_node_power   node  = {.is_tracked = true};
    const ws_status outer = ws_json_read_object(power, power_fields, COUNT_OF(power_fields), &block, err);
    const ws_status inner = read_devices(&block, cpu_mem_gib, has_pim, err, &node);
    const ws_status npus  = check_npu_entries(block.npu, err);
    WS_TRY(outer);
    WS_TRY(npus);
    WS_TRY(inner);
    node.base_w = block.base_w;
    node.cap_w  = block.cap_w;
    *out        = node;
    return WS_OK;
}

/* ---- sums ---- */

/** With a batch in flight the host runs at this share of its active power, or at `util` if that is more.
 * Source: docs/model/serving.md 8.2. */
static const double CPU_BUSY_SHARE = 0.7;

double ws_node_power_cpu_rest_w(const ws_node_power *power)
{
    return power->cpu_idle_w + (power->cpu_active_w - power->cpu_idle_w) * power->cpu_util;
}

double ws_node_power_cpu_busy_w(const ws_node_power *power)
{
    const double extra = CPU_BUSY_SHARE - power->cpu_util;
    return extra > 0 ? (power->cpu_active_w - power->cpu_idle_w) * extra : 0.0;
}

double ws_node_power_fixed_w(const ws_node_power *power)
{
    return power->base_w + power->nic_w + power->storage_w + power->link_idle_w + power->dram_idle_w +
           power->cxl_idle_w + ws_node_power_cpu_rest_w(power) + ws_node_power_cpu_busy_w(power);
}
