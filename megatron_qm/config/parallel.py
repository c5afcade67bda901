"""How a model is spread over ranks (Megatron tensor, pipeline, sequence, context and data parallelism)."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from megatron_qm.config.bounds import Ranks
from megatron_qm.config.require import require


@dataclass(frozen=True)
class ParallelConfig:
    """The layout: ranks of each kind of parallelism, and what they overlap."""

    tp: Ranks = 1  # tensor parallel ranks (Megatron --tensor-model-parallel-size)
    pp: Ranks = 1  # pipeline stages
    vpp: Annotated[int, Ge(2), Le(1000)] | None = None  # interleaved schedule: model chunks per pipeline stage
    cp: Ranks = 1  # context parallel ranks
    sp: bool = False  # sequence parallelism: splits norms and residuals over the TP ranks
    devices: Ranks | None = None  # ranks in all that the recipe is planned for; sets DP in --dry-run
    distributed_optimizer: bool = True  # shard optimizer state over the DP ranks
    overlap_grad_reduce: bool = False  # reduce gradients while the backward pass goes on
    overlap_param_gather: bool = False  # gather weights while the forward pass goes on (needs overlap_grad_reduce)
    overlap_tp: bool = False  # TE user buffers: TP communication under the GEMMs (needs sp)

    @property
    def model_ranks(self) -> int:
        """Ranks that hold one copy of the model and of a sequence: TP x PP x CP."""
        return self.tp * self.pp * self.cp

    def data_parallel(self, world_size: int) -> int:
        """DP ranks among `world_size`. Raises UserError where the layout does not divide it."""
        require(
            world_size % self.model_ranks == 0,
            f"{world_size} ranks cannot be split into parallel.tp {self.tp} x pp {self.pp} x cp {self.cp} "
            f"= {self.model_ranks}; use a multiple of {self.model_ranks}",
            "parallel.devices", "parallel.tp", "parallel.pp", "parallel.cp",
        )
        return world_size // self.model_ranks

    def describe(self, world_size: int) -> str:
        parts = [f"TP{self.tp}"] + (["SP"] if self.sp else [])
        parts += [f"PP{self.pp}"] if self.pp > 1 else []
        parts += [f"VPP{self.vpp}"] if self.vpp else []
        parts += [f"CP{self.cp}"] if self.cp > 1 else []
        return " x ".join(parts + [f"DP{self.data_parallel(world_size)}"])
