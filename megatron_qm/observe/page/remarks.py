"""Worth a look: what a reader should not have to find in the charts. Each rule is a function that says what was seen and
what to do about it, or nothing. What rollouts are watched for while they are made is in observe/alarms.py."""

import html
from collections.abc import Sequence

import numpy as np

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.history import History, step_of
from megatron_qm.observe.page.curves import gradient_explodes, loss_rises, validation_far_above_training, validation_rises
from megatron_qm.observe.page.facts import Facts
from megatron_qm.observe.page.remark import Remark, Rule
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.records import ALREADY_FINISHED, from_json_number

# A sick document or two in a hundred steps is what the guard is for; more is the run's own doing.
_REFUSED = 0.01
# Up to four passes are nearly as good as new text, later ones teach less and less (Muennighoff et al. 2023, section 6).
_EPOCHS = 4
# Of what PyTorch has allocated at its peak: libraries, NCCL's buffers and the gaps between blocks need the rest.
_MEMORY = 0.92
_NAMED = 3  # sources, probes or metrics in one remark


def remarks_section(history: History, facts: Facts) -> str:
    found = remarks(history, facts)
    if not found:
        return ""
    items = "\n".join(f"<li><b>{html.escape(one.seen)}</b> {html.escape(one.advice)}</li>" for one in found)
    return f'<section class="remarks"><h2>Worth a look</h2><ul>\n{items}\n</ul></section>'


def remarks(history: History, facts: Facts) -> list[Remark]:
    return [remark for rule in _RULES if (remark := rule(history, facts)) is not None]


def started_after_the_end(history: History, facts: Facts) -> Remark | None:
    """Where the run was given more steps since then, there was something to do after all."""
    total = facts.total_steps
    starts = [event for event in history.records("event") if _is_after_the_end(event, total)]
    if not starts:
        return None
    times = "again" if len(starts) == 1 else f"again {len(starts)} times"
    return Remark(
        f"The run was started {times} after its last step, {whole(step_of(starts[-1]))}: nothing was left to do.",
        "To go on, raise train.steps (or the tokens or epochs that set it); to train anew, choose another output.",
    )


def _is_after_the_end(event: JsonObject, total: int | None) -> bool:
    """Runs before there was such an event wrote `resume`."""
    if total is None:
        return event.get("name") == ALREADY_FINISHED
    return event.get("name") in (ALREADY_FINISHED, "resume") and step_of(event) >= total


def many_refused(history: History, facts: Facts) -> Remark | None:
    refused, steps = history.events("skipped"), history.last_step()
    if not steps or len(refused) / steps <= _REFUSED:
        return None
    reason = str(refused[0].get("detail", "")).partition(";")[0]
    return Remark(
        f"{len(refused):,} of {steps:,} steps made no update, the first at step {whole(step_of(refused[0]))}: {reason}.",
        "quarantine.jsonl names the documents: leave them out if they are few, else lower optimizer.lr.",
    )


def nothing_held_out(history: History, facts: Facts) -> Remark | None:
    """Nothing was measured, and nothing is going to be."""
    measured = len(history.table("validation").series("loss")) or history.records("probe")
    asked = any(facts.get(key) for key in ("data.validation", "observe.probes", "observe.items"))
    if measured or asked or not facts.config:
        return None
    if history.records("rl"):
        return Remark("The policy was examined on nothing but what it learns from.",
                      "Rewards alone do not show whether it has found a way round them: name held-out items in observe.items.")
    return Remark("There is no validation: whether the data are learnt by heart cannot be seen.",
                  "Hold sequences out, name them in data.validation, and set train.validate_every.")


def many_epochs(history: History, facts: Facts) -> Remark | None:
    """Prompts of RL are another matter: each pass has new responses."""
    epochs = {name: series.last or 0.0 for name, series in history.table("train").group("epochs_by_source").items()}
    often = sorted((name for name in epochs if epochs[name] > _EPOCHS), key=lambda name: -epochs[name])
    if not often or history.records("rl"):
        return None
    return Remark(
        f"Read more than {_EPOCHS} times over: {_listed([f'{name} ({epochs[name]:.1f} times)' for name in often])}.",
        "Beyond that repetition teaches little and invites learning by heart: add text, lower the source's weight, or stop "
        "earlier.",
    )


def no_better_than_a_guess(history: History, facts: Facts) -> Remark | None:
    """The confidence interval of the newest measurement does not lie above chance. Before training none does."""
    newest = {str(probe.get("name", "")): probe for probe in history.records("probe") if step_of(probe) > 0}
    guessed = [told for name, probe in newest.items() if (told := _guessed(name, probe)) is not None]
    if not guessed:
        return None
    return Remark(
        f"No better than a guess: {_listed(guessed)}.",
        "Look whether the facts that are asked for are in the data, and often enough; train longer, or weight its source higher.",
    )


def _guessed(name: str, probe: JsonObject) -> str | None:
    accuracy, low, chance = (from_json_number(probe.get(key)) for key in ("accuracy", "low", "chance"))
    if accuracy is None or low is None or chance is None or low > chance:
        return None
    return f"{name} {percent(accuracy)} (chance {percent(chance)})"


def memory_is_short(history: History, facts: Facts) -> Remark | None:
    values_n = history.table("train").series("memory_gib").values_n
    peak, device = float(np.max(values_n, initial=0.0, where=np.isfinite(values_n))), facts.device_gib
    if device is None or peak <= _MEMORY * device:
        return None
    return Remark(
        f"Memory peaked at {number(peak)} of the device's {number(device)} GiB.",
        "A little more may end the run: lower train.micro_batch_size, or set recompute.mode=selective.",
    )


def alarms_were_raised(history: History, facts: Facts) -> Remark | None:
    newest = {str(alarm.get("metric")): step_of(alarm) for alarm in history.records("alarm")}
    if not newest:
        return None
    named = [f"{metric} (step {whole(step)})" for metric, step in newest.items()]
    return Remark(f"Out of bounds: {_listed(named)}.", "The table of alarms says what each means and what to do.")


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more


_RULES: Sequence[Rule] = (
    started_after_the_end, loss_rises, gradient_explodes, many_refused, validation_far_above_training, validation_rises,
    nothing_held_out, no_better_than_a_guess, many_epochs, memory_is_short, alarms_were_raised,
)
