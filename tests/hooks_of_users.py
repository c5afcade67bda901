"""Hooks as users write them. What they are told lies in the run's folder."""

import json

import torch
import torch.distributed as dist

from megatron_qm.train.hooks import Saved, StepDone


def note_step(done: StepDone) -> None:
    total = torch.ones(1)
    dist.all_reduce(total)  # every rank is here
    row = {"step": done.step, "loss": done.loss, "grad_norm": done.grad_norm, "lr": done.lr, "tokens": done.tokens,
           "refused": done.refused, "ranks": int(total)}
    with open(done.output / f"hook-{done.rank}.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")


def note_save(saved: Saved) -> None:
    files = len(json.loads((saved.path / "manifest.json").read_text())["files"])
    with open(saved.output / "saved.jsonl", "a") as file:
        file.write(json.dumps([saved.step, saved.path.name, dist.get_rank(), files > 3]) + "\n")


def fail_on_rank_1(done: StepDone) -> None:
    if (done.step, done.rank) == (3, 1):
        raise ValueError("the tracker is away\nsecond line")


def fail_to_upload(saved: Saved) -> None:
    raise SystemExit(f"no room for {saved.path.name}")
