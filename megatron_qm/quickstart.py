"""`megatron-qm quickstart`: the whole street on a laptop, each step the command that people would type themselves."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm import children, outputs
from megatron_qm.errors import UserError
from megatron_qm.steps import Steps, heading

_SOURCES = ("knowledge_en", "knowledge_zh", "general")
_VOCABULARY = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=outputs.folder, default="runs/quickstart", metavar="DIR",
                        help="where everything is written (default: %(default)s)")
    parser.add_argument("--recipe", default="tiny-cpu", help="of the pretraining (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the recipe, such as train.steps=100")


def run(args: argparse.Namespace) -> int:
    refuse_earlier("quickstart", args.output, ("raw", "tokenizer", "data", "run", "hf"))
    walk = Walk(args.output)
    with children.ended_by_signals():
        walk.build_data()
        walk.pretrain(args.recipe, args.overrides)
        walk.export()
        walk.complete()
    walk.summary()
    return 0


def refuse_earlier(name: str, output: Path, parts: Sequence[str]) -> None:
    """parts: folders that one makes. It may have been cut off in any of them. Raises UserError."""
    if there := [part for part in parts if (output / part).exists()]:
        raise UserError(f"{output}: an earlier {name} is there; remove {', '.join(there)} in it, or choose another --output")


@dataclass
class Walk(Steps):
    """Down the street, in `folder`."""

    folder: Path

    def build_data(self) -> None:
        """Facts -> sentences -> tokenizer -> indexed datasets."""
        raw, tokenizer = self.folder / "raw", self.folder / "tokenizer"
        self._tool("1. a corpus of medical facts", "build_quickstart_corpus.py", "--output", raw)
        texts = [raw / f"{name}.jsonl" for name in _SOURCES]
        self._tool("2. a byte-level BPE tokenizer", "train_tokenizer.py", "--input", *texts,
                   "--vocab-size", _VOCABULARY, "--output", tokenizer)
        for name in (*_SOURCES, "validation"):
            self._tool("3. indexed datasets", "preprocess.py", "--input", raw / f"{name}.jsonl",
                       "--output-prefix", self.folder / "data" / name, "--tokenizer", tokenizer, "--append-eod")

    def pretrain(self, recipe: str, overrides: list[str]) -> None:
        own = [f"output={self.folder / 'run'}", f"data.tokenizer={self.folder / 'tokenizer'}",
               f"observe.probes={self.folder / 'raw' / 'probes.jsonl'}", *self._sources()]
        self._verb("4. pretraining on two ranks", "pretrain", "--config", recipe, *own, *overrides)
        self._verb("5. the report", "report", self.folder / "run")

    def _sources(self) -> list[str]:
        data, weights = self.folder / "data", {"knowledge_en": 0.45, "knowledge_zh": 0.35, "general": 0.2}
        named = ", ".join(f"{{name: {name}, prefix: {data / name}, weight: {weights[name]}}}" for name in _SOURCES)
        return [f"data.sources=[{named}]", f"data.validation=[{{name: validation, prefix: {data / 'validation'}}}]"]

    def export(self) -> None:
        checkpoint = sorted((self.folder / "run" / "checkpoints").glob("step-*"))[-1]
        self._verb("6. a Hugging Face folder, through the gate", "export-hf", "--checkpoint", checkpoint,
                   "--output", self.folder / "hf", "--dtype", "fp32")

    def complete(self) -> None:
        """transformers, which knows nothing of us, completes a sentence."""
        probe = json.loads((self.folder / "raw" / "probes.jsonl").open(encoding="utf-8").readline())
        self._command("7. transformers completes a sentence", [
            sys.executable, "-c", _COMPLETE, str(self.folder / "hf"), probe["prompt"],
        ], shown=f"transformers generate: {probe['prompt']!r}")

    def summary(self) -> None:
        heading("what came of it")
        for line in (self.folder / "run" / "metrics.jsonl").open(encoding="utf-8"):
            record = json.loads(line)
            if record["kind"] == "probe":
                when = "before training" if record["step"] == 0 else f"after step {record['step']}"
                print(f"  knowledge probes, {record['name']:<12} {when:<16} {record['accuracy']:6.1%}  "
                      f"(95% interval {record['low']:.1%} to {record['high']:.1%}, n = {record['n']})")
        print(f"  Hugging Face model  {self.folder / 'hf'}")
        print(f"  report              {self.folder / 'run' / 'report.html'}")
        spent = ", ".join(f"{name.split('. ')[1]} {seconds:.0f} s" for name, seconds in self.seconds.items())
        print(f"  time                {sum(self.seconds.values()):.0f} s: {spent}")


_COMPLETE = """
import sys, warnings
warnings.filterwarnings("ignore")
import transformers
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
folder, prompt = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForCausalLM.from_pretrained(folder)
ids = tokenizer(prompt, return_tensors="pt").input_ids
out = model.generate(ids, max_new_tokens=24, do_sample=False, pad_token_id=tokenizer.eos_token_id)
print("  " + tokenizer.decode(out[0], skip_special_tokens=True).replace("\\n", " "))
"""
