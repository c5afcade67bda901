"""Remarks on curves: of training towards its end, and of validation beside it."""

import numpy as np

from megatron_qm.observe.history import History, Series
from megatron_qm.observe.page.facts import Facts
from megatron_qm.observe.page.remark import Remark
from megatron_qm.observe.page.scale import drawable, number, whole

# Half a nat is a perplexity 1.65 times as high; held-out text of the same kind differs by hundredths in the first epoch.
_FAR_ABOVE = 0.5
# The same sequences each time: what moves by more than 1% is the model, not the draw.
_VALIDATION_RISE = 0.01
# Less than 2% is no reason to do anything; four standard errors exclude what scatter alone would do.
_LOSS_RISE, _ERRORS = 0.02, 4
# Norms of a healthy run drift by a factor of two or so.
_EXPLODES = 5
# Fewer values are too few to tell a trend from chance.
_FEWEST = 30


def loss_rises(history: History, facts: Facts) -> Remark | None:
    """The last tenth of the steps against the lowest before. The loss of a policy is not there to fall."""
    parts = _tenths(history.table("train").series("loss"))
    if not parts or history.records("rl"):
        return None
    means = [float(part.mean()) for part in parts]
    lowest = int(np.argmin(means[:-1]))
    error = np.hypot(*(part.std() / np.sqrt(len(part)) for part in (parts[lowest], parts[-1])))
    if means[-1] - means[lowest] <= max(_LOSS_RISE * abs(means[lowest]), _ERRORS * error):
        return None
    return Remark(
        f"Training loss rose at the end: {number(means[-1])} in the last tenth of the steps, {number(means[lowest])} in the "
        f"lowest (means).",
        "See whether a source was added or weighted up; if all sources rise, go back to an earlier checkpoint with a lower "
        "optimizer.lr.",
    )


def gradient_explodes(history: History, facts: Facts) -> Remark | None:
    """Medians: single spikes are clipped, and the chart's note tells of them. The first tenth is left out with its warm-up."""
    parts = _tenths(history.table("train").series("grad_norm"))
    if not parts:
        return None
    before, last = float(np.median(np.concatenate(parts[1:-1]))), float(np.median(parts[-1]))
    if last <= _EXPLODES * before:
        return None
    return Remark(
        f"The gradient norm grew to {number(last)} in the last tenth of the steps, from {number(before)} before (medians).",
        "The run is coming apart: go back to an earlier checkpoint with a lower optimizer.lr or a longer warm-up.",
    )


def validation_far_above_training(history: History, facts: Facts) -> Remark | None:
    train, validation = (_finite(history.table(kind).series("loss")) for kind in ("train", "validation"))
    if not len(train) or not len(validation) or history.records("rl"):
        return None
    around_n = np.array([_training_around(train, step) for step in validation.steps_n])
    gaps_n = validation.values_n - around_n
    if gaps_n[-1] <= _FAR_ABOVE:
        return None
    was = f" ({number(float(gaps_n[0]))} at step {whole(validation.steps_n[0])})" if len(gaps_n) > 1 else ""
    return Remark(
        f"Validation loss {number(validation.last)} is above training loss {number(float(around_n[-1]))} at step "
        f"{whole(validation.steps_n[-1])}, by {number(float(gaps_n[-1]))} nats{was}.",
        _why(gaps_n),
    )


def _why(gaps_n: np.ndarray) -> str:
    """A gap that has grown is overfitting; one that was there from the first is another kind of text."""
    if len(gaps_n) == 1:
        return ("The data are learnt by heart, or validation is of another kind: compare the losses by source, and validate more "
                "often (train.validate_every) to see which.")
    if gaps_n[0] > gaps_n[-1] / 2:
        return ("It was so from the first: validation is of another kind than the data. Draw both from the same sources, or "
                "compare by source.")
    return "The gap has grown: the data are learnt by heart. Train for fewer epochs, add data, or take an older checkpoint."


def validation_rises(history: History, facts: Facts) -> Remark | None:
    validation = _finite(history.table("validation").series("loss"))
    if len(validation) < 2:
        return None
    best = int(np.argmin(validation.values_n))
    lowest, last = float(validation.values_n[best]), float(validation.values_n[-1])
    if last - lowest <= _VALIDATION_RISE * abs(lowest):
        return None
    return Remark(
        f"Validation loss has risen to {number(last)} from its best, {number(lowest)} at step {whole(validation.steps_n[best])}.",
        "The steps since then did harm: take a checkpoint near the best, or train for fewer epochs.",
    )


def _training_around(train: Series, step: int) -> float:
    """The mean of the last tenth of the records up to `step`; of a step before them all, the first."""
    before_n = train.values_n[train.steps_n <= step]
    return float(before_n[-max(len(before_n) // 10, 1):].mean()) if len(before_n) else float(train.values_n[0])


def _tenths(series: Series) -> list[np.ndarray]:
    """The finite values in ten parts of the same length; nothing where they are too few."""
    values_n = _finite(series).values_n
    return np.array_split(values_n, 10) if len(values_n) >= _FEWEST else []


def _finite(series: Series) -> Series:
    kept_n = drawable(series.values_n)
    return Series(series.steps_n[kept_n], series.values_n[kept_n])
