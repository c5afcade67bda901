"""Every form of a line is read, and every fault of one is named with file and line."""

from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.pairs.rows import Messages, written
from tests.evals.pairs.files import write

ASKED = {"role": "user", "content": "q"}


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text} for text in texts]


@pytest.mark.parametrize("line", [
    {"prompt": "q", "chosen": "a", "rejected": "b"},
    {"prompt": "q", "chosen": "b", "rejected": "a", "label": "rejected"},
    {"messages": [ASKED], "chosen": "a", "rejected": "b", "label": "chosen"},
    {"prompt": [ASKED], "chosen": said("a"), "rejected": said("b")},
    {"chosen": [ASKED, *said("a")], "rejected": [ASKED, *said("b")]},
    {"prompt": "q", "chosen": ["a"], "rejected": ["b"], "margin": 2, "stratum": None},
])
def test_all_forms_of_a_pair_are_one_pair(line: dict, tmp_path: Path) -> None:
    row, = read_rows(write(tmp_path / "pairs.jsonl", [line]))
    assert row.conversations() == [(ASKED, *said("a")), (ASKED, *said("b"))]
    assert (row.better, row.kind, row.key, row.line, row.stratum) == (1, "pair", "1", 1, "")


def test_a_common_beginning_goes_up_to_the_first_message_that_differs(tmp_path: Path) -> None:
    start = [{"role": "system", "content": "s"}, ASKED, *said("x"), {"role": "user", "content": "r"}]
    end = [*said("a"), {"role": "user", "content": "more"}, *said("c")]
    row, = read_rows(write(tmp_path / "pairs.jsonl", [{"chosen": [*start, *end], "rejected": [*start, *said("b")]}]))
    assert row.prompt == tuple(start) and row.responses == (tuple(end), tuple(said("b")))
    assert [written(response) for response in row.responses] == ["a\nc", "b"]


def test_published_files_are_read_as_they_are(tmp_path: Path) -> None:
    lines = [
        {"id": "12", "prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"], "subset": "Focus", "num_correct": 1,
         "num_incorrect": 3, "total_completions": 4, "models": ["m"], "additional_metadata": None},
        {"id": "ref:0", "prompt": "q", "chosen": ["a"], "rejected": ["b"], "subset": "Ties"},
        {"id": "tied:0", "prompt": "q", "chosen": ["a", "b"], "rejected": ["c"], "subset": "Ties"},
        {"id": 7, "prompt": "q", "chosen": ["a1", "a2", "a3"], "rejected": ["b1", "b2", "b3"], "domain": "chat",
         "style": ["detailed_markdown", "concise", "detailed_plain"]},
        {"prompt": "q", "chosen": "a", "rejected": "b", "label": "rejected",
         "style": {"chosen": "concise", "rejected": "detailed_plain"}},
    ]
    rows = list(read_rows(write(tmp_path / "pairs.jsonl", [lines[0], "\n", *lines[1:]])))
    assert [row.kind for row in rows] == ["best", "reference", "tied", "styled", "styled"]
    assert [row.key for row in rows] == ["12", "ref:0", "tied:0", "7", "6"]
    assert [row.stratum for row in rows] == ["Focus", "Ties", "Ties", "chat", ""]
    assert rows[3].styles == (2, 0, 1, 2, 0, 1) and rows[4].styles == (1, 0)


def test_exchanged_twice_is_as_it_was(tmp_path: Path) -> None:
    line = {"prompt": "q", "chosen": ["a", "b"], "rejected": ["c", "d", "e"]}
    row, = read_rows(write(tmp_path / "pairs.jsonl", [line]))
    texts: list[str] = [written(response) for response in row.exchanged().responses]
    assert texts == ["c", "d", "e", "a", "b"] and row.exchanged().better == 3
    assert row.exchanged().exchanged() == row


