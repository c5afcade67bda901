"""The published rule for CPQExam, by examples worked through by hand from that program."""

import pytest

from megatron_qm.errors import UserError
from megatron_qm.evals.cpqexam import cpqexam, predicted, scored_as_published
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.samples import Sample, judge

READ = [
    ('{"answer": "A"}', "A"), ('```json\n{"answer": "A"}\n```', "A"), ('{"answer":"A"}', "A"),
    ('{"answer": "CA"}', "AC"), ('{"answer": "A、C, B|D"}', "ABCD"), ('{"answer": ["C", "A"]}', "AC"),
    ('{"answer": "A/C"}', "/AC"),  # "/" stays: not the reference's AC
    ('[{"answer": "C"}, {"answer": "A"}]', "AC"), ('[{"answer": "A"}, {"reply": "B"}]', ""),
    ('{"answer": [{"answer": "A"}]}', ""), ('{"reply": "A"}', ""), ('{"answer": null}', ""), ('{"answer": ""}', ""),
    ("A", ""), ("The answer is A.", ""), ('{"answer": "a"}', "a"), ('{"answer": "AA"}', "AA"),
    # several paragraphs: the last if "json" stands in it, else the first
    ('It is A.\n\n```json\n{"answer": "A"}\n```', "A"), ('It is B.\n\n{"answer": "A"}', ""),
    ('{"answer": "A"}\n\nBecause of the fever.', "A"), ('{"answer": "A"}\n\nNot json.', ""),
    # no JSON: what stands in quotes after "answer", with one character between
    ('My answer: {"answer": "A"}', "A"), ('{"answer": "A", }', "A"), ('{"answer": "A", "why": "B"}!', ":ABhwy"),
    ('{"answer": "A', "A"),
    ('Well {"answer":"A"}', ""), ('"answer":\n"A"', ""),
    # where that program ends in an error
    ('"A"', ""), ("5", ""), ('{"answer": 5}', ""), ('{"answer": {"a": 1}}', ""), ('["A"]', ""), ('{"answer": []}', ""),
    ('{"answer": ["A", 1]}', ""), ("[" * 3000, ""), ('[{"answer": ["A"]}]', ""), ("", ""),
    # a reasoning is not part of the prediction there
    ('<think>"answer": "B"\n\n</think>\n\n{"answer": "A"}', "A"),
]


@pytest.mark.parametrize(("response", "letters"), READ)
def test_what_is_read(response: str, letters: str) -> None:
    assert predicted(response) == letters
    found = cpqexam("", response, "A", {})
    assert isinstance(found, Scored) and found.value == (letters == "A") and found.parts["invalid"] == (letters == "")


@pytest.mark.parametrize("reference", ["AC", "A/C", ["C", "A"], {"answer": "CA"}])
def test_a_reference_is_a_set_however_it_is_written(reference: object) -> None:
    scores = {}
    for said in ("AC", "CA", "A,C", "A/C", "A"):
        found = cpqexam("", f'{{"answer": "{said}"}}', reference, {})
        scores[said] = found.value if isinstance(found, Scored) else None
    assert scores == {"AC": 1.0, "CA": 1.0, "A,C": 1.0, "A/C": 0.0, "A": 0.0}


def item(task: str, reference: object) -> Item:
    return Item("k", task, ({"role": "user", "content": "?"},), reference)


def test_exams_alone_are_judged_so() -> None:
    exam, drugs = scored_as_published([item("exam", "AC"), item("drugs", ["aspirin"])])
    assert drugs.judged_by == "drugs" and exam.task == "exam"
    said = judge(Sample(exam.judged_by, "?", '{"answer": "A/C"}', exam.reference, exam.metadata))
    assert isinstance(said, Scored) and said.value == 0 and said.explanation == "read as '/AC'"
    with pytest.raises(UserError, match="the item 'k': its reference"):
        scored_as_published([item("exam", [{"answer": "A"}, {"answer": "B"}])])
