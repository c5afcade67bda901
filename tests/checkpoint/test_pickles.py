"""A checkpoint may be anybody's: a program that is pickled into one of its files is not run by any verb that reads it."""

import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch.distributed.checkpoint import CheckpointException
from torch.distributed.checkpoint.metadata import BytesStorageMetadata, Metadata, TensorStorageMetadata

from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.checkpoint.manifest import WEIGHTS, read_manifest, write_manifest
from megatron_qm.checkpoint.pickles import check_state, known_classes_only, read_metadata, read_values
from megatron_qm.cli import main
from megatron_qm.errors import UserError
from tests.align.stages import VERIFIER

PLACES = ("metadata", "common", "tensor", "object", "generators")
BESIDE = ("fp8 in a tensor", "fp8 in bytes", "saved fp8", "a file beside")  # that no verb of ours reads, or layers on GPUs alone


class Program:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return exec, (f"open({str(self._mark)!r}, 'w').close()",)


def saved(value: object) -> bytes:
    stream = BytesIO()
    torch.save(value, stream)
    return stream.getvalue()


def plant(checkpoint: Path, place: str, mark: Path) -> Path:
    """Put a program into a file of `checkpoint`, and the manifest right; the file."""
    weights, program = checkpoint / WEIGHTS, Program(mark)
    path = weights / ".metadata"
    metadata = pickle.loads(path.read_bytes())
    if place == "metadata":
        metadata.planner_data = program
    elif place == "common":
        path = weights / "common.pt"
        path.write_bytes(saved({**torch.load(path, weights_only=True), "program": program}))
    elif place == "generators":
        path = sorted(checkpoint.rglob("rank-*.pt"))[0]
        path.write_bytes(saved({**torch.load(path, weights_only=True), "program": program}))
    elif place == "a file beside":
        path = weights / "common.bak"
        path.write_bytes(pickle.dumps(program))
    else:
        path = _append(weights, metadata, *_placed(place, program))
    (weights / ".metadata").write_bytes(pickle.dumps(metadata))
    write_manifest(checkpoint, replace(read_manifest(checkpoint), files={}))
    return path


def _placed(place: str, program: Program) -> tuple[str, bytes]:
    """In what, and what there."""
    states = {
        "fp8 in a tensor": lambda: torch.frombuffer(bytearray(pickle.dumps({"recipe": program})), dtype=torch.uint8),
        "fp8 in bytes": lambda: {"state": BytesIO(pickle.dumps([program]))},
        "saved fp8": lambda: torch.frombuffer(bytearray(saved([program])), dtype=torch.uint8),
    }
    return ("object", saved(states[place]())) if place in states else (place, saved([program]))


def _append(weights: Path, metadata: Metadata, place: str, data: bytes) -> Path:
    """In the place of every tensor or object."""
    kind = TensorStorageMetadata if place == "tensor" else BytesStorageMetadata
    names = {name for name, what in metadata.state_dict_metadata.items() if isinstance(what, kind)}
    assert names
    file = sorted(weights.glob("*.distcp"))[0]
    start = file.stat().st_size
    with open(file, "ab") as stream:
        stream.write(data)
    for index, info in metadata.storage_data.items():
        if index.fqn in names:
            metadata.storage_data[index] = replace(info, relative_path=file.name, offset=start, length=len(data))
    return file


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "the-program-ran"


@pytest.fixture(params=PLACES)
def planted(request: pytest.FixtureRequest, policy: Path, tmp_path: Path, mark: Path) -> tuple[Path, str]:
    run = tmp_path / "run"
    shutil.copytree(policy.parent.parent, run)
    checkpoint = run / "checkpoints" / policy.name
    plant(checkpoint, request.param, mark)
    return checkpoint, request.param


