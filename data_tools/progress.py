"""Progress on stderr: one live line on a terminal, a line every ten seconds elsewhere."""

import sys
import time
from typing import TextIO

_TERMINAL_SECONDS = 0.2
_LOG_SECONDS = 10.0


class Progress:
    """Rates since the start (or the resume) and the time left, from the bytes of input on disk."""

    def __init__(self, total_bytes: int, done_bytes: int = 0, stream: TextIO | None = None) -> None:
        """stream: default: what stderr is now."""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._every = _TERMINAL_SECONDS if self._live else _LOG_SECONDS
        self._total = total_bytes
        self._done_before = done_bytes
        self._began = self._shown = time.monotonic()
        self.documents = self.tokens = self.text_bytes = 0

    def add(self, documents: int, tokens: int, text_bytes: int, done_bytes: int) -> None:
        """Count a batch; `done_bytes` is how much of all input is behind it, in bytes on disk."""
        self.documents += documents
        self.tokens += tokens
        self.text_bytes += text_bytes
        now = time.monotonic()
        if now - self._shown >= self._every:
            self._shown = now
            self._show(self._line(now - self._began, done_bytes))

    def close(self) -> str:
        """End the live line; returns totals and rates."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        return self._rates(max(time.monotonic() - self._began, 1e-9))

    def _line(self, seconds: float, done_bytes: int) -> str:
        done = done_bytes - self._done_before
        left = (self._total - done_bytes) * seconds / done if done > 0 else None
        part = done_bytes / self._total if self._total else 1.0
        return f"{part:6.1%}  {self._rates(seconds)}  {_duration(left)} left"

    def _rates(self, seconds: float) -> str:
        tokens = f"{self.tokens:,} tokens ({self.tokens / seconds:,.0f}/s)  " if self.tokens else ""
        return (
            f"{self.documents:,} documents ({self.documents / seconds:,.0f}/s)  "
            f"{tokens}{self.text_bytes / seconds / 1e6:,.1f} MB/s"
        )

    def _show(self, line: str) -> None:
        self._stream.write(f"\r{line}\x1b[K" if self._live else f"{line}\n")
        self._stream.flush()


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
