#include "scenario/power_blocks.h"

#include "base/units.h"

/* How durations of standby are read: one unit for bare numbers, and one note, however many entries. */
typedef struct standby_reader {
    double    bare_unit_s;
    ws_strbuf note;
} standby_reader;

static ws_status read_npu_power(ws_inputs *inputs, ws_scenario *s, const ws_node_entry *node,
                                ws_instance_config *c, standby_reader *standby, ws_error *err)
{
    const ws_json npu   = ws_json_member(node->power, "npu");
    ws_json       entry = ws_json_member(npu, c->hardware);
    if (entry.item == NULL) {
        ws_json sheet;
        WS_TRY(ws_inputs_hardware(inputs, c->hardware, err, &sheet));
        entry = ws_json_member(sheet, "power");
        if (entry.item == NULL) {
            return ws_json_problem(
                npu, err,
                "expected an entry \"%s\", the hardware of instance %d; no data sheet has one "
                "either",
                c->hardware, c->index);
        }
        ws_strbuf_printf(&s->notes, "power.npu has no entry %s: using the one of hardware/%s.json\n",
                         c->hardware, c->hardware);
    }
    return ws_npu_power_read(entry, standby->bare_unit_s, &standby->note, err, &c->npu_power);
}

static bool reads_standby_in_seconds(const ws_scenario *s)
{
    return s->options.standby_unit == WS_STANDBY_UNIT_S ||
           (s->options.standby_unit == WS_STANDBY_UNIT_AUTO && s->fidelity == WS_FIDELITY_REFERENCE);
}

/* Under reference fidelity one node without a power block turns power off everywhere
 * (docs/model/serving.md 1.2).
 */
static size_t n_power_blocks(const ws_cluster_config *cluster)
{
    size_t n_with = 0;
    for (size_t i = 0; i < cluster->n_nodes; i++) {
        n_with += cluster->nodes[i].power.item != NULL;
    }
    return n_with;
}

static bool tracks_power(const ws_scenario *s, const ws_cluster_config *cluster)
{
    const size_t n_with = n_power_blocks(cluster);
    return s->fidelity == WS_FIDELITY_REFERENCE ? n_with == cluster->n_nodes : n_with > 0;
}

ws_status ws_power_blocks_resolve(ws_inputs *inputs, ws_scenario *s, const ws_cluster_config *cluster,
                                  ws_error *err)
{
    standby_reader standby = {.bare_unit_s = reads_standby_in_seconds(s) ? 1.0 : WS_S_PER_NS,
                              .note        = WS_STRBUF_INIT};
    ws_status      status  = WS_OK;
    s->has_power           = tracks_power(s, cluster);
    if (!s->has_power && n_power_blocks(cluster) > 0) {
        ws_strbuf_puts(&s->notes,
                       "reference fidelity tracks power only where every node has a power block: not here\n");
    }
    for (size_t i = 0; s->has_power && i < cluster->n_nodes; i++) {
        const ws_node_entry *node = &cluster->nodes[i];
        if (node->power.item == NULL) {
            ws_strbuf_printf(&s->notes, "node %zu has no power block: its power is not tracked\n", i);
            continue;
        }
        status = ws_status_worse(status, ws_node_power_read(node->power, node->cpu_mem.size_gib, s->has_pim,
                                                            err, &s->nodes[i].power));
        if (s->has_pim) { /* the PIM device describes the DIMMs (docs/model/serving.md 1.5) */
            s->nodes[i].power.dram_idle_w = s->nodes[i].pim.idle_w * (double)s->nodes[i].n_channels;
        }
        for (size_t k = 0; k < s->n_instances; k++) {
            if (s->instances[k].node == (int32_t)i) {
                status =
                    ws_status_worse(status, read_npu_power(inputs, s, node, &s->instances[k], &standby, err));
            }
        }
    }
    ws_strbuf_puts(&s->notes, ws_strbuf_text(&standby.note));
    ws_strbuf_fini(&standby.note);
    return status;
}
