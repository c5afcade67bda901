"""How a reward model goes round with annotators: `megatron-qm reward-loop` (report, figure 6)."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le

from megatron_qm.config.bounds import Port, Share


@dataclass(frozen=True)
class GenrmConfig:
    """A generative reward model: its grades of the candidates become pairs to train on, and the second opinion."""

    checkpoint: str  # a language model that `sft` has tuned to grade
    margin: Annotated[float, Gt(0), Le(1000)] = 1.0  # how far apart two grades must be to become a pair
    options: list[str] = field(default_factory=list)  # further words for `grade`, such as [--samples, "8"]


@dataclass(frozen=True)
class AnnotatorsConfig:
    """Who judges the pairs: people on a page, unless `function` or `verdicts` names what judges in their place."""

    names: list[str]  # of the annotators
    function: str | None = None  # "module:function", from (pair, annotator, reading) to a, b, tie, bad or skip
    verdicts: str | None = None  # JSON lines {"key", "verdict"}: what has been said of the pairs already
    second: Share = 0.1  # share of the pairs that are read twice, for agreement
    port: Port = 0  # of the page, on 127.0.0.1; 0: any that is free
    # Once everything is judged the page stays open for so long, so that the last verdict can be undone, too.
    settle_seconds: Annotated[float, Ge(0), Le(86_400)] = 30.0


@dataclass(frozen=True)
class RewardLoopConfig:
    """Rounds of a reward model and annotators: it says which pairs it is unsure of, they are judged, it learns from them."""

    start_from: str  # checkpoint of a language model, or of a reward model, that every training starts from
    candidates: str  # JSON lines of key, prompt or messages, and responses: what pairs are made of
    annotators: AnnotatorsConfig
    output: str = "runs/reward-loop"  # folder of all stages
    recipe: str = "reward-model-tiny-cpu"  # of the reward model: a YAML file, or the name of a shipped recipe
    overrides: list[str] = field(default_factory=list)  # for the recipe, such as [reward_model.epochs=1]
    scoring: list[str] = field(default_factory=list)  # further words for `evaluate`, such as [--tp, "4"]
    first_pairs: str | None = None  # pairs to begin with, as `reward-model` reads them, mistakes and all
    held_out: str | None = None  # pairs to measure every round on, as `evaluate --pairs` reads them
    genrm: GenrmConfig | None = None
    rounds: Annotated[int, Ge(1), Le(1000)] = 3  # of annotators; more may be asked for later
    labels: Annotated[int, Ge(1), Le(1_000_000)] = 200  # pairs that annotators see in each round
    # Share of what is learnt that is labels, however few they are; null: by their number.
    labels_share: Annotated[float, Interval(gt=0, lt=1)] | None = None
    choose: Literal["hardest", "random"] = "hardest"  # which pairs annotators see; random: to compare with
    pairs_per_prompt: Annotated[int, Ge(1), Le(10_000)] = 4  # of a prompt's responses, drawn by the seed
    stratum: str | None = None  # field of the candidates that tells strata apart; the chosen are spread over them
    similarity: Share = 0.5  # Jaccard's index from which a pair is near a past error
    seed: Annotated[int, Ge(0), Le(2**62)] = 0  # of pairs, choice, page and training; rounds count on from it
