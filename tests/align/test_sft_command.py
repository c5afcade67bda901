"""`megatron-qm sft` as people run it: alike at every layout, packed as unpacked, nothing dropped in silence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.align.sft.prepare import counted
from megatron_qm.cli import main
from megatron_qm.config.run import load_run
from megatron_qm.config.sft import SftRun
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.ledger import documents_of_step
from tests.align.stages import LAYOUTS, command, numbers, records, run, written

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
    rows = counted(config).total_steps
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
    assert [row["line"] for row in rejects] == [2, 3] and rejects[0]["reason"].startswith("too long")
    summary = json.loads((folder / "chat.samples.json").read_text())
    assert summary["samples"] == 2 and sum(summary["rejected"].values()) == 2
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
    (["train.steps=1", "data.tokenizer=null"], "data.tokenizer is not set"),
    (["train.steps=1", "sft.sorces=[]"], "sources"),
])
def test_mistakes_are_named(overrides: list[str], why: str, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(command("sft", tiny / "sft.yaml", tmp_path / "run", *overrides)[3:]) == 2
    assert why in capsys.readouterr().err
