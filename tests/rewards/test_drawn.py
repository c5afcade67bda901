"""Fresh cases hold the bars, at seeds that nothing was tuned with; and an error is counted where it could be made."""
# ruff: noqa: E501  Chinese characters count twice

import json
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.rewards.audit.drawn import PAID, REFUSED, Rate, broken, rates
from megatron_qm.rewards.audit.generate.case import Case
from megatron_qm.rewards.audit.generate.cases import TASKS, cases
from megatron_qm.rewards.pool import VerifierPool


def case(response: str, low: float, high: float, disputed: bool = False) -> Case:
    return Case("exam", "en", "a///", "?", response, "A", {}, low, high, disputed)


def test_errors_are_counted_where_they_could_be_made() -> None:
    made = [case("A", 1, 1), case("B", 1, 1), case("A", 0, 0), case("B", 0, 0), case("A", 0, 1), case("A", 0, 0, disputed=True)]
    with VerifierPool(1, seconds=30) as pool:
        found = {rate.error: (rate.errors, rate.count) for rate in rates(made, pool)}
    assert found == {REFUSED: (1, 2), PAID: (1, 2)}


def test_one_wrong_answer_paid_breaks_the_bar_of_exams() -> None:
    assert broken([Rate("exam", "en", PAID, 10_000, 1)])
    assert not broken([Rate("drugs", "en", PAID, 10_000, 1), Rate("exam", "zh", REFUSED, 100, 2)])
    assert broken([Rate("drugs", "en", PAID, 100, 2)]) and broken([Rate("ordering", "zh", REFUSED, 100, 3)])


@pytest.mark.parametrize("task", TASKS)
def test_fresh_cases_hold_the_bars(task: str) -> None:
    with VerifierPool(2, seconds=30) as pool:
        assert broken(rates(cases(task, 102, 400), pool)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [101, 102, 103])
@pytest.mark.parametrize("task", TASKS)
def test_many_fresh_cases_hold_the_bars(task: str, seed: int) -> None:
    with VerifierPool(2, seconds=30) as pool:
        assert broken(rates(cases(task, seed, 20_000), pool)) == []


def test_the_command_draws_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rates.json"
    assert main(["audit-rewards", "--seed", "3", "--cases", "40", "--verifier", "exam", "--workers", "1", "--json", str(path)]) == 0
    assert "right refused" in capsys.readouterr().out
    assert {rate["task"] for rate in json.loads(path.read_text())["rates"]} == {"exam"}
    assert main(["audit-rewards", "--seed", "3", "--verifier", "format"]) == 2
