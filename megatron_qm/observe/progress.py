"""The live line of a run: on a terminal one line that is rewritten, in a log file a plain line now and then."""

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from megatron_qm.observe.records import TrainRecord

_REDRAW_SECONDS = 0.1
_WINDOW = 100  # updates that the time left is judged by
_BAR = 20
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Shows the newest record of a run of `total_steps` steps on `stream` (default: stderr).

    Not a terminal: a line at the first and the last step and every `interval_seconds` between. On a terminal, log
    messages stand above the line. A stream that has gone away is left alone: training does not fail for its display.
    """

    def __init__(
        self,
        total_steps: int,
        stream: TextIO | None = None,
        interval_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._stream, self._clock = total_steps, stream or sys.stderr, clock
        self._live = self._stream.isatty()
        self._interval = _REDRAW_SECONDS if self._live else interval_seconds
        self._seen: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._drawn_at: float | None = None
        self._on_screen = ""
        self._handlers = _terminal_handlers() if self._live else []
        for handler in self._handlers:
            handler.addFilter(self._make_room)

    def update(self, record: TrainRecord) -> None:
        """Show `record`, or skip it where one was just shown."""
        now = self._clock()
        self._seen.append((now, record.step))
        due = self._drawn_at is None or now - self._drawn_at >= self._interval
        if due or record.step >= self._total:
            self._drawn_at = now
            self._draw(record)

    def close(self) -> None:
        """Leave the last line standing."""
        if self._on_screen:
            self._write("\n")
            self._on_screen = ""
        for handler in self._handlers:
            handler.removeFilter(self._make_room)
        self._handlers = []

    def _draw(self, record: TrainRecord) -> None:
        fields = self._fields(record)
        if not self._live:
            self._write("  ".join(text for _, text in fields) + "\n")
            return
        self._on_screen = _fit([(0, self._bar(record.step)), *fields], self._width())
        self._write(_CLEAR_LINE + self._on_screen)

    def _fields(self, record: TrainRecord) -> list[tuple[int, str]]:
        """(how gladly it is dropped where the line is too long, text)"""
        fields = [
            (0, f"step {record.step:,}/{self._total:,}"),
            (0, f"loss {record.loss:.4f}"),
            (2, f"{record.tokens_per_second:,.0f} tok/s"),
            (4, f"{record.tflops_per_device:,.3g} TFLOP/s"),
        ]
        if record.mfu is not None:
            fields.append((3, f"MFU {record.mfu:.1%}"))
        fields.append((1, f"left {duration(self._seconds_left(record))}"))
        return fields

    def _seconds_left(self, record: TrainRecord) -> float:
        """By the clock, so that validation and checkpoints count; by the record where there is only one."""
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        per_step = (now - began) / (last - first) if last > first else record.step_seconds
        return max(self._total - record.step, 0) * per_step

    def _bar(self, step: int) -> str:
        share = min(step / self._total, 1.0) if self._total else 1.0
        full = round(share * _BAR)
        filled, empty = ("━", "╌") if _can_show(self._stream, "━╌") else ("#", "-")
        return f"{filled * full}{empty * (_BAR - full)} {share:4.0%}"

    def _width(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _make_room(self, _record: logging.LogRecord) -> bool:
        """A filter of the terminal's log handlers that lets all pass: it clears the live line first."""
        if self._on_screen:
            self._write(_CLEAR_LINE)
            self._on_screen = ""
        return True

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # closed terminal, full disk
            self._on_screen, self._interval = "", float("inf")


def duration(seconds: float) -> str:
    """Two units, the largest first: "45 s", "3 min 20 s", "2 h 05 min", "4 d 3 h"."""
    if not seconds < float("inf"):
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def _fit(fields: list[tuple[int, str]], width: int) -> str:
    """As many fields as a line of `width` columns holds: a line that wraps could not be rewritten."""
    kept = list(fields)
    while len(line := "  ".join(text for _, text in kept)) >= width and any(rank for rank, _ in kept):
        kept.remove(max(kept, key=lambda field: field[0]))
    return line[: max(width - 1, 0)]


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _terminal_handlers() -> list[logging.Handler]:
    return [
        handler for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream.isatty()
    ]
