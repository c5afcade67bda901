"""A checkpoint as conversion sees it: its manifest, its model's shape, its tensors."""

from dataclasses import dataclass
from pathlib import Path

from megatron_qm.checkpoint.folder import refuse_a_run
from megatron_qm.checkpoint.manifest import MANIFEST, WEIGHTS, Manifest, lora_of, model_of, verify
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.families import packed_tensors
from megatron_qm.hf.merging import MergingReader
from megatron_qm.hf.packing import PackedTensor
from megatron_qm.json_types import JsonObject, object_of


@dataclass(frozen=True)
class Opened:
    folder: Path
    manifest: Manifest
    model: ModelConfig
    lora: LoraConfig | None  # of adapters that lie beside the weights
    reader: TorchDistReader | MergingReader  # gives weights with their adapters in them
    tensors: tuple[PackedTensor, ...]

    @property
    def template_arguments(self) -> JsonObject:
        """Of the chat template, with which it was trained."""
        data = object_of(self.manifest.config, "data") if self.manifest.config.get("data") else {}
        return object_of(data, "template_arguments") if data.get("template_arguments") else {}


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
    lora = lora_of(manifest)
    merged = MergingReader(reader, lora, tensors) if lora is not None else reader
    return Opened(folder, manifest, model, lora, merged, tensors)
