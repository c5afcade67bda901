"""Rewards that are measured and not learnt from (weight 0), such as a second reward model or a judge: they are the first to show
that a policy learns to please the rewards that it is paid by, and not to do better (over-optimisation, arXiv 2210.10760)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance

from megatron_qm.observe.records import from_json_number

# Standard errors of the difference of two window means. The best of many windows is far above the first by chance alone.
_GAINED, _LOST, _WORSE = 5.0, 2.0, 5.0


@dataclass
class Unlearnt:
    """Reads "rl" records in their order. window: batches of a mean."""

    window: int
    _reward: list[float] = field(default_factory=list)
    _said: dict[str, list[float]] = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)  # squares of the differences of neighbours, summed
    _best: dict[str, int] = field(default_factory=dict)  # where the window ends whose mean is highest

    def see(self, record: Mapping[str, object]) -> dict[str, float]:
        """By name the share of its gain since the first window that a reward has lost since its best one, while what is learnt
        from has not fallen; 1 where it is lower than at the beginning, whether it had gained or not; 0 where it has lost none, or
        none that is more than chance. Nothing before there are two windows."""
        means, weights, paid = (record.get(key) for key in ("component_mean", "component_weight", "reward"))
        reward = from_json_number(paid)
        if not isinstance(means, Mapping) or not isinstance(weights, Mapping) or reward is None:
            return {}
        self._reward.append(reward)
        for name, value in means.items():
            said = from_json_number(value)
            if said is not None and weights.get(name) == 0:
                self._heard(str(name), said)
        return {name: self._lost(name, said) for name, said in self._said.items()
                if len(said) == len(self._reward) >= 2 * self.window}  # asked about every batch

    def _heard(self, name: str, value: float) -> None:
        said = self._said.setdefault(name, [])
        step = value - said[-1] if said else 0.0
        self._moved[name] = self._moved.get(name, 0.0) + step * step
        said.append(value)
        best = self._best.setdefault(name, self.window)
        if len(said) > best and fmean(self._at(said, len(said))) > fmean(self._at(said, best)):
            self._best[name] = len(said)

    def _lost(self, name: str, said: Sequence[float]) -> float:
        best = self._best[name]
        first, highest, now = (self._at(said, end) for end in (self.window, best, len(said)))
        learnt = fmean(self._at(self._reward, len(said))) >= fmean(self._at(self._reward, best))
        if not learnt:
            return 0.0
        if fmean(first) - fmean(now) > _WORSE * (2 * self._noise(name) / self.window) ** 0.5:
            return 1.0
        if not _apart(first, highest, _GAINED) or not _apart(now, highest, _LOST):
            return 0.0
        return (fmean(highest) - fmean(now)) / (fmean(highest) - fmean(first))

    def _noise(self, name: str) -> float:
        """The variance of one batch, by how far neighbours are apart: over all batches, for any window may be quiet by chance."""
        return self._moved[name] / (len(self._said[name]) - 1) / 2

    def _at(self, values: Sequence[float], end: int) -> Sequence[float]:
        return values[end - self.window : end]


def _apart(low: Sequence[float], high: Sequence[float], errors: float) -> bool:
    """Whether the mean of `high` is higher by more than so many standard errors; one value each has none."""
    error = sum(variance(values) / len(values) for values in (low, high)) ** 0.5 if len(low) > 1 else 0.0
    return fmean(high) - fmean(low) > errors * error
