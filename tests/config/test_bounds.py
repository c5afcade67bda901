"""Every number of every config at -1, 0, NaN, infinity and 1e30: refused with place and bound, or legal for a reason."""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from megatron_qm.config.bounds import check_bounds
from megatron_qm.config.keys import Key, keys
from megatron_qm.config.load import load
from megatron_qm.config.rl import RlRun
from megatron_qm.config.rules import check
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.sft import SftRun
from megatron_qm.config.train import GuardConfig, OptimizerConfig, TrainConfig
from megatron_qm.errors import UserError

KINDS: dict[str, type[RunConfig]] = {"pretrain": RunConfig, "sft": SftRun, "rl": RlRun}
WRONG = ("-1", "0", ".nan", ".inf", "1e30")

# The one value of those five that some keys may have, and what it means.
ZERO = {
    "data.seed": "a seed like any other",
    "train.seed": "a seed like any other",
    "data.sources.*.weight": "a source that is not read (yet, in a schedule), from the first token on",
    "data.validation.*.weight": "validation reads all sources alike",
    "sft.sources.*.weight": "as data.sources", "rl.replay.sources.*.weight": "as data.sources",
    "sft.validation.*.weight": "as data.validation",
    "sft.max_left_out": "all samples are to be learnt from",
    "rl.verifier.grader.temperature": "greedy",
    "train.z_loss": "no z-loss",
    "optimizer.lr": "a run that learns nothing measures the machine, or the loss",
    "optimizer.min_lr": "decay to nothing",
    "optimizer.beta1": "no momentum",
    "optimizer.beta2": "the last gradient alone",
    "optimizer.weight_decay": "none",
    "optimizer.clip_grad": "no clipping",
    "schedule.warmup_steps": "no warm-up",
    "precision.first_layers_bf16": "none",
    "precision.last_layers_bf16": "none",
    "watchdog.limit_seconds": "no watchdog",
    "observe.stragglers_every": "never",
    "lora.dropout": "none",
    "rl.sampling.top_k": "all tokens",
    "rl.loss.kl": "no reference",
    "rl.curriculum.hopeless_at": "prompts that never pass leave", "rl.curriculum.rehearse": "all mastered prompts leave",
    "rl.curriculum.refills": "none",
    "rl.shaping.format_weight": "no share",
    "rl.shaping.repetition_weight": "nothing taken off",
    "rl.rewards.*.weight": "measured and recorded, and not learnt from",
    "rl.fusion.weakness": "weights follow no target",
    "rl.fusion.redundancy": "no weight is shared",
    "rl.fusion.cap.below": "what is negative has failed", "rl.fusion.cap.total": "a failure is worth nothing",
    "rl.verifier.memory_gib": "no limit",
    "rl.verifier.judge.agreement": "any majority",
    "rl.gate.mean": "engine and trainer agree to the last bit",
    "rl.gate.largest": "engine and trainer agree to the last bit",
    **{f"rl.alarms.{name}": "at the slightest" for name in (
        "unscored", "truncated", "zero_variance", "entropy_below", "entropy_above", "kl", "clipped", "disagreement",
        "reward_fall", "length_growth", "length_reward", "unlearnt_loss")},
}

NEGATIVE = {
    "rl.fusion.cap.below": "parts of verdicts have units of their own",
    "rl.fusion.cap.total": "a failure is worth less than nothing",
}
LEGAL = {"0": ZERO, "-1": NEGATIVE}


@cache
def all_keys(kind: type) -> list[Key]:
    return list(keys(kind))


def numbers(kind: type) -> list[Key]:
    """Of what a stage adds to every run's keys; of all of those for RunConfig."""
    shared = [] if kind is RunConfig else all_keys(RunConfig)
    return [key for key in all_keys(kind) if "number" in key.type and key not in shared]


def stated(key: Key, value: object, kind: type) -> dict:
    """A recipe's tree that says `value` of `key`, and of the keys beside it what must be given."""
    *parents, last = key.name.split(".")
    beside = key.name.removesuffix(last)
    tree: object = {last: value} | {
        other.name.removeprefix(beside): "x" for other in all_keys(kind)
        if not other.default and not other.block and other.name.startswith(beside) and "." not in other.name.removeprefix(beside)
    }
    for parent in reversed(parents):
        tree = [tree] if parent == "*" else {parent: tree}
    return tree


