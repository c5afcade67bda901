#!/usr/bin/env bash
#SBATCH --job-name=sft
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
# Supervised fine-tuning that comes back by itself, as pretrain.sh does: it goes on from the newest good checkpoint until
# the recipe's last step.
#
#   sbatch launch/slurm/sft.sh train.start_from=CKPT 'sft.sources=[{name: chat, path: data/chat.jsonl}]'
#                                                                     the cold start before RL, on 8 nodes of 8 H100s
#   sbatch --nodes=4 launch/slurm/sft.sh --config my-sft.yaml train.start_from=CKPT ...
#   NODES=1 GPUS_PER_NODE=0 TASKS_PER_NODE=2 RECIPE=sft-tiny-cpu bash launch/slurm/sft.sh train.start_from=CKPT ...
#
# Arguments go to `megatron-qm sft`. Every variable: launch/slurm/README.md.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_train sft sft-cold-start-h100 "$@"
