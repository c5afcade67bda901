#!/usr/bin/env bash
#SBATCH --job-name=build-corpus
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --output=slurm-%x-%j.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --signal=B:USR1@120
# A corpus.yaml to its corpus and dataset: this job checks the config and submits those that do the work, each after the one
# before. `build_corpus.py --dry-run` says which: an array over the files of the sources, a job for each stage over the whole,
# and one for the rest.
#
#   sbatch --cpus-per-task=16 --mem=64G launch/slurm/build_corpus.sh --config corpus.yaml --tasks 64
#   JOIN_OPTIONS="--cpus-per-task=96 --mem=512G" sbatch ...       options of the jobs that are no array
#
# They get partition, account, QOS, CPUs, memory and time limit of this job. What becomes of them is said, a line each, in
# OUTPUT/slurm/chain.log. One that is killed goes on where it was; one that fails stops those after it; submitting the same
# again makes only what is missing.
set -euo pipefail

if [ -z "${SLURM_JOB_ID:-}" ]; then
  exec bash "$(dirname "$0")/submit.sh" "$0" "$@"
fi
launch=${MQM_LAUNCH:-$(dirname "$(scontrol show job "$SLURM_JOB_ID" | awk '/^ *Command=/ && !found++ {sub("Command=", "", $1); print $1}')")}
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$launch/lib.sh"

mqm_setup
program=("$(mqm_python)" "$MQM_REPO/data_tools/build_corpus.py")

say() { echo "$(date '+%F %T') $*" | tee -a "$MQM_OUTPUT/slurm/chain.log"; }

# --- a job of the chain: --job NAME OUTPUT LOG ARGUMENTS-OF-ITS-OWN ARGUMENTS...

work() {
  local name=$1${SLURM_ARRAY_TASK_ID:+-$SLURM_ARRAY_TASK_ID} log own code=0 why
  MQM_OUTPUT=$2 log=${3//%a/${SLURM_ARRAY_TASK_ID:-}}
  read -ra own <<<"${4//%a/${SLURM_ARRAY_TASK_ID:-}}"
  shift 4
  # A task of the array has come further each time; a stage over the whole begins again.
  if [ -z "${SLURM_ARRAY_TASK_ID:-}" ] && [ "$MQM_RESTART" -gt "${MAX_RESTARTS_WITHOUT_PROGRESS:-3}" ]; then
    stop "$name" 2 "came back to the queue $MQM_RESTART times; where that was for want of time, give it more (JOIN_OPTIONS), and submit again"
  fi
  mqm_run_process "${program[@]}" --workers "${SLURM_CPUS_PER_TASK:-1}" "$@" "${own[@]}" || code=$?
  if [ "$code" = 0 ]; then say "$name: done (job $SLURM_JOB_ID)"; return; fi
  why=$(grep -hsE '(^|: )error: ' "$log" | tail -n 1 | sed 's/^.*error: //') || true
  if [ "$code" -gt 128 ]; then why="was ended by signal $((code - 128)) again and again, perhaps for want of memory"; fi
  stop "$name" "$code" "${why:-ended with code $code, see $log}"
}

stop() { # NAME CODE WHY
  say "error: $1 (job $SLURM_JOB_ID) stops the chain: $3" >&2
  exit "$2"
}

# --- the first job: what is asked for is checked, and submitted

own_options() { # of this job, for those of the chain
  local limit
  limit=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/.*TimeLimit=\([^ ]*\).*/\1/p')
  export PARTITION=${PARTITION:-${SLURM_JOB_PARTITION:-}} ACCOUNT=${ACCOUNT:-${SLURM_JOB_ACCOUNT:-}} QOS=${QOS:-${SLURM_JOB_QOS:-}}
  export CPUS_PER_TASK=${CPUS_PER_TASK:-${SLURM_CPUS_PER_TASK:-}} TIME_LIMIT=${TIME_LIMIT:-$limit}
  SBATCH_OPTIONS="--requeue --kill-on-invalid-dep=yes --parsable ${SBATCH_OPTIONS:-}"
  [ -z "${SLURM_MEM_PER_NODE:-}" ] || SBATCH_OPTIONS+=" --mem=${SLURM_MEM_PER_NODE}M"
  export SBATCH_OPTIONS
}

submit() { # NAME TASKS ARGUMENTS-OF-ITS-OWN ARGUMENTS...; the job's number is left in $submitted
  local name=$1 tasks=$2 mine=$3 log=$MQM_OUTPUT/slurm/logs/$1.log
  shift 3
  local options="$SBATCH_OPTIONS ${JOIN_OPTIONS:-}" array=''
  if [ "$tasks" != one ]; then log=${log%.log}-%a.log options=$SBATCH_OPTIONS array=0-$((tasks - 1)); fi
  submitted=$(JOB_NAME=$name ARRAY=$array JOB_LOG=$log DEPENDENCY=${submitted:+afterok:$submitted} SBATCH_OPTIONS=$options \
    mqm_submit "$launch/build_corpus.sh" --job "$name" "$MQM_OUTPUT" "$log" "$mine" "$@") || return 1
  submitted=${submitted%%;*}
  say "$name: submitted (job $submitted)"
}

if [ "${1:-}" = --job ]; then
  shift
  work "$@"
  exit 0
fi

[[ " $* " != *" --redo"[\ =]* ]] || mqm_fail "--redo is for one machine: take away the folders of that stage and of all after it, and submit again"
[[ " $* " != *" --task"[\ =]* ]] || mqm_fail "--task is said to each task of the array here: leave it out"
plan=$("${program[@]}" "$@" --dry-run) || exit 2
echo "$plan"
[[ " $* " != *" --dry-run "* ]] || exit 0
output=$(mqm_planned output <<<"$plan") || exit 2
mqm_output "$(realpath -m "$output")"
own_options
submitted='' chain=()
while IFS=$'\t' read -r name tasks mine; do
  submit "$name" "$tasks" "$mine" "$@" </dev/null || { scancel "${chain[@]}"; mqm_fail "$name could not be submitted; none of the jobs before it is left"; }
  chain+=("$submitted")
done < <(sed -nE 's/^job ([^:]+): ([^ ]+) tasks?: (.*)$/\1\t\2\t\3/p' <<<"$plan")
mqm_say "what becomes of them: $MQM_OUTPUT/slurm/chain.log"