def values(key: Key, text: str) -> Iterator[object]:
    """`text` at each place that holds a number."""
    value = yaml.safe_load(text)
    if key.type.startswith("list"):
        yield [value]
    else:
        yield value
    if "[number, number]" in key.type:
        yield from ([[value, 1]], [[0, value]])


REFUSED = r"= \S+: (must |is a share).*|wants a (whole )?number, not (nan|inf)"


def refusal(kind: type, recipe: Path, overrides: list[str]) -> str | None:
    try:
        load(kind, recipe, overrides)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("stage", KINDS)
@pytest.mark.parametrize("text", WRONG)
def test_no_number_is_out_of_its_bounds(stage: str, text: str, tmp_path: Path) -> None:
    kind = KINDS[stage]
    (tmp_path / "empty.yaml").write_text("")
    file = tmp_path / "one.yaml"
    for key in numbers(kind):
        for value in values(key, text):
            tree = stated(key, value, kind)
            [(top, inner)] = tree.items()
            override = f"{top}={yaml.safe_dump(inner, default_flow_style=True, width=10_000).strip()}"
            file.write_text("# one\n" + yaml.safe_dump(tree))
            line = 1 + next(n for n, said in enumerate(file.read_text().splitlines()) if key.name.rpartition(".")[2] in said)
            place = re.escape(str(file)) + r":(\d+)"
            in_file, on_the_line = refusal(kind, file, []), refusal(kind, tmp_path / "empty.yaml", [override])
            if key.name in LEGAL.get(text, {}):
                assert in_file is None and on_the_line is None, (key.name, value, in_file, on_the_line)
                continue
            name = re.escape(key.name).replace(r"\*", r"\d+") + r"(\.\d+)*"
            for said, where in ((in_file, place), (on_the_line, re.escape(f"override {override!r}"))):
                found = re.fullmatch(rf"{where}: {name} ({REFUSED})", said or "")
                assert found, (key.name, value, said)
            assert line <= int(re.match(place, in_file)[1]) <= line + 2, (key.name, value, in_file)


def test_the_table_names_only_what_is_there() -> None:
    assert set(ZERO) | set(NEGATIVE) <= {key.name for kind in KINDS.values() for key in numbers(kind)}


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_number_has_a_bound_on_both_sides(kind: type) -> None:
    for key in numbers(kind):
        assert re.search(r"in [\[(].*[\])]|from .* to |.* or less", key.bounds), key
        assert re.search(r"in [\[(]|from |or more|above", key.bounds), key


@pytest.mark.parametrize("kind", KINDS.values())
def test_defaults_keep_their_own_bounds(kind: type) -> None:
    check_bounds(kind())


@pytest.mark.parametrize(("override", "said"), [
    ("train.steps=0", "override 'train.steps=0': train.steps = 0: must be 1 or more"),
    ("train.seed=9223372036854775808", "train.seed = 9223372036854775808: must be 9,223,372,036,854,775,807 or less"),
    ("optimizer.beta1=1", "optimizer.beta1 = 1.0: must lie in [0, 1)"),
    ("train.log_every=1" + "0" * 400, "train.log_every wants a whole number"),
    ("rl.loss.clip_low=1.5", "rl.loss.clip_low = 1.5: must lie in (0, 1]"),
    ("rl.alarms.kl=-1", "rl.alarms.kl = -1.0: must not be negative"),
    ("rl.alarms.unscored=2", "rl.alarms.unscored = 2.0: is a share, from 0 to 1"),
    ("lora.targets=[]", None),
])
def test_a_bound_is_said_in_words(override: str, said: str | None) -> None:
    found = refusal(RlRun, Path("rl-tiny-cpu"), [override])
    assert (found is None) == (said is None) and (said is None or said in found), found


@pytest.mark.parametrize(("change", "said"), [
    ({"train": TrainConfig(steps=0)}, "train.steps = 0: must be 1 or more"),
    ({"train": TrainConfig(tokens=math.inf)}, "train.tokens = inf: must be a finite number"),
    ({"optimizer": OptimizerConfig(lr=math.nan)}, "optimizer.lr = nan: must be a finite number"),
    ({"guard": GuardConfig(spike_factor=1.0)}, "guard.spike_factor = 1.0: must be above 1"),
])
def test_what_code_builds_is_held_to_the_same_bounds(change: dict, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        check(replace(load_run("tiny-cpu"), **change))
