"""A judge that always passes raises nothing that the rule has read or rejected."""

import re

import pytest

from megatron_qm.rewards.diagnosis import diagnosis
from megatron_qm.rewards.drugs import drugs
from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.hybrid import hybrid
from megatron_qm.rewards.ordering import ordering
from megatron_qm.rewards.outcome import Outcome, Reward, Scored
from megatron_qm.rewards.tables.table import read_table

OPTIONS = {"options": {"A": "Nifedipine", "B": "Enoxaparin", "C": "Clopidogrel", "D": "Spironolactone"}}
CATALOGUE = ", ".join(list(read_table("drugs.txt"))[:60])


def judged(rule: Reward, response: str, reference: object, metadata: dict[str, object]) -> Outcome:
    """By the rule, and by a model that passes whatever it is asked about."""
    return hybrid(rule, lambda asked: re.findall(r"VERDICT-[0-9a-f]+: PASS", asked)[-1], k=1)("", response, reference, metadata)


@pytest.mark.parametrize(("rule", "response", "reference", "metadata"), [
    (exam, "C or B", "B", OPTIONS), (exam, "not C", "C", OPTIONS), (exam, '{"answer": "B"}{"answer": "C"}', "C", OPTIONS),
    (exam, "C", "B", OPTIONS), (drugs, "Avoid amoxicillin.", ["amoxicillin"], {}), (drugs, CATALOGUE, ["aspirin"], {}),
    (drugs, '{"drugs": ["aspirin"]}\n{"drugs": ["metformin"]}', ["aspirin"], {}), (diagnosis, "R/O AMI", "I21.9", {}),
    (diagnosis, '{"code": "I10"}\n{"code": "I21.9"}', "I21.9", {}), (ordering, "Skip the CBC.", ["cbc"], {}),
    (ordering, '["cbc"] ["ecg"]', ["cbc"], {}),
])
def test_what_was_read_or_rejected_is_not_asked_about(rule: Reward, response: str, reference: object,
                                                      metadata: dict[str, object]) -> None:
    assert judged(rule, response, reference, metadata) == rule("", response, reference, metadata)


@pytest.mark.parametrize(("rule", "reference", "metadata"), [
    (exam, "B", OPTIONS), (drugs, ["aspirin"], {}), (diagnosis, "I21.9", {}), (ordering, ["cbc"], {})])
def test_what_names_nothing_is_asked_about(rule: Reward, reference: object, metadata: dict[str, object]) -> None:
    outcome = judged(rule, "The usual thing, as ever.", reference, metadata)
    assert isinstance(outcome, Scored) and outcome.value == 1.0 and outcome.parts["model"] == 1.0
