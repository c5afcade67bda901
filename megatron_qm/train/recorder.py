"""What a run leaves behind in its folder: resolved config, environment, metrics; and the live progress line."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self

import torch

from megatron_qm.config.load import to_yaml
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.flops import Speed, Work, speed, training_flops
from megatron_qm.costs.peaks import Precision, peak_flops
from megatron_qm.files import write_json, write_text
from megatron_qm.model.transformer_config import parameter_dtype
from megatron_qm.observe.environment import capture_environment
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.progress import Progress
from megatron_qm.observe.records import (
    ALREADY_FINISHED,
    EventRecord,
    ProbeRecord,
    Record,
    StragglerRecord,
    TrainRecord,
    ValidationRecord,
    json_number,
)
from megatron_qm.plan.of_run import prediction_of_run
from megatron_qm.platform.runtime import Platform, Ranks
from megatron_qm.train.feed import Feed
from megatron_qm.train.step import Losses, StepResult

logger = logging.getLogger(__name__)
_STEP_PHASES = ("data", "forward and backward", "update", "between steps")


class Score(Protocol):
    """Accuracy over `total` questions of a group, with the bounds of its confidence interval, and what a guess would reach
    where that is known."""

    @property
    def group(self) -> str: ...

    @property
    def total(self) -> int: ...

    @property
    def accuracy(self) -> float: ...

    @property
    def interval(self) -> tuple[float, float]: ...

    @property
    def chance(self) -> float | None: ...


class Recorder:
    """Writes on rank 0, from `begin` on; on the others, and where `silent`, every call is free. Metrics are of the whole job."""

    def __init__(self, config: RunConfig, platform: Platform, ranks: Ranks, *, silent: bool = False) -> None:
        self._config, self._platform, self._ranks = config, platform, ranks
        self._writes = ranks.rank == 0 and not silent
        self._folder = Path(config.output)
        bf16 = parameter_dtype(config.precision, platform) == torch.bfloat16
        precision: Precision = "fp8" if config.precision.fp8 != "none" else "bf16" if bf16 else "fp32"
        self._peak = peak_flops(platform.device_name, precision, config.observe.peak_tflops)
        self._metrics: MetricsWriter | None = None
        self._progress: Progress | None = None
        self._waiting: list[StepResult] = []
        self._phases: dict[str, float] = {}
        self._since = self._ended = 0.0  # when the steps that wait began, pauses left out; when the last of them ended
        self.listeners: list[Callable[[Record], None]] = []  # told of every record, where there are any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._metrics, self._progress):
            if part is not None:
                part.close()

    def begin(self, step: int, came_from: object | None) -> None:
        """The run starts, or goes on, after `step` finished steps; what later steps had written is cut off."""
        if self._writes:
            observe = self._config.observe
            self._metrics = MetricsWriter(self._folder, tensorboard=observe.tensorboard, wandb_project=observe.wandb_project)
            write_text(self._folder / "config.resolved.yaml", to_yaml(self._config))
            write_json(self._folder / "environment.json", capture_environment(
                world_size=self._ranks.world_size,
                device=self._platform.device_name,
                peak=self._peak.name if self._peak else None,
            ) | {"predicted": prediction_of_run(self._config, self._ranks.world_size, self._platform.device_name)})
            self._metrics.truncate_after(step)
            self._progress = Progress(self._config.total_steps)
            self._begun(step, str(came_from) if came_from else "")
        self._since = self._ended = time.perf_counter()

    def _begun(self, step: int, came_from: str) -> None:
        total = self._config.total_steps
        if step < total:
            self.event(step, "resume" if step else "start", came_from)
            return
        self.event(step, ALREADY_FINISHED, f"step {step:,} of {total:,} was done before: nothing was left to do")
        logger.info("this run is finished: step %d of %d; to go on, raise train.steps (or the tokens or epochs that set it); "
                    "to train anew, choose another output", step, total)

    def step(self, step: int, result: StepResult, rate: float, feed: Feed) -> None:
        """Step `step` is done; every `log_every` steps their mean becomes a record."""
        if not self._writes:
            return
        self._ended = time.perf_counter()
        self._waiting.append(result)
        if step % self._config.train.log_every and step != self._config.total_steps:
            return
        seconds = (self._ended - self._since) / len(self._waiting)
        record = self._record(step, rate, seconds, feed)
        self._waiting.clear()
        self._write(record)
        if self._progress is not None:
            self._progress.update(record)
        self._since = self._ended

    def _record(self, step: int, rate: float, seconds: float, feed: Feed) -> TrainRecord:
        # The mean of what was learnt from; of a record in which nothing was, what was measured.
        used = [result for result in self._waiting if result.refused is None] or self._waiting
        losses = _sum([result.losses for result in used])
        progress = feed.progress()
        measured = self._speed([result.losses.work for result in self._waiting], seconds)
        return TrainRecord(
            step=step,
            tokens=feed.tokens,
            loss=losses.mean,
            grad_norm=sum(result.grad_norm for result in used) / len(used),
            lr=rate,
            tokens_per_second=measured.tokens_per_second,
            tflops_per_device=measured.tflops_per_device,
            mfu=measured.mfu,
            step_seconds=seconds,
            memory_gib=self._platform.memory_gib(),
            loss_by_source=_by_name(feed.names, losses),
            tokens_by_source={name: read.tokens for name, read in progress.items()},
            z_loss=losses.z_mean if self._config.train.z_loss else None,
            phase_seconds={name: seconds / len(self._waiting) for name, seconds in self._phases.items()} or None,
            others=losses.other_means,
            epochs_by_source={name: read.epochs for name, read in progress.items()} or None,
        )

    def _speed(self, work: Sequence[Work], seconds: float) -> Speed:
        """Of steps of `seconds` each, with or without an update."""
        whole = Work(sum(one.tokens for one in work), sum(one.pairs for one in work))
        flops = training_flops(self._config.model, whole, self._config.lora)
        return speed(whole, flops, seconds * len(work), self._ranks.world_size, self._peak)

    def phases(self, seconds: dict[str, float]) -> None:
        """Where the time of the steps since the last record went, on this rank."""
        self._phases = {name: value for name, value in seconds.items() if name in _STEP_PHASES}

    def refused(self, step: int, result: StepResult, feed: Feed) -> None:
        """Step `step` made no update: what it was made of is kept, and the record says why."""
        if self._writes and result.refused is not None:
            measured = {"loss": json_number(result.losses.mean), "grad_norm": json_number(result.grad_norm)}
            self.event(step, "skipped", f"{result.refused}; {feed.quarantine(step, result.refused, measured)}")
            logger.warning("step %d makes no update: %s", step, result.refused)

    def stragglers(self, records: Sequence[StragglerRecord]) -> None:
        for record in records:
            self._write(record)

    def validation(self, step: int, losses: Losses, names: Sequence[str], tokens: int) -> None:
        self._write(ValidationRecord(step, tokens, losses.mean, _by_name(names, losses), losses.other_means))

    def write(self, record: Record) -> None:
        """What a stage has to say beyond its steps."""
        self._write(record)

    def event(self, step: int, name: str, detail: str = "", seconds: float | None = None) -> None:
        self._write(EventRecord(step, name, detail, seconds))

    def scores(self, step: int, scores: Sequence[Score]) -> None:
        """Accuracies of an examination after `step` steps."""
        for score in scores:
            low, high = score.interval
            self._write(ProbeRecord(step, score.group, score.accuracy, low, high, score.total, score.chance))

    def pause(self) -> None:
        """What has come since the last step's end (validation, a save) is not part of a step's time."""
        now = time.perf_counter()
        self._since += now - self._ended
        self._ended = now

    def sync(self) -> None:
        """Everything written so far survives a power cut: called with every checkpoint."""
        if self._metrics is not None:
            self._metrics.sync()

    def _write(self, record: Record) -> None:
        if self._metrics is not None:
            self._metrics.write(record)
            for listen in self.listeners:
                listen(record)


def _sum(losses: Sequence[Losses]) -> Losses:
    return Losses(
        nats_k=_columns_sum([loss.nats_k for loss in losses]),
        z_k=_columns_sum([loss.z_k for loss in losses]),
        tokens_k=_columns_sum([loss.tokens_k for loss in losses]),
        read_k=_columns_sum([loss.read_k for loss in losses]),
        pairs_k=_columns_sum([loss.pairs_k for loss in losses]),
        others={name: _columns_sum([loss.others[name] for loss in losses]) for name in losses[0].others},
        per=losses[0].per,
    )


def _columns_sum(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(values) for values in zip(*rows, strict=True)]


def _by_name(names: Sequence[str], losses: Losses) -> dict[str, float]:
    means = {name: losses.mean_of(index) for index, name in enumerate(names)}
    return {name: mean for name, mean in means.items() if mean is not None}
