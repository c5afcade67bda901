"""manifest.json: what a checkpoint holds, and a hash of every file in it. Needs neither torch nor Megatron.

    CHECKPOINT/manifest.json   this file: the last to be written, so a folder without it is not a checkpoint
    CHECKPOINT/weights/        Megatron `torch_dist`: model and optimizer as global tensors
    CHECKPOINT/rank_state/     one file per rank: its random number generators
    CHECKPOINT/tokenizer/      carried along into an export
    CHECKPOINT/hf/             what an import keeps for an export (generation config, chat template)
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from megatron_qm.config.lora import LoraConfig, lora_from
from megatron_qm.config.model import ModelConfig, RopeScaling, YarnScaling
from megatron_qm.errors import UserError
from megatron_qm.files import sha256, write_json
from megatron_qm.json_types import JsonObject, object_of, parse_json

FORMAT = "megatron-qm checkpoint"
VERSION = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights"
RANK_STATE = "rank_state"
TOKENIZER = "tokenizer"
HF = "hf"
MEGATRON_LAYERS = "decoder.layers."  # how names in `weights` begin whose first axis counts the layers

_WHAT_TO_DO = "remove this checkpoint to go on from an older one, or copy it again from where it was made"
_HASHING_THREADS = 4  # hashlib lets go of the GIL; more would only fight over the disk


@dataclass(frozen=True)
class FileRecord:
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Layout:
    """The layout that wrote the checkpoint; any other may load it."""

    tp: int = 1
    pp: int = 1
    vpp: int | None = None
    cp: int = 1
    dp: int = 1
    world_size: int = 1

    def __str__(self) -> str:
        vpp = f" x VPP{self.vpp}" if self.vpp else ""
        return f"TP{self.tp} x PP{self.pp}{vpp} x CP{self.cp} x DP{self.dp}"


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says.

    model: the resolved ModelConfig. config: the resolved RunConfig (empty for an import). data: the reader's cursors. guard: what
    train/guard.py remembers of gradient norms.
    dtype: of the parameters, "fp32" or "bf16". contains: {"model": True, "optimizer": bool}. files: by path relative to
    the checkpoint, with "/" on every system.
    """

    step: int
    tokens: int
    model: JsonObject
    dtype: str
    config: JsonObject = field(default_factory=dict)
    data: JsonObject = field(default_factory=dict)
    guard: JsonObject = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    contains: dict[str, bool] = field(default_factory=lambda: {"model": True, "optimizer": False})
    created_by: dict[str, str] = field(default_factory=lambda: versions())
    files: dict[str, FileRecord] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION


def versions() -> dict[str, str]:
    """Of the packages that decide what a checkpoint looks like."""
    return {name: importlib.metadata.version(name) for name in ("megatron-qm", "megatron-core", "torch")}


def model_of(manifest: Manifest) -> ModelConfig:
    """The resolved ModelConfig that a manifest holds as plain values."""
    known = {field.name for field in fields(ModelConfig)}
    strange = sorted(set(manifest.model) - known)
    if strange:
        raise UserError(f"{MANIFEST}: model.{strange[0]} is not known to this megatron-qm; use the one that wrote it")
    values: dict[str, Any] = dict(manifest.model)  # its classes know what each must be
    for key, kind in (("rope_scaling", RopeScaling), ("yarn", YarnScaling)):
        if values.get(key):
            values[key] = kind(**values[key])
    return ModelConfig(**values).resolved()


def language_model_of(manifest: Manifest, place: Path) -> ModelConfig:
    """As `model_of`, for who will have text of it, or its probabilities. Raises UserError for a reward model."""
    model = model_of(manifest)
    if model.head == "score":
        raise UserError(f"{place}: holds a reward model, which scores text and cannot write any: name a language model")
    return model


def reward_model_of(manifest: Manifest, place: object) -> ModelConfig:
    """As `model_of`, for who will have scores of it. Raises UserError for a language model."""
    model = model_of(manifest)
    if model.head != "score":
        raise UserError(f"{place}: holds a language model, which scores no responses; train a reward model from it: "
                        "megatron-qm reward-model")
    return model


