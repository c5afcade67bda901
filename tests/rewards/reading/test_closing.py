"""What a response ends with is its answer where nothing else was read, unless it denies, doubts, asks, supposes or reports it."""

import pytest

from megatron_qm.rewards.exam import exam

OPTIONS = {"A": "Amlodipine", "B": "Bisoprolol", "C": "Captopril", "D": "Digoxin", "E": "Enalapril"}
ENDS = [
    ("The cough is from bradykinin. Matches C.", "C"), ("These findings point to B.", "B"),
    ("The drug of choice here is consequently option D.", "D"), ("Imp: dry cough, no angioedema. → Ans E", "E"),
    ("慢性心衰、心率快，降心率首选。对应B。", "B"), ("机制为抑制ACE，干咳，即C。", "C"), ("综合以上，符合的就是E", "E"),
    ("指向D选项", "D"),
]
ENDS_OTHERWISE = [
    "This does not match C.", "None of this points to C.", "It might match C.", "Does this match C?", "不符合C", "可能对应C",
    "The textbook says it corresponds to C.", "我同学说对应C", "Matches C or B.", "对应C或B。",
    "If she is pregnant, this points to C.", '{"incorrect_answers": ["C"]}', '{"not": "C"}',
]


@pytest.mark.parametrize(("response", "letter"), ENDS)
def test_what_it_ends_with_is_the_answer(response: str, letter: str) -> None:
    assert exam("Which drug?", response, letter, {"options": OPTIONS}).value == 1.0
    other = "A" if letter != "A" else "B"
    assert exam("Which drug?", response, other, {"options": OPTIONS}).value == 0.0


@pytest.mark.parametrize("response", ENDS_OTHERWISE)
def test_what_is_denied_or_open_is_none(response: str) -> None:
    assert exam("Which drug?", response, "C", {"options": OPTIONS}).value == 0.0


def test_a_vitamin_is_no_letter() -> None:
    options = {"A": "Scurvy", "B": "Beriberi", "C": "Pellagra", "D": "Rickets"}
    assert exam("Which disease?", "Think of what lacks vitamin C", "C", {"options": options}).value == 0.0
