"""LoRA: which layers get an adapter, how large, and how its tensors are named wherever names are all there is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, Le

from megatron_qm.errors import UserError

Target = Literal["qkv", "proj", "fc1", "fc2"]

# In the names of adapters' tensors and of nothing else: `linear_qkv.weight` has `lora_qkv.a` and `lora_qkv.b` beside it.
MARK = ".lora_"
_LINEAR = ".linear_"


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adapters on frozen weights (Hu et al. 2021, arXiv:2106.09685): W x + alpha / rank * B A x."""

    rank: Annotated[int, Ge(1), Le(65_536)] = 16  # inner size of the adapters
    alpha: Annotated[float, Gt(0), Le(1e6)] = 32.0  # the adapters' product is scaled by alpha / rank
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0  # of the adapters' inputs while training
    targets: list[Target] = field(default_factory=lambda: ["qkv", "proj", "fc1", "fc2"])  # linear layers that get an adapter

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def adapter_of(self, weight: str) -> str | None:
        """`x.lora_qkv` for `x.linear_qkv.weight`: what its adapter's tensors, `.a` and `.b`, are called by. None if it has
        none."""
        owner, _, kind = weight.rpartition(".")
        parent, _, target = owner.rpartition(_LINEAR)
        return f"{parent}{MARK}{target}" if kind == "weight" and target in self.targets else None

    def shape(self) -> dict[str, object]:
        """What decides which tensors there are and what they mean."""
        return {"rank": self.rank, "alpha": self.alpha, "targets": sorted(self.targets)}


def is_adapter(name: str) -> bool:
    return MARK in name


def lora_from(values: Mapping[str, Any] | None, place: str) -> LoraConfig | None:
    """The section `lora` as a manifest has it. Raises UserError for one that a later megatron-qm has written."""
    if not values:
        return None
    strange = sorted(set(values) - {known.name for known in fields(LoraConfig)})
    if strange:
        raise UserError(f"{place}: lora.{strange[0]} is not known to this megatron-qm; use the one that wrote it")
    return LoraConfig(**values)
