"""Exam answers that are right in many words, and ones that only look so."""

import pytest

from megatron_qm.rewards.exam import exam
from megatron_qm.rewards.outcome import Scored, Unscored

# ruff: noqa: E501
_OPTIONS = {"A": "aspirin", "B": "ibuprofen", "C": "warfarin", "D": "heparin"}
_RIGHT = ["A",'{"answer": "A"}','```json\n{"answer": "A"}\n```','<think>maybe B</think>The answer is A.','答案：A','答案是A','正确答案是 A。','选A','故选A。','本题选A','因此选择A','The correct answer is **A**.','**A**','A. aspirin','(A)','Answer: A','Answer: A. aspirin','aspirin','The answer is aspirin.','\\boxed{A}','B is wrong. C is wrong. The answer is A.','B、C、D均不正确，故选A。','Ａ','I would choose option A','{"answer": ["A"]}','{"answer": "A. aspirin",}','The correct option is A','My answer is (A).','Option A','答案为A，因为它抑制血小板','the answer is a','A is correct.','{"answer":"a"}']
_WRONG = ['B','A/B','A B C D','{"answer":"A/B/C/D"}','The answer is not A','A is wrong','not A','<think>answer is A</think>B','<think>A','{"answer":"A"}{"answer":"B"}','{"answer":"A","answer":"B"}','{"answer":"B","answer":"A"}','The answer is A. Wait, the answer is B.','The answer is A or B','answer is A, or maybe B','А','{"answer":"А"}','Answer: A. ibuprofen','```python\nprint("the answer is A")\n```','<!-- answer: A -->','A. aspirin\nB. ibuprofen\nC. warfarin','','x'*1000000,'{'*1000000,'[' *90000,'The answer is A. B is also correct.','{"answer":"A"} Actually B.','答案不是A','不选A','If the answer is A then','Is the answer A?','A\u200bB','A patient came in','答案是A或B','{"answer":"B"} the answer is A','I don\'t know, A','答案：A\n答案：B','{"answer": {"A":1}}','{"note":"A"}','A,'*50000,'answer is '*9000]
_RIGHT += ['The answer is A because ibuprofen is an NSAID.','A。','答案：A. aspirin','The best answer is A','Therefore, A is the correct answer.','因此本题答案为A','本题应选A。','我选择A','答案：【A】','The answer is (A) aspirin.','**Answer:** A','### Answer\nA','Final Answer: \\boxed{A}','The correct answer is option A: aspirin','A选项正确','正确答案：A','{"answer": "A"}。','答案是 **A**','故答案选A','Answer: a','答案为选项A','{"answer":"A","reason":"B is wrong"}','It is A.','I think the answer is A','选 A','A: aspirin','The answer: A','故选：A','综上，选A','答案选A','答案选择A','Hence the correct choice is A.','aspirin.']
_WRONG += ['The answer is A/B.','The answer is A, B','The answer is A; B is possible too.','Answer: A (or B)','选A不对，选B','A、B都对','The answer is A... no, B.','答案是A，不，是B','The answer is A. No wait B','{"answer":"A"}\n{"answer":"A/B"}','{"answer":"A","final_answer":"B"}','answer: A\nFinal: B','The answer is A. Final answer: B','{"reasoning":"the answer is A"}','Either A or B','A?','答案是A吗？','选项A错误','Everyone who says the answer is A is mistaken.','It is false that the answer is A.','The answer is A is incorrect.','A is the answer? No.','[{"answer":"A"},{"answer":"B"}]','The answer is "A" according to my friend, but I choose B','None of the above, so not A','{"answer": "not A"}','{"answer":"A或B"}','{"answer":"A or B"}','Α','The answer is A.\nB','A B','AA','I choose A and B','答案：A、B、C、D','答案A错','The correct answer is A, B, C, D']


@pytest.mark.parametrize("response", _RIGHT)
def test_a_right_answer_is_right(response):
    assert exam("", response, "A", {"options": _OPTIONS}).value == 1.0
    assert exam("", response, "B", {"options": _OPTIONS}).value == 0.0


@pytest.mark.parametrize("response", _WRONG, ids=lambda text: ascii(text[:30]))
def test_a_wrong_answer_is_wrong(response):
    assert exam("", response, "A", {"options": _OPTIONS}).value == 0.0


@pytest.mark.parametrize(("response", "value"), [("A/C", 1), ("AC", 1), ("答案是A、C", 1), ("The answers are A and C", 1), ("A", 0),
                                                 ('{"answer": "A/B/C"}', 0), ('{"answer": "C/A"}', 1)])
def test_multiple_response_is_an_exact_set(response, value):
    assert exam("", response, "A/C", {"options": _OPTIONS}).value == value


def test_a_case_is_right_only_as_a_whole():
    reference = [{"answer": "A"}, {"answer": "B/C"}]
    assert exam("", '{"answers": ["A", "C/B"]}', reference, {}).value == 1.0
    half = exam("", '{"1": "A", "2": "B"}', reference, {})
    assert (half.value, half.parts["sub_accuracy"]) == (0.0, 0.5)


def test_a_reference_without_letters_is_unscored():
    assert isinstance(exam("", "A", "none", {}), Unscored)


