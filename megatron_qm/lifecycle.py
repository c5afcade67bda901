"""`megatron-qm lifecycle`: what the quickstart trained goes on through fine-tuning, RL with verifiers, a reward model and RL on
preferences to a release."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from megatron_qm import children, outputs
from megatron_qm.checkpoint.folder import newest
from megatron_qm.files import write_json
from megatron_qm.options import Number
from megatron_qm.quickstart import Walk, refuse_earlier

_Seed = Annotated[int, Ge(0), Le(2**63 - 2)]  # the stages take the next one
_GROUPS = ("cards", "diagnosis", "drugs", "exam")
_STAGES = ("sft", "rl", "reward-model", "preference-rl")
_GOLD = "gold=data_tools.preferences.verifier:gold"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quickstart", type=Path, default=Path("runs/quickstart"), metavar="DIR",
                        help="what `megatron-qm quickstart` made; made now where it is missing (default: %(default)s)")
    parser.add_argument("--output", type=outputs.folder, default="runs/lifecycle", metavar="DIR",
                        help="where everything is written (default: %(default)s)")
    parser.add_argument("--sft-recipe", default="sft-tiny-cpu", help="of the fine-tuning (default: %(default)s)")
    parser.add_argument("--rl-recipe", default="rl-tiny-cpu", help="of the RL with verifiers (default: %(default)s)")
    parser.add_argument("--reward-model-recipe", default="reward-model-tiny-cpu",
                        help="of the reward model (default: %(default)s)")
    parser.add_argument("--preference-rl-recipe", default="preference-rl-tiny-cpu",
                        help="of the RL on what the reward model says (default: %(default)s)")
    parser.add_argument("--seed", type=Number(_Seed), default=0, help="of the data and of all stages (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for both recipes of RL, such as train.steps=20")


def run(args: argparse.Namespace) -> int:
    refuse_earlier("lifecycle", args.output, ("data", "sft", "rl", "reward-model", "preference-rl", "hf"))
    life = Lifecycle(folder=args.quickstart, output=args.output, seed=args.seed)
    with children.ended_by_signals():
        life.pretrained()
        life.build_data()
        life.build_preferences()
        life.fine_tune(args.sft_recipe, {"preferences": life.preferences / "sft.jsonl"})
        life.reinforce(args.rl_recipe, ["rl.curriculum.resample=false", *life.replayed(), *args.overrides])
        life.learn_preferences(args.reward_model_recipe)
        life.reinforce_preferences(args.preference_rl_recipe, [*life.replayed(), *args.overrides])
        life.release()
    life.summary()
    return 0


@dataclass
class Lifecycle(Walk):
    """Goes on in `output` from the quickstart in `folder`."""

    output: Path = Path("runs/lifecycle")
    seed: int = 0

    def pretrained(self) -> None:
        if not (self.folder / "run" / "checkpoints").is_dir():
            self._verb("1. pretraining: the quickstart", "quickstart", "--output", self.folder)

    def build_data(self) -> None:
        self._tool("2. conversations, prompts and held-out items", "build_lifecycle_data.py", "--output", self.output / "data",
                   "--seed", self.seed)

    @property
    def preferences(self) -> Path:
        return self.output / "data" / "preferences"

    def build_preferences(self) -> None:
        self._tool("2. conversations, prompts and held-out items", "build_preferences.py", "--output", self.preferences, "--seed",
                   self.seed, "--pairs", 12_000, "--prompts", 192, "--conversations", 1000)

    def fine_tune(self, recipe: str, more: Mapping[str, Path] | None = None) -> None:
        """more: further groups of conversations, by name."""
        groups = {name: self.output / "data" / f"sft-{name}.jsonl" for name in _GROUPS} | dict(more or {})
        told = ", ".join(f"{{name: {name}, path: {path}}}" for name, path in groups.items())
        self._verb("3. supervised fine-tuning", "sft", "--config", recipe, f"output={self.output / 'sft'}",
                   f"train.start_from={newest(self.folder / 'run')}", f"sft.sources=[{told}]", *self._asked())

    def reinforce(self, recipe: str, overrides: list[str]) -> None:
        self._verb("4. RL with verifiers", "rl", "--config", recipe, f"output={self.output / 'rl'}",
                   f"train.start_from={newest(self.output / 'sft')}", f"rl.items={self.output / 'data' / 'rl.jsonl'}",
                   *self._asked(), *overrides)

    def replayed(self) -> list[str]:
        """Overrides of RL by which a policy learns what it was fine-tuned on beside its responses: without them it forgets
        whatever it is not asked about (docs/rl.md)."""
        return [f"rl.replay={{weight: 0.3, sources: {{folder: {self.output / 'sft' / 'data'}}}}}"]

    def learn_preferences(self, recipe: str) -> None:
        """A reward model, and how it judges pairs that it has not seen."""
        output, unseen = self.output / "reward-model", self.preferences / "held_out_pairs.jsonl"
        self._verb("5. a reward model", "reward-model", "--config", recipe, f"output={output}", *self._seeded(),
                   f"train.start_from={newest(self.output / 'sft')}",
                   f"reward_model.sources=[{{name: pairs, path: {self.preferences / 'pairs.jsonl'}}}]")
        self._verb("5. a reward model", "evaluate", "--model", newest(output), "--pairs", unseen,
                   "--output", output / "pairs.json", "--page", output / "pairs.html", "--overwrite")

    def reinforce_preferences(self, recipe: str, overrides: list[str]) -> None:
        """On what the reward model says; the gold reward is measured beside it, and nothing is learnt from it."""
        preferred = f"{{name: preferred, checkpoint: {newest(self.output / 'reward-model')}}}"
        self._verb("6. RL on preferences", "rl", "--config", recipe, f"output={self.output / 'preference-rl'}", *self._seeded(),
                   f"train.start_from={newest(self.output / 'rl')}", f"rl.items={self.preferences / 'rl.jsonl'}",
                   f"rl.verifiers=[{_GOLD}]", f"rl.rewards=[{preferred}, {{name: gold, verifier: gold, weight: 0}}]",
                   f"observe.verifiers=[{_GOLD}]", f"observe.items={self.preferences / 'held_out_rl.jsonl'}", *overrides)

    def _asked(self) -> list[str]:
        return [f"observe.items={self.output / 'data' / 'held_out.jsonl'}", *self._seeded()]

    def _seeded(self) -> list[str]:
        return [f"train.seed={self.seed + 1}", f"data.seed={self.seed + 1}"]

    def release(self) -> None:
        """Through the gate; and the released folder answers as the checkpoint does."""
        policy, items = newest(self.output / "preference-rl"), self.output / "data" / "held_out.jsonl"
        self._verb("7. a release, through the gate", "export-hf", "--checkpoint", policy, "--output", self.output / "hf",
                   "--dtype", "fp32")
        for name, model in (("megatron", policy), ("hf", self.output / "hf")):
            self._verb("8. the same exam on both", "evaluate", "--model", model, "--items", items, "--max-new-tokens", 64,
                       "--output", self.output / f"evaluation-{name}.json", "--overwrite", quiet=True)
        self._verb("8. the same exam on both", "evaluate", "--compare", self.output / "evaluation-megatron.json",
                   self.output / "evaluation-hf.json")
        self._verb("9. one report", "report", self.folder / "run", *(self.output / stage for stage in _STAGES), "--output",
                   self.output / "report.html")

    def summary(self) -> None:
        print("\n== what came of it (held-out questions, 95% intervals)")
        table = {stage: _accuracies(self.output / stage / "metrics.jsonl") for stage in ("sft", "rl", "preference-rl")}
        for task, first in table["sft"].items():
            _tell(task, {"before": first[0], "after SFT": first[-1], "after RL": table["rl"][task][-1]})
        for task, examined in table["preference-rl"].items():
            _tell(task, {"before RL on preferences": examined[0], "after": examined[-1]})
        pairs = json.loads((self.output / "reward-model" / "pairs.json").read_text(encoding="utf-8"))
        _tell("pairs", {f"reward model, {stratum}": pairs["strata"][stratum] for stratum in ("phrasings", "diseases")})
        print(f"  Hugging Face model  {self.output / 'hf'}")
        print(f"  report              {self.output / 'report.html'}")
        spent = ", ".join(f"{name.split('. ')[1]} {seconds:.0f} s" for name, seconds in self.seconds.items())
        print(f"  time                {sum(self.seconds.values()):.0f} s: {spent}")
        write_json(self.output / "summary.json", {"accuracies": table, "reward_model": pairs, "seconds": self.seconds})


def _tell(what: str, columns: Mapping[str, Mapping[str, Any]]) -> None:
    told = "   ".join(f"{name} {row['accuracy']:6.1%} ({row['low']:.1%} to {row['high']:.1%})" for name, row in columns.items())
    print(f"  {what:<12} {told}   n = {next(iter(columns.values()))['n']}")


def _accuracies(metrics: Path) -> dict[str, list[dict[str, Any]]]:
    """The records of a run's examinations by task, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in metrics.open(encoding="utf-8"):
        record = json.loads(line)
        if record["kind"] == "probe":
            found.setdefault(record["name"], []).append(record)
    return found
