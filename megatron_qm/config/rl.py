"""How a policy learns from rewards: advantages, the loss, and how its sum is normalised."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le

from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.config.bounds import (
    LEAST_TEMPERATURE,
    AtOnce,
    Epochs,
    Length,
    NotNegative,
    Processes,
    Seconds,
    Share,
    Temperature,
    TopK,
    TopP,
    Votes,
)
from megatron_qm.config.fusion import FusionConfig, RewardConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.run_config import OtherModel, Rollouts, RunConfig
from megatron_qm.config.sources import SourceConfig, Sources


@dataclass(frozen=True)
class AdvantageConfig:
    """What a response is worth against the others to the same prompt.

    `grpo`: (reward - mean) / std of the group (DeepSeekMath, arXiv 2402.03300, section 4.1). `dr_grpo`: without the division
    (arXiv 2503.20783). `rloo`: against the mean of the others (arXiv 2402.14740).
    """

    kind: Literal["grpo", "dr_grpo", "rloo"] = "grpo"  # what a reward is compared with, and whether the spread divides it
    epsilon: Annotated[float, Gt(0), Le(1)] = 1.0e-6  # added to the standard deviation


@dataclass(frozen=True)
class PolicyLossConfig:
    """Which surrogate is minimised.

    `ppo`: clipped ratio per token; clip_high above clip_low is DAPO's clip-higher (arXiv 2503.14476). `gspo`: one ratio per
    sequence (arXiv 2507.18071). `cispo`: the clipped ratio as a constant weight, no token loses its gradient (arXiv
    2506.13585). `reinforce`: no ratio at all.
    """

    kind: Literal["ppo", "gspo", "cispo", "reinforce"] = "ppo"  # the surrogate
    clip_low: Annotated[float, Interval(gt=0, le=1)] = 0.2  # the ratio counts within [1 - clip_low, 1 + clip_high]
    clip_high: Annotated[float, Gt(0), Le(1000)] = 0.2  # how far above 1 the ratio may count
    # Dual clip (arXiv 1912.09729): a negative advantage costs at most dual_clip times its size; null: no bound.
    dual_clip: Annotated[float, Gt(1), Le(1e6)] | None = None
    kl: Annotated[float, Ge(0), Le(100)] = 0.01  # weight of the k3 estimate of KL(policy || reference); 0 needs no reference
    # token: all tokens weigh the same (DAPO). sequence: all responses do (GRPO). constant: tokens divided by
    # responses x max_response_tokens (Dr.GRPO).
    normalise: Literal["token", "sequence", "constant"] = "sequence"
    # Truncated importance sampling between the engine's log-probs and the trainer's; null: none.
    importance_cap: Annotated[float, Gt(0), Le(1e6)] | None = None


@dataclass(frozen=True)
class SamplingConfig:
    """How responses are drawn while training."""

    # Logits are divided by it, in learning too; not 0, or all responses to a prompt are the same.
    temperature: Annotated[float, Ge(LEAST_TEMPERATURE), Le(100)] = 1.0
    top_p: TopP = 1.0  # only the likeliest tokens that hold this probability together; 1: all
    top_k: TopK = 0  # only so many of the likeliest tokens; 0: all
    max_new_tokens: Length = 1024  # tokens of the longest response
    max_sequences: AtOnce = 64  # generated at once by a model replica


@dataclass(frozen=True)
class CurriculumConfig:
    """Which prompts an epoch asks. A prompt's pass rate is the mean reward of its responses when it was last asked."""

    resample: bool = True  # epoch resampling (report, section 3.3): mastered prompts leave at the start of each epoch
    mastered_at: Annotated[float, Interval(gt=0, le=1)] = 0.9  # pass rate from which a prompt is mastered
    # What makes a prompt leave. mastery: a pass rate of mastered_at or more. difficulty: chance, so that one with pass rate p
    # is asked with probability 4 p (1 - p), which is 1 where half of its answers are right.
    by: Literal["mastery", "difficulty"] = "mastery"
    # Share of the prompts that would leave which an epoch asks all the same, others each time: what is not asked is forgotten.
    rehearse: Share = 0.0
    hopeless_at: Share | None = None  # difficulty filter: prompts at or below this pass rate leave as well
    # DAPO's dynamic sampling: groups whose rewards are all equal are replaced by other prompts' up to so many times.
    refills: Annotated[int, Ge(0), Le(1000)] = 0


