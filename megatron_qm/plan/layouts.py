"""Every legal layout of a recipe on so many GPUs, ranked by predicted speed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from megatron_qm.config.rules import check, check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.memory import GIB
from megatron_qm.errors import UserError
from megatron_qm.plan.hardware import Assumptions, Gpu
from megatron_qm.plan.predict import Prediction, fullest_stage, predict

_MICRO_BATCHES = (1, 2, 4, 8)
_CONTEXT = (1, 2, 4, 8)
_MOST_CHUNKS = 8  # of a pipeline stage: more only send more


Key = tuple[int, int, int | None, int, bool, int, str]


def key_of(config: RunConfig) -> Key:
    """Of a layout; recompute "none" keeps what "selective" does."""
    p, mode = config.parallel, "full" if config.recompute.mode == "full" else "selective"
    return p.tp, p.pp, p.vpp, p.cp, p.sp, config.train.micro_batch_size, mode


@dataclass(frozen=True)
class Option:
    config: RunConfig
    prediction: Prediction
    fits: bool

    @property
    def key(self) -> Key:
        """What tells it from the other options."""
        return key_of(self.config)

    def overrides(self) -> list[str]:
        """That make a recipe this one."""
        p, config = self.config.parallel, self.config
        values = {
            "parallel.devices": p.devices, "parallel.tp": p.tp, "parallel.sp": p.sp, "parallel.pp": p.pp, "parallel.vpp": p.vpp,
            "parallel.cp": p.cp, "train.micro_batch_size": config.train.micro_batch_size, "recompute.mode": config.recompute.mode,
            "recompute.layers": config.recompute.layers,
        }
        return [f"{key}={json.dumps(value)}" if not isinstance(value, str) else f"{key}={value}" for key, value in values.items()]


def rank_layouts(config: RunConfig, gpus: int, gpu: Gpu, assumptions: Assumptions) -> list[Option]:
    """All legal layouts, those that fit into memory first, by tokens/s. Raises UserError where there is none at all."""
    room = gpu.memory - assumptions.reserve_gib * GIB
    options = []
    for candidate in legal_layouts(config, gpus, gpu):
        prediction = predict(candidate, gpus, gpu, assumptions)
        options.append(Option(candidate, prediction, prediction.bytes <= room))
    if not options:
        raise UserError(f"no layout of this recipe is legal on {gpus} GPUs: train.global_batch_size = "
                        f"{config.train.global_batch_size} and the model's shape must divide; try another number")
    return sorted(options, key=lambda option: (not option.fits, _order(option)))


def nearest_fitting(config: RunConfig, gpus: int, gpu: Gpu, assumptions: Assumptions) -> Option | None:
    """Of the layouts that fit, the one that changes least of the recipe's own; of several such the fastest."""
    own = key_of(config)
    fitting = [option for option in rank_layouts(config, gpus, gpu, assumptions) if option.fits]
    return min(fitting, key=lambda option: sum(a != b for a, b in zip(option.key, own, strict=True)), default=None)


def _order(option: Option) -> float:
    """Among those that fit the fastest first, among the others the one that lacks least."""
    return -option.prediction.tokens_per_second if option.fits else option.prediction.bytes


def legal_layouts(config: RunConfig, gpus: int, gpu: Gpu) -> Iterator[RunConfig]:
    """Legal by the very rules that a run is checked by (config/rules.py). TP stays inside a node."""
    model = config.model
    for tp in (n for n in (1, 2, 4, 8, 16) if n <= gpu.gpus_per_node and model.kv_heads % n == 0):
        for pp in (n for n in range(1, model.layers + 1) if model.layers % n == 0 and gpus % (tp * n) == 0):
            for vpp in _chunks(model.layers // pp, pp):
                for cp in (n for n in _CONTEXT if gpus % (tp * pp * n) == 0):
                    yield from _with_batches(config, gpus, tp, pp, vpp, cp)


def _chunks(layers: int, pp: int) -> list[int | None]:
    return [None, *(n for n in range(2, min(layers, _MOST_CHUNKS) + 1) if layers % n == 0)] if pp > 1 else [None]


def _with_batches(config: RunConfig, gpus: int, tp: int, pp: int, vpp: int | None, cp: int) -> Iterator[RunConfig]:
    """SP on and off, each micro-batch (the recipe's own among them), and recompute: "none" keeps what "selective" does."""
    given = config.parallel
    for sp in (True, False) if tp > 1 else (False,):
        parallel = replace(given, tp=tp, pp=pp, vpp=vpp, cp=cp, sp=sp, devices=gpus, overlap_tp=given.overlap_tp and sp)
        for micro in sorted({*_MICRO_BATCHES, config.train.micro_batch_size}):
            for mode in ("selective", "full"):
                candidate = replace(
                    config, parallel=parallel, train=replace(config.train, micro_batch_size=micro),
                    recompute=replace(config.recompute, mode=mode, layers=None),
                )
                if is_legal(candidate, gpus):
                    yield candidate


def is_legal(config: RunConfig, gpus: int) -> bool:
    try:
        check(config)
        check_world(config, gpus)
    except UserError:
        return False
    return True


def memory_of(config: RunConfig, gpus: int, mode: Literal["none", "selective", "full"]) -> float:
    """Activation bytes of the fullest stage under another recompute mode."""
    return fullest_stage(replace(config, recompute=replace(config.recompute, mode=mode, layers=None)), gpus).activations
