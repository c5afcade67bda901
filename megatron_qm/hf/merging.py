"""Weights with their LoRA adapters in them: what a release holds of a checkpoint that has both."""

from collections.abc import Iterable

import torch

from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.config.lora import LoraConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.packing import PackedTensor


class MergingReader:
    """Rows of a checkpoint's tensors as `TorchDistReader` gives them; where there is an adapter, W + alpha / rank * B A,
    summed in FP32. The rows of B lie as those of W do.

    Raises UserError if an adapter that `lora` speaks of is not there, or of another shape.
    """

    def __init__(self, reader: TorchDistReader, lora: LoraConfig, tensors: Iterable[PackedTensor]) -> None:
        self._reader, self._lora = reader, lora
        for tensor in tensors:
            adapter = lora.adapter_of(tensor.megatron)
            if adapter is not None:
                rows, width = tensor.shape
                self._check(f"{adapter}.a", tensor.layer, (lora.rank, width))
                self._check(f"{adapter}.b", tensor.layer, (rows, lora.rank))

    def rows(self, name: str, start: int, stop: int, layer: int | None = None) -> torch.Tensor:
        """Rows start:stop of a tensor, or of one layer of it; in FP32 where adapters have been added."""
        weight = self._reader.rows(name, start, stop, layer)
        adapter = self._lora.adapter_of(name)
        if adapter is None:
            return weight
        a = self._reader.rows(f"{adapter}.a", 0, self._lora.rank, layer).float()
        b = self._reader.rows(f"{adapter}.b", start, stop, layer).float()
        return weight.float() + self._lora.scale * (b @ a)

    def _check(self, name: str, layer: int | None, wanted: tuple[int, ...]) -> None:
        found = self._reader.shape(name, layer)
        if found != wanted:
            raise UserError(
                f"{self._reader.folder}: {name} (layer {layer}) has shape {list(found)}; lora.rank = {self._lora.rank} in the "
                f"manifest wants {list(wanted)}"
            )
