"""The top of a report: the run's name, how it stands, and its figures on cards."""

import html
import time
from dataclasses import dataclass

import numpy as np

from megatron_qm.observe.history import History, Series
from megatron_qm.observe.page.facts import Facts
from megatron_qm.observe.page.naming import stage_of
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.progress import duration

# A run that has written nothing for this many steps, or batches of rollouts (and two minutes), is taken for stopped.
_SILENT_STEPS, _SILENT_BATCHES, _SILENT_SECONDS = 20, 3, 120.0


@dataclass(frozen=True)
class Status:
    """`word` is finished, running or stopped."""

    word: str
    step: int
    total: int | None

    def __str__(self) -> str:
        of = f" of {self.total:,}" if self.total else ""
        return f"{self.word}: step {self.step:,}{of}"


def status(history: History, facts: Facts, now: float) -> Status:
    """Where the run stands, as far as its files can tell at `now` (seconds since 1970)."""
    step, total = history.last_step(), facts.total_steps
    if total is not None and step >= total:
        return Status("finished", step, total)
    silence = now - history.ended if history.ended is not None else np.inf
    step_seconds = _median(history.table("train").series("step_seconds")) or 0.0
    batch_seconds = sum(_median(series) or 0.0 for series in history.table("rl").group("seconds").values())
    running = silence < max(_SILENT_SECONDS, _SILENT_STEPS * step_seconds, _SILENT_BATCHES * batch_seconds)
    return Status("running" if running else "stopped", step, total)


def header(history: History, facts: Facts, stands: Status) -> str:
    """What the run is called, its stage and how it stands; when it ran and what it began with."""
    span = " to ".join(clock(moment) for moment in (history.began, history.ended) if moment is not None)
    origin = facts.get("train.start_from")
    begun = f"continued from {origin}" if origin else "trained from scratch" if facts.config else ""
    line = " · ".join(html.escape(part) for part in (span, begun) if part)
    return f"""<header>
<h1>{html.escape(facts.name)}</h1>
{chips(facts, stands)}
<p>{line}</p>
</header>"""


def chips(facts: Facts, stands: Status) -> str:
    stage = stage_of(facts.config)
    named = f'<span class="chip">{html.escape(stage)}</span>\n' if stage else ""
    return f'{named}<span class="chip {stands.word}">{html.escape(str(stands))}</span>'


def cards(history: History, facts: Facts) -> str:
    """Eight figures; a dash where the run's files do not say."""
    made = [
        _loss(history), _tokens(history, facts), _speed(history), _mfu(history, facts),
        _model(facts), _layout(facts), _time(history), _memory(history),
    ]
    return '<section class="cards">' + "".join(made) + "</section>"


def card(label: str, value: str, detail: str) -> str:
    return f"<div><h2>{label}</h2><strong>{html.escape(value)}</strong><span>{html.escape(detail)}</span></div>"


def _loss(history: History) -> str:
    train, validation = (history.table(kind).series("loss") for kind in ("train", "validation"))
    details = [f"from {number(float(train.values_n[0]))}"] if len(train) > 1 else []
    details += [f"validation {number(validation.last)}"] if len(validation) else []
    return card("Last loss", number(train.last), ", ".join(details) or "nats per token")


def _tokens(history: History, facts: Facts) -> str:
    sources = len(history.table("train").group("tokens_by_source"))
    details = [f"of {number(facts.total_tokens)} planned"] if facts.total_tokens else []
    details += [f"{sources} source" + ("s" if sources > 1 else "")] if sources else []
    return card("Tokens", number(history.table("train").series("tokens").last), ", ".join(details))


def _speed(history: History) -> str:
    per_second = _median(history.table("train").series("tokens_per_second"))
    compute = _median(history.table("train").series("tflops_per_device"))
    return card("Tokens per second", number(per_second), f"median; {number(compute)} TFLOP/s per device")


def _mfu(history: History, facts: Facts) -> str:
    peak = facts.environment.get("peak")
    detail = f"of {peak}" if isinstance(peak, str) else "no peak is known for this device"
    return card("MFU", percent(_median(history.table("train").series("mfu"))), detail)


def _model(facts: Facts) -> str:
    name, family = facts.get("model.shape"), facts.get("model.family")
    layers, hidden = facts.number("model.layers"), facts.number("model.hidden_size")
    shape = f"{whole(layers)} layers of {whole(hidden)}" if layers and hidden else ""
    return card("Parameters", number(facts.parameters), ", ".join(str(p) for p in (name or family, shape) if p))


def _layout(facts: Facts) -> str:
    ranks = facts.world_size
    on = f"{ranks:,} rank" + ("s" if ranks > 1 else "") if ranks else ""
    device = facts.environment.get("device")
    return card("Layout", facts.layout or "–", ", ".join(str(part) for part in (on, device) if part))


def _time(history: History) -> str:
    resumed = len(history.resumes)
    detail = f"resumed {resumed} time" + ("s" if resumed > 1 else "") if resumed else "in one go"
    return card("Run time", duration(history.elapsed_seconds), detail)


def _memory(history: History) -> str:
    values_n = history.table("train").series("memory_gib").values_n
    peak = float(np.nanmax(values_n)) if np.isfinite(values_n).any() else None
    return card("Memory", f"{number(peak)} GiB" if peak is not None else "–", "peak of one rank")


def _median(series: Series) -> float | None:
    """Of the finite values; the first one, with its warm-up, is left out where there are others."""
    values_n = series.values_n[1:] if len(series) > 1 else series.values_n
    values_n = values_n[np.isfinite(values_n)]
    return float(np.median(values_n)) if len(values_n) else None


def clock(moment: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
    except (OverflowError, ValueError, OSError):
        return "?"
