# shellcheck shell=bash
# tests/slurm/cluster.sh -- a Slurm cluster of one node on this machine, for one test; sourced. With all of tests/sweep/lib.sh.
#
# Real munged, slurmctld and slurmd, on free ports of the loopback interface, with keys, sockets, spools and logs in a
# private folder; nothing of an installed Slurm's configuration is read or changed. Works as any user and without systemd
# and cgroups. The exit trap stops it all. The node claims more CPUs than the machine has, so that jobs need not wait.

# shellcheck source=tests/sweep/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../sweep/lib.sh"

slurm_dir=    # set by start_cluster: its sockets' paths have to be short, so not in the build folder
pids=()       # of the daemons
ctld_began_s= # when slurmctld started, on SECONDS

# Leave with 77, which CTest shows as skipped, unless Slurm is installed.
need_slurm() {
    local program
    export PATH=$PATH:/usr/sbin:/sbin
    for program in munged slurmctld slurmd sbatch srun squeue scontrol; do
        command -v "$program" >/dev/null || {
            echo "SKIPPED: no $program here; install Slurm: scripts/bootstrap.sh --slurm"
            exit 77
        }
    done
}

# free_ports N: N TCP ports nobody listens on.
free_ports() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import socket, sys
holders = [socket.socket() for _ in range(int(sys.argv[1]))]
for holder in holders:
    holder.bind(("127.0.0.1", 0))
print(*(holder.getsockname()[1] for holder in holders))
PYTHON
}

