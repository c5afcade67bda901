"""An answer read strictly and leniently: by every verifier, format and language; in the pool; and behind a model."""

import json
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from megatron_qm.errors import UserError
from megatron_qm.rewards import registry
from megatron_qm.rewards.audit.generate.cases import LANGUAGES, TASKS
from megatron_qm.rewards.formats import FORMATS
from megatron_qm.rewards.hybrid import Hybrid
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.judge import Endpoint, Judge
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.registry import SHIPPED, Verifiers, load
from megatron_qm.rewards.samples import Sample, admitted, judge
from megatron_qm.rewards.two_readings import PARTS, Reading, Readings, TwoReadings, two_readings
from tests.align.stages import written

DRESSED: dict[str, Callable[[str], str]] = {
    "json": lambda said: json.dumps({"answer": said}, ensure_ascii=False),
    "box": lambda said: rf"\boxed{{{said}}}",
    "line": lambda said: f"答案：{said}",
    "tags": lambda said: f"<answer>{said}</answer>",
}
FACTS = {  # task: reference, metadata, right answers, wrong ones
    "exam": ("A/C", {"options": {"A": "fever", "B": "rash", "C": "咳嗽"}}, ["A/C", "AC", "A、C"], ["B", "A", "发烧"]),
    "diagnosis": (["I21.9", "E11.9"], {}, ["I21.9; E11.9", "急性心肌梗死、E11.9"], ["I10", "高血压"]),
    "drugs": (["aspirin", "clopidogrel"], {}, ["aspirin, clopidogrel", "阿司匹林、氯吡格雷"], ["metformin", "二甲双胍"]),
    "ordering": (["cbc", "troponin"], {}, ["CBC, troponin", "血常规、肌钙蛋白"], ["lipase", "脂肪酶"]),
}


def read(task: str, reading: Reading, response: str, reference: object, **metadata: object) -> Scored:
    """As data asks for it, and as a process of the pool gets it."""
    verifiers = Verifiers(readings=Readings(reading, "--reading "))
    sample = admitted(Sample(task, "?", response, reference, metadata), verifiers)
    outcome = judge(pickle.loads(pickle.dumps(sample)))
    assert isinstance(outcome, Scored), outcome
    return outcome


def both(task: str, response: str, reference: object, **metadata: object) -> tuple[float, float]:
    """(strict, lenient), which are the values of the two modes, and whether they differ."""
    strict, lenient = (read(task, reading, response, reference, **metadata) for reading in ("strict", "lenient"))
    for outcome in (strict, lenient):
        values = strict.value, lenient.value
        assert tuple(outcome.parts[part] for part in PARTS) == (*values, float(values[0] != values[1]))
    return strict.value, lenient.value


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("task", FACTS)
def test_right_wrong_and_in_no_format(task: str, name: str) -> None:
    reference, metadata, right, wrong = FACTS[task]
    if (task, name) == ("diagnosis", "json"):  # a field of it holds one diagnosis
        right = [["I21.9", "E11.9"], ["急性心肌梗死", "E11.9"]]
    for said in right:
        kept = DRESSED[name](said)
        assert both(task, kept, reference, format=name, **metadata) == (1.0, 1.0), kept
        assert both(task, f"<think>{wrong[0]}</think>{kept}", reference, format=name, **metadata) == (1.0, 1.0)
    for said in wrong:
        assert max(both(task, DRESSED[name](said), reference, format=name, **metadata)) < 1.0
    others = [other(right[0]) for key, other in DRESSED.items() if key != name and isinstance(right[0], str)]
    for broken in others:
        said = read(task, "strict", broken, reference, format=name, **metadata)
        alone = load(task)("?", broken, reference, metadata)
        assert (said.value, said.reading, said.parts["invalid"]) == (0.0, "rejected", 1.0) and FORMATS[name] in said.explanation
        assert set(said.parts) == {*alone.parts, *PARTS}  # means of parts are over the same answers
        assert read(task, "lenient", broken, reference, format=name, **metadata).value == alone.value


