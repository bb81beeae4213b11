#!/usr/bin/env bash
# The pipeline on a real SLURM with two nodes, one of which dies half way, gives what it gives on one machine.
#
#   tests/cluster/prove_slurm.sh [MODEL]     as root on Debian, with this package installed (pip install '.[cluster]')
#
# The nodes are two slurmd on loopback; the shared file system is this machine's own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
. "$here/slurm.sh"

[ "$(id -u)" = 0 ] || { echo "prove_slurm.sh starts SLURM's daemons and must be root"; exit 2; }
[ ! -e /etc/slurm/slurm.conf ] || { echo "/etc/slurm/slurm.conf exists: this machine has a SLURM of its own"; exit 2; }
if ! { command -v slurmctld && command -v munged; } >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null
fi

work=$(mktemp -d)
finish() {
    local status=$?
    cluster_stop "$work/slurm"
    [ "$status" = 0 ] || tail -n 30 "$work"/{local,cluster}.log "$work"/slurm/*.log 2>/dev/null || true
    # what a job that was cut off still writes there is no reason to fail
    rm -rf "$work" || { sleep 5; rm -rf "$work"; } || echo "left behind: $work"
}
trap finish EXIT
mkdir "$work/local" "$work/cluster" "$work/slurm"
cat >"$work/proof.yaml" <<CONFIG
simulate: {genome_length: 8000, coverage: 20, read_length: 3000}
segment: {batches: 6}
basecall: {model: ${1:-r9.4.1}, device: cpu, threads: 2}
assemble: {threads: 2}
CONFIG

pipeline() { snakemake -s "$checkout/Snakefile" --configfile "$work/proof.yaml" "$@"; }

echo "on one machine"
pipeline -d "$work/local" --profile "$checkout/workflows/profiles/local" >"$work/local.log" 2>&1

echo "on two nodes"
cluster_start "$work/slurm"
pipeline -d "$work/cluster" --profile "$checkout/workflows/profiles/slurm" --slurm-no-account \
    --slurm-status-command squeue --slurm-init-seconds-before-status-checks 5 --latency-wait 10 \
    >"$work/cluster.log" 2>&1 &
run=$!

batches_done() { find "$work/cluster/results/batches" -name calls.bam 2>/dev/null | wc -l; }
until [ "$(batches_done)" -ge 1 ] && [ -n "$(squeue --noheader --states running --nodelist node2)" ]; do
    kill -0 "$run" 2>/dev/null || { echo "the run ended before a node could be killed"; exit 1; }
    sleep 0.2
done
lost=$(squeue --noheader --states running --nodelist node2 --format %i | head -n 1)
echo "$(batches_done) of 6 batches called; node2 dies with job $lost on it"
cluster_kill node2 "$work/slurm"

wait "$run"
sinfo --noheader --nodes node2 --format "node2 is %T"
restarts=$(scontrol show job "$lost" | grep -o "Restarts=[0-9]*")
[ "$restarts" != Restarts=0 ] || { echo "job $lost was not started again"; exit 1; }
python3 "$here/compare.py" "$work/local/results" "$work/cluster/results"
echo "proved: job $lost was started again ($restarts); same reads, same contigs"
