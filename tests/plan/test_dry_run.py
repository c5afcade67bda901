"""`--dry-run` says whether a run fits, and which layout would; it needs no GPU and writes nothing."""

from pathlib import Path

import numpy as np
import pytest

from data_tools.indexed_writer import IndexedWriter
from megatron_qm.cli import main
from megatron_qm.commands.resolve import resolve
from megatron_qm.costs.memory import GIB, memory_by_stage
from megatron_qm.plan.hardware import find_gpu
from megatron_qm.plan.predict import buffer_bytes


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of forty datasets, the n-th of n documents."""
    folder = tmp_path_factory.mktemp("forty") / "data"
    folder.mkdir()
    for number in range(1, 41):
        prefix = folder / f"source{number:02d}"
        writer = IndexedWriter(Path(f"{prefix}.bin"), Path(f"{prefix}.idx"), np.dtype("<i4"))
        writer.append(np.arange(number * 1000, dtype="<i4") % 5000, np.full(number, 1000, "<i4"))
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
