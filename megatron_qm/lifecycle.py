"""`megatron-qm lifecycle`: what the quickstart trained goes on through fine-tuning and reinforcement learning to a release."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le

from megatron_qm import children, outputs
from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.options import Number
from megatron_qm.quickstart import Walk

_Seed = Annotated[int, Ge(0), Le(2**63 - 2)]  # the stages take the next one
_GROUPS = ("cards", "diagnosis", "drugs", "exam")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quickstart", type=Path, default=Path("runs/quickstart"), metavar="DIR",
                        help="what `megatron-qm quickstart` made; made now where it is missing (default: %(default)s)")
    parser.add_argument("--output", type=outputs.folder, default="runs/lifecycle", metavar="DIR",
                        help="where everything is written (default: %(default)s)")
    parser.add_argument("--sft-recipe", default="sft-tiny-cpu", help="of the fine-tuning (default: %(default)s)")
    parser.add_argument("--rl-recipe", default="rl-tiny-cpu", help="of the RL (default: %(default)s)")
    parser.add_argument("--seed", type=Number(_Seed), default=0, help="of the data and of both stages (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the recipe of RL, such as train.steps=20")


def run(args: argparse.Namespace) -> int:
    if (args.output / "sft").exists():
        raise UserError(f"{args.output}/sft: an earlier lifecycle is there; remove it, or choose another --output")
    life = Lifecycle(folder=args.quickstart, output=args.output, seed=args.seed)
    with children.ended_by_signals():
        life.pretrained()
        life.build_data()
        life.fine_tune(args.sft_recipe)
        life.reinforce(args.rl_recipe, args.overrides)
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

    def fine_tune(self, recipe: str) -> None:
        groups = ", ".join(f"{{name: {name}, path: {self.output / 'data' / f'sft-{name}.jsonl'}}}" for name in _GROUPS)
        self._verb("3. supervised fine-tuning", "sft", "--config", recipe, f"output={self.output / 'sft'}",
                   f"train.start_from={newest(self.folder / 'run')}", f"sft.sources=[{groups}]", *self._asked())

    def reinforce(self, recipe: str, overrides: list[str]) -> None:
        self._verb("4. reinforcement learning", "rl", "--config", recipe, f"output={self.output / 'rl'}",
                   f"train.start_from={newest(self.output / 'sft')}", f"rl.items={self.output / 'data' / 'rl.jsonl'}",
                   *self._asked(), *overrides)

    def _asked(self) -> list[str]:
        seed = self.seed + 1
        return [f"observe.items={self.output / 'data' / 'held_out.jsonl'}", f"train.seed={seed}", f"data.seed={seed}"]

    def release(self) -> None:
        """Through the gate; and the released folder answers as the checkpoint does."""
        policy, items = newest(self.output / "rl"), self.output / "data" / "held_out.jsonl"
        self._verb("5. a release, through the gate", "export-hf", "--checkpoint", policy, "--output", self.output / "hf",
                   "--dtype", "fp32")
        for name, model in (("megatron", policy), ("hf", self.output / "hf")):
            self._verb("6. the same exam on both", "evaluate", "--model", model, "--items", items, "--max-new-tokens", 64,
                       "--output", self.output / f"evaluation-{name}.json", quiet=True)
        self._verb("6. the same exam on both", "evaluate", "--compare", self.output / "evaluation-megatron.json",
                   self.output / "evaluation-hf.json")
        self._verb("7. one report", "report", self.folder / "run", self.output / "sft", self.output / "rl", "--output",
                   self.output / "report.html")

    def summary(self) -> None:
        print("\n== what came of it (held-out questions, 95% intervals)")
        table = {stage: _accuracies(self.output / stage / "metrics.jsonl") for stage in ("sft", "rl")}
        for task, first in table["sft"].items():
            columns = [("before", first[0]), ("after SFT", first[-1]), ("after RL", table["rl"][task][-1])]
            told = "   ".join(f"{name} {row['accuracy']:6.1%} ({row['low']:.1%} to {row['high']:.1%})" for name, row in columns)
            print(f"  {task:<10} {told}   n = {first[0]['n']}")
        print(f"  Hugging Face model  {self.output / 'hf'}")
        print(f"  report              {self.output / 'report.html'}")
        spent = ", ".join(f"{name.split('. ')[1]} {seconds:.0f} s" for name, seconds in self.seconds.items())
        print(f"  time                {sum(self.seconds.values()):.0f} s: {spent}")
        write_json(self.output / "summary.json", {"accuracies": table, "seconds": self.seconds})


def newest(run: Path) -> Path:
    """The last checkpoint of a run. Raises UserError where there is none."""
    found = sorted((run / "checkpoints").glob("step-*"))
    if not found:
        raise UserError(f"{run}: has no checkpoint to go on from")
    return found[-1]


def _accuracies(metrics: Path) -> dict[str, list[dict[str, Any]]]:
    """The records of a run's examinations by task, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in metrics.open(encoding="utf-8"):
        record = json.loads(line)
        if record["kind"] == "probe":
            found.setdefault(record["name"], []).append(record)
    return found
