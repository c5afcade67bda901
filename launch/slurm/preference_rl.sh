#!/usr/bin/env bash
#SBATCH --job-name=preference-rl
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@300
# Preference RL (stage 2 of the report) that comes back by itself, as pretrain.sh does: it goes on from the newest good checkpoint
# until the recipe's last step.
#
#   sbatch launch/slurm/preference_rl.sh train.start_from=CKPT rl.items=data/preference-rl.jsonl \
#       rl.rewards.1.checkpoint=HONESTY rl.rewards.2.checkpoint=HELPFULNESS rl.rewards.3.checkpoint=CONSISTENCY \
#       'rl.verifier.judge={base: http://127.0.0.1:8000/v1, model: NAME}' rl.verifier.seconds=300
#   sbatch --dependency=afterok:JOB launch/slurm/preference_rl.sh ...                   after the job of medical_rl.sh
#
# Arguments go to `megatron-qm rl`. Every variable: launch/slurm/README.md.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_train rl preference-rl-h100 "$@"
