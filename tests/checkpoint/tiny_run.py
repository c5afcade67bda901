"""A tiny model in training at any layout: the least that a checkpoint has to hold, and ways to look at all of it.

Axes: b sequences of a micro-batch, s tokens of a sequence.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.pipeline_parallel import get_forward_backward_func

from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.run import RunConfig
from megatron_qm.config.train import CheckpointConfig, OptimizerConfig, PrecisionConfig, TrainConfig
from megatron_qm.model.build import build_model
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from megatron_qm.train.optimizer import build_optimizer, data_parallel, set_hyperparameters
from tests.groups import passing_groups

MODEL = ModelConfig(
    layers=4, hidden_size=32, ffn_hidden_size=48, heads=4, kv_heads=2, vocab_size=100, max_positions=64
).resolved()
SEQUENCES, LENGTH = 4, 16  # of a step
RATES = (3e-3, 2e-3, 1e-3)


@contextmanager
def job() -> Iterator[None]:
    """This process as a rank of torch.distributed, with the platform's ways round CUDA."""
    platform = choose_platform("cpu")
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope():
        yield


class TinyRun:
    """Model and optimizer at one layout, trained on batches that depend on the step alone."""

    def __init__(self, parallel: ParallelConfig, model: ModelConfig, dtype: str, seed: int) -> None:
        precision = PrecisionConfig(params=dtype)
        self.platform = choose_platform("cpu")
        self.platform.seed(seed)
        self.config = RunConfig(model=model, parallel=parallel, precision=precision, train=TrainConfig(seed=seed))
        chunks = build_model(model, parallel, self.platform, precision, seed=seed)
        self.chunks = data_parallel(chunks, parallel, precision)
        self.optimizer = build_optimizer(self.chunks, self.config.optimizer, parallel)
        self.step = 0

    def train(self, steps: int) -> list[float]:
        """The mean loss of each step, equal on all ranks."""
        return [self._train_step() for _ in range(steps)]

    def _train_step(self) -> float:
        dp_size = parallel_state.get_data_parallel_world_size()
        dp_rank = parallel_state.get_data_parallel_rank()
        tokens_bs = torch.randint(
            0, self.config.model.vocab_size, (SEQUENCES, LENGTH + 1), generator=torch.Generator().manual_seed(self.step)
        )[dp_rank::dp_size]
        micro_batches = tokens_bs.split(max(1, len(tokens_bs) // 2))  # two, or one of one sequence
        iterators = [map(_inputs, micro_batches) for _ in self.chunks]
        for chunk in self.chunks:
            chunk.zero_grad_buffer()
        self.optimizer.zero_grad()
        reports = get_forward_backward_func()(
            forward_step_func=_forward,
            data_iterator=iterators if len(iterators) > 1 else iterators[0],
            model=self.chunks if len(self.chunks) > 1 else self.chunks[0],
            num_microbatches=len(micro_batches),
            seq_length=LENGTH,
            micro_batch_size=len(micro_batches[0]),
            forward_only=False,
        )
        set_hyperparameters(self.optimizer, OptimizerConfig(), RATES[self.step % len(RATES)])
        self.optimizer.step()
        self.step += 1
        total = torch.stack(reports).sum() if reports else torch.zeros(())
        dist.all_reduce(total)
        return float(total) / parallel_state.get_tensor_model_parallel_world_size() / (SEQUENCES * LENGTH)

    def store(self, directory: Path, **options: object) -> CheckpointStore:
        store = CheckpointStore(Path(directory), CheckpointConfig(**options), self.platform)
        store.begin()
        return store

    def save(self, store: CheckpointStore) -> Path | None:
        data = {"cursor": self.step * 1000}
        tokens = self.step * SEQUENCES * LENGTH
        bare = [chunk.module for chunk in self.chunks]
        return store.save(self.step, tokens, bare, self.optimizer, data, self.config)

    def load(self, store: CheckpointStore, path: Path | None = None) -> None:
        self.step = store.load(path or store.latest(), self.chunks, self.optimizer).step

    def digest(self) -> str:
        """Of every bit of this rank's weights and of every tensor of its optimizer."""
        digest = hashlib.sha256()
        for chunk in self.chunks:
            for name, parameter in sorted(chunk.named_parameters()):
                digest.update(name.encode() + _bytes(parameter))
        for part in getattr(self.optimizer, "chained_optimizers", [self.optimizer]):
            for group in part.optimizer.param_groups:
                for parameter in group["params"]:
                    digest.update(_bytes(parameter))
                    for name, value in sorted(part.optimizer.state[parameter].items()):
                        digest.update(name.encode() + _bytes(value))
        return digest.hexdigest()


@contextmanager
def tiny_runs(model: ModelConfig = MODEL, dtype: str = "fp32", **parallel: Any) -> Iterator[Callable[[int], TinyRun]]:
    """A function from a seed to a TinyRun at this layout, inside its parallel groups."""
    layout = replace(ParallelConfig(), **parallel)
    with passing_groups(layout):
        yield lambda seed: TinyRun(layout, model, dtype, seed)


@contextmanager
def tiny_run(seed: int = 1, **layout: Any) -> Iterator[TinyRun]:
    with tiny_runs(**layout) as make:
        yield make(seed)


def _inputs(tokens_bs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, labels and positions of this context parallel rank: chunks r and 2n-1-r of 2n."""
    rank, ranks = parallel_state.get_context_parallel_rank(), parallel_state.get_context_parallel_world_size()
    whole = (tokens_bs[:, :-1], tokens_bs[:, 1:], torch.arange(LENGTH).expand(len(tokens_bs), -1))
    chunks = [tensor.chunk(2 * ranks, dim=1) for tensor in whole]
    return tuple(torch.cat([pieces[rank], pieces[-1 - rank]], dim=1) for pieces in chunks)


def _forward(iterator: Iterator, chunk: torch.nn.Module) -> tuple[torch.Tensor, Any]:
    inputs_bs, labels_bs, positions_bs = next(iterator)
    return chunk(inputs_bs, positions_bs, None, labels=labels_bs), _loss


def _loss(output_bs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    total = output_bs.float().sum()
    return total, torch.tensor(output_bs.numel(), dtype=torch.int), total.detach().clone()


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()