def lora_of(manifest: Manifest) -> LoraConfig | None:
    """Of the adapters that the checkpoint holds beside its weights; None if it holds none."""
    return lora_from(object_of(manifest.config, "lora") if manifest.config.get("lora") else None, MANIFEST)


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, FileRecord]:
    """Records of the files `names` (relative to `folder`)."""
    names = list(names)

    def record(name: str) -> FileRecord:
        path = folder / name
        return FileRecord(sha256(path), path.stat().st_size)

    with ThreadPoolExecutor(_HASHING_THREADS) as pool:
        return dict(zip(names, pool.map(record, names), strict=True))


def list_files(folder: Path) -> list[str]:
    """Every file below `folder` but the manifest, relative to it, sorted."""
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if name != MANIFEST)


def write_manifest(folder: Path, manifest: Manifest, files: Mapping[str, FileRecord] | None = None) -> Manifest:
    """Write `folder`/manifest.json, durably, and return it as written.

    files: the records of every file, where ranks have hashed their own; by default all files are hashed here.
    """
    records = dict(files) if files is not None else hash_files(folder, list_files(folder))
    manifest = replace(manifest, files=dict(sorted(records.items())))
    tree = json.loads(json.dumps(asdict(manifest)))  # as it will be read: tuples are lists, all keys text
    write_json(folder / MANIFEST, tree | {"sha256": _digest(tree)})
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the checkpoint `folder`. Raises UserError naming the file and what is wrong with it."""
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder}: not a checkpoint, or one whose saving was cut short: it has no {MANIFEST}")
    try:
        tree = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: torn or altered: {error}; {_WHAT_TO_DO}") from None
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise UserError(f"{path}: not the manifest of a megatron-qm checkpoint (its `format` is not {FORMAT!r})")
    if tree.get("version") != VERSION:
        raise UserError(
            f"{path}: version {tree.get('version')} of the checkpoint format; this megatron-qm reads {VERSION}; "
            f"use the one that wrote it ({tree.get('created_by')})"
        )
    if tree.pop("sha256", None) != _digest(tree):
        raise UserError(f"{path}: altered since it was written (its own sha256 differs); {_WHAT_TO_DO}")
    tree["files"] = {_inside(name, path): FileRecord(**record) for name, record in tree["files"].items()}
    tree["layout"] = Layout(**tree["layout"])
    return Manifest(**{f.name: tree[f.name] for f in fields(Manifest) if f.name in tree})


def verify(folder: Path, share: tuple[int, int] = (0, 1)) -> Manifest:
    """Read the manifest of `folder` and compare every file with it. Files that it does not list are left alone.

    share: (i, n) compares only the i-th of n shares of about equal bytes, so that n ranks verify a checkpoint together.
    Raises UserError naming the first file that is missing, truncated or altered, and what to do.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    mine = shares({name: record.bytes for name, record in manifest.files.items()}, share[1])[share[0]]
    for name in mine:  # sizes first: they cost nothing
        path, expected = folder / name, manifest.files[name].bytes
        if not path.is_file():
            raise UserError(f"{path}: missing from its checkpoint; {_WHAT_TO_DO}")
        if path.stat().st_size != expected:
            raise UserError(
                f"{path}: truncated or altered: {path.stat().st_size} bytes, not {expected} as written; {_WHAT_TO_DO}"
            )
    try:
        found = hash_files(folder, mine)
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot read: {error.strerror}; {_WHAT_TO_DO}") from None
    for name, record in found.items():
        if record != manifest.files[name]:
            raise UserError(f"{folder / name}: altered: its sha256 is not the one in {MANIFEST}; {_WHAT_TO_DO}")
    return manifest


def shares(sizes: Mapping[str, int], count: int) -> list[list[str]]:
    """Names dealt out to `count` shares of about equal bytes: the largest first, each to the smallest share so far."""
    dealt: list[list[str]] = [[] for _ in range(count)]
    loads = [0] * count
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        lightest = loads.index(min(loads))
        dealt[lightest].append(name)
        loads[lightest] += sizes[name] + 1  # the 1 spreads empty files too
    return dealt


def _digest(tree: JsonObject) -> str:
    """Of the manifest itself: a changed cursor or step is as bad as a changed weight."""
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def _inside(name: str, path: Path) -> str:
    if name.startswith("/") or ".." in name.split("/"):
        raise UserError(f"{path}: lists {name!r}, which is outside the checkpoint; do not use it")
    return name
