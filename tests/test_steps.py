"""Commands one after another: shown as they are typed, their ends told, what they print where it belongs."""

import sys
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.errors import UserError
from megatron_qm.steps import StepError, Steps, last_words


def test_a_verb_is_shown_and_timed_and_the_heading_stands_once(capfd: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps._verb("1. look", "--version")
    steps._verb("1. look", "--version")
    said = capfd.readouterr().out
    assert said.count("== 1. look") == 1 and said.count("$ megatron-qm --version\n") == 2 and said.count("megatron-qm 0.") == 2
    assert list(steps.seconds) == ["1. look"] and steps.seconds["1. look"] > 0


def test_a_log_takes_what_is_printed_and_only_grows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steps = Steps(log=tmp_path / "made" / "log.txt")
    for _ in range(2):
        steps._verb("1. look", "--version")
    assert (tmp_path / "made" / "log.txt").read_text().count("megatron-qm 0.") == 2
    assert "megatron-qm 0." not in capfd.readouterr().out


def test_the_end_names_step_code_words_and_log(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^stopped at: 2. fail \(exit code 2\)$"):
        Steps()._verb("2. fail", "nonsense", quiet=True)
    log = tmp_path / "log.txt"
    with pytest.raises(StepError) as ended:
        Steps(log=log)._verb("2. fail", "nonsense")
    assert str(ended.value) == ("stopped at: 2. fail (exit code 2): no verb 'nonsense'; `megatron-qm --help` lists them; "
                                f"its log is {log}")


@pytest.mark.parametrize(("ends", "code"), [("sys.exit(75)", 75), ("os.kill(os.getpid(), 9)", 137)])
def test_whether_a_restart_helps_is_handed_on(tmp_path: Path, ends: str, code: int) -> None:
    with pytest.raises(StepError) as ended:
        Steps(log=tmp_path / "log")._command("3. end", [sys.executable, "-c", f"import os, sys; {ends}"], shown="end")
    assert ended.value.exit_code == code and str(ended.value).endswith(f": its log is {tmp_path / 'log'}")


def test_the_last_words_are_those_of_the_newest_error(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("error: one\nerror: two\nthree\n")
    assert last_words(tmp_path / "log") == f"two; its log is {tmp_path / 'log'}"


@pytest.mark.parametrize(("verb", "part"), [
    ("quickstart", "raw"), ("quickstart", "run"), ("lifecycle", "sft"), ("lifecycle", "hf"),
])
def test_what_an_earlier_walk_has_left_is_named(verb: str, part: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / part).mkdir()
    assert main([verb, "--output", str(tmp_path)]) == 2
    assert f"{tmp_path}: an earlier {verb} is there; remove {part} in it" in capsys.readouterr().err
