"""Each remark is made of a run that calls for it, with its numbers, and not of one that is just this side of the bound."""

from collections.abc import Iterable
from typing import Any

import pytest

from megatron_qm.observe.history import History
from megatron_qm.observe.page.facts import Facts
from megatron_qm.observe.page.remarks import remarks

CONFIG = {"data": {"validation": [{"name": "held-out"}]}, "train": {"steps": 100}}


def seen(
    records: Iterable[dict[str, Any]], config: dict[str, Any] = CONFIG, environment: dict[str, Any] | None = None
) -> str:
    """All remarks on a run of `records`; no text where there are none."""
    history = History()
    for record in records:
        history.add({"name": "", "time": None} | record)
    found = remarks(history, Facts("a run", "", config, environment or {}, []))
    assert all(one.seen.endswith(".") and one.advice.endswith(".") for one in found)
    return " ".join(f"{one.seen} {one.advice}" for one in found)


def train(step: int, **values: Any) -> dict[str, Any]:
    return {"kind": "train", "step": step, "loss": 2.0, "grad_norm": 1.0} | values


def steps(**values: Any) -> list[dict[str, Any]]:
    """A hundred of them; what can be called is called with the step."""
    return [train(step, **{key: value(step) if callable(value) else value for key, value in values.items()})
            for step in range(1, 101)]


def validation(step: int, loss: float) -> dict[str, Any]:
    return {"kind": "validation", "step": step, "loss": loss}


def event(step: int, name: str, detail: str = "") -> dict[str, Any]:
    return {"kind": "event", "step": step, "name": name, "detail": detail}


def test_a_sound_run_calls_for_none() -> None:
    assert seen([*steps(loss=lambda step: 3 - step / 100), validation(50, 2.5), validation(100, 2.01),
                 event(0, "start"), event(60, "resume"), event(100, "checkpoint")]) == ""


@pytest.mark.parametrize("name", ["already finished", "resume"])
def test_started_after_the_end(name: str) -> None:
    text = seen([*steps(), event(100, name), event(100, name)])
    assert "started again 2 times after its last step, 100: nothing was left to do. To go on, raise train.steps" in text
    assert seen([*steps(), event(99, name)]) == ""
    assert seen([*steps(), event(50, name)], CONFIG | {"train": {}}) == (
        "" if name == "resume" else "The run was started again after its last step, 50: nothing was left to do. To go on, raise "
        "train.steps (or the tokens or epochs that set it); to train anew, choose another output.")


def test_training_loss_that_rises_at_the_end() -> None:
    text = seen(steps(loss=lambda step: 2.0 if step <= 90 else 2.1))
    assert "Training loss rose at the end: 2.1 in the last tenth of the steps, 2 in the lowest" in text
    assert seen(steps(loss=lambda step: 2.0 if step <= 90 else 2.03)) == ""  # 1.5%
    assert seen(steps(loss=lambda step: (2.0 if step <= 90 else 2.1) + (step % 2) * 0.5)) == ""  # within its scatter
    assert seen(train(step, loss=2.0 if step < 27 else 3.0) for step in range(1, 30)) == ""  # too few


def test_the_loss_of_a_policy_is_not_there_to_fall() -> None:
    assert seen([*steps(loss=lambda step: 2.0 if step <= 90 else 2.5), {"kind": "rl", "step": 100}]) == ""


def test_a_gradient_norm_that_explodes() -> None:
    text = seen(steps(grad_norm=lambda step: 1.0 if step <= 90 else 6.0))
    assert "The gradient norm grew to 6 in the last tenth of the steps, from 1 before (medians)." in text
    assert seen(steps(grad_norm=lambda step: 1.0 if step <= 90 else 4.9)) == ""
    assert seen(steps(grad_norm=lambda step: 100.0 if step == 95 else 1.0)) == ""  # one spike


def test_many_refused_steps() -> None:
    refused = [event(step, "skipped", "loss nan is not finite; its 3 documents are in quarantine.jsonl") for step in (40, 70)]
    assert ("2 of 100 steps made no update, the first at step 40: loss nan is not finite. quarantine.jsonl names" in
            seen([*steps(), *refused]))
    assert seen([*steps(), *refused[:1]]) == ""


