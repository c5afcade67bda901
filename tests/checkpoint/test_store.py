"""What a run asks of its checkpoints, on one rank: errors that name the cause, and nothing lost by any of them."""

import errno
import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from megatron_qm.checkpoint import distributed, saving, writer
from megatron_qm.checkpoint.manifest import Layout, read_manifest, verify, write_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.data import DataConfig
from megatron_qm.config.train import CheckpointConfig
from megatron_qm.errors import UserError
from tests.checkpoint.tiny_run import MODEL, TinyRun, job, tiny_runs


@pytest.fixture
def make() -> Iterator[Callable[[int], TinyRun]]:
    with job(), tiny_runs() as make_run:
        yield make_run


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_nothing_to_resume(make, tmp_path: Path) -> None:
    assert make(1).store(tmp_path / "not there").latest() is None


def test_the_manifest_says_what_was_saved(make, tmp_path: Path) -> None:
    run = make(1)
    run.train(2)
    path = run.save(run.store(tmp_path))
    manifest = verify(path)
    assert path == tmp_path / "step-00000002"
    assert (manifest.step, manifest.tokens, manifest.data, manifest.dtype) == (2, 128, {"cursor": 2000}, "fp32")
    assert manifest.contains == {"model": True, "optimizer": True}
    assert manifest.layout == Layout()
    assert manifest.model["layers"] == 4 and manifest.config["model"] == manifest.model
    assert set(manifest.created_by) == {"megatron-qm", "megatron-core", "torch"}
    expected = {"weights/.metadata", "weights/common.pt", "weights/metadata.json", "rank_state/rank-00000.pt"}
    assert {name for name in manifest.files if not name.endswith(".distcp")} == expected


@pytest.mark.parametrize("distributed_optimizer", [True, False])
def test_before_the_first_step(tmp_path: Path, distributed_optimizer: bool) -> None:
    with job(), tiny_runs(distributed_optimizer=distributed_optimizer) as make:
        run = make(1)
        run.save(run.store(tmp_path))
        losses = run.train(2)
        resumed = make(7)
        resumed.load(resumed.store(tmp_path))
        assert resumed.train(2) == losses


def test_saving_starts_no_process_that_stays(make, tmp_path: Path) -> None:
    run = make(1)
    run.save(run.store(tmp_path))
    assert multiprocessing.active_children() == []


# --- asynchronous saves


def wait_for(flag: Path, then: Callable[..., Any]) -> Callable[..., Any]:
    def waiting(*args: Any) -> Any:
        while not flag.exists():
            time.sleep(0.01)
        return then(*args)

    return waiting


def test_an_asynchronous_save_holds_the_moment_it_was_asked_for(make, tmp_path: Path) -> None:
    run, directory = make(1), tmp_path / "checkpoints"
    store = run.store(directory, asynchronous=True)
    run.train(2)
    data, at_save = {"cursor": [7]}, run.digest()
    with mock.patch.object(saving, "write_buckets", wait_for(tmp_path / "go", writer.write_buckets)):
        assert store.save(2, 128, run.chunks, run.optimizer, data, run.config) is None
    data["cursor"][0] = 8
    losses = run.train(2)
    assert run.digest() != at_save
    assert store.poll() is None
    assert [name for name in names(directory) if not name.startswith(".")] == []
    (tmp_path / "go").touch()
    path = store.finish()
    assert path == directory / "step-00000002" and names(directory) == ["step-00000002"]
    assert store.poll() is None and store.finish() is None
    assert multiprocessing.active_children() == []
    resumed = make(7)
    manifest = resumed.store(directory).load(path, resumed.chunks, resumed.optimizer)
    assert resumed.digest() == at_save
    assert manifest.data == {"cursor": [7]}
    resumed.step = 2
    assert resumed.train(2) == losses


def test_poll_publishes_once_the_child_is_done(make, tmp_path: Path) -> None:
    run = make(1)
    store = run.store(tmp_path, asynchronous=True)
    run.save(store)
    deadline = time.monotonic() + 30
    while (path := store.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert verify(path).step == 0


def test_the_next_save_waits_for_the_one_before(make, tmp_path: Path) -> None:
    run = make(1)
    store = run.store(tmp_path, asynchronous=True)
    for _ in range(3):
        run.train(1)
        run.save(store)
    store.finish()
    assert names(tmp_path) == ["step-00000002", "step-00000003"]  # keep_last is 2


def test_a_killed_writer_is_an_error_and_costs_nothing_else(make, tmp_path: Path) -> None:
    run = make(1)
    run.save(run.store(tmp_path))
    run.train(1)
    store = run.store(tmp_path, asynchronous=True)
    with mock.patch.object(saving, "write_buckets", lambda _: os.kill(os.getpid(), signal.SIGKILL)):
        run.save(store)
    with pytest.raises(UserError, match="step 1 was not saved: .* was killed by SIGKILL .*older ones are intact"):
        store.finish()
    assert names(tmp_path) == ["step-00000000"]
    run.save(store)
    assert store.finish() == tmp_path / "step-00000001"


# --- disks that refuse


class FullDisk:
    """A file on a disk with room for `room` bytes."""

    def __init__(self, path: Any, mode: str, room: int) -> None:
        self.stream, self.room = open(path, mode), room

    def write(self, data: Any) -> int:
        if self.stream.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.stream.write(data)

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: Any) -> None:
        self.stream.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "manifest.json")


