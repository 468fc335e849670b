/* timing/batch_report.h -- what is known of a batch once it is timed: where its time went and how many bytes
 * it moved. Plain data, and all that energy/ sees of this folder. */
#ifndef WS_BATCH_REPORT_H
#define WS_BATCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/** What a batch does on the NPUs and besides them (docs/model/serving.md 8.2). */
typedef struct ws_batch_work {
    int64_t act_ns;                            /* compute of the ops, experts by their largest local rank */
    double  dram_bytes, cxl_bytes, link_bytes; /* cxl_bytes are among dram_bytes */
    double  kv_dram_bytes, kv_cxl_bytes; /* physical: KV blocks from and to the second tier, of all NPUs */
    double  io_bytes; /* entry load and exit store of one NPU; the reference charges nothing for them
                         (docs/model/serving.md Q-P11) */
    double  pim_ns;   /* sum over PIM entries */
    double  pim_bytes;
} ws_batch_work;

/** A batch in closed form: its times, which are known when it begins. */
typedef struct ws_step {
    int64_t first_load_ns;            /* end of the first entry load: the next event after the start */
    int64_t start_end_ns, end_end_ns; /* program end on the start and on the end NPU (equal for one NPU) */
    int64_t tail_ns;                  /* when the memory queue is empty again */
    int64_t compute_ns;               /* sum of all ops of one NPU */
    int64_t first_kernel_ns, last_kernel_ns; /* begin of the first, end of the last if all enter together */
    int64_t n_collectives, collective_ns;    /* all-reduces and the time of one when all enter together */
    int64_t collective_bytes;                /* payload of one all-reduce */
    int64_t input_bytes, output_bytes;       /* entry load and exit store of one NPU */
    bool    extrapolates;                    /* some lookup left the profile's grid */
} ws_step;

/** When the last NPU has ended its program. */
static inline int64_t ws_step_end_ns(const ws_step *step)
{
    return step->end_end_ns > step->start_end_ns ? step->end_end_ns : step->start_end_ns;
}

/** What one NPU did in a batch. */
typedef struct ws_npu_times {
    int64_t first_kernel_ns, last_kernel_ns; /* begin of the first, end of the last */
    int64_t active_ns, standby_ns;           /* between them; the rest is idle */
} ws_npu_times;

/** All of it. Times come as one of the two, or kernel by kernel (ws_kernel_hook). */
typedef struct ws_batch_report {
    ws_batch_work       work;
    const ws_step      *step;         /* closed form, valid while the batch begins; NULL otherwise */
    bool                extrapolates; /* some lookup left the profile's grid */
    const ws_npu_times *npus;         /* lockstep: [num_npus] valid when the batch ends; NULL otherwise */
} ws_batch_report;

#endif /* WS_BATCH_REPORT_H */
