"""Where annotators ask for pairs and give verdicts: one desk for all of a log, called from many threads."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from megatron_qm.align.annotation.readings import Plan, Progress, Reading
from megatron_qm.align.annotation.summary import per_hour
from megatron_qm.align.annotation.verdict_log import VerdictLog
from megatron_qm.align.annotation.verdicts import Said, Side, Undo, Verdict, check_reading, said_of

_HELD_SECONDS = 600.0  # after which a pair that lies before somebody may be read by others


class StaleError(ValueError):
    """What was said does not fit what stands now: another window of the same annotator was there before."""


@dataclass(frozen=True)
class Offer:
    """reading: what to read next, None where nothing is left for this annotator. last: his newest verdict, which can be undone.
    per_hour: his verdicts, None until there are some."""

    reading: Reading | None
    progress: Progress
    last: Verdict | None
    per_hour: float | None


@dataclass(frozen=True)
class _Held:
    key: str
    number: int
    since: float


class Desk:
    """annotators: who may say something. clock: seconds that only grow."""

    def __init__(
        self, plan: Plan, log: VerdictLog, annotators: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan, self._log, self._annotators, self._clock = plan, log, tuple(annotators), clock
        self._held: dict[str, _Held] = {}
        self._one = threading.Lock()

    def ask(self, annotator: str) -> Offer:
        """The same pair until it has a verdict. Raises ValueError for an annotator that is not known."""
        with self._one:
            self._check(annotator)
            return self._offer(annotator)

    def judge(self, identity: str, annotator: str, key: str, number: int, word: str, note: str) -> Offer:
        """Store a verdict and offer the next pair. identity: drawn by the caller; what comes twice under one is stored once.
        word: first, second (the place of the better one), tie, bad, skip. Raises StaleError, also for an identity that something
        else was said under; ValueError for what is no verdict."""
        with self._one:
            self._check(annotator)
            check_reading(number)
            if (before := self._log.standing.seen(identity)) is not None:
                _check_same(before, annotator, key, number, word)
            else:
                reading = self._fitting(annotator, key, number)
                self._log.append(Verdict(identity, annotator, key, number, reading.shown, _said(word, reading.shown), time.time(),
                                         self._seconds(annotator, key), note))
                self._held.pop(annotator, None)
            return self._offer(annotator)

    def undo(self, identity: str, annotator: str) -> Offer:
        """Withdraw the annotator's newest verdict, and offer its pair again. Raises StaleError where there is none."""
        with self._one:
            self._check(annotator)
            if (before := self._log.standing.seen(identity)) is not None:
                if not isinstance(before, Undo) or before.annotator != annotator:
                    raise _used(identity)
            else:
                last = self._log.standing.last_of(annotator)
                if last is None:
                    raise StaleError("there is nothing to undo")
                self._log.append(Undo(identity, annotator, last.id, time.time()))
                self._held[annotator] = _Held(last.key, last.reading, self._clock())
            return self._offer(annotator)

    def _check(self, annotator: str) -> None:
        if annotator not in self._annotators:
            raise ValueError(f"annotator {annotator!r:.60} is not among those of --annotator: {', '.join(self._annotators)}")

    def _offer(self, annotator: str) -> Offer:
        verdicts = self._log.standing.verdicts.values()
        reading = self._again(annotator)
        if reading is None:
            known = {*self._annotators, *(one.annotator for one in verdicts)}
            reading = self._plan.next(verdicts, annotator, self._held_by_others(annotator), alone=known == {annotator})
            if reading is not None:
                self._held[annotator] = _Held(reading.pair.key, reading.number, self._clock())
        return Offer(reading, self._plan.progress(verdicts, annotator), self._log.standing.last_of(annotator),
                     per_hour([one for one in verdicts if one.annotator == annotator]))

    def _again(self, annotator: str) -> Reading | None:
        """What lies before the annotator: a page that is loaded again shows it again."""
        held = self._held.get(annotator)
        return self._plan.reading(held.key, annotator, held.number) if held else None

    def _held_by_others(self, annotator: str) -> Counter[str]:
        """{key: how many others have it before them}; a pair that is read twice may lie before two."""
        now = self._clock()
        return Counter(held.key for name, held in self._held.items() if name != annotator and now - held.since < _HELD_SECONDS)

    def _fitting(self, annotator: str, key: str, number: int) -> Reading:
        if key not in self._plan.by_key:
            raise ValueError(f"key {key!r:.60} is none of the pairs")
        own = [one for one in self._log.standing.verdicts.values() if one.key == key and one.annotator == annotator]
        read = sum(one.said != "skip" for one in own)
        if len(own) > read or number != read + 1 or number > self._plan.wanted(key):
            raise StaleError("this pair has your verdict already, from another window")
        return self._plan.reading(key, annotator, number)

    def _seconds(self, annotator: str, key: str) -> float | None:
        held = self._held.get(annotator)
        return round(self._clock() - held.since, 3) if held and held.key == key else None


def _check_same(before: Verdict | Undo, annotator: str, key: str, number: int, word: str) -> None:
    """Raises StaleError where what is sent under an id again is not what was said under it."""
    if not isinstance(before, Verdict) or (before.annotator, before.key, before.reading, before.said) != (
            annotator, key, number, _said(word, before.shown)):
        raise _used(before.id)


def _used(identity: str) -> StaleError:
    return StaleError(f"id = {identity!r} was used before, for something else: nothing is stored; send a new id")


def _said(word: str, shown: Sequence[Side]) -> Said:
    if word == "first" or word == "second":
        return shown[word == "second"]
    if word in ("a", "b"):
        raise ValueError(f"verdict = {word!r} names no place; first and second do")
    return said_of(word)
