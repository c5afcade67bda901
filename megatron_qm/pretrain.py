"""Continued pretraining, from a recipe to a trained checkpoint. This file is the whole run on one screen."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from megatron_qm.checkpoint.local import LocalCopies
from megatron_qm.checkpoint.store import CheckpointStore, this_layout
from megatron_qm.config.run import RunConfig
from megatron_qm.evals.run_probes import ProbeRun
from megatron_qm.model.build import build_model
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import Platform, Ranks, choose_platform, process_group, ranks_from_environment
from megatron_qm.train.feed import DatasetFeed
from megatron_qm.train.guard import Guard
from megatron_qm.train.lock import locked
from megatron_qm.train.loop import Trainer
from megatron_qm.train.objective import CrossEntropy
from megatron_qm.train.optimizer import build_optimizer, data_parallel, dismantle
from megatron_qm.train.recorder import Recorder
from megatron_qm.train.step import Stepper
from megatron_qm.train.stopping import StopRequest, stop_on_signals
from megatron_qm.train.stragglers import Stragglers
from megatron_qm.train.validation import Validation
from megatron_qm.train.watchdog import Watchdog


def pretrain(config: RunConfig) -> bool:
    """Train as `config` says, on the ranks that the environment names. Goes on from the newest good
    checkpoint. Returns whether the last step was reached: False if a signal stopped the run, saved, before.

    Raises UserError for anything the user can mend, on every rank alike.
    """
    with training(config) as trainer:
        trainer.restore()
        return trainer.run()


@contextmanager
def training(config: RunConfig, read_only: Path | None = None) -> Iterator[Trainer]:
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
        assemble(config, platform, ranks, watchdog, stop, read_only=read_only is not None) as trainer,
    ):
        gc.freeze()  # Megatron collects garbage at every save: spare it all that stays
        yield trainer


@contextmanager
def assemble(
    config: RunConfig, platform: Platform, ranks: Ranks, watchdog: Watchdog, stop: StopRequest, *, read_only: bool = False
) -> Iterator[Trainer]:
    """Everything a run is made of, put together; inside the platform's scope and Megatron's parallel groups."""
    platform.seed(config.train.seed)
    if config.parallel.overlap_tp:
        _start_tp_overlap(config, platform)
    probes = ProbeRun(config.observe.probes, config.data.tokenizer) if config.observe.probes else None
    feed = DatasetFeed(config, platform, writes=ranks.rank == 0 and not read_only, move=watchdog.move)
    chunks = build_model(
        config.model, config.parallel, platform, config.precision, config.recompute,
        seed=config.train.seed, z_loss=config.train.z_loss, entropy=config.observe.entropy,
    )
    model = data_parallel(chunks, config.parallel, config.precision)
    optimizer = build_optimizer(model, config.optimizer, config.parallel)
    local = config.checkpoint.local
    with ExitStack() as stack:
        stack.callback(dismantle, model)
        recorder = stack.enter_context(Recorder(config, platform, ranks, silent=read_only))
        yield Trainer(
            config=config,
            platform=platform,
            stepper=Stepper(
                model, optimizer, config.optimizer, len(feed.names), Guard(config.guard, platform.device),
                enter=watchdog.enter, objective=CrossEntropy(entropy=config.observe.entropy),
            ),
            feed=feed,
            validation=Validation(config, platform),
            store=CheckpointStore(Path(config.output) / "checkpoints", config.checkpoint, platform, read_only=read_only),
            recorder=recorder,
            watchdog=watchdog,
            stop=stop,
            stragglers=Stragglers(platform, config.observe.stragglers_every),
            local=LocalCopies(Path(local), Path(config.output), this_layout()) if local and not read_only else None,
            examine=probes,
        )


def _start_tp_overlap(config: RunConfig, platform: Platform) -> None:
    tokens = config.train.micro_batch_size * config.data.sequence_length // config.parallel.cp
    platform.start_tp_overlap(tokens, config.model.hidden_size, config.parallel.tp, config.precision.fp8 != "none")