@dataclass(frozen=True)
class ShapingConfig:
    """What is added to a verifier's value."""

    format_weight: Annotated[float, Interval(ge=0, lt=1)] = 0.0  # share of the format reward in the whole
    overlong_buffer: Length | None = None  # tokens before the longest response over which its punishment grows (DAPO, eq. 13)
    # Taken off: this times the share of runs of repetition_ngram tokens that stood in the response before. What is right when
    # said once is no more so when said again, yet a policy that samples gains by trying.
    repetition_weight: Annotated[float, Ge(0), Le(100)] = 0.0
    repetition_ngram: Annotated[int, Ge(1), Le(10_000)] = 8  # tokens of a run that counts as repeated


@dataclass(frozen=True)
class JudgeConfig:
    """A model that verifies where rules cannot decide (rewards/hybrid.py), and items of task "general" by principles
    (rewards/general.py): an OpenAI-compatible endpoint, such as `megatron-qm serve`. Its key is taken from the environment
    variable MEGATRON_QM_JUDGE_KEY."""

    base: str  # URL of the endpoint, such as http://127.0.0.1:8080/v1
    model: str  # the name it is asked for
    votes: Votes = 8  # times it is asked about an answer
    agreement: Share = 0.75  # share of the votes that must agree
    seconds: Seconds = 30.0  # for one vote


@dataclass(frozen=True)
class GraderConfig:
    """A generative reward model, asked as `megatron-qm grade` asks it (rewards/graded.py), for the verifier `graded`: an
    OpenAI-compatible endpoint as a judge's, with the same key."""

    base: str  # URL of the endpoint, such as http://127.0.0.1:8080/v1
    model: str  # the name it is asked for
    samples: Votes = 4  # times it is asked about an answer; the grade is their mean
    temperature: Temperature = 1.0  # of the samples
    seconds: Seconds = 30.0  # for one sample
    instruction: str | None = None  # text that says by what is graded (default: rewards/grading.txt)


@dataclass(frozen=True)
class VerifierConfig:
    """The pool of processes in which answers are judged."""

    workers: Processes = 4  # processes
    seconds: Seconds = 10.0  # for one answer
    memory_gib: Annotated[float, Ge(0), Le(65_536)] = 2.0  # data of a process, without what libraries map
    # What counts as an answer. strict: what stands in the format that the item says its prompt asks for (metadata.format).
    # lenient: whatever a rule can read. Both are reported of items with a format (rewards/two_readings.py).
    reading: Literal["strict", "lenient"] = "lenient"
    judge: JudgeConfig | None = None
    grader: GraderConfig | None = None
    principles: str | None = None  # YAML of what items of task "general" are judged by (default: rewards/principles.yaml)


@dataclass(frozen=True)
class GateConfig:
    """How far engine and trainer may be apart on the first batch, in nats of a token's log-probability."""

    mean: NotNegative = 0.02  # largest mean difference
    largest: NotNegative = 2.0  # largest difference of any token


@dataclass(frozen=True)
class VllmConfig:
    """vLLM as the rollout engine, on the trainer's GPUs (extra rollout-vllm)."""

    folder: str  # the policy as an exported Hugging Face folder; its weights are replaced before the first rollout
    tensor_parallel: Annotated[int, Ge(1), Le(1024)] = 1  # GPUs that share a copy of the policy in vLLM
    memory: Annotated[float, Interval(gt=0, lt=1)] = 0.4  # share of a GPU for vLLM's weights and cache


@dataclass(frozen=True)
class ReplayConfig:
    """Sequences that are learnt beside each update's responses, as pretraining and sft learn them."""

    # Datasets, as data.sources has them: what sft made of its groups, {folder: OUTPUT/data}, or what was pretrained on.
    sources: Sources = field(default_factory=list)
    weight: Annotated[float, Gt(0), Le(1000)] = 0.1  # of their mean cross entropy, beside the policy's loss
    sequences: Annotated[int, Ge(1), Le(1_000_000)] = 16  # of an update, data.sequence_length tokens each


