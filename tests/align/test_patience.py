"""The pool must be given the time that a model may take, or all that is slow is Unscored."""

from pathlib import Path

import pytest

from megatron_qm.align.rl.work import Reinforcement
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError
from megatron_qm.rewards.general import read_principles
from tests.align.stages import MODEL, RL, written

PRINCIPLES = len(read_principles())


@pytest.mark.parametrize(("task", "votes", "needed"), [
    ("exam", 1, 20), ("exam", 8, 20), ("exam", 9, 40), ("general", 8, 20 * PRINCIPLES), ("general", 17, 60 * PRINCIPLES)])
def test_the_pools_seconds_are_over_what_the_judge_may_take(task: str, votes: int, needed: int, tmp_path: Path) -> None:
    """20 s for a vote, and eight votes at once."""
    (tmp_path / "rl.yaml").write_text(MODEL + RL)
    items = written(tmp_path / "items.jsonl", [{"task": task, "prompt": "?", "reference": "A"}])

    def needs(seconds: float) -> None:
        judge = f"{{base: http://127.0.0.1:9/v1, model: m, seconds: 20, votes: {votes}}}"
        overrides = [f"rl.items={items}", "train.start_from=x", "data.tokenizer=x", f"rl.verifier.seconds={seconds}",
                     f"rl.verifier.judge={judge}"]
        Reinforcement().need(load_run(tmp_path / "rl.yaml", overrides, RlRun))

    assert PRINCIPLES > 1
    needs(needed + 1)
    with pytest.raises(UserError, match=f"must be over {needed}, what" if needed > 20 else "must be over"):
        needs(needed)