# linuxproc and task/none instead of cgroups. The requeued wait cred_expire + 1 s; preemption leaves KillWait s to go.
write_config() {
    local host ctld_port slurmd_port
    host=$(hostname -s)
    read -r ctld_port slurmd_port <<<"$(free_ports 2)"
    cat >"$slurm_dir/slurm.conf" <<CONF
ClusterName=wattsweep
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$ctld_port
SlurmdPort=$slurmd_port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$slurm_dir/munge.socket,cred_expire=${CRED_EXPIRE:-120}
StateSaveLocation=$slurm_dir/state
SlurmdSpoolDir=$slurm_dir/spool
SlurmctldPidFile=$slurm_dir/slurmctld.pid
SlurmdPidFile=$slurm_dir/slurmd.pid
SlurmctldLogFile=$slurm_dir/slurmctld.log
SlurmctldDebug=debug2
SlurmdLogFile=$slurm_dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=1,sched_min_interval=100000,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE MaxTime=INFINITE State=UP
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=INFINITE State=UP
CONF
    : >"$slurm_dir/cgroup.conf"
    echo "PMIxCliTmpDirBase=$slurm_dir/tmp" >"$slurm_dir/mpi.conf" # else in /tmp, by job id: shared with other clusters
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds, for so long at most (scaled).
wait_for() {
    local end=$((SECONDS + $(scaled "$1"))) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for $what"
        sleep 0.2
    done
}

# ctld_age_s: seconds since slurmctld started.
ctld_age_s() {
    echo $((SECONDS - ctld_began_s))
}

node_is_idle() {
    [ "$(sinfo --noheader --format %T --partition low)" = idle ]
}

start_cluster() {
    slurm_dir=$(mktemp -d -t ws-slurm.XXXXXX)
    trap stop_cluster EXIT
    chmod 711 "$slurm_dir" # munged insists that all can reach its socket
    mkdir "$slurm_dir/state" "$slurm_dir/spool" "$slurm_dir/tmp"
    head -c 1024 /dev/urandom >"$slurm_dir/munge.key"
    chmod 600 "$slurm_dir/munge.key"
    write_config
    export SLURM_CONF=$slurm_dir/slurm.conf
    munged --foreground --key-file="$slurm_dir/munge.key" --socket="$slurm_dir/munge.socket" \
        --pid-file="$slurm_dir/munged.pid" --log-file="$slurm_dir/munged.log" --seed-file="$slurm_dir/munged.seed" \
        2>"$slurm_dir/munged.err" &
    pids+=($!)
    wait_for 20 munged munge --socket="$slurm_dir/munge.socket" --no-input
    slurmctld -D -c 2>"$slurm_dir/slurmctld.err" &
    pids+=($!)
    ctld_began_s=$SECONDS
    slurmd -D -c -N node1 2>"$slurm_dir/slurmd.err" &
    pids+=($!)
    wait_for 60 "the node" node_is_idle
}

# ---- jobs ----

# submit SCRIPT ARGUMENTS... (sbatch's options and SPEC FILE): prints the job's id. The script is the one that is shipped.
submit() {
    local script=$1 options=() spec_and_file
    shift
    while [ $# -gt 2 ]; do
        options+=("$1")
        shift
    done
    spec_and_file=("$@")
    sbatch --parsable "${options[@]}" "$SCRIPT_DIR/$script" "${spec_and_file[@]}"
}

# job_field ID NAME: what Slurm says of a job, such as JobState, ExitCode, Restarts, Reason.
job_field() {
    scontrol --oneliner show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1
}

job_has() {
    [ "$(job_field "$1" "$2")" = "$3" ]
}

expect_job() {
    job_has "$1" "$2" "$3" || fail "job $1: expected $2=$3, found $(job_field "$1" "$2")"
}

# A requeued job waits until its credential has expired, two minutes: let it start now, but not within the second in which the
# old credential was revoked, or slurmd takes the new one for that (and the job fails). Fails while it does not wait.
start_requeued() {
    job_has "$1" Reason BeginTime && sleep 2 && scontrol update JobId="$1" StartTime=now
}

# For an array: that all its tasks have.
has_ended() {
    local states
    states=$(squeue --noheader --states=all --array --jobs="$1" --format=%T)
    [ -n "$states" ] && ! grep -Evqx 'COMPLETED|FAILED|TIMEOUT|CANCELLED|PREEMPTED|NODE_FAIL' <<<"$states"
}

# run_to_end ID SECONDS: wait until a job has ended, however often it is requeued on the way; so long at most (scaled).
run_to_end() {
    local end=$((SECONDS + $(scaled "$2")))
    until has_ended "$1" && sleep 1 && has_ended "$1"; do # on its way back into the queue a job is many things
        [ "$SECONDS" -lt "$end" ] || fail "job $1 did not end: $(scontrol --oneliner show job "$1")"
        start_requeued "$1" || true
        sleep 0.3
    done
}

not() {
    ! "$@"
}

is_process() {
    kill -0 "$1"
}

# rank_process RANK FILE: the process of a rank of the sweep into FILE, on this cluster.
rank_process() {
    local pid
    for pid in $(pgrep -x wattsweep); do
        if grep -qzE "^(PMIX_RANK|OMPI_COMM_WORLD_RANK)=$1\$" "/proc/$pid/environ" 2>/dev/null &&
            grep -qz "^SLURM_CONF=$SLURM_CONF\$" "/proc/$pid/environ" && grep -qzFx "$2" "/proc/$pid/cmdline"; then
            echo "$pid"
            return
        fi
    done
    fail "no process of rank $1 of $2"
}

# hold_job FILE -> rank0_pid: hold the sweep of a job. Slurm wakes it where it ends the job.
hold_job() {
    wait_for 60 "$1" test -e "$1"
    rank0_pid=$(rank_process 0 "$1")
    hold_with_rows "$rank0_pid" "$1"
}

# make_sweep CPU_SECONDS: sweep.json, with so many jobs that one core computes about that long in this build.
make_sweep() {
    local cpu_s repeats TIMEFORMAT=%U
    sed 's/"repeats": [0-9]*/"repeats": 1/' "$SPEC_DIR/kill.json" >sweep.json
    cpu_s=$({ time "$WATTSWEEP" run sweep.json -o probe.h5 -q; } 2>&1)
    repeats=$(/usr/bin/python3 -c "print(max(2, round($1 / $cpu_s)))")
    sed "s/\"repeats\": [0-9]*/\"repeats\": $repeats/" "$SPEC_DIR/kill.json" >sweep.json
}

# What runs with this cluster's configuration and is no child of ours: a job's keepers, where they outlive it.
kill_orphans() {
    local pid
    for pid in $(pgrep slurmstepd); do
        ! grep -qz "^SLURM_CONF=$SLURM_CONF\$" "/proc/$pid/environ" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    done
}

# The exit trap: jobs first, so that none survives its daemon.
stop_cluster() {
    local code=$?
    trap - EXIT
    if [ "$code" -ne 0 ]; then
        tail -n 40 ./*.log >&2 || true
        grep -hv debug "$slurm_dir"/*.log | tail -n 60 >&2 || true
    fi
    scancel --signal=KILL --full --user="$(id -un)" 2>/dev/null || true
    scancel --user="$(id -un)" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        [ -n "$(squeue --noheader 2>/dev/null)" ] || break
        sleep 0.2
    done
    kill_orphans
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    rm -rf "$slurm_dir"
    exit "$code"
}
