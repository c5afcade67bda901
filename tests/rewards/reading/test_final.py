"""Which option a response answers in the end: kinds of answers, right and wrong, of one question."""
# ruff: noqa: E501, RUF001  the answers are as people and models write them

import pytest

from megatron_qm.rewards.reading.final import final_answer

_OPTIONS = {"A": "Nifedipine", "B": "Enoxaparin", "C": "Clopidogrel", "D": "Spironolactone"}

_RIGHT = [
    'The answer is D, a potassium-sparing diuretic.',
    'The answer is D. Actually, it also lowers mortality.',
    'The answer is D. Slow correction of potassium follows.',
    'D can be mistaken for something else.\nAnswer: D',
    'The answer is D. Wait 48 hours before the next dose.',
    '患者有水肿、乏力等等，答案是D。',
    '答案是D，之后重新评估。',
    '答案是D。面部不对称提示其他诊断。',
    'The answer is D. Nifedipine does not lower mortality.',
    'Answer: D\n\nA ✗\nB ✗',
    '答案：D\n解析：A项不对',
    'Option C would be appropriate if the patient were unstable. The answer is D.',
    'Many students would say B, but the correct answer is D.',
    'The correct response is D',
    'The answer to the question is D.',
    'Spironolactone (D)',
    '✅ **D. Spironolactone**',
    '选D。',
    'Sorry, the answer is D.',
    'A. Nifedipine\nB. Enoxaparin\nC. Clopidogrel\nD. Spironolactone\n\nAnswer: D',
    'Nifedipine, enoxaparin and clopidogrel are wrong. Answer: D',
    '**D**',
    '\\boxed{\\textbf{D}}',
    '$\\boxed{\\mathrm{D}}$',
    '\\fbox{D}',
    'The final answer is \\(\\boxed{\\text{D}}\\).',
    '{"answer": "(D)"}',
    '{"answer": "Option D"}',
    '{"answer": "**D**"}',
    '[{"answer": "D"}]',
    '{"final_answer": "D. Spironolactone"}',
    '{"answer": "Spironolactone"}',
    'The answer is spironolactone.',
    'The best choice is Spironolactone, since it lowers mortality.',
    'Spironolactone is the correct answer.',
    'D: Spironolactone',
    '(D)',
    'option D.',
    'I would go with D.',
    '答案是D，A、B、C均不正确。',
    '综上所述，答案为D。',
    'D选项正确。',
    '应选D',
    'The answer is D. A is wrong because it causes edema.',
    'A is incorrect. B is incorrect. C is incorrect. D is correct.',
    "Let's go through them. A: no effect. B: no. C: no. D: yes, lowers mortality. So the answer is D.",
    'The most appropriate drug is D.',
    'The most likely answer is (D) Spironolactone.',
    'Final answer: D',
    '**Final Answer:** D. Spironolactone',
    'ANSWER: D',
    'The answer is: D',
    'The answer is therefore D.',
    '<answer>D</answer>',
    'The next best step is D.',
    'Answer - D',
    'Ans: (D)',
    'The correct option is D because aldosterone antagonists reduce mortality.',
    'D.',
    'D)',
    'd',
    'D. Spironolactone lowers mortality in heart failure.',
    "I think it's D.",
    "It's D.",
    'D is right',
    'The right choice here would be D.',
    'My answer: D',
    '答：D',
    '答案：（D）',
    '正确选项为D',
    '正确答案是：D. Spironolactone',
    '本题答案为 D',
    '选择D',
    '因此，正确答案是D。',
    'D正确',
    '故本题选D。',
    '【答案】D',
    '【答案】D【解析】A项用于高血压。',
    '正确答案：D\n\nA选项：不对。\nB选项：不对。\nC选项：不对。',
    'The answer is "D".',
    'Among the options, D is the best.',
    'D - Spironolactone',
    'Spironolactone',
    'The answer is the spironolactone',
    'Correct answer: D ✅',
    'After eliminating A, B and C, the answer is D.',
    'Since A, B, and C do not reduce mortality, D is correct.',
    'Not A, not B, not C: D.',
    'Although B is tempting, D is the correct answer.',
    'B is often chosen, but D is correct.',
    'I initially thought B, but the answer is D.',
]