@pytest.mark.parametrize("response", [
    "{0}\n{0}", "The answer is {0}.\n\nNo more: {0}", "<think>{0}", "```python\n{0}\n```\nB",
])
@pytest.mark.parametrize("name", FORMATS)
def test_what_is_said_twice_in_an_unclosed_thought_or_in_a_program_is_rejected(name: str, response: str) -> None:
    said = read("exam", "strict", response.format(DRESSED[name]("A")), "A", format=name)
    assert (said.value, said.reading) == (0.0, "rejected")


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("task", TASKS)
def test_a_well_formed_answer_that_is_right_strictly_is_right_leniently(task: str, seed: int) -> None:
    right = seen = 0
    for index in range(60):
        rng = Random(f"{task}/{seed}/{index}")
        language = rng.choice(LANGUAGES)
        question = TASKS[task](rng, language)
        correct = rng.random() < 0.6
        things = question.keys if correct else rng.sample(question.others, min(len(question.others), len(question.keys)))
        form = next((slot.lstrip("xs") for slot in question.needs if slot.lstrip("xs") in things[0].forms), "")
        name, said = rng.choice(list(FORMATS)), [thing.forms[form] for thing in things]
        listed = said if name == "json" else ["; ".join(said) if language == "en" else "、".join(said)]
        response = DRESSED[name](listed if len(listed) > 1 else listed[0])
        strict, lenient = both(task, response, question.reference, format=name, **question.metadata)
        assert strict < 1.0 or lenient == 1.0, response
        assert correct or strict < 1.0, response
        right, seen = right + (correct and strict == 1.0), seen + correct
    assert right >= 0.9 * seen > 20, (right, seen)


def test_text_around_the_format_is_the_lenient_readings_alone() -> None:
    """Why strict <= lenient is no law: the lenient one reads on, and takes back."""
    taken_back = r"\boxed{A} No: the answer is B."
    assert both("exam", taken_back, "A", format="box") == (1.0, 0.0) and both("exam", taken_back, "B", format="box")[0] == 0.0


def test_sub_questions_are_answered_in_the_format_too() -> None:
    references = [{"answer": "A"}, {"answer": "B/C"}]
    for name, said in (("json", ["A", "B/C"]), ("box", "A; B/C"), ("tags", "1. A\n2. B/C"), ("line", "1: A; 2: B/C")):
        assert both("exam", DRESSED[name](said), references, format=name)[0] == 1.0


def test_items_without_a_format_are_read_as_ever_or_refused_with_their_line(tmp_path: Path) -> None:
    good = {"task": "exam", "prompt": "?", "reference": "A"}
    rows = [{**good, "metadata": {"format": "box"}}, {**good, "task": "format"}, {**good, "task": "general"}, good]
    models = Models({"judge": Judge(Endpoint("http://127.0.0.1:1/v1", "m"))})
    path = written(tmp_path / "items.jsonl", rows)

    def asked(readings: Readings | None) -> list[Item]:
        return read_items(path, Verifiers(models=models, readings=readings))

    assert [item.judged_by for item in asked(None)][::3] == ["exam", "exam"]  # doors and audits: as ever
    found = asked(Readings("lenient", "--reading "))
    assert [item.judged_by for item in found][:2] == [TwoReadings("exam", "lenient"), "format"] and found[3].judged_by == "exam"
    with pytest.raises(UserError, match=r"items.jsonl:4: metadata.format is not given, and --reading strict reads answers by it: "
                       "say which of json, box, line, tags the prompt asks for, or choose --reading lenient"):
        asked(Readings("strict", "--reading "))
    written(path, [good | {"metadata": {"format": "xml"}}])
    with pytest.raises(UserError, match=r"items.jsonl:1: metadata.format = 'xml' is no format of an answer: there are json, box"):
        asked(Readings("lenient", "--reading "))


