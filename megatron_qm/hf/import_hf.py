"""A Hugging Face folder as a checkpoint that training starts from, at any layout."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from megatron_qm.checkpoint.manifest import WEIGHTS, Manifest, write_manifest
from megatron_qm.checkpoint.staging import CHECKPOINT, check_free, check_room, staged
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf import companions
from megatron_qm.hf.config import CONFIG, from_hf, read_config
from megatron_qm.hf.families import packed_tensors
from megatron_qm.hf.import_check import check_companions
from megatron_qm.hf.packing import PackedTensor
from megatron_qm.hf.safetensors_io import StoredTensor, read_headers, same_numbers
from megatron_qm.hf.weights import packed_rows

_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
_COMPUTED = "rotary_emb.inv_freq"  # a buffer that old releases of transformers saved; it follows from the config
_EMBEDDING, _HEAD = "model.embed_tokens.weight", "lm_head.weight"


def import_hf(hf: Path, output: Path, *, overwrite: bool = False) -> Path:
    """Convert the HF folder `hf` (safetensors) into a checkpoint `output`, and return it.

    Weights keep their dtype. Memory stays at a few chunks of 128 MiB, whatever the model's size. Raises UserError
    naming the file, key or tensor that cannot be converted; then nothing is left at `output` that was not there.
    """
    hf, output = Path(hf), Path(output)
    check_free(output, CHECKPOINT, overwrite)
    model = from_hf(read_config(hf), str(hf / CONFIG))
    stored = read_headers(hf, may_lack=[_HEAD] if model.shares_embedding else [])
    tensors = _checked_names(hf, model, stored)
    check_companions(hf, model.vocab_size)
    check_room(output, sum(tensor.bytes for tensor in stored.values()))
    with staged(output, CHECKPOINT, overwrite) as folder:
        _write_tensors(folder / WEIGHTS, model, tensors, stored)
        companions.keep_from_hf(hf, folder)
        dtype = _NAMES[stored[_EMBEDDING].dtype]
        write_manifest(folder, Manifest(step=0, tokens=0, model=asdict(model), dtype=dtype))
    return output


def _write_tensors(
    weights: Path, model: ModelConfig, tensors: list[PackedTensor], stored: Mapping[str, StoredTensor]
) -> None:
    from megatron_qm.checkpoint.distributed import write_common  # brings Megatron, which owns these two files

    dtypes = _dtypes(tensors, stored)
    with TorchDistWriter(weights) as writer:
        for packed in tensors:
            dtype = dtypes[packed.megatron]
            writer.add(
                packed.megatron,
                packed.shape,
                dtype,
                partial(packed_rows, packed, stored, dtype=dtype),
                packed.layer,
                None if packed.layer is None else model.layers,
            )
    write_common(weights, {"optimizer_step": None})


def _dtypes(tensors: list[PackedTensor], stored: Mapping[str, StoredTensor]) -> dict[str, torch.dtype]:
    """One per Megatron tensor, all its layers included: the widest of what it is made of."""
    dtypes: dict[str, torch.dtype] = {}
    for packed in tensors:
        for name in packed.hf:
            mine = stored[name].dtype
            dtypes[packed.megatron] = torch.promote_types(dtypes.get(packed.megatron, mine), mine)
    return dtypes


def _checked_names(hf: Path, model: ModelConfig, stored: Mapping[str, StoredTensor]) -> list[PackedTensor]:
    """Every tensor that the config demands is there, of its shape, and no other. The first that is not ends it: a config may
    demand more than there is memory to write down."""
    tensors, wanted = [], set()
    for packed in packed_tensors(model):
        for part, name in enumerate(packed.hf):
            _check_shape(hf, name, packed.hf_shape(part), stored.get(name))
            wanted.add(name)
        tensors.append(packed)
    for name, tensor in stored.items():
        if name == _HEAD and model.shares_embedding:
            _refuse_untied(tensor, stored[_EMBEDDING])
        elif name not in wanted and not name.endswith(_COMPUTED):
            raise UserError(f"{tensor.file}: {name} is no tensor of the model that {CONFIG} describes")
    return tensors


def _check_shape(hf: Path, name: str, shape: tuple[int, ...], tensor: StoredTensor | None) -> None:
    if tensor is None:
        raise UserError(f"{hf}: {name} is missing from its safetensors files; {CONFIG} demands it")
    if tensor.shape != shape:
        raise UserError(f"{tensor.file}: {name} has shape {list(tensor.shape)}; {CONFIG} demands {list(shape)}")


def _refuse_untied(head: StoredTensor, embedding: StoredTensor) -> None:
    if not same_numbers(head, embedding):
        raise UserError(
            f"{head.file}: {_HEAD} differs from {_EMBEDDING}, but {CONFIG} says tie_word_embeddings = true: "
            "set it to false if the model has an output layer of its own"
        )
