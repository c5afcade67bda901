#!/usr/bin/env bash
# One rank: its output in a log of its own, its exit code in a file. Started by srun, once per task (lib.sh).
set -uo pipefail
rank=$(printf 'rank-%05d' "$SLURM_PROCID")
log=$MQM_OUTPUT/slurm/logs/$rank.$MQM_RESTART.$MQM_ATTEMPT.log
mkdir -p "$(dirname "$log")"

# srun forwards SIGTERM and SIGUSR1 to this shell as well: the program is told once, by us.
trap 'kill -USR1 "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM

if [ "$SLURM_PROCID" = 0 ]; then
  "$@" > >(exec tee -a "$log") 2>&1 & # the first rank's progress belongs to the job's log too
else
  "$@" >>"$log" 2>&1 &
fi
child=$!
while kill -0 "$child" 2>/dev/null; do wait "$child"; done # a trapped signal interrupts `wait`
wait "$child"
code=$?
echo "$code" >"$MQM_CODES/$rank"
exit "$code"
