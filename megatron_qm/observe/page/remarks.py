"""Worth a look: what a reader should not have to find in the charts. Each rule is a function that says what was seen and
what to do about it, or nothing."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from megatron_qm.observe.history import History
from megatron_qm.observe.page.curves import gradient_explodes, loss_rises, validation_far_above_training, validation_rises
from megatron_qm.observe.page.facts import Facts
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.records import ALREADY_FINISHED, from_json_number

Rule = Callable[[History, Facts], str | None]

_NAMED = 3  # sources, probes or metrics in one remark


def remarks_section(history: History, facts: Facts) -> str:
    found = remarks(history, facts)
    if not found:
        return ""
    items = "".join(f"<li>{html.escape(text)}</li>" for text in found)
    return f'<section class="remarks"><h2>Worth a look</h2><ul>{items}</ul></section>'


def remarks(history: History, facts: Facts) -> list[str]:
    return [text for rule in _RULES if (text := rule(history, facts)) is not None]


def started_after_the_end(history: History, facts: Facts) -> str | None:
    """Where the run was given more steps since then, there was something to do after all."""
    total = facts.total_steps
    starts = [event for event in history.records("event") if _is_after_the_end(event, total)]
    if not starts:
        return None
    times = "again" if len(starts) == 1 else f"again {len(starts)} times"
    step = whole(starts[-1]["step"])
    return (f"The run was started {times} after it was finished (step {step} of {whole(total) if total else step}): nothing was "
            f"left to do. To go on, raise train.steps (or the tokens or epochs that set it); to train anew, choose another "
            f"output.")


def _is_after_the_end(event: dict[str, Any], total: int | None) -> bool:
    """Runs before there was such an event wrote `resume`."""
    if total is None:
        return event.get("name") == ALREADY_FINISHED
    return event.get("name") in (ALREADY_FINISHED, "resume") and event["step"] >= total


def many_refused(history: History, facts: Facts) -> str | None:
    """A sick document or two in a hundred steps is what the guard is for; more is the run's own doing."""
    refused, steps = history.events("skipped"), history.last_step()
    if not steps or len(refused) / steps <= 0.01:
        return None
    first = refused[0]
    reason = str(first.get("detail", "")).partition(";")[0]
    return (f"{len(refused):,} of {steps:,} steps made no update, the first at step {whole(first['step'])}: {reason}. "
            f"quarantine.jsonl names the documents: leave them out if they are few, else lower optimizer.lr.")


def nothing_held_out(history: History, facts: Facts) -> str | None:
    """Nothing was measured, and nothing is going to be."""
    measured = len(history.table("validation").series("loss")) or history.records("probe")
    asked = any(facts.get(key) for key in ("data.validation", "observe.probes", "observe.items"))
    if measured or asked or not facts.config:
        return None
    if history.records("rl"):
        return ("The policy was examined on nothing that it does not learn from: rewards alone do not show whether it has found "
                "a way round them. Name held-out items in observe.items.")
    return ("There is no validation: whether the run learns its data by heart cannot be seen. Hold sequences out and name them "
            "in data.validation, and set train.validate_every.")


def many_epochs(history: History, facts: Facts) -> str | None:
    """Up to four passes are nearly as good as new text, later ones teach less and less (Muennighoff et al. 2023, section 6).
    Prompts of RL are another matter: each pass has new responses."""
    epochs = {name: series.last or 0.0 for name, series in history.table("train").group("epochs_by_source").items()}
    often = sorted((name for name in epochs if epochs[name] > 4), key=lambda name: -epochs[name])
    if not often or history.records("rl"):
        return None
    return (f"Read more than 4 times over: {_listed([f'{name} ({epochs[name]:.1f} times)' for name in often])}. Beyond that "
            f"repetition teaches little and invites learning by heart: add text, lower the source's weight, or stop earlier.")


def no_better_than_a_guess(history: History, facts: Facts) -> str | None:
    """The confidence interval of the newest measurement does not lie above chance. Before training none does."""
    newest: dict[str, dict[str, Any]] = {}
    for probe in history.records("probe"):
        newest[str(probe.get("name", ""))] = probe
    guessed = []
    for name, probe in newest.items():
        accuracy, low, chance = (from_json_number(probe.get(key)) for key in ("accuracy", "low", "chance"))
        if probe["step"] > 0 and None not in (accuracy, low, chance) and low <= chance:
            guessed.append(f"{name} {percent(accuracy)} (chance {percent(chance)})")
    if not guessed:
        return None
    return (f"No better than a guess: {_listed(guessed)}. Look whether the facts that are asked for are in the data, and often "
            f"enough; train longer or weight that source higher.")


def memory_is_short(history: History, facts: Facts) -> str | None:
    """What PyTorch has allocated at its peak; libraries, NCCL's buffers and the gaps between blocks need room as well, some
    8% of a GPU."""
    values_n = history.table("train").series("memory_gib").values_n
    peak, device = float(np.max(values_n, initial=0.0, where=np.isfinite(values_n))), facts.device_gib
    if device is None or peak <= 0.92 * device:
        return None
    return (f"Memory peaked at {number(peak)} of the device's {number(device)} GiB: a fragment more may end the run. Lower "
            f"train.micro_batch_size, or set recompute.mode=selective.")


def alarms_were_raised(history: History, facts: Facts) -> str | None:
    newest = {str(alarm.get("metric")): alarm["step"] for alarm in history.records("alarm")}
    if not newest:
        return None
    named = [f"{metric} (step {whole(step)})" for metric, step in newest.items()]
    return f"Out of bounds: {_listed(named)}. The table of alarms says what each means and what to do."


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


_RULES: Sequence[Rule] = (
    started_after_the_end, loss_rises, gradient_explodes, many_refused, validation_far_above_training, validation_rises,
    nothing_held_out, no_better_than_a_guess, many_epochs, memory_is_short, alarms_were_raised,
)