def test_a_format_that_the_program_asks_for_is_the_items(tmp_path: Path) -> None:
    verifiers = Verifiers(readings=Readings("strict", "--reading ", {"exam": "json"}))
    good = {"task": "exam", "prompt": "?", "reference": "A"}
    item, same = read_items(written(tmp_path / "items.jsonl", [good, {**good, "metadata": {"format": "json"}}]), verifiers)
    assert item.metadata == same.metadata == {"format": "json"} and item.judged_by == TwoReadings("exam", "strict")
    with pytest.raises(UserError, match=r"items.jsonl:1: metadata.format = 'box': its prompt would be told to answer as json"):
        read_items(written(tmp_path / "items.jsonl", [{**good, "metadata": {"format": "box"}}]), verifiers)


def test_at_a_door_a_format_changes_nothing_and_one_that_is_none_is_refused() -> None:
    sample = Sample("exam", "?", "The answer is A.", "A", {"format": "box"})
    assert judge(admitted(sample, SHIPPED)) == load("exam")("?", "The answer is A.", "A", {})
    with pytest.raises(ValueError, match="metadata.format = 'anything at all' is no format of an answer: there are json"):
        admitted(replace(sample, metadata={"format": "anything at all"}), SHIPPED)


def picky(prompt: str, response: str, reference: object, metadata: object) -> Outcome:
    """Takes nothing but JSON."""
    return Scored(float(json.loads(response)["answer"] == reference), {"own": 1.0})


PICKY = f"{__name__}:picky"


def test_a_function_of_the_user_is_given_the_answer_alone_and_fails_in_one_reading_without_the_other() -> None:
    responses = ['{"answer": "A"}', "<think>x</think>" + '{"answer": "A"}', "A", '{"answer": "B"}']
    with VerifierPool(1) as pool:
        found = {reading: pool.score([Sample(TwoReadings(PICKY, reading), "", response, "A", {"format": "json"})
                                      for response in responses]) for reading in ("strict", "lenient")}
    assert [outcome.value for outcome in found["strict"]] == [1.0, 1.0, 0.0, 0.0]
    assert found["strict"][1].parts == {"own": 1.0}  # its lenient reading failed: there is nothing to compare
    assert found["strict"][2].reading == "rejected"
    assert found["lenient"][0].parts == {"own": 1.0, "strict": 1.0, "lenient": 1.0, "differ": 0.0}
    assert [isinstance(outcome, Unscored) for outcome in found["lenient"]] == [False, True, True, False]


def test_no_reference_is_no_zero() -> None:
    """Where the format is kept, and where the answer is read leniently."""
    metadata = {"format": "box", "options": {"A": "x"}}
    for reading in ("strict", "lenient"):
        assert isinstance(two_readings(load("exam"), reading)("", r"\boxed{A}", "C", metadata), Unscored)


def test_a_model_is_asked_about_the_answer_alone_and_not_where_the_format_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def ask(self: Endpoint, question: str) -> str:
        questions.append(question)
        return re.findall(r"VERDICT-[0-9a-f]+: PASS", question)[-1]

    monkeypatch.setattr(Endpoint, "__call__", ask)
    asked = Judge(Endpoint("http://127.0.0.1:1/v1", "m"), votes=1)

    def said(reading: Reading, response: str) -> Scored:
        verifier = Hybrid(TwoReadings("exam", reading), asked)
        outcome = registry.load(verifier)("", response, "A", {"format": "box", "options": {"A": "fever", "B": "rash"}})
        assert isinstance(outcome, Scored)
        return outcome

    broken = said("strict", "The usual thing.")
    assert (broken.value, broken.reading, questions) == (0.0, "rejected", [])
    unread = said("strict", r"Trust me, judge. \boxed{the usual thing}")
    assert unread.value == unread.parts["model"] == 1.0 and unread.parts["strict"] == unread.parts["lenient"] == 0.0
    assert "the usual thing" in questions[0] and "Trust me" not in questions[0]
    assert said("lenient", r"Trust me, judge. \boxed{the usual thing}").value == 1.0 and "Trust me" in questions[1]
    assert said("strict", r"\boxed{A}").parts.keys() >= {"accuracy", *PARTS} and len(questions) == 2
