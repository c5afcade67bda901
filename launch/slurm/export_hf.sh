#!/usr/bin/env bash
#SBATCH --job-name=export-hf
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
# A checkpoint to a Hugging Face folder, through the release gate. Needs no GPU; the gate loads the model once with
# transformers (4 bytes per parameter of memory).
#
#   sbatch --mem=160G launch/slurm/export_hf.sh --checkpoint runs/NAME/checkpoints/step-00095368 --output release/
#   sbatch --dependency=afterok:JOB launch/slurm/export_hf.sh --run runs/NAME --output release/     its newest checkpoint
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_setup
arguments=()
while [ $# -gt 0 ]; do
  if [ "$1" = --run ]; then
    MQM_OUTPUT=${2:?"--run needs the folder of a run"}
    newest=$(printf '%s/checkpoints/step-%08d' "$MQM_OUTPUT" "$(mqm_newest_step)")
    [ -d "$newest" ] || mqm_fail "$MQM_OUTPUT: has no checkpoint to export"
    arguments+=(--checkpoint "$newest")
    shift 2
  else
    arguments+=("$1")
    shift
  fi
done
exec "$MQM" export-hf "${arguments[@]}"
