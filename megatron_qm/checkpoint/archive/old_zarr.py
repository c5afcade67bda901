"""Distributed checkpoints of Megatron-Core up to 0.15 and of NeMo in the `zarr` format, as checkpoints of ours.

    OLD/metadata.json              {"sharded_backend": "zarr", ...}
    OLD/NAME/.zarray, 0.0, ...     a zarr v2 array for each parameter, its layers stacked
    OLD/NAME/shard_0_2.pt          what is no tensor (`_extra_state`); not needed
    OLD/common.pt                  iteration and arguments; not needed

Weights alone: how the optimizer's arrays were sharded is not in the format, and a new run makes new ones.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tensorstore as ts
import torch

from megatron_qm.checkpoint.archive.storage import FAILURES, Storage, parse, read_box, reason
from megatron_qm.checkpoint.manifest import MEGATRON_LAYERS, WEIGHTS, Manifest, write_manifest
from megatron_qm.checkpoint.staging import CHECKPOINT, check_free, check_room, staged
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json, text_of

logger = logging.getLogger(__name__)

_METADATA, _ARRAY = "metadata.json", ".zarray"
_INNER = ("", "model_weights", "weights")  # where NeMo keeps them, below the folder that people name
_NEWEST = "latest_checkpointed_iteration.txt"  # Megatron-LM's, beside its checkpoints
_PREFIXES = ("", "model.", "module.", "model.module.")  # before Megatron's names
_VOCABULARY = ("embedding.word_embeddings.weight", "output_layer.weight")
_NOT_WEIGHTS = ("optimizer.", "chained_")
_DTYPES = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}

Shapes = Mapping[str, tuple[int, ...]]


def find_old(place: str, workers: int = 1, context: ts.Context | None = None) -> Storage | None:
    """The old checkpoint at `place`, or one folder below it; None if there is none."""
    outer = _below(place, "", workers, context)
    newest = (outer.read(_NEWEST) or b"").strip()
    names = [*_INNER, f"iter_{int(newest):07d}"] if newest.isdigit() else _INNER
    for name in names:
        storage = _below(place, name, workers, context)
        try:
            metadata = parse_json(storage.read(_METADATA) or b"{}")
        except ValueError:
            continue
        if isinstance(metadata, dict) and metadata.get("sharded_backend") == "zarr":
            return storage
    return None


def _below(place: str, name: str, workers: int, context: ts.Context | None) -> Storage:
    spec = parse(place)
    path = text_of(spec, "path") if "path" in spec else ""
    spec["path"] = "/".join(filter(None, [path.rstrip("/"), name])) + "/"
    return Storage(spec, f"{place}/{name}".rstrip("/"), workers, context)


def restore_old(old: Storage, output: Path, model: ModelConfig, shapes: Shapes, *, overwrite: bool = False) -> Manifest:
    """Write the weights in `old` to the checkpoint `output`, and return its manifest.

    shapes: of every tensor that `model` needs, by Megatron's name, layers stacked. Rows of padded vocabulary are cut or
    made zero, as the model pads it. Raises UserError naming the array that is missing, torn, of another shape or one
    that the model has no place for; then nothing is at `output` that was not there before.
    """
    output = Path(output)
    check_free(output, CHECKPOINT, overwrite)
    names = [key.removesuffix(f"/{_ARRAY}") for key in old.keys() if key.endswith(f"/{_ARRAY}")]
    prefix = _prefix_of(names, old.place)
    found = {name.removeprefix(prefix): name for name in names if not _is_optimizer(name, prefix)}
    arrays = {name: _Parameter(old, name, shape, found, model) for name, shape in shapes.items()}
    _refuse_strangers(found, shapes, old.place)
    check_room(output, sum(array.bytes for array in arrays.values()))
    if len(found) < len(names):
        left_out = len(names) - len(found)
        logger.warning("%s: left out %d arrays of the optimizer: a new run makes new ones", old.place, left_out)
    dtype = arrays[_VOCABULARY[0]].dtype
    with staged(output, CHECKPOINT, overwrite) as folder:
        with TorchDistWriter(folder / WEIGHTS) as writer:
            for array in arrays.values():
                array.copy(writer)
        from megatron_qm.checkpoint.distributed import write_common  # brings Megatron, which owns these two files

        write_common(folder / WEIGHTS, {"optimizer_step": None})
        return write_manifest(folder, Manifest(step=0, tokens=0, model=asdict(model), dtype=_DTYPES[dtype]))


class _Parameter:
    """A tensor of our checkpoint: one old array, or where layers were not stacked, one for each of them."""

    def __init__(
        self, old: Storage, name: str, shape: tuple[int, ...], found: Mapping[str, str], model: ModelConfig
    ) -> None:
        self.name, self.shape, self._place = name, shape, old.place
        layers = range(shape[0]) if name.startswith(MEGATRON_LAYERS) else ()
        singles = [name.replace(MEGATRON_LAYERS, f"{MEGATRON_LAYERS}{layer}.", 1) for layer in layers]
        self._stacked = name in found or not any(single in found for single in singles)
        sources = [name] if self._stacked else singles
        for source in sources:
            if source not in found:
                raise UserError(f"{old.place}: has no array {source}, which the recipe's model needs; another model?")
        self._arrays = [_open(old, found[source]) for source in sources]
        self._check(model, shape if self._stacked else shape[1:])
        self.dtype = self._arrays[0].dtype.name

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self._arrays[0].dtype.numpy_dtype.itemsize

    def copy(self, writer: TorchDistWriter) -> None:
        dtype = getattr(torch, self.dtype)
        if not self.name.startswith(MEGATRON_LAYERS):
            writer.add(self.name, self.shape, dtype, lambda start, stop: self._rows(start, stop))
            return
        for layer in range(self.shape[0]):
            rows = lambda start, stop, layer=layer: self._rows(start, stop, layer)  # noqa: E731
            writer.add(self.name, self.shape[1:], dtype, rows, layer, self.shape[0])

    def _rows(self, start: int, stop: int, layer: int | None = None) -> torch.Tensor:
        """Rows of the tensor, or of one layer of it; zeros below the old array's last row."""
        array = self._arrays[0 if layer is None or self._stacked else layer]
        lead = () if layer is None or not self._stacked else (layer,)
        rows = array.shape[len(lead)]
        inner = array.shape[len(lead) + 1 :]
        there = max(0, min(stop, rows) - start)
        out = torch.zeros((stop - start, *inner), dtype=getattr(torch, self.dtype))
        if there:
            try:
                block = read_box(array, (*lead, start, *[0] * len(inner)), (*[1] * len(lead), there, *inner))
            except FAILURES as error:
                raise UserError(f"{self._place}: {self.name}: torn: rows {start} to {start + there} cannot be read: "
                                f"{reason(error)}") from None  # fmt: skip
            bits = torch.from_numpy(block.reshape(-1).view(np.uint8)).view(out.dtype)
            out[:there] = bits.reshape(there, *inner)
        return out

    def _check(self, model: ModelConfig, wanted: tuple[int, ...]) -> None:
        for array in self._arrays:
            shape = tuple(array.shape)
            padded = self.name in _VOCABULARY and shape[1:] == wanted[1:] and shape[0] >= model.vocab_size
            if shape != wanted and not padded:
                raise UserError(
                    f"{self._place}: {self.name} has shape {list(shape)}, the recipe's model {list(wanted)}; "
                    "set model.* of the recipe as it was"
                )
            if array.dtype.name not in _DTYPES or array.dtype != self._arrays[0].dtype:
                known = ", ".join(_DTYPES)
                raise UserError(f"{self._place}: {self.name} is of {array.dtype.name}; weights are all of one of {known}")


def _open(old: Storage, name: str) -> ts.TensorStore:
    return old.open({"driver": "zarr", "fill_missing_data_reads": False}, name)


def _prefix_of(names: list[str], place: str) -> str:
    for prefix in _PREFIXES:
        if prefix + _VOCABULARY[0] in names:
            return prefix
    raise UserError(f"{place}: has no array {_VOCABULARY[0]} among its {len(names)}; is it a GPT model of Megatron's?")


def _is_optimizer(name: str, prefix: str) -> bool:
    return name.startswith(_NOT_WEIGHTS) or not name.startswith(prefix)


def _refuse_strangers(found: Mapping[str, object], shapes: Shapes, place: str) -> None:
    """Weights that would be lost: the recipe describes another model."""
    for name in sorted(found):
        parts = name.removeprefix(MEGATRON_LAYERS).split(".", 1)
        stacked = MEGATRON_LAYERS + parts[1] if name.startswith(MEGATRON_LAYERS) and parts[0].isdigit() else name
        if stacked not in shapes:
            raise UserError(f"{place}: {name} is no tensor of the recipe's model; set model.* of the recipe as it was")
