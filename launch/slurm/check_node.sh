#!/usr/bin/env bash
# Is this node fit for the work? Prints "unfit: NODE: why" and ends with 1 if not. Run once per node by lib.sh.
set -uo pipefail
node=${SLURMD_NODENAME:-$(hostname -s)}
output=$1

unfit() {
  echo "unfit: $node: $*"
  exit 1
}

"$MQM" --version >/dev/null 2>&1 || unfit "$MQM does not run here: is its environment on storage that all nodes share?"
probe=$output/slurm/.probe-$node
(echo "$node" >"$probe") 2>/dev/null || unfit "cannot write to $output: is it on storage that all nodes share?"
rm -f "$probe"
if [ -n "${LOCAL_COPIES:-}" ]; then
  mkdir -p "$LOCAL_COPIES" 2>/dev/null
  [ -w "$LOCAL_COPIES" ] || unfit "cannot write to its own disk at $LOCAL_COPIES"
fi
[ "${GPUS_PER_NODE:-0}" -gt 0 ] || exit 0

command -v nvidia-smi >/dev/null || unfit "has no nvidia-smi, but $GPUS_PER_NODE GPUs are wanted"
found=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null | wc -l)
[ "$found" -ge "$GPUS_PER_NODE" ] || unfit "shows $found GPUs, $GPUS_PER_NODE are wanted"
while IFS=, read -r index errors; do
  if [[ "$errors" =~ [1-9] ]]; then unfit "GPU $index has $errors uncorrected ECC errors: have it reset or replaced"; fi
done < <(nvidia-smi --query-gpu=index,ecc.errors.uncorrected.volatile.total --format=csv,noheader,nounits 2>/dev/null)
while IFS=, read -r index slowdown; do
  if [ "${slowdown// /}" = Active ]; then unfit "GPU $index is slowed down by its hardware (heat or power)"; fi
done < <(nvidia-smi --query-gpu=index,clocks_throttle_reasons.hw_slowdown --format=csv,noheader 2>/dev/null)
python=$(dirname "$MQM")/python
[ -x "$python" ] || python=python3
answer=$(timeout "${GPU_CHECK_SECONDS:-60}" "$python" -m megatron_qm.platform.check_gpus "$GPUS_PER_NODE" 2>&1) ||
  unfit "$(tail -n 1 <<<"$answer")"
