#!/usr/bin/env bash
# sbatch with the options that variables name: bash submit.sh SCRIPT ARGUMENTS... (the batch scripts call it themselves).
set -euo pipefail
script=$(realpath "$1")
shift
options=()
add() { if [ -n "$2" ]; then options+=("$1=$2"); fi; }
add --nodes "${NODES:-}"
add --ntasks-per-node "${TASKS_PER_NODE:-${GPUS_PER_NODE:-}}"
add --gpus-per-node "${GPUS_PER_NODE:-}"
add --cpus-per-task "${CPUS_PER_TASK:-}"
add --partition "${PARTITION:-}"
add --account "${ACCOUNT:-}"
add --qos "${QOS:-}"
add --time "${TIME_LIMIT:-}"
add --output "${JOB_LOG:-}"
add --job-name "${JOB_NAME:-}"
add --dependency "${DEPENDENCY:-}"
add --array "${ARRAY:-}"
# shellcheck disable=SC2086  # several options in one variable, as on a command line
exec sbatch "${options[@]}" ${SBATCH_OPTIONS:-} "$script" "$@"
