"""What is kept of a batch of rollouts: verdicts that are read back to the last bit, and work for something else that is known."""

import dataclasses
import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.rl.judges import _code, judge_digest
from megatron_qm.align.rl.origin import REPLACED, Origin, origin_of, outcomes_of, settle
from megatron_qm.align.rl.verdicts import Response, Verdicts, kept_verdicts, read_lines, verdict_lines
from megatron_qm.align.rollouts.dispatch import parts_of
from megatron_qm.config.rl import JudgeConfig, RlConfig, ShapingConfig, VerifierConfig
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored

_text = st.text(st.characters(exclude_categories=[]))  # half surrogate pairs among them
_parts = st.dictionaries(_text, st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 5))
_outcome = st.builds(Scored, st.floats(0, 1) | st.integers(0, 1), _parts, _text) | st.builds(Unscored, _text)


def responses(count: int, text: str = "I71.9", reference: str = "A") -> list[Response]:
    item = Item("icd", "exam", ({"role": "user", "content": "?"},), reference, {"options": {"A": "腹主动脉瘤"}})
    return [Response(f"3/0/icd#{n}", item, f"{text} {n}") for n in range(count)]


def plain(text: str) -> str:
    """What JSON makes of two halves of a surrogate pair that happen to stand side by side."""
    return json.loads(json.dumps(text))


@given(st.lists(_outcome, min_size=1, max_size=6), st.booleans(), _text)
def test_verdicts_are_read_back_to_the_last_bit(outcomes: list[Outcome], formats: bool, text: str) -> None:
    asked = responses(len(outcomes), text)
    said = Verdicts(outcomes, [n / 7 for n in range(len(outcomes))] if formats else None)
    back = read_lines(b"".join(verdict_lines(said, asked, "me")).splitlines(), asked, "me")
    assert back.formats == said.formats
    for one, other in zip(back.outcomes, outcomes, strict=True):
        assert type(one) is type(other)
        if isinstance(other, Scored):
            assert (one.value, one.explanation) == (other.value, plain(other.explanation))
            assert one.parts == {plain(name): value for name, value in other.parts.items()}
            assert math.copysign(1, one.value) == math.copysign(1, other.value)
        else:
            assert one.reason == plain(other.reason)


def test_a_score_of_numpys_becomes_the_number_that_is_kept() -> None:
    asked = responses(1)
    said = Verdicts([Scored(np.float32(0.1), {"f1": np.float64(0.3)})], None)
    found = read_lines(verdict_lines(said, asked, "me"), asked, "me").outcomes[0]
    assert (found.value, found.parts) == (float(np.float32(0.1)), {"f1": 0.3}) and type(found.value) is float


def test_only_whole_verdicts_of_the_same_judge_on_the_same_responses_are_learnt_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "megatron_qm")
    path, asked = tmp_path / "000003.outcomes.jsonl", responses(3)
    said = Verdicts([Scored(0.5), Unscored("deadline: late"), Scored(1.0, {"model": 1.0}, "by the model")], [1.0, 0.0, 1.0])
    assert kept_verdicts(path, asked, "me") is None and not caplog.text  # nothing there is nothing to speak of
    path.write_bytes(b"".join(verdict_lines(said, asked, "me")))
    assert kept_verdicts(path, asked, "me") == said and not caplog.text
    foreign = [responses(3, "I71.8"), responses(3, reference="B"), [dataclasses.replace(one, key="x") for one in asked]]
    for others in foreign:
        assert kept_verdicts(path, others, "me") is None
    assert caplog.text.count("it judges other responses; its batch is judged again") == 3
    assert kept_verdicts(path, asked, "you") is None
    assert "rl.verifier, rl.shaping.format_weight or the code of a verifier has changed" in caplog.text
    whole = path.read_bytes()
    for torn in (whole[:-20], whole[: whole.index(b"\n") + 1], b"", b"[]\n" * 3, b"\xff\n" * 3, whole.replace(b"0.5", b"7.5")):
        caplog.clear()
        path.write_bytes(torn)
        assert kept_verdicts(path, asked, "me") is None
        assert f"{path}: no whole file of verdicts" in caplog.text