DISKS = {
    "weights": lambda: mock.patch.object(writer, "open", lambda p, m: FullDisk(p, m, 9000), create=True),
    "one small file": lambda: mock.patch.object(saving, "save_object", full),
    "common state": lambda: mock.patch.object(distributed, "save_object", full),
    "manifest": lambda: mock.patch.object(saving, "write_manifest", full),
}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("place", DISKS)
def test_disk_full(make, tmp_path: Path, place: str, asynchronous: bool) -> None:
    run = make(1)
    run.save(run.store(tmp_path))
    run.train(1)
    store = run.store(tmp_path, asynchronous=asynchronous)
    with DISKS[place](), pytest.raises(UserError, match="step 1 was not saved: .*the disk is full .*make room"):
        run.save(store)
        store.finish()
    assert names(tmp_path) == ["step-00000000"]
    assert store.latest() == tmp_path / "step-00000000"
    run.save(store)
    store.finish()
    assert store.latest() == tmp_path / "step-00000001"


def test_a_bug_while_writing_is_shown_as_one(make, tmp_path: Path) -> None:
    run = make(1)
    with mock.patch.object(saving, "write_buckets", lambda _: {}["typo"]), pytest.raises(RuntimeError, match="typo"):
        run.save(run.store(tmp_path))
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made(make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = make(1)
    with pytest.raises(UserError, match=r"file.*: Not a directory"):
        run.save(run.store(tmp_path / "file" / "checkpoints"))


# --- what is good, what is bad, what goes


def harm(folder: Path) -> Path:
    """Change one byte in the middle of the largest file."""
    path = max(folder.rglob("*.distcp"), key=lambda file: file.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def saved_steps(run: TinyRun, directory: Path, count: int, **options: Any) -> None:
    store = run.store(directory, **options)
    for _ in range(count):
        run.train(1)
        run.save(store)


def test_a_bad_checkpoint_is_skipped_by_name_and_written_anew(make, tmp_path: Path, caplog) -> None:
    run = make(1)
    saved_steps(run, tmp_path, 3, keep_last=3)
    at_three = run.digest()
    altered = harm(tmp_path / "step-00000003")
    resumed = make(7)
    store = resumed.store(tmp_path, keep_last=1)
    with caplog.at_level(logging.WARNING):
        resumed.load(store)
    assert resumed.step == 2
    assert f"skipped step-00000003: {altered}: altered" in caplog.text
    resumed.train(1)
    resumed.save(store)
    assert names(tmp_path) == ["step-00000003"]
    verify(tmp_path / "step-00000003")
    assert resumed.digest() == at_three


def test_a_bad_checkpoint_that_is_asked_for_is_refused_by_name(make, tmp_path: Path) -> None:
    run = make(1)
    path = run.save(run.store(tmp_path))
    altered = harm(path)
    before = run.digest()
    with pytest.raises(UserError, match=f"{altered.name}: altered"):
        run.store(tmp_path).load(path, run.chunks, run.optimizer)
    assert run.digest() == before


def test_no_silent_start_from_the_beginning(make, tmp_path: Path) -> None:
    run = make(1)
    saved_steps(run, tmp_path, 2)
    harm(tmp_path / "step-00000001")
    (tmp_path / "step-00000002" / "manifest.json").unlink()
    with pytest.raises(UserError, match="none of its 2 checkpoints is good; the newest: .*00000002.*manifest.json"):
        run.store(tmp_path).latest()


def test_a_new_run_does_not_mix_with_an_old_one(make, tmp_path: Path) -> None:
    run = make(1)
    saved_steps(run, tmp_path, 1)
    with pytest.raises(UserError, match="1 checkpoints of an earlier run .*checkpoint.resume = never"):
        run.store(tmp_path, resume="never")
    run.store(tmp_path / "elsewhere", resume="never")


def test_retention(make, tmp_path: Path) -> None:
    saved_steps(make(1), tmp_path, 5, keep_last=1, keep_every=2)
    assert names(tmp_path) == ["step-00000002", "step-00000004", "step-00000005"]


def test_leftovers_of_a_killed_run_go_when_the_next_one_starts(make, tmp_path: Path) -> None:
    (tmp_path / ".step-00000009.12ab34cd.saving" / "weights").mkdir(parents=True)
    store = CheckpointStore(tmp_path, CheckpointConfig(), make(1).platform)
    assert len(names(tmp_path)) == 1  # until nothing can be refused any more
    store.begin()
    assert names(tmp_path) == []


# --- which model, which parts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 2}, "layers = 4, this run's model has 2"),
        ({"kv_heads": 4}, "kv_heads = 2, this run's model has 4"),
        ({"tied_embeddings": True}, "tied_embeddings = False, this run's model has True"),
        ({"qk_norm": False}, "qk_norm = True, this run's model has False"),
        ({"vocab_size": 101}, "vocab_size = 100, this run's model has 101"),
        ({"pad_vocab_to_multiple_of": 64, "vocab_size": 100}, None),
        ({"pad_vocab_to_multiple_of": 256}, "padded_vocab_size = 128, this run's model has 256"),
    ],
)
def test_another_model_is_refused_by_its_first_difference(tmp_path: Path, change: dict, message: str | None) -> None:
    with job():
        with tiny_runs() as make:
            run = make(1)
            path = run.save(run.store(tmp_path))
        with tiny_runs(model=replace(MODEL, **change)) as make:
            run = make(1)
            if message is None:  # padded to the same size
                run.load(run.store(tmp_path))
            else:
                with pytest.raises(UserError, match=f"step-00000000: holds a model with {message}"):
                    run.store(tmp_path).load(path, run.chunks, run.optimizer)


