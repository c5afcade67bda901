#!/usr/bin/env bash
#SBATCH --job-name=preprocess
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --array=0-7
#SBATCH --output=slurm-%x-%A-%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
# Raw text to one indexed dataset: each task of the array makes a shard, and the last to finish merges them.
#
#   sbatch --array=0-63 --cpus-per-task=8 launch/slurm/preprocess.sh --input 'raw/*.jsonl.gz' --output-prefix data/medical \
#       --tokenizer TOKENIZER --append-eod
#
# A task that is killed or requeued goes on where it was; submitting the same again makes only what is missing.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_setup
prefix='' count=${SLURM_ARRAY_TASK_COUNT:-1} index=$((${SLURM_ARRAY_TASK_ID:-0} - ${SLURM_ARRAY_TASK_MIN:-0}))
arguments=()
while [ $# -gt 0 ]; do
  if [ "$1" = --output-prefix ]; then prefix=${2:?"--output-prefix needs a path"}; shift 2; else arguments+=("$1"); shift; fi
done
[ -n "$prefix" ] || mqm_fail "preprocess.sh needs --output-prefix, where the merged dataset goes"
mkdir -p "$(dirname "$prefix")" || mqm_fail "$(dirname "$prefix"): cannot be made"

shard=$(printf '%s.shard-%05d-of-%05d' "$prefix" "$index" "$count")
"$MQM" data preprocess "${arguments[@]}" --output-prefix "$shard" --shard-index "$index" --shard-count "$count" \
  --workers "${SLURM_CPUS_PER_TASK:-1}" --resume

# The last to come here merges; a lock decides where two come at once.
exec 9>"$prefix.merge.lock"
flock 9
shards=()
for ((i = 0; i < count; i++)); do
  shard=$(printf '%s.shard-%05d-of-%05d' "$prefix" "$i" "$count")
  if [ ! -f "$shard.json" ]; then mqm_say "shard $i is not done: its task will merge"; exit 0; fi
  shards+=("$shard")
done
if [ -f "$prefix.json" ]; then mqm_say "$prefix is merged"; exit 0; fi
"$MQM" data merge --output-prefix "$prefix" --resume "${shards[@]}"
mqm_say "done: $prefix.bin, $prefix.idx, $prefix.json"
