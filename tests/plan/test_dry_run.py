"""`--dry-run` says whether a run fits, and which layout would; it needs no GPU and writes nothing."""

import re
from pathlib import Path

import numpy as np
import pytest

from data_tools.indexed_writer import IndexedWriter
from megatron_qm.cli import main
from megatron_qm.commands import dry_run as dry_run_module
from megatron_qm.commands.resolve import resolve
from megatron_qm.costs.memory import GIB, memory_by_stage
from megatron_qm.plan.hardware import find_gpu
from megatron_qm.plan.predict import buffer_bytes
from megatron_qm.platform.detect import Hardware


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of forty datasets, the n-th of n documents, each longer than a sequence."""
    folder = tmp_path_factory.mktemp("forty") / "data"
    folder.mkdir()
    for number in range(1, 41):
        prefix = folder / f"source{number:02d}"
        writer = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), np.dtype("<i4"))
        writer.append(np.arange(number * 5000, dtype="<i4") % 5000, np.full(number, 5000, "<i4"))
        writer.finish()
        writer.close()
    return folder


def dry_run(*words: object) -> int:
    return main(["pretrain", "--config", "qwen3-8b-h100", "--dry-run", *map(str, words)])


def test_forty_sources_on_eight_gpus_fit(forty: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert dry_run(f"data.sources={{folder: {forty}}}", f"output={tmp_path}/run") == 0
    said = capsys.readouterr().out
    assert said.count("- name: source") == 40 and "on 8 ranks" in said and "fits: " in said and "not ready" not in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("key", ["probes", "items"])
def test_what_it_would_be_examined_by_is_looked_at(key: str, forty: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text('{"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}')
    assert dry_run(f"data.sources={{folder: {forty}}}", f"output={tmp_path}/run", f"data.tokenizer={tokenizer}",
                   f"observe.{key}={tmp_path}/none.jsonl") == 0
    assert f"not ready to run: observe.{key}: {tmp_path}/none.jsonl: cannot be read" in capsys.readouterr().out


def test_what_does_not_fit_is_refused_with_a_layout_that_does(forty: Path, capsys: pytest.CaptureFixture) -> None:
    sources = f"data.sources={{folder: {forty}}}"
    wrong = ["parallel.pp=1", "parallel.vpp=null", "train.micro_batch_size=4"]
    assert dry_run(sources, *wrong) == 2
    said = capsys.readouterr().err
    paste = said.partition("GiB): ")[2].split()
    assert "it does not fit" in said and any(word.startswith("parallel.tp=") for word in paste)
    assert dry_run(sources, *wrong, *paste) == 0  # what is said can be pasted, and is true
    assert "fits: " in capsys.readouterr().out


def test_where_nothing_fits_it_says_so(capsys: pytest.CaptureFixture) -> None:
    assert dry_run("--nproc", 1, "parallel.pp=1", "parallel.vpp=null", "parallel.devices=null") == 2
    assert "no layout does: take more GPUs" in capsys.readouterr().err


def test_the_gib_that_are_left_are_those_of_the_fullest_rank(capsys: pytest.CaptureFixture) -> None:
    import argparse

    assert dry_run() == 0
    left = float(capsys.readouterr().out.partition("fits: ")[2].split()[0])
    config = resolve(argparse.Namespace(config=["qwen3-8b-h100"], overrides=[])).config
    needed = max(memory.total for memory in memory_by_stage(config, 8)) + buffer_bytes(config)
    assert left == pytest.approx((find_gpu("h100").memory - needed) / GIB, abs=0.05)


def test_a_recipe_for_any_card_is_held_to_this_machine_s(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    wrong = ["device=auto", "precision.fp8=none", "parallel.pp=1", "parallel.vpp=null", "train.micro_batch_size=4"]
    monkeypatch.setattr(dry_run_module, "detect_hardware", lambda: Hardware("cpu"))
    assert dry_run(*wrong) == 0
    assert "whether it fits is not known" in capsys.readouterr().out
    monkeypatch.setattr(dry_run_module, "detect_hardware", lambda: Hardware("cuda", ("NVIDIA H100 80GB HBM3",), (9.0,)))
    assert dry_run(*wrong) == 2
    assert "H100 has 74.5: it does not fit; the nearest layout" in capsys.readouterr().err


def test_143_gib_a_rank_do_not_fit_into_80_gb(capsys: pytest.CaptureFixture) -> None:
    """The example of a wrong plan that looks right: nothing but memory is against it."""
    words = ["parallel.tp=1", "parallel.sp=false", "parallel.overlap_tp=false", "parallel.pp=1", "parallel.vpp=null",
             "parallel.distributed_optimizer=false", "parallel.overlap_param_gather=false"]
    assert dry_run(*words) == 2
    said = re.search(r"a rank needs ([\d.]+) GiB and H100 has 74.5: it does not fit; (.*)", capsys.readouterr().err)
    assert float(said[1]) > 100 and "parallel." in said[2]


def test_plan_tells_what_to_paste_for_the_first_layouts(capsys: pytest.CaptureFixture) -> None:
    assert main(["plan", "--config", "qwen3-8b-h100"]) == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.partition("to paste")[2].splitlines() if line.startswith("  parallel.devices=")]
    assert len(rows) == 3 and len(set(map(tuple, rows))) == 3
    for overrides in rows:
        assert dry_run(*overrides) == 0
        assert "fits: " in capsys.readouterr().out
