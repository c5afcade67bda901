"""Adapters through the stages: fine-tuned, reinforced, released, the frozen weights untouched."""

from pathlib import Path

from megatron_qm.checkpoint.manifest import lora_of, read_manifest
from megatron_qm.config.lora import is_adapter
from megatron_qm.drills.compare import tensor_hashes
from tests import warm
from tests.align.stages import records, run

TP2 = ["parallel.tp=2", "parallel.sp=true"]


def hashes(checkpoint: Path, *, adapters: bool) -> dict[str, str]:
    """Of the adapters' tensors or of all other weights, without the optimizer's."""
    found = {name: value for name, value in tensor_hashes(checkpoint).items()
             if not name.startswith("optimizer") and is_adapter(name) == adapters}
    assert found
    return found


def test_adapters_go_from_stage_to_stage_and_into_the_release(tiny: Path, policy: Path, tmp_path: Path) -> None:
    tuned = run("sft", tiny / "sft.yaml", tmp_path / "sft", "sft.epochs=2", f"train.start_from={policy}", "lora.rank=4", *TP2,
                ranks=2)
    learnt = run("rl", tiny / "rl.yaml", tmp_path / "rl", f"train.start_from={tuned}", "lora.rank=4", "rl.prompts=2", *TP2,
                 ranks=2)
    rl = records(tmp_path / "rl", "train")
    assert rl[0]["others"]["kl"] < 1e-6 < rl[-1]["others"]["kl"]  # the adapters have left their reference
    before, after = (hashes(checkpoint, adapters=True) for checkpoint in (tuned, learnt))
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())
    assert lora_of(read_manifest(learnt)).rank == 4
    assert hashes(policy, adapters=False) == hashes(tuned, adapters=False) == hashes(learnt, adapters=False)
    done = warm.megatron_qm("export-hf", "--checkpoint", learnt, "--output", tmp_path / "hf", "--dtype", "fp32", "--skip-answer")
    assert done.returncode == 0 and "logits differ by at most" in done.stdout, done.stdout + done.stderr  # the gate