def test_who_judges_is_all_of_the_verifier_but_the_number_of_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    mine = tmp_path / "my_verifier.py"
    principles = tmp_path / "principles.yaml"
    judge = JudgeConfig("http://127.0.0.1:1/v1", "m")

    def by(shaping: ShapingConfig | None = None, *tasks: str, **verifier: object) -> str:
        _code.cache_clear()  # as in another process
        config = RlConfig(verifier=VerifierConfig(**verifier), shaping=shaping or ShapingConfig())
        return judge_digest(config, ["exam", "diagnosis", *tasks])

    assert by() == by(workers=9) == by(ShapingConfig(overlong_buffer=2, repetition_weight=0.5))
    principles.write_text("one")
    asked = {"judge": judge, "principles": str(principles)}
    different = [by(), by(seconds=3.0), by(reading="strict"), by(judge=judge), by(judge=dataclasses.replace(judge, votes=3)),
                 by(**asked), by(ShapingConfig(format_weight=0.1))]
    principles.write_text("another")
    different.append(by(**asked))
    for code in ("one = 1", "one = 2"):
        mine.write_text(code)
        different.append(by(None, "my_verifier:one"))
    different.append(by(None, "nowhere.at_all:one"))
    assert len(set(different)) == len(different)


REQUESTS = [Request(f"0/0/a#{n}", (1, 2, 3), Sampling(stop_tokens=(9,)), 5) for n in range(2)]
HERE = Origin.of(REQUESTS, 4, "abc")


def generated(path: Path) -> None:
    """As a run leaves a batch: some of it in parts, for all that is here to be moved."""
    path.write_text("rollouts")
    outcomes_of(path).write_text("verdicts")
    parts_of(path).mkdir()
    (parts_of(path) / "000000.jsonl").write_text("some")


@pytest.mark.parametrize(("other", "why"), [
    (HERE, None),
    (Origin.of(REQUESTS, 4, "abd"), "other weights"),
    (Origin.of(REQUESTS, 2, "abc"), "other weights"),
    (Origin.of([dataclasses.replace(one, seed=6) for one in REQUESTS], 4, "abc"), "other prompts, sampling, seed or tokenizer"),
    (Origin.of([dataclasses.replace(one, prompt=(1, 2)) for one in REQUESTS], 4, "abc"), "other prompts"),
    (Origin.of([dataclasses.replace(one, sampling=Sampling(stop_tokens=(8,))) for one in REQUESTS], 4, "abc"), "other prompts"),
    (Origin.of(REQUESTS[:1], 4, "abc"), "other prompts"),
])
def test_rollouts_of_another_origin_are_set_aside(
    other: Origin, why: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "megatron_qm")
    path = tmp_path / "rollouts" / "000000.jsonl"
    settle(path, HERE)
    assert not caplog.text and origin_of(path).exists()
    generated(path)
    settle(path, other)
    kept = [file for file in (path, outcomes_of(path), parts_of(path)) if file.exists()]
    aside = sorted(file.name for file in (path.parent / REPLACED).glob("*"))
    if why is None:
        assert len(kept) == 3 and not aside and not caplog.text
        return
    assert not kept and why in caplog.text and str(path) in caplog.text
    assert aside == ["000000.jsonl", "000000.origin.json", "000000.outcomes.jsonl"]
    generated(path)  # of `other`, which `settle` has noted
    settle(path, other)
    assert path.exists()


@pytest.mark.parametrize("note", [None, "", "{}", "[1]", '{"version": 4}'])
def test_rollouts_of_an_unknown_origin_are_set_aside(note: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of a version that wrote no origin, say: the same weights generate them again, and others should not be learnt from."""
    path = tmp_path / "000000.jsonl"
    generated(path)
    if note is not None:
        origin_of(path).write_text(note)
    settle(path, HERE)
    assert "an unknown origin" in caplog.text and not path.exists() and (tmp_path / REPLACED / path.name).exists()
