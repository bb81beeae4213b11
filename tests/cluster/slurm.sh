# Two SLURM nodes on loopback, for `prove_slurm.sh`: sourced, not run. Needs root and Debian's slurm-wlm and munge.

# cluster_start FOLDER: state, logs and pid files of all daemons go there.
cluster_start() {
    local folder=$1 host
    host=$(hostname -s)
    mkdir -p "$folder"/{controller,node1,node2} /etc/slurm
    # cred_expire: else a job of a lost node waits two minutes before it may start elsewhere
    cat >/etc/slurm/slurm.conf <<CONF
ClusterName=proof
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthInfo=cred_expire=5
SlurmctldTimeout=10
SlurmdTimeout=10
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=1,sched_interval=5
MinJobAge=600
JobRequeue=1
MailProg=/bin/true
SlurmdParameters=config_overrides
StateSaveLocation=$folder/controller
SlurmdSpoolDir=$folder/%n
SlurmctldPidFile=$folder/controller.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/controller.log
SlurmdLogFile=$folder/%n.log
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=17001 CPUs=2 RealMemory=8000
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=17002 CPUs=2 RealMemory=8000
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
CONF
    [ -s /etc/munge/munge.key ] || mungekey --create
    mkdir -p /run/munge && chown munge: /run/munge
    pgrep -x munged >/dev/null || runuser -u munge -- munged
    slurmctld
    slurmd -N node1
    slurmd -N node2
    for _ in $(seq 60); do
        [ "$(sinfo --noheader --format %D --states idle)" = 2 ] && return
        sleep 1
    done
    echo "the two nodes did not come up:"; sinfo; tail -n 5 "$folder"/*.log
    return 1
}

# cluster_kill NODE FOLDER: the node is gone at once, with all that runs on it, as when its power fails.
cluster_kill() {
    local process jobs="" keepers=""
    for process in /proc/[0-9]*; do
        if tr '\0' '\n' 2>/dev/null <"$process/environ" | grep -qx "SLURMD_NODENAME=$1"; then
            jobs+=" ${process#/proc/}"
            keepers+=" $(awk '$1 == "PPid:" {print $2}' "$process/status")"
        fi
    done 2>/dev/null
    # slurmd and slurmstepd first: they would report the job's death, which a lost node does not
    kill -9 "$(cat "$2/$1.pid")"
    for process in $keepers; do
        [ "$(cat "/proc/$process/comm" 2>/dev/null)" = slurmstepd ] && kill -9 "$process"
    done
    for process in $jobs; do
        kill -9 "$process" 2>/dev/null || true
    done
}

# cluster_stop FOLDER: ends the daemons that `cluster_start` started (munged stays: others may use it). They write their
# state as they go, so it returns when they are gone: until then FOLDER cannot be removed.
cluster_stop() {
    local file daemons="" process
    scancel --state=RUNNING --state=PENDING --user "$(id -un)" 2>/dev/null || true
    for file in "$1"/*.pid; do
        [ -s "$file" ] && daemons+=" $(cat "$file")"
    done
    for process in $daemons; do
        kill "$process" 2>/dev/null || true
    done
    for process in $daemons; do
        for _ in $(seq 100); do
            grep -q "^State:[[:space:]]*[^ZX]" "/proc/$process/status" 2>/dev/null || continue 2
            sleep 0.2
        done
        kill -9 "$process" 2>/dev/null || true
    done
    rm -f /etc/slurm/slurm.conf
}