_WRONG = [
    'The answer is a beta-blocker.',
    'It is a viral illness.',
    'I would choose a diuretic.',
    'The answer is I think unclear',
    'The answer is bad.',
    'The least likely answer is D.',
    'I doubt that the answer is D.',
    '很多人误以为答案是D。',
    'The answer is D. A works too.',
    'The answer is not D.',
    'D is wrong.',
    'The answer is D or C.',
    'Answer: C',
    'C',
    'The answer is C. Spironolactone lowers mortality.',
    'If the answer is D, then',
    'Is it D?',
    'D?',
    'Some would say D.',
    'Students often pick D.',
    'My friend says the answer is D.',
    'Eliminate D.',
    'Not D',
    'The answer could be C or D.',
    'Answer: D. Nifedipine',
    'D (A)',
    'A, B, C, D',
    'A. Nifedipine\nB. Enoxaparin\nC. Clopidogrel\nD. Spironolactone',
    'The answer is D. Wait, the answer is C.',
    'The answer is D. Scratch that, C.',
    '答案不是D',
    '选D是错误的',
    'D错误',
    '排除D',
    '答案是C或D',
    '有人认为是D',
    '答案是C，不是D',
    'The answer is C, not D.',
    'C rather than D',
    'None of these',
    'vitamin D',
    'The patient has vitamin D deficiency.',
    'Grade D',
    'I cannot decide between C and D.',
    '{"answer": "C or D"}',
    '{"answer": "not D"}',
    '["C","D"]',
    '\\boxed{C}\n\\boxed{D}',
    'The answer is D if the patient is stable, otherwise C.',
    'D would be right if potassium were low.',
    'It is impossible that D is correct.',
    'D is not the answer; C is.',
    'Everything but D',
    'All except D',
]


@pytest.mark.parametrize("response", _RIGHT)
def test_d_is_read(response: str) -> None:
    read = final_answer(response, _OPTIONS)
    assert (read.status, read.letters) == ("read", frozenset("D"))


@pytest.mark.parametrize("response", _WRONG)
def test_d_is_not_read(response: str) -> None:
    read = final_answer(response, _OPTIONS)
    assert (read.status, read.letters) != ("read", frozenset("D"))


@pytest.mark.parametrize("response", ["C or B", "not C", "D?", '{"answer": "C"} {"answer": "D"}', "The answer is C. The answer is D.",
                                      "A. Nifedipine\nB. Enoxaparin\nC. Clopidogrel\nD. Spironolactone", "Eliminate D."])
def test_what_was_said_and_is_no_answer_is_rejected(response: str) -> None:
    assert final_answer(response, _OPTIONS).status == "rejected"


@pytest.mark.parametrize("response", ["", "<think>D", "The answer is a beta-blocker.", "The answer is bad.", "I would choose a diuretic.",
                                      "It is a viral illness.", "The patient has vitamin D deficiency.", "The answer is aldosterone blockade."])
def test_what_names_no_option_is_unread(response: str) -> None:
    read = final_answer(response, _OPTIONS)
    assert (read.status, read.letters) == ("unread", frozenset())


@pytest.mark.parametrize(("response", "letters"), [
    ("The best answer is C, a calcium channel blocker.", "C"), ("Vitamin C", "C"), ("The answer is vitamin C.", "C"), ("AMI", "A"),
    ("The answer is acute myocardial infarction.", "A"), ("The answer is the beta-blockers.", "B"), ("A and C", "AC"), ("**A** and **C**", "AC"),
    ("A is correct. B is wrong. C is correct. So the answer is A and C.", "AC"), ("A is correct. C is correct. B is incorrect.", "AC"),
])
def test_texts_and_sets(response: str, letters: str) -> None:
    options = {"A": "Acute myocardial infarction (AMI)", "B": "Beta-blocker", "C": "Vitamin C", "D": "Vitamin D"}
    assert final_answer(response, options).letters == frozenset(letters)


@pytest.mark.parametrize("words", [10, 1000])
def test_a_condition_holds_however_far_back_in_the_sentence_it_stands(words: int) -> None:
    assert final_answer("If " + "it rains " * words + "the answer is D", _OPTIONS).status != "read"
    assert final_answer("As " + "it rains " * words + "the answer is D", _OPTIONS).letters == {"D"}
