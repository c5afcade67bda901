"""`megatron-qm sft` as people run it: alike at every layout, packed as unpacked, nothing dropped in silence."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.align.sft.prepare import counted, prepare
from megatron_qm.align.sft.showing import visible
from megatron_qm.align.sft.writing import CONVERSATIONS
from megatron_qm.cli import main
from megatron_qm.config.run import load_run
from megatron_qm.config.sft import SftRun
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.ledger import documents_of_step
from megatron_qm.errors import UserError
from tests.align.stages import LAYOUTS, command, numbers, records, run, written
from tests.align.templates import EVERYTHING, tokenizer

BOUND = 1e-5


@pytest.fixture(scope="module")
def alone(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[list[float]]:
    output = tmp_path_factory.mktemp("alone")
    run("sft", tiny / "sft.yaml", output, "train.steps=4", "observe.entropy=true")
    return numbers(output, "entropy")


@pytest.mark.parametrize("layout", ["TP2+SP", "PP2", "DP2"])
def test_losses_gradients_and_entropy_are_those_of_one_process(
    layout: str, tiny: Path, alone: list, tmp_path: Path
) -> None:
    run("sft", tiny / "sft.yaml", tmp_path, "train.steps=4", "observe.entropy=true", *LAYOUTS[layout], ranks=2)
    np.testing.assert_allclose(numbers(tmp_path, "entropy"), alone, rtol=BOUND)
    assert alone[0][2] == pytest.approx(np.log(320), rel=0.02)  # an untrained model is nearly as unsure as can be


def test_packed_and_unpacked_rows_teach_the_same(tiny: Path, tmp_path: Path) -> None:
    """One step over all samples, in few rows and in one row each."""
    found = {}
    for pack in (True, False):
        output = tmp_path / str(pack)
        run("sft", tiny / "sft.yaml", output, "train.steps=1", f"sft.pack={pack}", "train.micro_batch_size=1",
            f"train.global_batch_size={_rows(tiny, tmp_path, pack)}")
        found[pack] = numbers(output)[0]
    np.testing.assert_allclose(found[True], found[False], rtol=BOUND)


def _rows(tiny: Path, folder: Path, pack: bool) -> int:
    overrides = [f"output={folder}/count-{pack}", "train.global_batch_size=1", "sft.epochs=1", f"sft.pack={pack}"]
    config = load_run(tiny / "sft.yaml", overrides, SftRun)
    rows = counted(config, CONVERSATIONS).total_steps
    assert rows == 13 if not pack else rows < 8
    return rows


def test_what_does_not_fit_is_counted_and_named(tiny: Path, tmp_path: Path) -> None:
    good = {"prompt": "Code of illness a1?", "completion": "It is A1."}
    long = {"prompt": "why " * 80, "completion": "It is A1."}
    short = {"prompt": "a1?", "completion": "A1."}
    chat = written(tmp_path / "chat.jsonl", [good, long, {"prompt": "only"}, short])
    run("sft", tiny / "sft.yaml", tmp_path / "run", "train.steps=1", "train.global_batch_size=1",
        f"sft.sources=[{{name: chat, path: {chat}}}]")
    folder = tmp_path / "run" / "data"
    rejects = [json.loads(line) for line in (folder / "chat.rejects.jsonl").read_text().splitlines()]
    assert [(row["line"], row["kind"]) for row in rejects] == [(2, "too long"), (3, "no known format")]
    assert "it has 'prompt', and none of" in rejects[1]["reason"]
    summary = json.loads((folder / "chat.samples.json").read_text())
    assert summary["samples"] == 2 and summary["rejected"] == {"too long": 1, "no known format": 1}
    assert summary["formats"] == {"prompt-completion": 2}
    dataset = IndexedDataset.open(folder / "chat")
    assert (folder / "chat.origin").read_text().splitlines() == [f"{chat}:1", f"{chat}:4", "padding"]
    assert dataset.documents == 3 and dataset.tokens == 64
    learnt = dataset.learnt(0, 64)
    assert int(learnt.sum()) == summary["learnt_tokens"] and not learnt[dataset.document_range(2)[0] :].any()
    assert {span.document for span in documents_of_step(tmp_path / "run", 1)} == {0, 1, 2}


def test_epochs_set_the_steps_and_groups_follow_their_schedule(tiny: Path, tmp_path: Path) -> None:
    """A curriculum: the second group begins once the first has had 4 rows."""
    shutil.copy(tiny / "chat.jsonl", tmp_path / "more.jsonl")
    run("sft", tiny / "sft.yaml", tmp_path / "run", "train.steps=4", "sft.pack=false", "train.global_batch_size=2",
        f"sft.sources=[{{name: simple, path: {tiny}/chat.jsonl, weight: [[0, 1], [255, 1], [256, 0]]}}, "
        f"{{name: composite, path: {tmp_path}/more.jsonl, weight: [[0, 0], [255, 0], [256, 1]]}}]")
    seen = [record["tokens_by_source"] for record in records(tmp_path / "run", "train")]
    assert seen == [{"simple": 128, "composite": 0}, {"simple": 256, "composite": 0}, {"simple": 256, "composite": 128},
                    {"simple": 256, "composite": 256}]
    run("sft", tiny / "sft.yaml", tmp_path / "epochs", "sft.epochs=2", "sft.pack=false")
    assert records(tmp_path / "epochs", "train")[-1]["step"] == 7  # 2 x 13 rows in batches of 4


@pytest.mark.parametrize(("overrides", "why"), [
    (["train.steps=1", "sft.sources=[]"], "sft.sources is empty"),
    (["sft.epochs=1", "train.steps=3"], "set one of"),
    (["train.steps=1", "sft.sources=[{name: a, path: nowhere.jsonl}]"], "nowhere.jsonl"),
    (["train.steps=1", "sft.sources=[{name: a/b, path: x}]"], "file name"),
    (["train.steps=1", f"sft.sources=[{{name: {'n' * 300}, path: x}}]"], "file name: give it at most 200 bytes, not 300"),
    (["train.steps=1", 'sft.sources=[{name: a, path: "a\\0b"}]'], "sft.sources.0.path = 'a\\x00b': no path"),
    (["train.steps=1", 'output="a\\0b"'], "output = 'a\\x00b': no path and no name can hold a NUL character; take it out"),
    (["train.steps=1", "data.template_arguments={foo: 5}"], "the chat template reads no argument 'foo'"),
    (["train.steps=1", "data.tokenizer=null"], "data.tokenizer is not set"),
    (["train.steps=1", "sft.sorces=[]"], "sources"),
])
def test_mistakes_are_named(overrides: list[str], why: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(command("sft", tiny / "sft.yaml", tmp_path / "run", *overrides)[3:]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("length", ["train.steps=1", "sft.epochs=1"])
@pytest.mark.parametrize(("arguments", "why"), [
    ("{foo: 5}", "the chat template reads no argument 'foo'; mend data.template_arguments = {'foo': 5}"),
    ("{mood: loud}", "the chat template refuses it: calm or none; mend data.template_arguments = {'mood': 'loud'}"),
    ("{mood: calm}", ""),
])
def test_a_dry_run_knows_what_the_template_reads(
    length: str, arguments: str, why: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    moody = shutil.copytree(tiny / "tokenizer", tmp_path / "tokenizer")
    settings = json.loads((moody / "tokenizer_config.json").read_text())
    settings["chat_template"] = ("{% if mood is defined and mood != 'calm' %}{{ raise_exception('calm or none') }}{% endif %}"
                                 + settings["chat_template"])
    (moody / "tokenizer_config.json").write_text(json.dumps(settings))
    words = command("sft", tiny / "sft.yaml", tmp_path / "run", length, f"data.template_arguments={arguments}",
                    f"data.tokenizer={moody}", "train.start_from=null")[3:]
    assert main([*words, "--dry-run"]) == (2 if why else 0)
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("path", ["c.rejects.jsonl", "link/*.jsonl"])
def test_what_the_run_writes_is_no_source(path: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "run" / "data").mkdir(parents=True)
    own = shutil.copy(tiny / "chat.jsonl", tmp_path / "run" / "data" / "c.rejects.jsonl")
    (tmp_path / "run" / "data" / "link").symlink_to(".")
    before = own.read_bytes()
    sources = f"sft.sources=[{{name: c, path: {tmp_path}/run/data/{path}}}]"
    assert main(command("sft", tiny / "sft.yaml", tmp_path / "run", "train.steps=1", sources)[3:]) == 2
    said = capsys.readouterr().err
    assert f"sft.sources: group 'c': {tmp_path}/run/data/" in said and "which this run writes; move it elsewhere" in said, said
    assert own.read_bytes() == before


MIXED = [
    {"messages": [{"role": "user", "content": "q one"}, {"role": "assistant", "content": "bad", "weight": 0},
                  {"role": "user", "content": "again"}, {"role": "assistant", "content": "a one"}]},
    {"conversations": [{"from": "human", "value": "q two"}, {"from": "gpt", "value": "a two"}], "system": "be brief"},
    {"instruction": "q three", "input": "in three", "output": "a three"},
    {"instruction": "q four", "output": "a four", "history": [["q old", "a old"]]},
    {"prompt": [{"role": "user", "content": "q five"}], "completion": "a five"},
    {"input": "q six", "output": "a six"},
    {"mask": "Patient", "system": "be kind", "conversations": [
        {"from": "Patient", "value": "q seven"}, {"from": "Doctor", "value": "a seven"}]},
    {"tools": [{"name": "dose", "description": "of a drug"}], "messages": [
        {"role": "user", "content": "q eight"}, {"role": "assistant", "tool_calls": [{"name": "dose", "arguments": '{"mg": 5}'}]},
        {"role": "tool", "content": "4 g"}, {"role": "assistant", "reasoning_content": "why", "content": "a eight"}]},
    {"prompt": "q nine", "completion": "a nine", "sorce": "web"},
    {"instruction": "q ten"},
]
LEARNT = [["a one"], ["a two"], ["a three"], ["a old", "a four"], ["a five"], ["a six"], ["a seven"],
          ['<tool_call>{"name": "dose", "arguments": {"mg": 5}}</tool_call>', "<think>why</think>a eight"]]


@pytest.fixture(scope="module")
def mixed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a file of all formats under a template that renders everything."""
    folder = tmp_path_factory.mktemp("mixed")
    tokenizer(EVERYTHING).save_pretrained(folder / "tokenizer")
    written(folder / "mixed.jsonl", MIXED)
    return [f"data.tokenizer={folder}/tokenizer", "model.vocab_size=512", "model.max_positions=256", "data.sequence_length=256",
            "train.steps=1", "train.global_batch_size=1", f"sft.sources=[{{name: mixed, path: {folder}/mixed.jsonl}}]"]


