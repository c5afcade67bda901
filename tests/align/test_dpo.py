"""DPO as people run it: the loss that was asked for is the one that is learnt, and the reference stays what it was."""

import math
from pathlib import Path

import pytest

from megatron_qm.cli import main
from tests.align.stages import numbers, run, words

BETA = 0.25


@pytest.mark.parametrize(("kind", "wanted"), [("sigmoid", math.log(2)), ("ipo", 1 / (2 * BETA) ** 2), ("hinge", 1.0)])
def test_the_first_loss_is_that_of_its_kind(kind: str, wanted: float, tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Before the first update the policy is its reference: h is 0."""
    run("dpo", tiny / "dpo.yaml", tmp_path, f"train.start_from={policy}", "train.steps=1",
        f"dpo.loss={{kind: {kind}, beta: {BETA}}}")
    assert numbers(tmp_path)[0][0] == pytest.approx(wanted, rel=1e-4)


def test_a_run_is_not_gone_on_with_under_another_reference(
    tiny: Path, policy: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    first = run("dpo", tiny / "dpo.yaml", tmp_path, f"train.start_from={policy}", "train.steps=1")
    given = [f"train.start_from={policy}", "train.steps=2", f"dpo.reference={first}"]
    assert main(words("dpo", tiny / "dpo.yaml", tmp_path, *given)) == 2
    said = capfd.readouterr().err
    assert f"was held to another reference than {first}" in said and "pairs.reference.json" in said and "Traceback" not in said
