"""Days of one note: they keep their order, and most are spelled one way, as one writer does."""

from datetime import date, timedelta
from random import Random

# days from the admission, or the visit: the first and the last
_AROUND = {"birth": (0, 0), "today": (0, 0), "soon": (1, 3), "later": (2, 6), "end": (7, 16), "next": (21, 120),
           "before": (-12, -1), "past": (-900, -40), "old": (-6000, -1000), "lmp": (-276, -260), "due": (4, 18)}


class Days:
    """The calendar of a note."""

    def __init__(self, rng: Random, age: int) -> None:
        self._rng = rng
        self.first = date(2014, 1, 1) + timedelta(days=rng.randrange(4300))
        self.birth = self.first - timedelta(days=int((age + rng.random()) * 365.25))
        self._fixed: dict[str, date] = {}

    def day(self, kind: str) -> date:
        """The day of that kind; those in the past are another one each time."""
        if kind == "birth":
            return self.birth
        if kind not in _AROUND:
            raise KeyError(kind)
        drawn = self.first + timedelta(days=self._rng.randint(*_AROUND[kind]))
        if kind in ("past", "old", "before", "lmp"):
            return max(drawn, self.birth + timedelta(days=1))
        return self._fixed.setdefault(kind, drawn)