@pytest.mark.parametrize(("validations", "told"), [
    ([(100, 3.0)], "validation loss 3 is above training loss 1.25 at step 100, by 1.75 nats. the data are learnt by heart, or"),
    ([(50, 1.3), (100, 3.0)], "by 1.75 nats (0.05 at step 50). the gap has grown"),
    ([(50, 3.0), (100, 3.0)], "by 1.75 nats (1.75 at step 50). it was so from the first"),
    ([(100, 1.7)], ""), ([(50, 3.0), (100, 1.7)], ""),
])
def test_validation_far_above_training(validations: list[tuple[int, float]], told: str) -> None:
    text = seen([*steps(loss=1.25), *(validation(*one) for one in validations)]).lower()
    assert told in text and bool(told) == ("above training loss" in text)


def test_validation_that_has_risen_since_its_best() -> None:
    text = seen([*steps(), *(validation(step, loss) for step, loss in ((25, 2.4), (50, 2.0), (75, 2.1), (100, 2.2)))])
    assert "Validation loss has risen to 2.2 from its best, 2 at step 50." in text
    assert seen([*steps(), validation(50, 2.0), validation(100, 2.01)]) == ""


@pytest.mark.parametrize(("changes", "extra", "told"), [
    ({}, [], "There is no validation"), ({}, [validation(100, 2.0)], ""), ({"observe": {"items": "held-out.jsonl"}}, [], ""),
    ({}, [{"kind": "probe", "step": 0, "accuracy": 0.5}], ""),
    ({}, [{"kind": "rl", "step": 100}], "examined on nothing but what it learns from"),
])
def test_nothing_held_out(changes: dict[str, Any], extra: list[dict[str, Any]], told: str) -> None:
    text = seen([*steps(), *extra], {"data": {"validation": []}, "train": {"steps": 100}} | changes)
    assert told in text and bool(told) == bool(text)


def test_a_config_that_cannot_be_read_says_nothing_of_validation() -> None:
    assert seen(steps(), {}) == ""


def test_sources_that_are_read_many_times() -> None:
    epochs = {name: value for value, name in enumerate("abcdefg", 1)}
    text = seen([*steps(), train(100, epochs_by_source=epochs)])
    assert "Read more than 4 times over: g (7.0 times), f (6.0 times), e (5.0 times)." in text
    assert seen([*steps(), train(100, epochs_by_source={"a": 4.0})]) == ""
    assert seen([*steps(), train(100, epochs_by_source=epochs), {"kind": "rl", "step": 100}]) == ""


def test_probes_that_guess() -> None:
    probe = {"kind": "probe", "step": 100, "name": "codes", "accuracy": 0.27, "low": 0.24, "high": 0.3, "chance": 0.25}
    assert "No better than a guess: codes 27.0% (chance 25.0%)." in seen([*steps(), probe])
    for change in ({"low": 0.26}, {"step": 0}, {"chance": None}, {"low": None}):
        assert seen([*steps(), probe | change]) == ""
    assert seen([*steps(), probe | {"step": 50}, probe | {"low": 0.26}]) == ""  # the newest counts


def test_memory_near_the_devices_limit() -> None:
    environment = {"device": "H100", "gpus": [{"name": "H100", "memory": "81920 MiB", "driver": "1"}]}
    assert "Memory peaked at 75 of the device's 80 GiB." in seen(steps(memory_gib=75.0), environment=environment)
    assert seen(steps(memory_gib=73.0), environment=environment) == ""
    for other in ({"device": "x86_64"}, {"gpus": []}, {"gpus": "?"}, {"gpus": [{"name": "H100"}]},
                  {"gpus": [{"name": "H100", "memory": "[N/A]"}]}):
        assert seen(steps(memory_gib=75.0), environment=environment | other) == ""


def test_alarms_are_pointed_at() -> None:
    alarms = [{"kind": "alarm", "step": step, "metric": metric} for step, metric in ((3, "kl"), (5, "truncated"), (9, "kl"))]
    assert "Out of bounds: kl (step 9), truncated (step 5)." in seen([*steps(), *alarms])


@pytest.mark.parametrize("value", ["NaN", "Infinity", -1e308, 1e308, 0, None, "text", [], {}])
def test_values_of_any_sort_raise_nothing(value: Any) -> None:
    odd = dict.fromkeys(("loss", "grad_norm", "memory_gib", "accuracy", "low", "chance", "metric", "detail", "samples"), value)
    environment = {"device": "H100", "gpus": [{"name": "H100", "memory": "81920 MiB"}]}
    records = [record | odd | {"epochs_by_source": {"a": value}} for record in steps()]
    records += [{"kind": kind, "step": step, "name": "skipped"} | odd for kind in ("validation", "probe", "event", "alarm")
                for step in (0, 50, 100)]
    seen(records, environment=environment)