GOOD = {"prompt": "q", "chosen": "a", "rejected": "b"}
LISTS = {"prompt": "q", "chosen": ["a", "c", "d"], "rejected": ["b", "e", "f"]}
FAULTS = [
    ("{", "Expecting"),
    ("[1]\n", "not a JSON object"),
    ('{"prompt": "q", "prompt": "r", "chosen": "a", "rejected": "b"}\n', "'prompt' is given twice"),
    ('{"prompt": "q", "chosen": "\\ud800", "rejected": "b"}\n', "surrogate"),
    ({**GOOD, "choosen": "a"}, "'choosen' is no field of a pair; did you mean 'chosen'?"),
    ({**GOOD, "zzz": 1}, "'zzz' is no field of a pair; known are prompt"),
    ({"prompt": "q", "chosen": "a"}, "lacks rejected"),
    ({"chosen": "a", "rejected": "b"}, "needs prompt or messages"),
    ({**GOOD, "messages": [ASKED]}, "has both prompt and messages"),
    ({**GOOD, "prompt": " "}, "prompt is empty"),
    ({**GOOD, "prompt": 3}, "prompt: messages is not a list"),
    ({**GOOD, "prompt": [ASKED, *said("x")]}, "prompt ends with the message of 'assistant'"),
    ({**GOOD, "prompt": [{"role": "user", "content": ""}]}, "ends with an empty message"),
    ({**GOOD, "prompt": [{"role": "boss", "content": "q"}]}, "role = 'boss' is none of"),
    ({**GOOD, "chosen": 3}, "chosen is not text"),
    ({**GOOD, "chosen": []}, "chosen is an empty list"),
    ({**GOOD, "rejected": ["b", 3]}, "rejected is not text"),
    ({**GOOD, "chosen": ""}, "chosen: the response is empty"),
    ({**GOOD, "rejected": ["b", " \n"]}, "rejected: the response is empty"),
    ({**GOOD, "chosen": "b"}, "chosen and rejected are equal"),
    ({**GOOD, "chosen": " b\n"}, "chosen and rejected are equal"),
    ({**GOOD, "rejected": ["b", "a"]}, "chosen and rejected are equal"),
    ({**GOOD, "chosen": [ASKED]}, "chosen: the response begins with the message of 'user'"),
    ({**GOOD, "chosen": [*said("a"), ASKED]}, "chosen: the response ends with the message of 'user'"),
    ({**GOOD, "chosen": [{"role": "assistant", "content": "a", "name": "n"}]}, "chosen: messages[0] is not an object of two"),
    ({"chosen": [ASKED, *said("a")], "rejected": [ASKED, *said("a")]}, "chosen and rejected are equal"),
    ({"chosen": [ASKED, *said("a")], "rejected": [ASKED]}, "rejected is nothing but the beginning"),
    ({"chosen": said("a"), "rejected": said("b")}, "no first message in common"),
    ({"chosen": [ASKED, *said("x", "a")], "rejected": [ASKED, *said("x", "b")]}, "have in common ends with the message of"),
    ({**GOOD, "label": "b"}, "label = 'b' is none of chosen, rejected, tie"),
    ({**GOOD, "label": ["tie"]}, "is none of chosen, rejected, tie"),
    ({**LISTS, "label": "tie"}, "label = 'tie' beside a list"),
    *[({**GOOD, **said_twice}, "beside label = ") for said_twice in (
        {"tie": False, "label": "tie"}, {"tie": True, "label": "chosen"}, {"tie": True, "label": "rejected"},
        {"tie": 1}, {"tie": "true", "label": "tie"}, {"tie": 0}, {"margin": 1, "label": "tie"}, {"margin": 2.5, "tie": True},
        {"margin": 0, "label": "chosen"}, {"margin": -1}, {"margin": float("nan"), "label": "rejected"})],
    ({**GOOD, "margin": "1"}, "margin = '1' is not a number"),
    ({**GOOD, "margni": 1}, "did you mean 'margin'?"),
    ({**GOOD, "stratum": ""}, "stratum = '' names nothing"),
    ({**GOOD, "stratum": "a", "domain": "b"}, "has both stratum and domain"),
    ({**GOOD, "key": "a", "id": "b"}, "has both key and id"),
    ({**GOOD, "key": [1]}, "key = [1] is not text"),
    ({**GOOD, "key": "tied:1"}, "chosen has one"),
    ({**LISTS, "rejected": "b"}, "chosen is a list of responses, and rejected is not"),
    ({**LISTS, "style": ["concise", "concise", "detailed_plain"]}, "not a list of the three styles"),
    ({**GOOD, "style": ["concise", "detailed_plain", "detailed_markdown"]}, "there are 1 chosen and 1 rejected"),
    ({**LISTS, "style": {"chosen": "concise", "rejected": "concise"}}, "there are several responses"),
    ({**GOOD, "style": {"chosen": "concise", "rejected": "curt"}}, "style.rejected = 'curt' is none of"),
    ({**GOOD, "style": "concise"}, "neither a list of three styles nor an object"),
    ({**GOOD, "key": "first"}, "the key 'first' was given before"),
]


@pytest.mark.parametrize(("line", "why"), FAULTS)
def test_faults_are_named_with_file_and_line(line: object, why: str, tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", [{**GOOD, "key": "first"}, "\n", line])
    with pytest.raises(UserError) as error:
        list(read_rows(path))
    assert str(error.value).startswith(f"{path}:3: ") and why in str(error.value)


@pytest.mark.parametrize("line", [
    {"tie": False}, {"tie": False, "label": "rejected"}, {"tie": True, "label": "tie"}, {"label": "tie", "tie": None},
    {"margin": 1, "label": "rejected"}, {"margin": None, "tie": True},
])
def test_what_says_the_same_twice_is_read(line: dict, tmp_path: Path) -> None:
    row, = read_rows(write(tmp_path / "pairs.jsonl", [{**GOOD, **line}]))
    assert row.label == line.get("label", "tie" if line.get("tie") else "chosen")


def test_files_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    empty = write(tmp_path / "empty", ["\n"])
    for path, why in ((tmp_path / "none", "cannot be read"), (tmp_path, "cannot be read"), (empty, "holds no pairs")):
        with pytest.raises(UserError, match=why):
            list(read_rows(path))


def test_a_response_of_100_000_words_and_a_message_of_many_turns_are_read(tmp_path: Path) -> None:
    turns: list[dict[str, str]] = [ASKED, *said("x")] * 300
    path = write(tmp_path / "pairs.jsonl", [{"prompt": [*turns, ASKED], "chosen": "word " * 100_000, "rejected": "b"}])
    row, = read_rows(path)
    found: Messages = row.prompt
    assert len(found) == 601 and len(written(row.responses[0])) == 500_000
