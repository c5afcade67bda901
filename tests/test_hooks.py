"""Hooks in real runs: what they are told and when, and that one which raises ends all ranks in a sentence."""

import json
from pathlib import Path

import pytest

from megatron_qm.cli import main
from tests.jobs import records, start

HERE = "tests.hooks_of_users"
QUICK = ["train.steps=5", "checkpoint.every=2", "train.validate_every=null"]


def ended(recipe: Path, output: Path, *overrides: str) -> tuple[int, str]:
    """Exit code and terminal of a run on two ranks."""
    code = start(recipe, output, *QUICK, *overrides).wait(300)
    return code, (output / "terminal.log").read_text()


def lines(path: Path) -> list:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("asynchronous", ["false", "true"])
def test_hooks_are_told_of_every_step_on_every_rank_and_of_every_checkpoint_once(
    asynchronous: str, recipe: Path, tmp_path: Path
) -> None:
    code, said = ended(recipe, tmp_path, f"checkpoint.asynchronous={asynchronous}", f"hooks.after_step=[{HERE}:note_step]",
                       f"hooks.after_save=[{HERE}:note_save]", "guard.max_grad_norm=1e-6", "guard.max_in_a_row=9")
    assert code == 0, said
    first, second = lines(tmp_path / "hook-0.jsonl"), lines(tmp_path / "hook-1.jsonl")
    assert first == second and [row["ranks"] for row in first] == [2] * 5
    for row, record in zip(first, records(tmp_path), strict=True):
        assert {name: row[name] for name in ("step", "loss", "grad_norm", "lr", "tokens")} == {
            name: record[name] for name in ("step", "loss", "grad_norm", "lr", "tokens")}
        assert "max_grad_norm" in row["refused"]
    assert lines(tmp_path / "saved.jsonl") == [[5, "step-00000005", 0, True]]  # no other was saved: every update was refused


def test_every_checkpoint_is_told(recipe: Path, tmp_path: Path) -> None:
    code, said = ended(recipe, tmp_path, "checkpoint.asynchronous=true", f"hooks.after_save=[{HERE}:note_save]")
    assert code == 0, said
    assert lines(tmp_path / "saved.jsonl") == [[step, f"step-{step:08d}", 0, True] for step in (2, 4, 5)]


def test_a_hook_that_raises_on_one_rank_ends_all_and_the_run_goes_on_without_it(recipe: Path, tmp_path: Path) -> None:
    code, said = ended(recipe, tmp_path, f"hooks.after_step=[{HERE}:note_step,{HERE}:fail_on_rank_1]")
    assert code == 2, said  # and not 74: nobody waited for the watchdog
    place = Path(__file__).with_name("hooks_of_users.py")
    number = place.read_text().partition("    raise ValueError")[0].count("\n") + 1
    sentence = (f"error: hook {HERE}:fail_on_rank_1 failed after step 3 on rank 1, at {place}:{number}: "
                "ValueError: the tracker is away; the run ends here")
    assert [line for line in said.splitlines() if line.startswith("error: hook")][0].startswith(sentence)
    assert "Traceback" not in said
    other = (tmp_path / "logs" / "rank-1.log").read_text()
    assert "Traceback" in other and "second line" in other and sentence in other
    assert [row["step"] for row in lines(tmp_path / "hook-0.jsonl")] == [1, 2, 3]
    code, said = ended(recipe, tmp_path, f"hooks.after_step=[{HERE}:note_step]")
    assert code == 0, said
    assert [row["step"] for row in lines(tmp_path / "hook-0.jsonl")] == [1, 2, 3, 3, 4, 5]


def test_a_hook_that_cannot_upload_ends_the_run_and_leaves_the_checkpoint(recipe: Path, tmp_path: Path) -> None:
    code, said = ended(recipe, tmp_path, f"hooks.after_save=[{HERE}:fail_to_upload]")
    assert code == 2 and "Traceback" in said
    assert f"error: hook {HERE}:fail_to_upload failed after checkpoint step-00000002 on rank 0, at " in said
    assert "SystemExit: no room for step-00000002; the run ends here" in said
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]
    assert "error: hook" in (tmp_path / "logs" / "rank-1.log").read_text()


@pytest.mark.parametrize("more", [["--dry-run"], []])
@pytest.mark.parametrize(("override", "why"), [
    ("hooks.after_step=[nowhere_at_all:note]", "hooks.after_step: 'nowhere_at_all': there is no module"),
    (f"hooks.after_save=[{HERE}:note]", f"hooks.after_save: '{HERE}:note'"),
    ("hooks.after_step=[note]", "not of the form module:function"),
    ("observe.verifiers=[nowhere_at_all:score]", "observe.verifiers: 'nowhere_at_all': there is no module"),
    ("hooks.before_step=[note]", "unknown key 'hooks.before_step'"),
])
def test_a_wrong_name_is_refused_before_anything_is_begun(
    override: str, why: str, more: list[str], recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "run"
    assert main(["pretrain", "--config", str(recipe), f"output={output}", override, *more]) == 2
    assert why in capsys.readouterr().err and not output.exists()