@pytest.mark.parametrize(("response", "options", "right"), [
    ("The answer is ACE Inhibitors.", {"A": "Methimazole", "B": "ACE Inhibitors", "C": "Amoxicillin"}, "B"),
    ("The answer is Headache.", {"A": "Headache", "B": "Pimples", "E": "Redness"}, "A"),
    ("答案是食欲不振。", {"A": "吞咽困难", "B": "食欲不振"}, "B"),
    ("答案是维生素E。", {"A": "匹托利桑", "C": "维生素E", "E": "无"}, "C"),
    ('{"answer": "Headache"}', {"A": "Headache", "B": "Pimples"}, "A"),
    ("**Answer:** Headache", {"A": "Headache", "B": "Pimples"}, "A"),
])
def test_an_options_text_may_hold_letters_and_denials(response: str, options: dict, right: str) -> None:
    assert exam("?", response, right, {"options": options}).value == 1
    assert all(exam("?", response, letter, {"options": options}).value == 0 for letter in options if letter != right)


@pytest.mark.parametrize("response", [
    "The answer is not Headache.", "If the answer is Headache, then Pimples follow.", "The answer is Headache or Pimples.",
    "The answer is Headache. The answer is Pimples.", "The answer is Headache. Wait, B.", "答案是食欲不振吗？",
])
def test_a_text_that_is_denied_hedged_or_joined_is_not_right(response: str) -> None:
    assert exam("?", response, "A", {"options": {"A": "Headache", "B": "Pimples", "C": "食欲不振"}}).value == 0
    assert exam("?", response, "C", {"options": {"A": "Headache", "B": "Pimples", "C": "食欲不振"}}).value == 0


@pytest.mark.parametrize("response", [
    "Answer: Metformin (A)", "Because it lowers glucose, the best choice is A.", "【答案】A", "So, A.", "Definitely A.", "It's A",
    "答：A", "A选项", "- A", "1. A", "<answer>A</answer>", "<answer>\nA\n</answer>", "Ans: A", "Choice: A", "it would be A",
    "正确的是A", "【A】", "A!", "排除B、C，选A", "考虑到患者没有发热，选A。", "A is the most appropriate option.",
])
def test_ways_to_say_one_letter(response):
    options = {"A": "Metformin", "B": "Insulin glargine", "C": "Aspirin", "D": "Warfarin"}
    assert exam("", response, "A", {"options": options}).value == 1.0
    assert exam("", response, "B", {"options": options}).value == 0.0


@pytest.mark.parametrize("response", [
    "A (60%), B (40%)", "The answer is A if the patient is obese, otherwise B", "选A是错误的", "The answer is A\u0338", "The answer is A+",
    "<answer>A</answer><answer>B</answer>", "Answer: Metformin (B)", "除非妊娠，A。否则B", "A. Metformin\nB. Insulin glargine",
])
def test_ways_to_say_no_one_letter(response):
    options = {"A": "Metformin", "B": "Insulin glargine"}
    assert exam("", response, "A", {"options": options}).value == 0.0


@pytest.mark.parametrize(("response", "value"), [
    ("The correct options are A, B, and D.", 1), ("A, B and D are correct.", 1), ("A、B、D都是正确的", 1), ("A、B、D正确", 1),
    ("A. fever\nB. cough\nD. pallor", 1), ("A. fever\nB. cough", 0), ("A. fever\nB. cough\nC. rash\nD. pallor", 0),
    ("A, B and D are correct, C is also correct.", 0), ("A、B正确，D错误", 0), ("A. fever\nB. rash\nD. pallor", 0),
])
def test_several_letters_are_read_whole(response, value):
    options = {"A": "fever", "B": "cough", "C": "rash", "D": "pallor"}
    assert exam("", response, "A/B/D", {"options": options}).value == value


def test_a_list_of_all_options_is_the_question_and_no_answer():
    options = {"A": "fever", "B": "cough"}
    assert exam("", "A. fever\nB. cough", "A/B", {"options": options}).value == 0.0
    assert exam("", "The answer is A and B.", "A/B", {"options": options}).value == 1.0


@pytest.mark.parametrize(("response", "right"), [
    ('[{"answer": "A"}]', "A"), ('[{"answer": "A/C"}]', "A/C"), ('{"answer": "A. fever/chills/C. cough"}', "A/C"),
    ("A. fever/chills/C. cough", "A/C"), ('{"answer": "A. fever/chills / A. fever/chills"}', "A"),
    ('{"answer": "A. rash/C. cough"}', None), ('[{"answer": "A"}, {"answer": "C"}]', None),
])
def test_a_list_of_one_object_and_options_joined_by_a_slash_are_read(response: str, right: str | None) -> None:
    options = {"A": "fever/chills", "B": "rash", "C": "cough"}
    found = {letters: exam("", response, letters, {"options": options}) for letters in ("A", "C", "A/C", "B")}
    assert [letters for letters, outcome in found.items() if outcome.value == 1.0] == ([right] if right else [])


def _why_unread(response: str) -> str:
    outcome = exam("", response, "B", {})
    assert isinstance(outcome, Scored) and outcome.value == 0
    return outcome.explanation


def test_why_nothing_is_read_of_an_answer() -> None:
    assert _why_unread("<think>B") == "the reasoning was never closed"
    assert _why_unread("<think>x</think>") == "no answer after the reasoning"
    assert _why_unread("word " * 20_000 + "B") == "more than 20,000 characters after the reasoning are no answer"
