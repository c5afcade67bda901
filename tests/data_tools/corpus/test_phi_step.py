"""The step and its command: what was found is replaced, and nothing else is touched."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.corpus.document import Document
from data_tools.corpus.phi.deidentifying import KEY_VARIABLE, PhiConfig, deidentifier
from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.spans import TYPES
from megatron_qm.errors import UserError
from tests.data_tools.corpus.phi_found import MIXED, after
from tests.data_tools.corpus.phi_notes import note_en, note_zh


@given(
    MIXED.map(lambda text: text.replace("[", "（"))
    | st.integers(0, 1 << 20).map(lambda seed: (note_zh if seed % 2 else note_en)(seed)[0])
)
@settings(max_examples=100, deadline=None)
def test_text_outside_of_spans_is_untouched(text: str) -> None:
    spans = find_spans(text)
    tag = deidentifier(PhiConfig(spans=True))
    tagged = tag(Document(text))
    assert isinstance(tagged, Document)
    pieces, end = "", 0
    for span in spans:
        pieces += text[end : span.start] + f"[{span.type}]"
        end = span.end
    assert tagged.text == pieces + text[end:]
    assert tagged.known["phi"] == [{"start": s.start, "end": s.end, "type": s.type} for s in spans]


@given(
    st.lists(MIXED, max_size=6).map("，".join)
    | st.integers(0, 1 << 20).map(lambda seed: (note_zh if seed % 2 else note_en)(seed)[0])
)
@settings(max_examples=100, deadline=None)
def test_tags_are_left_alone(text: str) -> None:
    """Whatever is found in a tagged text, it is no tag nor a part of one."""
    tag = deidentifier(PhiConfig())
    tagged = after(tag, text)
    again = after(tag, tagged)
    assert sum(again.count(f"[{kind}]") for kind in TYPES) >= sum(tagged.count(f"[{kind}]") for kind in TYPES)


@pytest.mark.parametrize("maker", [note_zh, note_en])
def test_tagging_a_note_twice_is_tagging_it_once(maker) -> None:
    tag = deidentifier(PhiConfig())
    for seed in range(100):
        once = after(tag, maker(seed)[0])
        assert after(tag, once) == once


@pytest.mark.parametrize(("made", "said"), [
    (lambda: PhiConfig(mode="mask"), "mode 'mask'"), (lambda: PhiConfig(types=("NAME", "AGE")), "types AGE"),
    (lambda: PhiConfig(types=()), "types is empty"),
    (lambda: deidentifier(PhiConfig(mode="surrogate", key_file="/nowhere/key")), "key_file /nowhere/key: cannot be read"),
    (lambda: deidentifier(PhiConfig(mode="surrogate", key_file=__file__)), "hexadecimal digits"),
])  # fmt: skip
def test_what_cannot_be_is_refused(made, said: str) -> None:
    with pytest.raises(UserError, match=said):
        made()


def test_the_command_writes_spans_counts_and_places_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data_tools.deidentify import main

    monkeypatch.setenv(KEY_VARIABLE, "5a" * 32)
    notes = [note_zh(seed)[0] for seed in range(6)] + ["No one is named here."]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(notes)))
    command = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl"), "--report",
               str(tmp_path / "report.json"),
               "--samples", str(tmp_path / "samples.jsonl"), "--spans"]  # fmt: skip
    assert main(command) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["phi"] for row in rows] == [
        [{"start": s.start, "end": s.end, "type": s.type} for s in find_spans(text)] for text in notes
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert sum(report["phi"]["values"].values()) == sum(len(row["phi"]) for row in rows) and report["phi"]["documents"] == 6
    assert os.environ[KEY_VARIABLE] not in (tmp_path / "report.json").read_text() + (tmp_path / "out.jsonl").read_text()
    samples = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert samples and all(f"<<{row['value']}>>" in row["context"] and row["type"] in TYPES for row in samples)
    assert main(command) == 2  # nothing is replaced unasked


@pytest.mark.parametrize(("samples", "why"), [
    ("in.jsonl", "--samples in.jsonl: is an input"), ("out.jsonl", "--samples out.jsonl: is the file of --output, too"),
    ("report.json", "--samples report.json: is the file of --report, too"), ("key", "--samples key: is an input"),
    ("in.jsonl/x", "--samples in.jsonl/x: cannot be written: in.jsonl is a file"),
])  # fmt: skip
def test_samples_take_no_other_file_of_the_command(
    samples: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    """Not with --overwrite, either: what identifies persons must not stand where clean text is looked for."""
    from data_tools.deidentify import main

    monkeypatch.chdir(tmp_path)
    Path("in.jsonl").write_text(json.dumps({"text": "Patient John Smith, MRN 12345678."}) + "\n")
    Path("key").write_text("5a" * 32)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    command = ["--input", "in.jsonl", "--output", "out.jsonl", "--report", "report.json", "--mode", "surrogate"]
    assert main([*command, "--key-file", "key", "--overwrite", "--samples", samples]) == 2
    assert f"error: {why}" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert main([*command[:-2], "--mode", "surrogate", "--key-file", "key", "--overwrite", "--report", "key"]) == 2
    assert "error: --report key: is an input" in capsys.readouterr().err
