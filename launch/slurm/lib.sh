# shellcheck shell=bash
# What the launchers share. Sourced by a batch script inside a Slurm job; see README.md for the variables.
#
#   mqm_setup                 where the repository, the command and the run's folder are
#   mqm_fail SENTENCE         say why, and end the job for good (exit code 2: no restart helps)
#   mqm_catch_signals         the time limit (SIGUSR1) finds somebody at home from here on
#   mqm_check_nodes           every node is fit for the work, or the sentence names it
#   mqm_run_ranks COMMAND...  one task per rank, restarted as long as that helps
#   mqm_train VERB RECIPE ARGUMENTS...  all of these: one stage of training, until its recipe's last step
#   mqm_run_process COMMAND...  one process that goes on where it was when it is started again
#   mqm_submit SCRIPT ARGUMENTS...  a further job, as if from outside of this one

mqm_say() { echo "[$(date '+%F %T')] $*"; }

mqm_fail() {
  echo "error: $*" >&2
  exit 2
}

# --- where things are

# slurmctld runs a copy of a batch script: it finds this file through its job, which remembers where the original lies
# (of an array scontrol shows every task).
MQM_LAUNCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mqm_setup() {
  [ -n "${SLURM_JOB_ID:-}" ] || mqm_fail "this is a batch script: submit it with sbatch, or run it with bash to have it submit itself"
  MQM_REPO=${MQM_REPO:-$(cd "$MQM_LAUNCH/../.." && pwd)}
  MQM=${MQM_COMMAND:-$(mqm_find_command)}
  [ -n "$MQM" ] || mqm_fail "no megatron-qm found in $MQM_REPO/.venv-*/bin or on the PATH: run 'make test' once in $MQM_REPO, or set MQM_COMMAND"
  "$MQM" --version >/dev/null || mqm_fail "$MQM does not run on $(hostname -s): its environment must be visible from every node"
  mapfile -t MQM_NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
  MQM_RESTART=${SLURM_RESTART_COUNT:-0}
  GPUS_PER_NODE=${GPUS_PER_NODE:-$(mqm_gpus_of_job)}
  export MQM MQM_RESTART GPUS_PER_NODE MASTER_ADDR=${MQM_NODES[0]}
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
  mqm_debugging
}

mqm_find_command() {
  local found
  for found in "$MQM_REPO"/.venv-*/bin/megatron-qm "$(command -v megatron-qm || true)"; do
    if [ -x "$found" ]; then echo "$found"; return; fi
  done
}

mqm_python() { # of the environment that the command is of
  local python
  python=$(dirname "$MQM")/python
  if [ -x "$python" ]; then echo "$python"; else echo python3; fi
}

mqm_gpus_of_job() { # the number in SLURM_GPUS_PER_NODE, which may read h100:8
  local gpus=${SLURM_GPUS_PER_NODE:-0}
  echo "${gpus##*:}"
}

# What torch and NCCL leave behind for a post-mortem. Each can be set before sbatch.
mqm_debugging() {
  export PYTHONFAULTHANDLER=1
  export TORCH_NCCL_ASYNC_ERROR_HANDLING=${TORCH_NCCL_ASYNC_ERROR_HANDLING:-1}
  export TORCH_FR_BUFFER_SIZE=${TORCH_FR_BUFFER_SIZE:-2000}             # collectives kept by the flight recorder
  export TORCH_NCCL_DUMP_ON_TIMEOUT=${TORCH_NCCL_DUMP_ON_TIMEOUT:-1}
  export NCCL_DEBUG=${NCCL_DEBUG:-WARN}
  [ -z "${NCCL_IB_HCA:-}" ] || export NCCL_IB_HCA
  [ -z "${NCCL_SOCKET_IFNAME:-}" ] || export NCCL_SOCKET_IFNAME GLOO_SOCKET_IFNAME=${GLOO_SOCKET_IFNAME:-$NCCL_SOCKET_IFNAME}
}

# --- before the work

# A folder that every node shares, with room in it.
mqm_output() {
  MQM_OUTPUT=$1
  mkdir -p "$MQM_OUTPUT/slurm/logs" || mqm_fail "$MQM_OUTPUT: cannot be made; choose another output"
  local free
  free=$(df -Pk "$MQM_OUTPUT" | awk 'NR == 2 {print int($4 / 1048576)}')
  [ "$free" -ge "${MIN_FREE_GB:-1}" ] || mqm_fail "$MQM_OUTPUT: $free GB free, less than MIN_FREE_GB=${MIN_FREE_GB:-1}: make room, or choose another output"
  export TORCH_FR_DUMP_TEMP_FILE=${TORCH_FR_DUMP_TEMP_FILE:-$(realpath "$MQM_OUTPUT")/slurm/flight-recorder-}
  export TORCH_NCCL_DEBUG_INFO_TEMP_FILE=$TORCH_FR_DUMP_TEMP_FILE
}

