"""The learning rate as a pure function of the step: nothing to save, nothing to restore."""

import math

from megatron_qm.config.train import OptimizerConfig, ScheduleConfig


def learning_rate(step: int, total_steps: int, optimizer: OptimizerConfig, schedule: ScheduleConfig) -> float:
    """The rate of optimizer step `step` (from 0). Each re-warm-up starts a cycle of warm-up and decay anew."""
    start, end = _cycle(step, total_steps, schedule.rewarmup_at)
    done, length = step - start, end - start
    peak, floor = optimizer.lr, optimizer.min_lr
    warmup = min(schedule.warmup_steps, length)
    if done < warmup:
        # A later cycle rises from the floor that the one before ended on, the first from zero.
        low = floor if start else 0.0
        return low + (peak - low) * (done + 1) / warmup
    return floor + (peak - floor) * _decayed(done - warmup, length - warmup, schedule)


def _cycle(step: int, total_steps: int, starts: list[int]) -> tuple[int, int]:
    edges = [0, *(at for at in starts if at < total_steps), max(total_steps, step + 1)]
    return next((a, b) for a, b in zip(edges, edges[1:], strict=False) if a <= step < b)


def _decayed(done: int, length: int, schedule: ScheduleConfig) -> float:
    """The share of the way from floor to peak after `done` of `length` steps past the warm-up."""
    progress = done / max(length, 1)
    if schedule.kind == "constant":
        return 1.0
    if schedule.kind == "linear":
        return 1.0 - progress
    if schedule.kind == "cosine":
        return _cosine(progress)
    decay = min(schedule.decay_steps or max(1, length // 10), length)
    into_decay = (done - (length - decay)) / max(decay, 1)
    if into_decay <= 0:
        return 1.0
    return {"linear": 1.0 - into_decay, "cosine": _cosine(into_decay), "sqrt": 1.0 - math.sqrt(into_decay)}[
        schedule.decay_style
    ]


def _cosine(progress: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * progress))