def test_a_tensor_that_is_not_there_is_named(make, tmp_path: Path) -> None:
    run = make(1)
    weights = run.save(run.store(tmp_path)) / "weights"
    stored = dict(distributed.stored_names(weights))
    shape = stored.pop("output_layer.weight")
    assert shape == (128, 32)
    with pytest.raises(UserError, match="has no tensor output_layer.weight"):
        distributed.load_weights(weights, stored, run.chunks)
    with pytest.raises(UserError, match=r"output_layer.weight has shape \[64, 32\], this run's model \[128, 32\]"):
        distributed.load_weights(weights, stored | {"output_layer.weight": (64, 32)}, run.chunks)


def test_weights_alone(tmp_path: Path) -> None:
    with job(), tiny_runs(dtype="bf16") as make:
        run = make(1)
        path = run.store(tmp_path).save(0, 0, run.chunks, None, {}, run.config)
        assert read_manifest(path).contains == {"model": True, "optimizer": False}
        losses = run.train(2)
        with pytest.raises(UserError, match="holds weights alone.*train.init_model_only=true"):
            run.store(tmp_path).load(path, run.chunks, run.optimizer)
        started = make(7)
        started.store(tmp_path).load_weights(path, started.chunks, started.optimizer)
        assert started.train(2) == losses
        # The trap that load_weights avoids: the optimizer's FP32 copies are still the old weights.
        trapped = make(7)
        trapped.store(tmp_path).load(path, trapped.chunks, None)
        found = trapped.train(2)
        assert found[0] == losses[0] and found[1] != losses[1]


def test_weights_of_a_training_checkpoint(make, tmp_path: Path) -> None:
    run = make(1)
    run.train(2)
    path = run.save(run.store(tmp_path))
    weights = [parameter.clone() for chunk in run.chunks for parameter in chunk.parameters()]
    started = make(7)
    started.store(tmp_path / "new").load_weights(path, started.chunks, started.optimizer)
    found = [parameter for chunk in started.chunks for parameter in chunk.parameters()]
    assert all(bool((a == b).all()) for a, b in zip(weights, found, strict=True))


def test_another_layout_is_noted(make, tmp_path: Path, caplog) -> None:
    run = make(1)
    path = run.save(run.store(tmp_path))
    manifest = read_manifest(path)
    write_manifest(path, replace(manifest, layout=Layout(tp=2, dp=4, world_size=8)), manifest.files)
    with caplog.at_level(logging.WARNING):
        run.load(run.store(tmp_path))
    assert "step-00000000 was written at TP2 x PP1 x CP1 x DP4, loaded at TP1 x PP1 x CP1 x DP1" in caplog.text


def test_the_tokenizer_and_what_an_import_brought_are_carried_along(make, tmp_path: Path) -> None:
    run, directory = make(1), tmp_path / "checkpoints"
    imported = run.save(run.store(tmp_path / "import"))
    for name, file in (("tokenizer", "tokenizer.json"), ("hf", "generation_config.json")):
        (imported / name).mkdir()
        (imported / name / file).write_text(name)
    write_manifest(imported, read_manifest(imported))
    store = run.store(directory, keep_last=1)
    store.load_weights(imported, run.chunks, run.optimizer)
    for _ in range(2):  # the second takes them from the first, which is then deleted
        run.train(1)
        path = run.save(store)
    assert verify(path).step == 2
    assert (path / "tokenizer" / "tokenizer.json").read_text() == "tokenizer"
    assert (path / "hf" / "generation_config.json").read_text() == "hf"
    own = tmp_path / "own"
    own.mkdir()
    (own / "tokenizer.json").write_text("own")
    run.config = replace(run.config, data=DataConfig(tokenizer=str(own)))
    path = run.save(store)
    assert (path / "tokenizer" / "tokenizer.json").read_text() == "own"
    assert "tokenizer/tokenizer.json" in verify(path).files