mqm_srun() { srun "${MQM_CONTAINER[@]}" "$@"; }

# pyxis: CONTAINER_IMAGE, and CONTAINER_MOUNTS beside the repository and the run's folder.
mqm_container() {
  MQM_CONTAINER=()
  [ -n "${CONTAINER_IMAGE:-}" ] || return 0
  local mounts=$MQM_REPO:$MQM_REPO,$PWD:$PWD${CONTAINER_MOUNTS:+,$CONTAINER_MOUNTS}
  MQM_CONTAINER=(--container-image="$CONTAINER_IMAGE" --container-mounts="$mounts" --container-workdir="$PWD")
}

mqm_check_nodes() {
  local answer code=0 count=${#MQM_NODES[@]}
  answer=$(timeout "${CHECK_SECONDS:-120}" srun "${MQM_CONTAINER[@]}" --overlap --nodes="$count" --ntasks="$count" --ntasks-per-node=1 \
    --wait=30 bash "$MQM_LAUNCH/check_node.sh" "$MQM_OUTPUT" 2>&1) || code=$?
  if [ "$code" = 0 ]; then mqm_say "all ${#MQM_NODES[@]} nodes are fit: ${MQM_NODES[*]}"; return; fi
  mqm_unfit "$(grep '^unfit: ' <<<"$answer" | sed 's/^unfit: //' | sort -u)" "$answer" "$code"
}

# A bad node is left out and the job goes back to the queue, once per node; what is not a node's fault ends the job.
mqm_unfit() {
  local reasons=$1 answer=$2 code=$3 bad
  [ -n "$reasons" ] || mqm_fail "the check of the nodes ${MQM_NODES[*]} ended with code $code: $(tail -n 3 <<<"$answer" | tr '\n' ' ')"
  bad=$(cut -d: -f1 <<<"$reasons" | sort -u | paste -sd,)
  echo "error: unfit nodes: $(paste -sd'|' <<<"$reasons" | sed 's/|/; /g')" >&2
  if [ "${EXCLUDE_UNFIT:-0}" = 1 ] && [ "$(tr ',' '\n' <<<"$bad" | wc -l)" -lt "${#MQM_NODES[@]}" ]; then
    mqm_say "leaving $bad out and going back to the queue (EXCLUDE_UNFIT=1)"
    mqm_requeue "unfit nodes $bad" "$bad"
  fi
  exit 2
}

mqm_exclude() {
  local before
  before=$(scontrol show job "$SLURM_JOB_ID" | sed -n 's/.*ExcNodeList=\([^ ]*\).*/\1/p' | grep -v '(null)' || true)
  scontrol update jobid="$SLURM_JOB_ID" ExcNodeList="${before:+$before,}$1" || mqm_say "$1 could not be left out: Slurm may give it to the job again"
}

# --- the work, and what to do when it ends early

# Restarts help as long as there are new checkpoints between them.
mqm_newest_step() {
  local folder newest=0 step
  for folder in "$MQM_OUTPUT"/checkpoints/step-*; do
    [ -f "$folder/manifest.json" ] || continue
    step=$((10#${folder##*/step-}))
    if [ "$step" -gt "$newest" ]; then newest=$step; fi
  done
  echo "$newest"
}

mqm_note_restart() {
  local step now without
  step=$(mqm_newest_step)
  now=$(date '+%F %T')
  echo "$now job $SLURM_JOB_ID restart $MQM_RESTART attempt $MQM_ATTEMPT step $step: $1" >>"$MQM_OUTPUT/slurm/restarts"
  # By position, since reasons speak of steps too; of this job alone, since who submits again has mended something.
  without=$(awk -v job="$SLURM_JOB_ID" -v step="$step" '$3 != "job" || $4 != job {next}
    $10 + 0 == step {n++; next} {n = 0} END {print n + 0}' "$MQM_OUTPUT/slurm/restarts")
  if [ "$without" -gt "${MAX_RESTARTS_WITHOUT_PROGRESS:-3}" ]; then
    echo "error: $without restarts and no checkpoint after step $step; the last reason: $1. See $MQM_OUTPUT/slurm/logs" >&2
    exit 1
  fi
}

mqm_requeue() { # REASON [NODES to leave out]
  mqm_say "back to the queue: $1"
  trap '' TERM # the end of this script, which may come before the nodes are left out
  # The last task of an array has the number of the whole, by which all of them would go.
  scontrol requeue "${SLURM_ARRAY_TASK_ID:+${SLURM_ARRAY_JOB_ID:-}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}" || mqm_fail "scontrol requeue refused; submit the job again to go on"
  if [ -n "${2:-}" ]; then mqm_exclude "$2"; fi # of a running job Slurm refuses it
  trap - TERM
  sleep infinity & # slurmctld ends this script; returning would complete the job instead
  wait $!
  exit 0
}

# Slurm 22.05 restarts a job without its GPUs if it requeues itself while a node is dead but not yet DOWN: so nodes are
# asked first, and one that is silent is left for slurmctld to find, which requeues the job by itself.
mqm_all_nodes_answer() {
  local node
  for node in "${MQM_NODES[@]}"; do
    timeout 20 srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" true >/dev/null 2>&1 || { MQM_SILENT=$node; return 1; }
  done
}

mqm_wait_for_slurmctld() {
  mqm_say "$MQM_SILENT does not answer: waiting for Slurm to take it out of the job"
  local waited=0
  while [ "$waited" -lt "${NODE_DOWN_SECONDS:-600}" ]; do
    sleep 5
    waited=$((waited + 5))
    if mqm_all_nodes_answer; then return; fi
  done
  mqm_requeue "$MQM_SILENT did not come back in ${NODE_DOWN_SECONDS:-600} s and is left out" "$MQM_SILENT"
}

# One start of all ranks; the exit codes of the ranks are left in $MQM_CODES.
mqm_start_ranks() {
  MQM_CODES=$MQM_OUTPUT/slurm/exit/$SLURM_JOB_ID.$MQM_RESTART.$MQM_ATTEMPT
  mkdir -p "$MQM_CODES"
  export MQM_CODES MQM_OUTPUT MQM_ATTEMPT MASTER_PORT=$((10000 + (SLURM_JOB_ID * 7 + MQM_RESTART * 31 + MQM_ATTEMPT) % 20000))
  mqm_say "starting ${SLURM_NTASKS:?} ranks on ${#MQM_NODES[@]} nodes (restart $MQM_RESTART, attempt $MQM_ATTEMPT, newest checkpoint: step $(mqm_newest_step))"
  mqm_srun --kill-on-bad-exit=1 --wait="${RANK_WAIT_SECONDS:-60}" bash "$MQM_LAUNCH/rank.sh" "$@" &
  MQM_SRUN=$!
  MQM_SRUN_CODE=0
  # A trapped signal interrupts `wait`: wait again until srun has really ended.
  while kill -0 "$MQM_SRUN" 2>/dev/null; do wait "$MQM_SRUN" || true; done
  wait "$MQM_SRUN" || MQM_SRUN_CODE=$?
  MQM_SRUN=''
}

mqm_rank_ended_with() { grep -qsx "$1" "$MQM_CODES"/rank-*; }

# The time limit may also come near before the ranks are started, or between two attempts: then nobody is there to tell.
mqm_catch_signals() {
  MQM_SIGNAL='' MQM_SRUN=''
  trap 'MQM_SIGNAL=USR1; mqm_say "SIGUSR1: asking the ranks to save and stop"; mqm_signal_ranks USR1' USR1
}

mqm_signal_ranks() { [ -z "$MQM_SRUN" ] || kill -"$1" "$MQM_SRUN" 2>/dev/null || true; }

# Run COMMAND as every rank until it is done. Exit codes of ranks: megatron_qm/exits.py.
mqm_run_ranks() {
  MQM_ATTEMPT=0
  trap 'MQM_SIGNAL=TERM; mqm_signal_ranks TERM' TERM
  while true; do
    if [ "$MQM_SIGNAL" = TERM ]; then exit 143; fi
    if [ "$MQM_SIGNAL" = USR1 ]; then
      mqm_note_restart "the time limit was near before the ranks were started"
      mqm_requeue "the time limit is near"
    fi
    mqm_start_ranks "$@"
    mqm_rank_ended_with 2 && mqm_tell_and_exit 2 "there is something to mend; no restart helps"
    mqm_rank_ended_with 3 && mqm_tell_and_exit 3 "bad numbers, step after step; no restart helps"
    if [ "$MQM_SRUN_CODE" = 0 ]; then mqm_say "done"; return; fi
    if [ "$MQM_SIGNAL" = TERM ]; then mqm_say "SIGTERM: saved if there was time; Slurm decides what follows"; exit 143; fi
    mqm_note_restart "$(mqm_reason)"
    if [ "$MQM_SIGNAL" = USR1 ]; then mqm_requeue "the time limit is near and the ranks have saved"; fi
    mqm_all_nodes_answer || mqm_wait_for_slurmctld
    MQM_ATTEMPT=$((MQM_ATTEMPT + 1))
  done
}

mqm_reason() {
  if mqm_rank_ended_with 74; then mqm_hang; return; fi
  if mqm_rank_ended_with 75; then echo "saved and stopped by a signal"; return; fi
  local bad
  # The highest code first: a rank that was killed ends with 137, those that lost it with 1.
  bad=$(grep -sHv '^0$' "$MQM_CODES"/rank-* | sed 's|.*/||' | sort -t: -k2,2nr | head -n 3 | sed 's/:/ code /' | paste -sd,)
  echo "srun ended with code $MQM_SRUN_CODE${bad:+; $bad}"
}

mqm_hang() { grep -hs -o 'hang: .*' "$MQM_OUTPUT"/slurm/logs/*."$MQM_RESTART.$MQM_ATTEMPT".log | tail -n 1 | cut -c1-400; }

mqm_tell_and_exit() {
  local rank
  rank=$(basename "$(grep -lsx "$1" "$MQM_CODES"/rank-* | sort | head -n 1)")
  grep -hsE '(^|: )error: ' "$MQM_OUTPUT/slurm/logs/$rank.$MQM_RESTART.$MQM_ATTEMPT.log" | tail -n 1 >&2 || true
  mqm_say "$rank ended with code $1: $2"
  exit "$1"
}

# --- work without ranks

# COMMAND until it is done. Killed, it is started again; near the time limit it is asked to stop, and the job goes back to the
# queue. Returns its exit code.
mqm_run_process() {
  local code killed=0 child=''
  MQM_SIGNAL=''
  trap 'MQM_SIGNAL=USR1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' USR1
  trap 'MQM_SIGNAL=TERM; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true' TERM
  while true; do
    "$@" &
    child=$! code=0
    [ -z "$MQM_SIGNAL" ] || kill -TERM "$child" 2>/dev/null || true # it came while nobody was there to be told
    while kill -0 "$child" 2>/dev/null; do wait "$child" || true; done # a trapped signal interrupts `wait`
    wait "$child" || code=$?
    if [ "$code" -le 128 ]; then return "$code"; fi
    if [ "$MQM_SIGNAL" = USR1 ]; then mqm_requeue "the time limit is near"; fi
    if [ "$MQM_SIGNAL" = TERM ]; then exit 143; fi
    killed=$((killed + 1))
    if [ "$killed" -gt "${MAX_RESTARTS_WITHOUT_PROGRESS:-3}" ]; then return "$code"; fi
    mqm_say "ended by signal $((code - 128)): started again, to go on where it was"
  done
}

# What Slurm says of this job in variables would hold for the other one too.
mqm_submit() (
  for name in "${!SLURM_@}"; do [ "$name" = SLURM_CONF ] || unset "$name"; done
  unset GPUS_PER_NODE TASKS_PER_NODE
  bash "$MQM_LAUNCH/submit.sh" "$@"
)

# --- a stage of training

# `megatron-qm VERB --config RECIPE [key=value ...]` as every rank. RECIPE is the variable, where no --config is given;
# the one named here where that is not set either.
mqm_train() {
  mqm_catch_signals
  local verb=$1 recipe=${RECIPE:-$2} plan output
  shift 2
  [[ " $* " =~ " --config"[\ =] ]] || set -- --config "$recipe" "$@"
  mqm_setup
  mqm_container
  plan=$("$MQM" "$verb" "$@" --dry-run --nproc "$SLURM_NTASKS") || exit 2
  echo "$plan"
  output=$(mqm_planned output <<<"$plan") || exit 2
  LOCAL_COPIES=$(mqm_planned checkpoint.local <<<"$plan") || exit 2
  export LOCAL_COPIES
  mqm_output "$output"
  mqm_check_nodes
  mqm_run_ranks "$MQM" "$verb" "$@"
  "$MQM" report "$output" || true
}

# Of a dry run on stdin: the value of KEY or SECTION.KEY in the recipe that it begins with, as the verb resolved it.
# Nothing for null. YAML goes on in the next line where a value is long.
mqm_planned() {
  local value
  value=$(awk -v wanted="${1//./:}:" '
    /^$/ {exit}
    /^[a-z_]+:/ {section = path = $1}
    /^  [a-z_]+:/ {path = section $1}
    path == wanted {sub(/^ *[a-z_]+: */, ""); sub(/^ +/, " "); printf "%s", $0}')
  case $value in
    null) ;;
    \'*\') value=${value:1:-1}; echo "${value//\'\'/\'}" ;;
    \"*) mqm_fail "$1 = $value: take a name without such characters" ;;
    *) echo "$value" ;;
  esac
}
