#!/usr/bin/env bash
#SBATCH --job-name=reward_model
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
# A reward model that comes back by itself, as pretrain.sh does: it goes on from the newest good checkpoint until the recipe's last
# step.
#
#   sbatch launch/slurm/reward_model.sh train.start_from=CKPT 'reward_model.sources=[{name: pairs, path: data/pairs.jsonl}]'
#   NODES=1 GPUS_PER_NODE=0 TASKS_PER_NODE=2 RECIPE=reward-model-tiny-cpu bash launch/slurm/reward_model.sh train.start_from=CKPT ...
#
# Arguments go to `megatron-qm reward-model`. Every variable: launch/slurm/README.md.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_train reward-model reward-model-h100 "$@"
