"""How a policy learns from rewards: advantages, the loss, and how its sum is normalised."""

from dataclasses import dataclass, field
from typing import Literal

from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.config.run import RunConfig


@dataclass(frozen=True)
class AdvantageConfig:
    """What a response is worth against the others to the same prompt.

    `grpo`: (reward - mean) / std of the group (DeepSeekMath, arXiv 2402.03300, section 4.1). `dr_grpo`: without the division
    (arXiv 2503.20783). `rloo`: against the mean of the others (arXiv 2402.14740).
    """

    kind: Literal["grpo", "dr_grpo", "rloo"] = "grpo"
    epsilon: float = 1.0e-6  # added to the standard deviation


@dataclass(frozen=True)
class PolicyLossConfig:
    """Which surrogate is minimised.

    `ppo`: clipped ratio per token; clip_high above clip_low is DAPO's clip-higher (arXiv 2503.14476). `gspo`: one ratio per
    sequence (arXiv 2507.18071). `cispo`: the clipped ratio as a constant weight, no token loses its gradient (arXiv
    2506.13585). `reinforce`: no ratio at all.
    """

    kind: Literal["ppo", "gspo", "cispo", "reinforce"] = "ppo"
    clip_low: float = 0.2  # the ratio is clipped to [1 - clip_low, 1 + clip_high]
    clip_high: float = 0.2
    kl: float = 0.01  # weight of the k3 estimate of KL(policy || reference); 0 needs no reference
    # token: all tokens weigh the same (DAPO). sequence: all responses do (GRPO). constant: tokens divided by
    # responses x max_response_tokens (Dr.GRPO).
    normalise: Literal["token", "sequence", "constant"] = "sequence"
    importance_cap: float | None = None  # truncated importance sampling between the engine's log-probs and the trainer's


@dataclass(frozen=True)
class SamplingConfig:
    """How responses are drawn while training."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 1024
    max_sequences: int = 64  # generated at once by a model replica


@dataclass(frozen=True)
class CurriculumConfig:
    """Which prompts an epoch asks. A prompt's pass rate is the mean reward of its responses when it was last asked."""

    resample: bool = True  # epoch resampling (report, section 3.3): mastered prompts leave at the start of each epoch
    mastered_at: float = 0.9  # pass rate from which a prompt is mastered
    hopeless_at: float | None = None  # difficulty filter: prompts at or below this pass rate leave as well
    # DAPO's dynamic sampling: groups whose rewards are all equal are replaced by other prompts' up to so many times.
    refills: int = 0


@dataclass(frozen=True)
class ShapingConfig:
    """What is added to a verifier's value."""

    format_weight: float = 0.0  # share of the format reward in the whole
    overlong_buffer: int | None = None  # tokens before the longest response over which its punishment grows (DAPO, eq. 13)
    # Taken off: this times the share of runs of repetition_ngram tokens that stood in the response before. What is right when
    # said once is no more so when said again, yet a policy that samples gains by trying.
    repetition_weight: float = 0.0
    repetition_ngram: int = 8


@dataclass(frozen=True)
class JudgeConfig:
    """A model that verifies where rules cannot decide (rewards/hybrid.py), and items of task "general" by principles
    (rewards/general.py): an OpenAI-compatible endpoint, such as `megatron-qm serve`. Its key is taken from the environment
    variable MEGATRON_QM_JUDGE_KEY."""

    base: str
    model: str
    votes: int = 8
    agreement: float = 0.75
    seconds: float = 30.0


@dataclass(frozen=True)
class VerifierConfig:
    """The pool of processes in which answers are judged."""

    workers: int = 4
    seconds: float = 10.0  # for one answer
    memory_gib: float = 2.0  # address space of a process
    judge: JudgeConfig | None = None
    principles: str | None = None  # YAML of what items of task "general" are judged by (default: rewards/principles.yaml)


@dataclass(frozen=True)
class GateConfig:
    """How far engine and trainer may be apart on the first batch, in nats of a token's log-probability."""

    mean: float = 0.02
    largest: float = 2.0


@dataclass(frozen=True)
class VllmConfig:
    """vLLM as the rollout engine, on the trainer's GPUs (extra rollout-vllm)."""

    folder: str  # the policy as an exported Hugging Face folder; its weights are replaced before the first rollout
    tensor_parallel: int = 1
    memory: float = 0.4  # share of a GPU for vLLM's weights and cache


@dataclass(frozen=True)
class RlConfig:
    """One batch of rollouts is `prompts` x `samples` responses; train.global_batch_size of them make an update."""

    items: str = ""  # JSON lines of items (rewards/items.py)
    # Functions that items may ask for beside the verifiers that ship: module:function, or name=module:function.
    verifiers: list[str] = field(default_factory=list)
    prompts: int = 16
    samples: int = 32  # responses to a prompt (report, section 3.3)
    epochs: float | None = None  # passes over the items, instead of train.steps; mastered prompts count as passed over
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    advantage: AdvantageConfig = field(default_factory=AdvantageConfig)
    loss: PolicyLossConfig = field(default_factory=PolicyLossConfig)
    vllm: VllmConfig | None = None  # generate with vLLM instead of the trainer's own model
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    verifier: VerifierConfig = field(default_factory=VerifierConfig)
    gate: GateConfig = field(default_factory=GateConfig)
    alarms: AlarmConfig = field(default_factory=AlarmConfig)
    # Several responses share a row of data.sequence_length tokens, each with attention and positions of its own. Not with CP.
    pack: bool = True
    reference: str | None = None  # checkpoint of the frozen reference (default: train.start_from)
    overlap: bool = False  # one step off-policy: the next batch is judged while this one is learnt from
    saved_rollouts: list[str] = field(default_factory=list)  # train on these files instead of generating
    keep_rollouts: int | None = None  # batches whose rollouts stay on the disk (default: all)


@dataclass(frozen=True)
class RlRun(RunConfig):
    """A run of `megatron-qm rl`."""

    output: str = "runs/rl"
    rl: RlConfig = field(default_factory=RlConfig)
