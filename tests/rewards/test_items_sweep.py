"""Every field of an item, filled with what does not belong there: an item that all can work with, or a sentence."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from megatron_qm.align.rl.sampler import item_digest
from megatron_qm.errors import UserError
from megatron_qm.rewards.audit import items as audit_items
from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.outcome import Scored, Unscored
from megatron_qm.rewards.references import check_references, refusal
from megatron_qm.rewards.samples import Sample, judge
from tests.junk import lines

SWEEP = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
GOOD = {"key": "a", "task": "exam", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Which?"}],
        "reference": "A", "metadata": {"options": {"A": "fever", "B": "rash"}}, "label": "x", "strata": {"level": "3"}}
OTHERS = {
    "exam": "A", "diagnosis": {"code": "I21.9"}, "drugs": [{"name": "aspirin", "dose": "5 mg"}], "ordering": ["cbc"],
    "format": "", "hybrid": "A",
}


def read(folder: Path, line: bytes):
    """The item of a line that stands under a good one; None where it is refused with file and line, or blank."""
    path = folder / "items.jsonl"
    path.write_bytes(json.dumps({**GOOD, "key": "first"}).encode() + b"\n" + line + b"\n")
    try:
        return (read_items(path) + [None])[1]
    except UserError as error:
        assert str(error).startswith(f"{path}:2: ") and "\n" not in str(error)[:40]
        return None


def used(item) -> None:
    """As RL and evaluation do with it."""
    item_digest(item)
    assert isinstance(item.key, str) and isinstance(item.question, str)
    for response in ("", '{"answer": "A"}', "I21.9, aspirin, cbc"):
        outcome = judge(Sample(item.judged_by, item.question, response, item.reference, item.metadata))
        assert isinstance(outcome, Scored | Unscored)
        why = refusal(Sample(item.judged_by, item.question, response, item.reference, item.metadata))
        assert why is None or isinstance(outcome, Unscored), "what is refused could not have been scored"


@SWEEP
@given(lines(GOOD))
def test_a_line_is_an_item_or_refused_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    item = read(tmp_path, line)
    if item is not None:
        used(item)


@pytest.mark.parametrize("task", OTHERS)
@settings(SWEEP, max_examples=40)
@given(line=lines({"reference": "A", "metadata": {}}))
def test_so_it_is_for_references_and_metadata_of_every_verifier(task: str, tmp_path: Path, line: bytes) -> None:
    metadata = {"rule": "exam"} if task == "hybrid" else {}
    whole = {"key": "b", "task": task, "prompt": "q", "reference": OTHERS[task], "metadata": metadata}
    given_line = json.dumps(whole)[1:-1].encode()
    item = read(tmp_path, b"{" + given_line + (b", " + line[1:] if line.startswith(b"{\"") else b"}"))  # the last of a key counts
    if item is not None:
        used(item)


AUDITED = {"verifier": "exam", "prompt": "q", "reference": "A", "right": "A", "wrong": "B", "everything": "A/B",
           "metadata": {"options": {"A": "fever", "B": "rash"}}}


@SWEEP
@given(lines(AUDITED))
def test_a_line_of_the_audit_is_an_item_or_refused_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(json.dumps(AUDITED).encode() + b"\n" + line + b"\n")
    try:
        found = audit_items.read(path)
    except UserError as error:
        assert str(error).startswith(f"{path}, line 2: ")
        return
    assert all(isinstance(text, str) for item in found for text in (item.prompt, item.right, item.wrong, item.everything))


def test_good_lines_are_read(tmp_path: Path) -> None:
    item = read(tmp_path, json.dumps(GOOD).encode())
    assert item is not None and refusal(Sample(item.judged_by, "", "", item.reference, item.metadata)) is None


@pytest.mark.parametrize(("task", "reference", "metadata", "why"), [
    ("exam", "E", {"options": {"A": "fever", "B": "rash"}}, "not among the options A, B"),
    ("exam", [{"answer": "A"}, {"answer": "C"}], {"options": {"A": "fever", "B": "rash"}}, "not among its options"),
    ("exam", [{"answer": "A"}, {"answer": "B"}], {"options": [{"A": "fever", "B": "rash"}]}, "not among its options"),
    ("exam", "fever", {}, "no set of option letters"), ("exam", "A", {"options": {"A": 5}}, "not an object of texts"),
    ("diagnosis", "I99.99.9", {}, "not in ICD-10"), ("diagnosis", "I10", {"system": "x"}, "'x' is not known"),
    ("drugs", [], {}, "names no drug"), ("ordering", "", {}, "names no test"),
    ("exam", "A", {"options": {"a": "fever", "b": "rash"}}, "not among the options a, b"),
    ("exam", "A", {"options": {"A.": "fever", "B.": "rash"}}, "not among the options A., B."),
    ("diagnosis", "I10", {"names": {"high pressure": "nonesuch"}}, "'nonesuch' is no code"),
    ("drugs", ["aspirin"], {"contraindicated": "warfarin"}, "metadata.contraindicated = 'warfarin' is not a list of texts"),
    ("drugs", {"drugs": [{"name": "aspirin", "dose": "one tablet"}]}, {}, "'one tablet' of the reference is no amount"),
    ("drugs", [{"name": "aspirin"}, {"nam": "warfarin"}], {}, "the key 'nam' of the reference is not read; did you mean 'name'"),
    ("drugs", [{"name": "aspirin", "dos": "5 mg"}], {}, "the key 'dos' of the reference is not read; did you mean 'dose'"),
    ("drugs", {"drugs": ["aspirin"], "dose": "5 mg"}, {}, "dose = '5 mg' of the reference stands beside no name"),
    ("drugs", {"name": "aspirin", "route": "sky"}, {}, "the route 'sky' of the reference is not known: use one of oral, iv"),
    ("drugs", {"name": "aspirin", "warfarin": "5 mg"}, {}, "the key 'warfarin' of the reference is not read: known are name"),
    ("drugs", ["aspirin", 5], {}, "5 in the reference names no drug"),
])
def test_what_could_never_be_scored_is_said_before_anything_is_asked(
    task: str, reference: object, metadata: dict[str, object], why: str, tmp_path: Path
) -> None:
    good, bad = ({**GOOD, "key": key} for key in ("good", "bad"))
    bad |= {"task": task, "reference": reference, "metadata": metadata}
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(map(json.dumps, [good, bad, {**bad, "key": "worse"}])))
    with pytest.raises(UserError, match=f"items.jsonl:2: the item 'bad': no answer could be scored: .*{why}.*2 of 3 items"):
        check_references(read_items(path), str(path))
    path.write_text(json.dumps(good))
    check_references(read_items(path), str(path))


@pytest.mark.parametrize(("task", "text", "listed"), [
    ("drugs", "aspirin, warfarin", ["aspirin", "warfarin"]), ("drugs", "阿司匹林、华法林", ["aspirin", "warfarin"]),
    ("ordering", "CBC and chest X-ray", ["CBC", "chest X-ray"]), ("ordering", "血常规、胸部X线", ["血常规", "胸部X线"]),
    ("diagnosis", "I21.9, I10", ["I21.9", "I10"]),
])
def test_a_reference_that_is_a_list_in_one_text_is_that_list(task: str, text: str, listed: list[str]) -> None:
    whole, half = json.dumps({"answer": listed}, ensure_ascii=False), json.dumps({"answer": listed[:1]}, ensure_ascii=False)
    for reference in (text, listed):
        assert judge(Sample(task, "", whole, reference, {})).value == 1.0
        assert judge(Sample(task, "", half, reference, {})).value == pytest.approx(2 / 3)


def test_a_model_and_code_of_the_user_are_not_asked_beforehand() -> None:
    for verifier, metadata in (("general", {"judge": {"base": "http://127.0.0.1:1"}}), ("tests.rewards.bad_verifiers:bad", {})):
        assert refusal(Sample(verifier, "", "", "crash", metadata)) is None