def test_show_marks_what_is_learnt_of_every_format(
    mixed: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([*command("sft", tiny / "sft.yaml", tmp_path / "run", *mixed)[3:], "--show", "20"]) == 0
    head, *parts = capsys.readouterr().out.split("\n== ")
    assert "⟦" in head and len(parts) == len(MIXED) and not (tmp_path / "run").exists()
    answers = [re.findall("⟦(.*?)⟧", part, re.DOTALL) for part in parts]
    assert answers[:8] == [[f"{answer}<|im_end|>\n" for answer in wanted] for wanted in LEARNT]
    for n, part in enumerate(parts, start=1):
        assert part.startswith("mixed  ") and f"mixed.jsonl:{n}  " in part
    assert "  alpaca  " in parts[2] and "q three\nin three<|im_end|>" in parts[2] and "<tools>{" in parts[7]
    assert "left out: the key 'sorce' is not read" in parts[8] and "left out: no known format: it has 'instruction'" in parts[9]
    learnt = int(re.search(r"(\d+) tokens, (\d+) learnt", parts[5])[2])
    made = tokenizer(EVERYTHING)
    assert learnt == len(made.encode("a six<|im_end|>\n", add_special_tokens=False))


def test_show_stops_after_n_and_is_coloured_on_a_terminal(
    mixed: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main([*command("sft", tiny / "sft.yaml", tmp_path / "run", *mixed)[3:], "--show", "2"]) == 0
    shown = capsys.readouterr().out
    assert "\033[32ma two<|im_end|>\n\033[0m" in shown and "q three" not in shown and "⟦" not in shown


def test_show_writes_out_what_a_terminal_would_obey() -> None:
    assert visible("a\x1b[2Jb\r\u202ec\n\t三") == "a\\x1b[2Jb\\r\\u202ec\n\t三"


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "1.5", "²"])
def test_show_wants_a_number(wrong: str, mixed: list[str], tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main([*command("sft", tiny / "sft.yaml", tmp_path / "run", *mixed)[3:], "--show", wrong]) == 2
    assert "error: --show: " in capsys.readouterr().err


def test_the_plan_counts_formats_and_what_is_left_out(
    mixed: list[str], tiny: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    assert main(["data", "plan", "--config", str(tiny / "sft.yaml"), f"output={tmp_path}/run", *mixed]) == 0
    said = capsys.readouterr().out
    assert "formats: 2 x openai, 2 x alpaca, 1 x sharegpt, 1 x prompt-completion, 1 x input-output" in said
    assert "2 left out (20.0%: 1 x the key 'sorce' is not read, 1 x no known format)" in said


def test_what_is_learnt_of_every_format_lies_in_the_dataset(mixed: list[str], tiny: Path, tmp_path: Path) -> None:
    config = load_run(tiny / "sft.yaml", [f"output={tmp_path}", *mixed], SftRun)
    prepare(config, CONVERSATIONS, 0, lambda ready: None)
    dataset, made = IndexedDataset.open(tmp_path / "data" / "mixed"), tokenizer(EVERYTHING)
    ids = np.fromfile(tmp_path / "data" / "mixed.bin", np.uint16)
    learnt = ids[dataset.learnt(0, dataset.tokens).astype(bool)]
    assert made.decode(learnt.tolist()) == "".join(f"{answer}<|im_end|>\n" for wanted in LEARNT for answer in wanted)
    summary = json.loads((tmp_path / "data" / "mixed.samples.json").read_text())
    assert summary["formats"] == {
        "openai": 2, "sharegpt": 1, "alpaca": 2, "prompt-completion": 1, "input-output": 1, "nemo-aligner": 1}


def test_a_group_of_which_too_much_is_left_out_does_not_begin(mixed: list[str], tiny: Path, tmp_path: Path) -> None:
    config = load_run(tiny / "sft.yaml", [f"output={tmp_path}/run", *mixed, "sft.max_left_out=0.1"], SftRun)
    with pytest.raises(UserError, match="20.0% of its samples are left out .*sorce.*raise sft.max_left_out = 0.1"):
        prepare(config, CONVERSATIONS, 0, lambda ready: None)
    assert not (tmp_path / "run").exists()
    prepare(replace(config, sft=replace(config.sft, max_left_out=0.2)), CONVERSATIONS, 0, lambda ready: None)
    with pytest.raises(UserError, match="are left out"):  # of what was made before too
        prepare(config, CONVERSATIONS, 0, lambda ready: None)


def test_data_are_made_anew_where_other_keys_are_ignored(mixed: list[str], tiny: Path, tmp_path: Path) -> None:
    config = load_run(tiny / "sft.yaml", [f"output={tmp_path}", *mixed], SftRun)
    (group,) = config.sft.sources
    for ignore, samples in ((["id"], 8), (["id", "sorce"], 9)):
        sft = replace(config.sft, sources=[replace(group, ignore=ignore)])
        prepare(replace(config, sft=sft), CONVERSATIONS, 0, lambda ready: None)
        assert json.loads((tmp_path / "data" / "mixed.samples.json").read_text())["samples"] == samples


@pytest.mark.parametrize(("template", "why"), [
    (EVERYTHING.replace("m.content", "m.contnet"), "the template leaves out the text of the user message"),
    (EVERYTHING.replace("<|im_end|>", ""), "no end after the answer"),
    ("{{ raise_exception('never') }}", "it cannot be rendered"),
])
def test_a_broken_template_leaves_no_sample_and_says_why(
    template: str, why: str, mixed: list[str], tiny: Path, tmp_path: Path
) -> None:
    tokenizer(template).save_pretrained(tmp_path / "broken")
    config = load_run(tiny / "sft.yaml", [f"output={tmp_path}/run", *mixed, f"data.tokenizer={tmp_path}/broken"], SftRun)
    with pytest.raises(UserError, match=f"no sample is left of .*mixed.jsonl: .* x {why}.*--show 5"):
        prepare(config, CONVERSATIONS, 0, lambda ready: None)
