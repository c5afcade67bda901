"""A step of medical RL on this machine: rollout tokens/s, and where its seconds go.

    python benchmarks/rl_step.py [--shape qwen3-1.7b] [--prompts 8] [--samples 32] [--tokens 512] [--steps 4] [key=value ...]

A real `megatron-qm rl` on a policy of random weights, one rank per GPU (one rank where there is none); random weights end
no response early, so every response has --tokens tokens. Each prompt is an ICD-10 question, judged by the rules; KL is taken
against the frozen start. The first step warms up and is dropped. Without a GPU the shape is a small one.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import torch

from data_tools.train_tokenizer import save, train
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.model import ModelConfig
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

import export_hf  # isort: skip  (its neighbour: the same random checkpoints)

SMALL = ModelConfig(layers=4, hidden_size=256, ffn_hidden_size=768, heads=8, kv_heads=4, vocab_size=4096, max_positions=4096,
                    tied_embeddings=True)
PARTS = ("generate", "score", "logprobs", "train")


def main() -> None:
    args = _arguments()
    gpus = torch.cuda.device_count()
    name = torch.cuda.get_device_name() if gpus else cpu_name()
    with tempfile.TemporaryDirectory() as folder:
        result = _measure(args, Path(folder), gpus)
    machine = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("nvidia ")).strip("-") if gpus else "cpu"
    output = args.output or Path("benchmarks/results") / f"rl-step-{machine}.json"
    write_json(output, {
        "what": "a step of RL: rollout tokens/s and its split; medians over the steps after the first",
        "date": date.today().isoformat(), "command": "python " + " ".join(sys.argv), "machine": name, "ranks": gpus or 1,
        "versions": versions(), **result,
    })
    print(json.dumps(result, indent=2))


def _measure(args: argparse.Namespace, folder: Path, gpus: int) -> dict:
    model = ModelConfig(shape=args.shape).resolved() if args.shape else SMALL.resolved()
    export_hf.write_random_checkpoint(folder / "policy", model)
    questions = [f"What is the ICD-10 code of illness {number}?" for number in range(64)]
    save(train(questions, 300), folder / "tokenizer")
    items = folder / "items.jsonl"
    items.write_text("".join(json.dumps({"key": text, "task": "diagnosis", "prompt": text, "reference": "I21.9"}) + "\n"
                             for text in questions))
    recipe = folder / "recipe.yaml"
    recipe.write_text("{}\n")
    batch = args.prompts * args.samples
    command = [
        sys.executable, "-m", "megatron_qm.cli", "rl", "--config", str(recipe), "--nproc", str(gpus or 1),
        f"output={folder / 'run'}", f"train.start_from={folder / 'policy'}", f"data.tokenizer={folder / 'tokenizer'}",
        f"rl.items={items}", f"data.sequence_length={args.tokens + 64}", f"rl.prompts={args.prompts}",
        f"rl.samples={args.samples}", f"rl.sampling={{max_new_tokens: {args.tokens}, max_sequences: {args.sequences}}}",
        f"train.steps={args.steps + 1}", f"train.global_batch_size={batch}", f"train.micro_batch_size={args.micro_batch}",
        "checkpoint.every=null", "optimizer.lr=1.0e-6", *args.overrides,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the run failed:\n{done.stderr[-3000:]}")
    return _summary(folder / "run", args, model)


def _summary(run: Path, args: argparse.Namespace, model: ModelConfig) -> dict:
    records = [json.loads(line) for line in (run / "metrics.jsonl").open(encoding="utf-8")]
    batches = [record for record in records if record["kind"] == "rl"][1:]
    peak = max((record["memory_gib"] or 0) for record in records if record["kind"] == "train")
    split = {part: round(statistics.median(batch["seconds"][part] for batch in batches), 3) for part in PARTS}
    generated = [batch["length"]["mean"] * batch["rollouts"] / batch["seconds"]["generate"] for batch in batches]
    learnt = [batch["length"]["mean"] * batch["rollouts"] / sum(batch["seconds"][part] for part in PARTS) for batch in batches]
    gap = next(record["engine_gap"] for record in records if record["kind"] == "rl")
    return {
        "shape": args.shape, "parameters": parameter_count(model), "layers": model.layers, "hidden_size": model.hidden_size,
        "prompts": args.prompts, "samples": args.samples, "response_tokens": args.tokens, "steps": len(batches),
        "rollout_tokens_per_second": round(statistics.median(generated)), "seconds_of_a_step": split,
        "response_tokens_per_second_of_the_whole_step": round(statistics.median(learnt)), "memory_gib": round(peak, 2),
        "engine_against_trainer_nats": {"mean": gap["mean"], "largest": gap["largest"]},
    }


def _arguments() -> argparse.Namespace:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="qwen3-1.7b" if gpu else None)
    parser.add_argument("--prompts", type=int, default=8)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=512 if gpu else 64, help="of a response")
    parser.add_argument("--sequences", type=int, default=256, help="generated at once by a rank")
    parser.add_argument("--micro-batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/rl-step-MACHINE.json")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for the run, such as rl.loss.kl=0")
    return parser.parse_args()


if __name__ == "__main__":
    main()
