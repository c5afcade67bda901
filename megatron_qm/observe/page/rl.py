"""The health of reinforcement learning: figures, alarms, and charts over the batches of rollouts."""

from collections.abc import Callable

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.history import EMPTY, History, Series, Table, step_of
from megatron_qm.observe.page.chart import COLOURS
from megatron_qm.observe.page.charts import frame_of, lines_chart, stack
from megatron_qm.observe.page.figure import Frame
from megatron_qm.observe.page.rl_length import reward_against_length
from megatron_qm.observe.page.rl_tables import (
    alarms_table,
    components_table,
    gap_table,
    mastered_table,
    parts_table,
    readings_table,
    reasons_table,
)
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.page.summary import card


def rl_section(history: History) -> str:
    """Everything that records of kind "rl" and "alarm" tell; nothing for a run without them."""
    rollouts, alarms = _newest_by_step(history.records("rl")), history.records("alarm")
    if not rollouts and not alarms:
        return ""
    charts = "\n".join(chart for chart in _charts(history, rollouts, frame_of(history)) if chart)
    parts = [
        _cards(history),
        alarms_table(alarms),
        f'<div class="charts">{charts}</div>' if charts else "",
        components_table(history.table("rl"), rollouts),
        reasons_table(history.table("rl")),
        mastered_table(rollouts),
        gap_table(rollouts),
        readings_table(history.table("rl")),
        parts_table(history.table("rl"), more_than=COLOURS),
    ]
    return '<section class="rl"><h2>Reinforcement learning</h2>\n' + "\n".join(part for part in parts if part) + "</section>"


def _newest_by_step(records: list[JsonObject]) -> dict[int, JsonObject]:
    """A resumed run writes some steps twice: the last of a step counts."""
    return {step_of(record): record for record in records}


def _cards(history: History) -> str:
    rl, alarms = history.table("rl"), history.records("alarm")
    reward, length = rl.series("reward"), rl.group("length")
    mean, longest = (length.get(key, EMPTY).last for key in ("mean", "max"))
    newest = f"last: {alarms[-1].get('metric')}, step {whole(step_of(alarms[-1]))}" if alarms else "nothing out of bounds"
    made = [
        card("Last reward", number(reward.last), f"from {number(float(reward.values_n[0]))}" if len(reward) > 1 else ""),
        card("Response length", number(mean), f"tokens, mean; the longest {number(longest)}"),
        card("Unscored", percent(rl.series("unscored").last), f"truncated {percent(rl.series('truncated').last)}"),
        card("Alarms", str(len(alarms)), newest),
    ]
    return '<div class="cards">' + "".join(made) + "</div>"


def _charts(history: History, rollouts: dict[int, JsonObject], frame: Frame) -> list[str]:
    rl, training = history.table("rl"), history.table("train").group("others")
    length, gap = rl.group("length"), rl.group("engine_gap").get("mean", EMPTY)

    def one(title: str, unit: str, series: Series, write: Callable[[float | None], str] = percent) -> str:
        return lines_chart(title, unit, {"last": series}, frame, write=write)

    return [
        _reward(history, frame),
        _parts(rl.group("reward_by_part"), frame),
        *_components(rl, frame),
        reward_against_length(rollouts),
        lines_chart("Response length", "tokens", {"mean": length.get("mean", EMPTY), "longest": length.get("max", EMPTY)},
                    frame),
        lines_chart("Entropy", "nats per token, at the temperature of the sampling",
                    {"of the rollouts": rl.series("entropy"), "while learning": training.get("entropy", EMPTY)}, frame),
        one("KL to the reference", "nats per token", training.get("kl", EMPTY), number),
        one("Clipped tokens", "share whose gradient clipping took", training.get("clipped", EMPTY)),
        lines_chart("Ratio", "new over old policy, mean per token", {"last": training.get("ratio", EMPTY)}, frame,
                    from_zero=False),
        lines_chart("Policy loss", "mean per token", {"last": training.get("policy_loss", EMPTY)}, frame, from_zero=False),
        one("Replayed text", "rl.replay.weight times its cross entropy, nats per token", training.get("replay", EMPTY), number),
        one("Groups without variance", "share of the groups: all rewards equal", rl.series("zero_variance")),
        one("Unscored", "share of the rollouts", rl.series("unscored")),
        one("Truncated", "share of the rollouts", rl.series("truncated")),
        one("Rule and model disagree", "share of the items", rl.series("disagreement")),
        one("Engine against trainer", "mean |log-prob difference|, nats", gap, number) if len(gap) > 1 else "",
        _seconds(rl.group("seconds"), frame),
    ]


def _reward(history: History, frame: Frame) -> str:
    """The mean and every task; one task alone is the mean."""
    tasks = history.table("rl").group("reward_by_task")
    names = list(tasks)[: COLOURS - 1]
    unit = "mean of what was scored" + (f", {len(names)} of {len(tasks)} tasks" if len(names) < len(tasks) else "")
    lines = {name: tasks[name] for name in names}
    if len(lines) != 1:
        lines = {"all tasks": history.table("rl").series("reward")} | lines
    return lines_chart("Reward by task", unit, lines, frame, wide=True)


def _components(rl: Table, frame: Frame) -> list[str]:
    """Of named rewards: what each earns, weighs, and has of the gradient."""
    def chart(title: str, unit: str, key: str, write: Callable[[float | None], str] = percent) -> str:
        found = dict(list(rl.group(key).items())[:COLOURS])
        return lines_chart(title, unit, found, frame, write=write)

    return [
        chart("Reward by name", "mean of what was scored", "component_mean", number),
        chart("Weight by name", "as they counted", "component_weight", number),
        chart("Share of the gradient by name", "share of the absolute weighted advantages", "component_gradient"),
        chart("Unscored by name", "share of the responses asked about", "component_unscored"),
        lines_chart("Capped", "share of the responses that failed rl.fusion.cap", {"last": rl.series("capped")}, frame,
                    write=percent),
    ]


def _parts(parts: dict[str, Series], frame: Frame) -> str:
    """The parts that a verifier's value is made of; of very many those with the lowest rewards, the table has all."""
    names = sorted(parts, key=lambda name: parts[name].values_n[-1])[:COLOURS]
    unit = f"mean, the {COLOURS} lowest of {len(parts)}" if len(names) < len(parts) else "mean"
    return lines_chart("Reward by part", unit, {name: one for name, one in parts.items() if name in names}, frame)


def _seconds(seconds: dict[str, Series], frame: Frame) -> str:
    return stack("Time of a batch", "seconds", seconds, frame) if seconds else ""
