#!/usr/bin/env bash
#SBATCH --job-name=pretrain
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
# (Continued) pretraining that comes back by itself: after a crashed node, a killed or hung rank, the time limit,
# preemption. It goes on from the newest good checkpoint until the recipe's last step.
#
#   sbatch launch/slurm/pretrain.sh                                   the 1.7B recipe on one node of 8 H100s
#   sbatch --nodes=64 launch/slurm/pretrain.sh --config qwen3-32b-h100 train.tokens=1e12 ...
#   NODES=64 PARTITION=h100 RECIPE=qwen3-32b-h100 bash launch/slurm/pretrain.sh ...    the same, from variables
#   NODES=2 GPUS_PER_NODE=0 TASKS_PER_NODE=2 RECIPE=tiny-cpu bash launch/slurm/pretrain.sh 'data.sources=[...]'
#
# Arguments go to `megatron-qm pretrain`. Every variable: launch/slurm/README.md.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_train pretrain qwen3-1.7b-h100 "$@"