def verbs(checkpoint: Path, tiny: Path, folder: Path) -> Iterator[tuple[str, list[object], tuple[str, ...]]]:
    """(verb, its arguments, the places that it reads)."""
    weights = ("metadata", "tensor", "object")
    fresh = [f"data.tokenizer={tiny}/tokenizer", "train.steps=1", f"train.start_from={checkpoint}"]
    yield "export-hf", ["--checkpoint", checkpoint, "--output", folder / "hf", "--dtype", "fp32"], ("metadata", "tensor")
    yield "archive", ["--checkpoint", checkpoint, "--output", folder / "archive"], (
        *PLACES,)
    if (folder / "archive").exists():
        yield "restore", ["--archive", folder / "archive", "--output", folder / "restored"], ()
    yield "evaluate", ["--model", checkpoint, "--items", tiny / "items.jsonl", "--verifier", VERIFIER], weights
    yield "generate", ["--checkpoint", checkpoint, "--prompts", _prompts(folder), "--output", folder / "answers.jsonl"], weights
    yield "serve", ["--checkpoint", checkpoint, "--port", "0"], weights
    yield "sft", ["--config", tiny / "sft.yaml", f"output={folder}/sft", *fresh], weights
    yield "rl", ["--config", tiny / "rl.yaml", f"output={folder}/rl", "rl.loss.kl=0", *fresh], weights
    yield "sft", ["--config", tiny / "sft.yaml", f"output={checkpoint.parent.parent}", "sft.epochs=9"], PLACES


def _prompts(folder: Path) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text('{"key": "a", "prompt": "Code of illness a1?"}\n')
    return path


