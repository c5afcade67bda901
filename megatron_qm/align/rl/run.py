"""Reinforcement learning from verifiable rewards: the trainer, fed with rollouts of its own weights."""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from megatron_qm.align.frozen import frozen_model
from megatron_qm.align.rl.collect import Collector
from megatron_qm.align.rl.feed import RolloutFeed
from megatron_qm.align.rl.fusion.fusion import fusion_of
from megatron_qm.align.rl.fusion.in_ranks import RewardModels
from megatron_qm.align.rl.health import Health
from megatron_qm.align.rl.judges import Judges, read_asked, reference_identity
from megatron_qm.align.rl.judging import Judging
from megatron_qm.align.rl.lengths import packed_length
from megatron_qm.align.rl.objective import PolicyObjective
from megatron_qm.align.rl.policy import Policy
from megatron_qm.align.rl.rehearsal import Replay
from megatron_qm.align.rl.sampler import PromptSampler
from megatron_qm.align.rollouts.engine import MegatronEngine, RolloutEngine
from megatron_qm.align.rollouts.replay import SavedRollouts
from megatron_qm.align.rollouts.vllm_engine import LocalVllm, VllmEngine
from megatron_qm.config.rl import RlRun
from megatron_qm.errors import UserError
from megatron_qm.model.language_model import unwrap
from megatron_qm.tokenizer import TextTokenizer
from megatron_qm.train.feed import Feed
from megatron_qm.training import Learning, Parts


def on_rollouts(config: RlRun) -> Learning:
    """The policy's own answers, generated with its present weights."""
    return learning(config, Path(config.output), lambda parts, tokenizer: _engine(config, parts, tokenizer))


def learning(config: RlRun, output: Path, engine: Callable[[Parts, TextTokenizer], RolloutEngine]) -> Learning:
    """output: where rollouts are kept. engine: who answers."""
    objective = PolicyObjective(config.rl.loss, config.rl.sampling.temperature, replay=config.rl.replay is not None)
    return Learning(objective, 1, lambda parts: _feed(config, parts, output, engine))


def _feed(config: RlRun, parts: Parts, output: Path, engine: Callable[[Parts, TextTokenizer], RolloutEngine]) -> Feed:
    tokenizer = TextTokenizer.of_run(config)
    items = read_asked(config.rl)
    sampler = PromptSampler(items, config.rl.curriculum, config.data.seed)
    fusion = fusion_of(config.rl, reference_identity(config, items)) if config.rl.rewards else None
    judges = parts.stack.enter_context(Judges(config.rl)) if parts.ranks.rank == 0 else None
    judging = Judging(config.rl, tokenizer, judges, RewardModels(config, parts) or None, parts.watchdog.move)
    collector = Collector(
        config.rl, output, sampler, tokenizer, config.data.sequence_length, config.train.seed, judging,
        parts.watchdog.move, fusion,
    )
    policy = Policy(parts.stepper.model, engine(parts, tokenizer), _reference(config, parts), parts.watchdog.move,
                    config.rl.sampling.temperature)
    health = Health(config.rl.alarms, Path(config.output), parts.recorder, writes=parts.writes)
    replay = Replay(config, config.rl.replay, packed_length(config)) if config.rl.replay else None
    return RolloutFeed(config, parts.platform, policy, collector, health, replay)


def _engine(config: RlRun, parts: Parts, tokenizer: TextTokenizer) -> RolloutEngine:
    if config.rl.saved_rollouts:
        return SavedRollouts(*map(Path, config.rl.saved_rollouts), vocabulary=config.model.vocab_size)
    if config.rl.vllm is not None:
        vllm = config.rl.vllm
        client = LocalVllm(vllm.folder, tensor_parallel=vllm.tensor_parallel, memory=vllm.memory,
                           max_positions=config.data.sequence_length, temperature=config.rl.sampling.temperature)
        return VllmEngine(client, config.model, vllm.tensor_parallel)
    return MegatronEngine(
        unwrap(parts.stepper.model), max_sequences=config.rl.sampling.max_sequences, detokenize=tokenizer.decode,
        move=parts.watchdog.move,
    )


def _reference(config: RlRun, parts: Parts) -> Sequence[nn.Module] | None:
    """The frozen policy that the KL term holds on to; none where that has no weight."""
    if not config.rl.loss.kl:
        return None
    path = _named("train.start_from", config.rl.reference or config.train.start_from)
    return frozen_model(config, parts, path)


def _named(key: str, path: str | None) -> Path:
    """What a run has asked for before it began (`Reinforcement.need`)."""
    if path is None:
        raise UserError(f"{key} is not set")
    return Path(path)
