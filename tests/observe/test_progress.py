"""The progress line as a terminal and as a log file show it."""

import io
import logging

import pytest

from megatron_qm.observe.progress import Progress, duration
from tests.observe.test_metrics import train_record


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines that a person sees: carriage returns and `clear to the end of the line` carried out."""
        lines = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part[3:] if part.startswith("\x1b[K") else part + shown[len(part):]
            lines.append(shown)
        return lines


def run(stream: io.StringIO, steps: int, seconds: float, **options) -> None:
    clock = Clock()
    progress = Progress(steps, stream, clock=clock, **options)
    for step in range(1, steps + 1):
        clock.now += seconds
        progress.update(train_record(step, mfu=0.431, tokens_per_second=24310.4, tflops_per_device=425.4))
    progress.close()


def test_a_log_file_gets_a_plain_line_now_and_then() -> None:
    log = io.StringIO()
    run(log, steps=100, seconds=1.0, interval_seconds=30.0)
    lines = log.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["1/100", "31/100", "61/100", "91/100", "100/100"]
    assert lines[1] == "step 31/100  loss 2.5000  24,310 tok/s  425 TFLOP/s  MFU 43.1%  left 1 min 09 s"
    assert "\r" not in log.getvalue() and "\x1b" not in log.getvalue()


def test_a_terminal_shows_one_line_that_ends_complete() -> None:
    terminal = Terminal()
    run(terminal, steps=50, seconds=1.0)
    (line, after) = terminal.screen()
    assert after == ""
    assert line.startswith("━" * 20 + " 100%  step 50/50") and len(line) < 80
    assert len(terminal.getvalue().split("\r")) == 51


def test_a_terminal_is_not_redrawn_faster_than_eyes_see() -> None:
    terminal = Terminal()
    run(terminal, steps=1000, seconds=0.001)
    assert 9 <= terminal.getvalue().count("\r") <= 12


def test_a_narrow_terminal_gets_less_and_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (10, 30, 60, 200):
        monkeypatch.setattr(Progress, "_width", lambda self, width=width: width)
        terminal = Terminal()
        run(terminal, steps=3, seconds=1.0)
        assert len(terminal.screen()[0]) < width
    assert "TFLOP/s" in terminal.screen()[0]


def test_log_messages_stand_above_the_line() -> None:
    terminal, clock = Terminal(), Clock()
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        progress = Progress(10, terminal, clock=clock)
        progress.update(train_record(1))
        logging.getLogger().warning("checkpoint written")
        clock.now = 1.0
        progress.update(train_record(2))
        progress.close()
        assert not handler.filters
    finally:
        logging.getLogger().removeHandler(handler)
    first, second, _ = terminal.screen()
    assert first == "checkpoint written" and "step 2/10" in second


def test_time_left_is_by_the_clock() -> None:
    log, clock = io.StringIO(), Clock()
    progress = Progress(11, log, interval_seconds=0.0, clock=clock)
    progress.update(train_record(1, step_seconds=1.0))
    clock.now = 12.0  # validation and checkpoints between the steps
    progress.update(train_record(5, step_seconds=1.0))
    assert [line.split("left ")[1] for line in log.getvalue().splitlines()] == ["10 s", "18 s"]


def test_a_stream_that_goes_away_does_not_stop_training() -> None:
    stream = io.StringIO()
    progress = Progress(10, stream, interval_seconds=0.0)
    stream.close()
    progress.update(train_record(1))
    progress.close()


def test_a_terminal_without_unicode_gets_ascii() -> None:
    terminal = Terminal()
    terminal.encoding = "ascii"
    run(terminal, steps=2, seconds=1.0)
    assert terminal.getvalue().isascii()


@pytest.mark.parametrize(("seconds", "text"), [
    (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3599.7, "1 h 00 min"),
    (7500, "2 h 05 min"), (86_370, "1 d 0 h"), (356_400, "4 d 3 h"), (float("inf"), "?"), (float("nan"), "?"),
])
def test_durations_carry_over(seconds: float, text: str) -> None:
    assert duration(seconds) == text
