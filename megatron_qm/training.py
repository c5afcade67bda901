"""A run, from a recipe to a trained checkpoint: the whole of it on one screen. Pretraining and supervised fine-tuning read
datasets; another stage says what it does otherwise (`Learning`)."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from megatron_qm.checkpoint.local import LocalCopies
from megatron_qm.checkpoint.store import CheckpointStore, this_layout
from megatron_qm.config.hooks import HooksConfig
from megatron_qm.config.run import RunConfig
from megatron_qm.evals.examination import asked_items, asked_probes
from megatron_qm.evals.run_items import ItemRun
from megatron_qm.evals.run_probes import ProbeRun
from megatron_qm.model.build import build_model
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Platform, Ranks, choose_platform, process_group, ranks_from_environment
from megatron_qm.train.feed import DatasetFeed, Feed
from megatron_qm.train.guard import Guard
from megatron_qm.train.hooks import Hooks
from megatron_qm.train.lock import locked
from megatron_qm.train.loop import Trainer
from megatron_qm.train.objective import CrossEntropy, Objective
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.recorder import Recorder, Score
from megatron_qm.train.step import Stepper
from megatron_qm.train.stopping import StopRequest, stop_on_signals
from megatron_qm.train.stragglers import Stragglers
from megatron_qm.train.validation import Validation
from megatron_qm.train.watchdog import Watchdog


@dataclass(frozen=True)
class Parts:
    """What is there of a run when its feed is made. writes: whether this rank writes into the run's folder. stack: closes
    what is entered into it at the end of the run."""

    config: RunConfig
    platform: Platform
    ranks: Ranks
    stepper: Stepper
    watchdog: Watchdog
    recorder: Recorder
    store: CheckpointStore
    writes: bool
    stack: ExitStack


@dataclass(frozen=True)
class Learning:
    """What a stage of training learns from, and how. sources: how many it tells losses apart by. validation: how held-out data
    are measured."""

    objective: Objective
    sources: int
    feed: Callable[[Parts], Feed]
    validation: Objective = field(default_factory=CrossEntropy)


def on_datasets(config: RunConfig, objective: Objective | None = None) -> Learning:
    """objective: what is learnt from them, and what they are validated by; cross entropy by default."""

    def feed(parts: Parts) -> Feed:
        return DatasetFeed(config, parts.platform, writes=parts.writes)

    learnt = objective or CrossEntropy(entropy=config.observe.entropy)
    return Learning(learnt, len(config.data.sources), feed, validation=objective or CrossEntropy())


def train(config: RunConfig, learning: Learning | None = None) -> bool:
    """Train as `config` says, on the ranks that the environment names. Goes on from the newest good
    checkpoint. Returns whether the last step was reached: False if a signal stopped the run, saved, before.

    Raises UserError for anything the user can mend, on every rank alike.
    """
    with training(config, learning or on_datasets(config)) as trainer:
        trainer.restore()
        return trainer.run()


@contextmanager
def training(config: RunConfig, learning: Learning, read_only: Path | None = None) -> Iterator[Trainer]:
    """A trainer on all ranks, inside the scopes it needs. read_only: a folder for heartbeats; then the run's own folder is
    looked at and not touched."""
    ranks = ranks_from_environment()
    platform = choose_platform(config.device, ranks.local_rank)
    with (
        stop_on_signals() as stop,
        locked(Path(config.output)) if ranks.rank == 0 and read_only is None else nullcontext(),
        Watchdog(read_only or Path(config.output), config.watchdog, ranks) as watchdog,
        process_group(platform, ranks),
        platform.scope(),
        parallel_groups(config.parallel),
        assemble(config, learning, platform, ranks, watchdog, stop, read_only=read_only is not None) as trainer,
    ):
        gc.freeze()  # Megatron collects garbage at every save: spare it all that stays
        yield trainer


@contextmanager
def assemble(
    config: RunConfig, learning: Learning, platform: Platform, ranks: Ranks, watchdog: Watchdog, stop: StopRequest, *,
    read_only: bool = False,
) -> Iterator[Trainer]:
    """Everything a run is made of, put together; inside the platform's scope and Megatron's parallel groups."""
    platform.seed(config.train.seed)
    if config.parallel.overlap_tp:
        _start_tp_overlap(config, platform)
    chunks = build_model(
        config.model, config.parallel, platform, config.precision, config.recompute,
        seed=config.train.seed, z_loss=config.train.z_loss, entropy=config.observe.entropy, lora=config.lora,
    )
    model = data_parallel(chunks, config.parallel, config.precision)
    optimizer = build_optimizer(model, config.optimizer, config.parallel)
    local = config.checkpoint.local
    with ExitStack() as stack:
        stack.callback(dismantle, model)
        recorder = stack.enter_context(Recorder(config, platform, ranks, silent=read_only))
        stepper = Stepper(
            model, optimizer, config.optimizer, learning.sources, Guard(config.guard, platform.device),
            enter=watchdog.enter, objective=learning.objective, validation=learning.validation,
        )
        hooks = Hooks(replace(config, hooks=HooksConfig()) if read_only else config, ranks, watchdog.phase)
        store = CheckpointStore(Path(config.output) / "checkpoints", config.checkpoint, platform, read_only=read_only,
                                published=hooks.after_save)
        writes = ranks.rank == 0 and not read_only
        feed = learning.feed(Parts(config, platform, ranks, stepper, watchdog, recorder, store, writes, stack))
        yield Trainer(
            config=config,
            platform=platform,
            stepper=stepper,
            feed=feed,
            validation=Validation(config, platform),
            store=store,
            recorder=recorder,
            watchdog=watchdog,
            stop=stop,
            stragglers=Stragglers(platform, config.observe.stragglers_every),
            hooks=hooks,
            local=LocalCopies(Path(local), Path(config.output), this_layout()) if local and not read_only else None,
            examine=_examination(config),
        )


def _examination(config: RunConfig) -> Callable[[Sequence[nn.Module]], Sequence[Score]] | None:
    """Knowledge probes and items that the run puts to its model, where the recipe names any."""
    parts: list[Callable[[Sequence[nn.Module]], Sequence[Score]]] = []
    if probes := asked_probes(config):
        parts.append(ProbeRun(probes))
    if items := asked_items(config):
        parts.append(ItemRun(items, config.observe.items_max_tokens))
    return (lambda model: [score for part in parts for score in part(model)]) if parts else None


def _start_tp_overlap(config: RunConfig, platform: Platform) -> None:
    tokens = config.train.micro_batch_size * config.data.sequence_length // config.parallel.cp
    platform.start_tp_overlap(tokens, config.model.hidden_size, config.parallel.tp, config.precision.fp8 != "none")
