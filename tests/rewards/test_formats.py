"""A format is kept or it is not: each shape by hand, and the format reward and the strict reading say the same."""

import json

import pytest

from megatron_qm.rewards.formats import FORMATS, answer_alone, format_of
from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.shaping import answer_format

THINK = "<think>A or B? 也许是 {\"answer\": \"B\"} \\boxed{B} <answer>B</answer>\nAnswer: B\n</think>\n"
KEPT = [  # format, response, the answer alone
    ("json", '{"answer": "A"}', '{"answer": "A"}'),
    ("json", '```json\n{"answer": ["A", "C"]}\n```\n', '{"answer": ["A", "C"]}'),
    ("json", '```\n{"answer": 3}\n```', '{"answer": 3}'),
    ("json", ' {"答案": "甲", "answer": "糖尿病", "x": {"y": 1}} ', '{"答案": "甲", "answer": "糖尿病", "x": {"y": 1}}'),
    ("box", r"It inhibits platelets, so $\boxed{A}$.", "A"),
    ("box", r"因此选 \boxed{\text{A} 和 {C}}。", r"\text{A} 和 {C}"),
    ("box", r"\boxed{a \{ b}", r"a \{ b"),
    ("line", "It is not B.\n\nAnswer: A\n", "A"),
    ("line", "Answer: A", "A"),
    ("line", "不是乙。\r\n答案：高血压、糖尿病\r\n", "高血压、糖尿病"),
    ("line", "推理\n答案: A", "A"),
    ("line", "```\nAnswer: A\n```", "A"),
    ("tags", "I think so.\n<answer>\naspirin\nclopidogrel\n</answer>", "aspirin\nclopidogrel"),
    ("tags", "<answer>高血压</answer>", "高血压"),
]
BROKEN = [
    ("json", ""), ("json", 'So {"answer": "A"}'), ("json", '{"answer": "A"} 所以选A'), ("json", '{"answer": "A"}{"answer": "A"}'),
    ("json", '{"answer": "A", "answer": "A"}'), ("json", '{"answer": "A", "why": {"x": 1, "x": 2}}'), ("json", '{"answer": ""}'),
    ("json", '{"answer": null}'), ("json", '{"answer": []}'), ("json", '{"choice": "A"}'), ("json", '["A"]'), ("json", '"A"'),
    ("json", "{'answer': 'A'}"), ("json", '{"answer": "A",}'), ("json", '{"answer": NaN}'), ("json", '{"answer": "A"'),
    ("json", '```json\n{"answer": "A"}'), ("json", '```python\n{"answer": "A"}\n```'), ("json", '{"answer": "A"}\n```'),
    ("json", '{"answer": "A"}<!-- B -->'), ("json", "｛“answer”: “A”｝"), ("json", "[" * 5000), ("json", '{"answer": ' * 5000),
    ("box", "A"), ("box", r"\boxed{A} or \boxed{B}"), ("box", r"\boxed{A} \boxed{A}"), ("box", r"\boxed{}"), ("box", r"\boxed{A"),
    ("box", r"\boxed A"), ("box", r"\fbox{A}"), ("box", r"<!-- \boxed{A} -->"), ("box", r"答案：A"), ("box", r"\boxed{  }"),
    ("line", "A"), ("line", "Answer: A\nAnswer: B"), ("line", "Answer: A\n答案：A"), ("line", "Answer: A\nBecause of B."),
    ("line", "So the Answer: A"), ("line", "Answer:"), ("line", "答案："), ("line", "answer: A"), ("line", "**Answer: A**"),
    ("line", "正确答案：A"), ("line", "Answer:\nA"),
    ("tags", "A"), ("tags", "<answer>A"), ("tags", "A</answer>"), ("tags", "</answer>A<answer>"), ("tags", "<answer> </answer>"),
    ("tags", "<answer>A</answer><answer>B</answer>"), ("tags", "<answer>A</answer></answer>"), ("tags", "<ANSWER>A</ANSWER>"),
    ("tags", "<!-- <answer>A</answer> -->"), ("tags", "```python\nprint('<answer>A</answer>')\n```"),
]


def judged(name: str, response: str, **metadata: object) -> str | None:
    """The answer alone, of which the format reward must say the same."""
    given = {"format": name, **metadata}
    answer, said = answer_alone(response, given), answer_format("", response, None, given)
    assert isinstance(said, Scored) and said.value == said.parts["format"] == float(answer is not None)
    return answer


@pytest.mark.parametrize(("name", "response", "answer"), KEPT)
def test_the_answer_alone_is_what_stands_in_the_format(name: str, response: str, answer: str) -> None:
    assert judged(name, response) == judged(name, THINK + response) == answer
    assert judged(name, "the prompt has opened it </think>" + response) == answer
    for broken in ("<think>" + response, THINK + THINK + response, "Well. " + THINK + response, response + THINK):
        assert judged(name, broken) is None
    assert judged(name, response + " " * 20_000 if name == "json" else "x" * 20_001 + "\n" + response) is None


@pytest.mark.parametrize(("name", "response"), BROKEN)
def test_a_format_that_is_broken_holds_no_answer(name: str, response: str) -> None:
    assert judged(name, response) is judged(name, THINK + response) is None


def test_keys_are_those_of_the_item_and_json_is_what_is_asked_for_where_it_does_not_say() -> None:
    both = json.dumps({"diagnosis": "I10", "code": "I10"})
    assert judged("json", both, keys=["diagnosis", "code"]) == both
    assert judged("json", both) is judged("json", both, keys=["diagnosis", "drugs"]) is None
    assert answer_alone('{"answer": "A"}', {}) and not answer_alone("Answer: A", {})


def test_what_is_no_format_is_refused() -> None:
    assert format_of({}) is format_of({"format": None}) is None
    assert [format_of({"format": name}) for name in FORMATS] == list(FORMATS)
    for wrong in ({"format": "xml"}, {"format": ""}, {"format": ["json"]}, {"format": "json", "keys": "answer"},
                  {"format": "json", "keys": []}, {"format": "json", "keys": [1]}):
        with pytest.raises(ValueError, match=r"metadata\.(format|keys) = "):
            format_of(wrong)
