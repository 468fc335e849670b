# shellcheck shell=bash
# tests/slurm/cluster.sh -- a Slurm cluster of one node on this machine, for one test; sourced after tests/sweep/lib.sh.
#
# Real munged, slurmctld and slurmd, on free ports of the loopback interface, with keys, sockets, spools and logs in a
# private folder; nothing of an installed Slurm's configuration is read or changed. Works as any user and without systemd
# and cgroups. The exit trap stops it all. The node claims more CPUs than the machine has, so that jobs need not wait.

slurm_dir= # set by start_cluster: its sockets' paths have to be short, so not in the build folder
pids=()    # of the daemons

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
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PreemptMode=REQUEUE MaxTime=60 State=UP
PartitionName=high Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=60 State=UP
CONF
    : >"$slurm_dir/cgroup.conf"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain for $what"
        sleep 0.2
    done
}

node_is_idle() {
    [ "$(sinfo --noheader --format %T --partition low)" = idle ]
}

start_cluster() {
    slurm_dir=$(mktemp -d /tmp/ws-slurm.XXXXXX)
    trap stop_cluster EXIT
    chmod 711 "$slurm_dir" # munged insists that all can reach its socket
    mkdir "$slurm_dir/state" "$slurm_dir/spool"
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
    slurmd -D -c -N node1 2>"$slurm_dir/slurmd.err" &
    pids+=($!)
    wait_for 60 "the node" node_is_idle
}

# The exit trap: jobs first, so that none survives its daemon.
stop_cluster() {
    local code=$?
    trap - EXIT
    if [ "$code" -ne 0 ]; then
        tail -n 40 "$slurm_dir"/*.log "$slurm_dir"/*.err >&2 || true
    fi
    scancel --user="$(id -un)" 2>/dev/null || true
    kill "${pids[@]}" 2>/dev/null || true
    wait "${pids[@]}" 2>/dev/null || true
    rm -rf "$slurm_dir"
    exit "$code"
}