@dataclass(frozen=True)
class RlConfig:
    """One batch of rollouts is `prompts` x `samples` responses; train.global_batch_size of them make an update."""

    items: str = ""  # JSON lines of items (rewards/items.py)
    # Functions that items may ask for beside the verifiers that ship: module:function, or name=module:function.
    verifiers: list[str] = field(default_factory=list)
    prompts: Annotated[int, Ge(1), Le(1_000_000)] = 16  # prompts of a batch of rollouts
    samples: Annotated[int, Ge(2), Le(100_000)] = 32  # responses to a prompt, judged against each other (report, section 3.3)
    epochs: Epochs | None = None  # passes over the items, instead of train.steps; mastered prompts count as passed over
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    advantage: AdvantageConfig = field(default_factory=AdvantageConfig)
    loss: PolicyLossConfig = field(default_factory=PolicyLossConfig)
    vllm: VllmConfig | None = None  # generate with vLLM instead of the trainer's own model
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    replay: ReplayConfig | None = None  # what was learnt before, learnt again: what is not asked is forgotten
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    # Named rewards for each response (default: the verdict of the item's own verifier alone).
    rewards: list[RewardConfig] = field(default_factory=list)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    verifier: VerifierConfig = field(default_factory=VerifierConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    alarms: AlarmConfig = field(default_factory=AlarmConfig)
    # Batches on end of which no response could be scored: none makes an update, and so many stop the run with exit code 2.
    max_unscored_in_a_row: Annotated[int, Ge(1), Le(1_000_000)] = 3
    # Several responses share a row of data.sequence_length tokens, each with attention and positions of its own. Not with CP.
    pack: bool = True
    reference: str | None = None  # checkpoint of the frozen reference (default: train.start_from)
    overlap: bool = False  # one step off-policy: the next batch is judged while this one is learnt from
    saved_rollouts: list[str] = field(default_factory=list)  # train on these files instead of generating
    keep_rollouts: Annotated[int, Ge(1), Le(1_000_000)] | None = None  # batches whose rollouts stay on the disk (default: all)


@dataclass(frozen=True)
class RlRun(RunConfig):
    """A run of `megatron-qm rl`."""

    stage: str = "rl"
    output: str = "runs/rl"
    rl: RlConfig = field(default_factory=RlConfig)

    @property
    def epochs(self) -> float | None:
        return self.rl.epochs

    @property
    def tokens_planned(self) -> bool:
        return False

    @property
    def frozen_models(self) -> int:
        return 1 if self.rl.loss.kl else 0

    @property
    def other_models(self) -> Sequence[OtherModel]:
        """Reward models, as far as their shapes are known."""
        known: dict[tuple[str | None, str | None], OtherModel] = {}
        for number, reward in enumerate(self.rl.rewards):
            if reward.model is not None:
                other = OtherModel(f"rl.rewards.{number}.checkpoint = {reward.checkpoint}",
                                   shape_of_reward_model(reward.model, number), reward.dtype)
                known.setdefault((reward.checkpoint, reward.dtype), other)
        return list(known.values())

    @property
    def scored(self) -> int:
        updates = self.rl.prompts * self.rl.samples // self.train.global_batch_size
        return self.frozen_models + (updates > 1)

    @property
    def rollouts(self) -> Rollouts | None:
        """vLLM keeps its own memory, within rl.vllm.memory."""
        if self.rl.vllm is not None or self.rl.saved_rollouts:
            return None
        sampling = self.rl.sampling
        return Rollouts(self.train.global_batch_size, sampling.max_new_tokens, sampling.max_sequences)

    @property
    def datasets(self) -> dict[str, list[SourceConfig]]:
        return super().datasets | {"rl.replay.sources": self.rl.replay.sources if self.rl.replay else []}

    @property
    def packing(self) -> str | None:
        return "rl.pack" if self.rl.pack else None


def shape_of_reward_model(stated: ModelConfig, number: int) -> ModelConfig:
    """Resolved, as rl.rewards.NUMBER.model states it. Raises BrokenRuleError."""
    key = f"rl.rewards.{number}.model"
    if stated.head == "vocabulary":
        raise BrokenRuleError(f"{key}.head = vocabulary: a reward model's is score; leave it out", f"{key}.head")
    try:
        return replace(stated, head="score").resolved()
    except BrokenRuleError as error:
        raise BrokenRuleError(f"{key}: {error}", key) from None