def test_no_verb_runs_a_program_of_a_checkpoint(
    planted: tuple[Path, str], mark: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    checkpoint, place = planted
    monkeypatch.setenv("MEGATRON_QM_SERVE_TOKEN", "t")
    for verb, arguments, reads in verbs(checkpoint, tiny, tmp_path):
        if place not in reads and verb == "serve":
            continue  # it would serve
        code = main([verb, *map(str, arguments)])
        said = capsys.readouterr().err
        assert not mark.exists(), verb
        assert "Traceback" not in said, verb
        if place in reads:
            assert code == 2, (verb, said)
            assert "error: " in said, (verb, said)


@pytest.mark.parametrize("place", BESIDE)
def test_what_is_only_handed_on_is_looked_at_too(place: str, policy: Path, tmp_path: Path, mark: Path) -> None:
    checkpoint = tmp_path / "run" / "checkpoints" / policy.name
    shutil.copytree(policy.parent.parent, tmp_path / "run")
    archive(checkpoint, str(tmp_path / "before"))
    plant(checkpoint, place, mark)
    with pytest.raises(UserError, match="which is no part of a checkpoint"):
        archive(checkpoint, str(tmp_path / "archive"))
    assert not mark.exists() and not (tmp_path / "archive" / "zarr.json").exists()


@pytest.mark.parametrize("state", [
    b"", b"PK", b"text", b"\x80" + bytes(5000), pickle.dumps({"recipe": None, "scale": torch.arange(3.0)}), saved([1, None]),
    b"\x80\x04ctransformer_engine.common.recipe\nDelayedScaling\n)\x81}b.",
])
def test_states_of_layers_and_bytes_that_are_none_are_taken(state: bytes) -> None:
    check_state(state, "here")


def test_a_program_behind_a_class_that_is_not_installed_here_is_found() -> None:
    state = b"\x80\x04ctransformer_engine.common.recipe\nDelayedScaling\n)\x81}b0cos\nsystem\n."
    with pytest.raises(UserError, match="here: a pickle in it names os.system, which is no part of a checkpoint"):
        check_state(state, "here")


@pytest.mark.parametrize("place", ["common", "generators", "object", *BESIDE])
def test_an_archive_of_anybody_brings_no_program(place: str, policy: Path, tmp_path: Path, mark: Path) -> None:
    """Its writer may not have looked."""
    checkpoint = tmp_path / "run" / "checkpoints" / policy.name
    shutil.copytree(policy.parent.parent, tmp_path / "run")
    plant(checkpoint, place, mark)
    with mock.patch("megatron_qm.checkpoint.archive.write.refuse_programs"):
        archive(checkpoint, str(tmp_path / "archive"))
    with pytest.raises(UserError, match="which is no part of a checkpoint"):
        restore(str(tmp_path / "archive"), tmp_path / "restored")
    assert not mark.exists() and not (tmp_path / "restored").exists()


def test_the_programs_would_run(planted: tuple[Path, str], mark: Path) -> None:
    checkpoint, place = planted
    weights = checkpoint / WEIGHTS
    files = {"metadata": weights / ".metadata", "common": weights / "common.pt",
             "generators": next(checkpoint.rglob("rank-*.pt"))}
    if place == "metadata":
        pickle.loads(files[place].read_bytes())
    elif place in files:
        torch.load(files[place], weights_only=False)
    else:
        kind = TensorStorageMetadata if place == "tensor" else BytesStorageMetadata
        metadata = read_metadata(weights)
        index, info = next((index, info) for index, info in metadata.storage_data.items()
                           if isinstance(metadata.state_dict_metadata[index.fqn], kind))
        data = (weights / info.relative_path).read_bytes()[info.offset : info.offset + info.length]
        torch.load(BytesIO(data), weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("found", ["os system", "torch hub", "torch.hub load", "builtins eval", "pathlib Path.write_text",
                                   "torch.distributed.checkpoint.filesystem FileSystemWriter", "torch storage._load_from_bytes"])
def test_names_that_are_no_part_of_a_checkpoint_are_told(found: str, tmp_path: Path) -> None:
    module, name = found.split(" ")
    parts = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
    (tmp_path / ".metadata").write_bytes(b"\x80\x04" + parts + b"\x93.")
    with pytest.raises(UserError, match=f"names {module}.{name}, which is no part of a checkpoint"):
        read_metadata(tmp_path)


def test_fp8_state_of_transformer_engine_is_read_and_a_program_in_it_is_not(tmp_path: Path, mark: Path) -> None:
    import megatron.core.extensions.transformer_engine as reader  # as its layers do: pickle.loads of a tensor's bytes

    state = {"recipe": None, "scale_fwd": torch.arange(3.0), "extra_fp8_variables": {"num_gemms": 2, "names": ("a", None)}}
    with known_classes_only(tmp_path):
        again = reader.pickle.loads(pickle.dumps(state))
    assert again["scale_fwd"].equal(state["scale_fwd"]) and again["extra_fp8_variables"] == state["extra_fp8_variables"]
    with pytest.raises(UserError, match="exec, which is no part of a checkpoint"), known_classes_only(tmp_path):
        reader.pickle.loads(pickle.dumps({"recipe": Program(mark)}))
    assert not mark.exists() and reader.pickle is pickle


@pytest.mark.parametrize("place", ["/etc/passwd", "../passwd", ".."])
def test_a_chunk_outside_the_checkpoint_is_refused(place: str, policy: Path, tmp_path: Path) -> None:
    metadata = read_metadata(policy / WEIGHTS)
    index = next(iter(metadata.storage_data))
    metadata.storage_data[index] = replace(metadata.storage_data[index], relative_path=place)
    (tmp_path / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(UserError, match=f"'{place}', which is outside the checkpoint"):
        read_metadata(tmp_path)


def test_values_are_read_and_torn_files_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(saved({"a": [1, torch.ones(2)]}))
    assert read_values(path)["a"][0] == 1
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=f"{path}: cannot be read"):
        read_values(path)


@pytest.mark.parametrize("harm", ["torn", "zeros", "gone", "metadata"])
def test_a_damaged_file_is_named_by_readers_that_do_not_know_it(harm: str, policy: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(policy / "weights", weights)
    path = sorted(weights.glob("*.distcp"))[0]
    if harm == "metadata":
        path = weights / ".metadata"
        path.write_bytes(saved({"a": torch.ones(2)}))  # a zip archive of torch's
    elif harm == "gone":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] if harm == "torn" else bytes(len(data)))
    for error in (CheckpointException("load", {0: (EOFError(), [])}), pickle.UnpicklingError("what")):
        said = pytest.raises(UserError, match=f"^{path}: (torn or altered|cannot be read|not a torch_dist)")
        with said, known_classes_only(weights):
            raise error
