"""A checkpoint as conversion sees it: its manifest, its model's shape, its tensors."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.checkpoint.folder import refuse_a_run
from megatron_qm.checkpoint.manifest import MANIFEST, WEIGHTS, Manifest, verify
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.config.model import ModelConfig, RopeScaling
from megatron_qm.errors import UserError
from megatron_qm.hf.families import packed_tensors
from megatron_qm.hf.packing import PackedTensor


@dataclass(frozen=True)
class Opened:
    folder: Path
    manifest: Manifest
    model: ModelConfig
    reader: TorchDistReader
    tensors: tuple[PackedTensor, ...]


def open_checkpoint(folder: Path) -> Opened:
    """Verify a checkpoint, every file of it, and look at its tensors. Raises UserError naming what is wrong."""
    folder = Path(folder)
    refuse_a_run(folder)
    manifest = verify(folder)
    model = model_of(manifest)
    reader = TorchDistReader(folder / WEIGHTS)
    tensors = tuple(packed_tensors(model))
    for tensor in tensors:
        found = reader.shape(tensor.megatron, tensor.layer)
        if found != tensor.shape:
            raise UserError(
                f"{folder}: {tensor.megatron} (layer {tensor.layer}) has shape {list(found)}, the model in its "
                f"{MANIFEST} has {list(tensor.shape)}"
            )
    return Opened(folder, manifest, model, reader, tensors)


def model_of(manifest: Manifest) -> ModelConfig:
    """The resolved ModelConfig that a manifest holds as plain values."""
    known = {field.name for field in dataclasses.fields(ModelConfig)}
    strange = sorted(set(manifest.model) - known)
    if strange:
        raise UserError(f"{MANIFEST}: model.{strange[0]} is not known to this megatron-qm; use the one that wrote it")
    scaling = manifest.model.get("rope_scaling")
    values = dict(manifest.model) | {"rope_scaling": RopeScaling(**scaling) if scaling else None}
    return ModelConfig(**values).resolved()
