#!/usr/bin/env bash
# Run the sweeps behind docs/behaviours.md and draw its figures again. Takes a minute.
#
# usage: scripts/behaviours.sh [--output DIR] [--figures DIR] [--draw-only]
#   --output DIR    where the result files go (default: outputs)
#   --figures DIR   where the figures go (default: docs/img)
#   --draw-only     use the result files that are there
# WATTSWEEP in the environment names another program than build/release/bin/wattsweep.
# Needs python3-matplotlib (scripts/bootstrap.sh --plots). Exit code 0, or that of the first command that fails.
set -euo pipefail
cd "$(dirname "$0")/.."

output=outputs
figures=docs/img
draw_only=false
while [ $# -gt 0 ]; do
    case $1 in
        --output) output=${2:?--output needs a folder} ;;
        --figures) figures=${2:?--figures needs a folder} ;;
        --draw-only)
            draw_only=true
            shift
            continue
            ;;
        *)
            sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
            exit 2
            ;;
    esac
    shift 2
done
wattsweep=${WATTSWEEP:-build/release/bin/wattsweep}
mkdir -p "$output" "$figures"

# sweep NAME: configs/sweeps/behaviour_NAME.json into OUTPUT/behaviour_NAME.h5
sweep() {
    ! $draw_only || return 0
    echo "+ $wattsweep run configs/sweeps/behaviour_$1.json -o $output/behaviour_$1.h5 --overwrite"
    "$wattsweep" run "configs/sweeps/behaviour_$1.json" -o "$output/behaviour_$1.h5" --overwrite
}

# plot NAME FIGURE OPTIONS..: one figure of that sweep
plot() {
    local name=$1 figure=$2
    shift 2
    scripts/plot_sweep.py "$output/behaviour_$name.h5" -o "$figures/$figure.svg" "$@"
}

sweep batching
loads=(--panel workload.input --label '128=decode-heavy: 128 in, 512 out'
    --label '2048=prefill-heavy: 2048 in, 16 out' --label '4096=long context: 4096 in, 256 out')
plot batching behaviour_batching_energy --x max_num_seqs --curves j_per_token --group tp_size --where /link_bw=16 \
    "${loads[@]}" --log xy --label '1=1 NPU' --label '2=2 NPUs'
plot batching behaviour_batching_active --x max_num_seqs --curves npu_active_share --group /link_bw --where tp_size=2 \
    "${loads[@]}" --log x --percent --label '16=2 NPUs, 16 GB/s' --label '200=2 NPUs, 200 GB/s'

sweep bursts
plot bursts behaviour_bursts --x standby_duration --curves npu_active_share,npu_standby_share,npu_idle_share \
    --panel workload.pulse_size --log x --percent --y-label 'share of NPU time' --label '1=steady: 1 every 6 s' \
    --label '5=5 every 30 s' --label '20=bursty: 20 every 120 s' --label npu_active_share=active \
    --label npu_standby_share=standby --label npu_idle_share=idle

sweep base_power
plot base_power behaviour_base_power --x workload.rate --stack power --bottom base \
    --panel /nodes/0/power/base_node_power --where tp_size=1 --where max_num_seqs=64 --x-label 'requests per second' \
    --label '60=base_node_power 60 W' --label '240=base_node_power 240 W'

sweep allreduce
npus=(--label 'tp_size:1=1 NPU' --label 'tp_size:2=2 NPUs' --label 'tp_size:4=4 NPUs' --label 'tp_size:8=8 NPUs')
plot allreduce behaviour_allreduce_state --x /link_bw --curves npu_standby_share --group tp_size --log x --percent \
    --where /nodes/0/power/link/energy_per_bit=4 --x-label 'link bandwidth [GB/s]' \
    --y-label 'NPU time in standby, waiting for links' "${npus[@]}"
plot allreduce behaviour_allreduce_energy --x /link_bw --curves link_energy_share --group tp_size --log x --percent \
    --panel /nodes/0/power/link/energy_per_bit --x-label 'link bandwidth [GB/s]' --y-label 'share of energy, links' \
    --label 'energy_per_bit:4=4 pJ/bit' --label 'energy_per_bit:64=64 pJ/bit' \
    --label 'energy_per_bit:1024=1024 pJ/bit' "${npus[@]}"

sweep pim
plot pim behaviour_pim --x enable_attn_offloading --stack energy --panel /nodes/0/cpu_mem/pim_config \
    --where workload.input=4096 --where enable_sub_batch_interleaving=False --x-label 'decode attention in memory' \
    --label False=off --label True=on --label 'HBM2_1GB_2000_pim=HBM2, 128 channels' \
    --label 'DDR4_8GB_3200_pim=DDR4, 64 channels'

sweep cxl_weights
places=(--label 'weights:npu=NPU' --label 'weights:cpu=host memory' --label 'weights:cxl:0=CXL memory')
weights=/nodes/0/instances/0/placement/blocks/0/weights
plot cxl_weights behaviour_cxl_energy --x $weights --stack energy --where max_num_seqs=8 "${places[@]}" \
    --x-label 'where 8 of 32 blocks keep their weights'
plot cxl_weights behaviour_cxl_batch --x max_num_seqs --curves j_per_token --group $weights --log xy "${places[@]}"

sweep cxl_kv
