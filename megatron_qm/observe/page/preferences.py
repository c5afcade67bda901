"""What reward models and direct preference optimisation learn of comparisons: how often the better answer is above, and by how
much."""

from megatron_qm.observe.history import EMPTY, History, Series
from megatron_qm.observe.page.charts import frame_of, lines_chart
from megatron_qm.observe.page.scale import number, percent
from megatron_qm.observe.page.summary import card

_SEEN = (("training", "train"), ("held out", "validation"))


def reward_model_section(history: History) -> str:
    """Of a reward model: accuracy, lead, ties, scores."""
    return _section(history, "Scores of the answers", [
        ("Lead of a pair", "score of the better answer less the other's", "lead"),
        ("Gap of a tie", "how far apart the scores of equals are", "gap"),
        ("Score", "mean over the answers", "score"),
    ])


def dpo_section(history: History) -> str:
    """Of a policy: accuracy and lead of its implicit rewards, both rewards, cross entropy."""
    return _section(history, "Preferences", [
        ("Lead of a pair", "implicit reward of the better answer less the other's", "lead"),
        ("Implicit reward of the better answer", "beta times the log-ratio to the reference", "better"),
        ("Implicit reward of the other", "beta times the log-ratio to the reference", "worse"),
        ("Cross entropy of the better answer", "nats per token", "sft"),
    ])


def _section(history: History, title: str, more: list[tuple[str, str, str]]) -> str:
    accuracy, last = _both(history, "accuracy"), _both(history, more[-1][2])
    if not any(len(series) for series in last.values()):  # each of the two has a number that the other has not
        return ""
    frame, unit = frame_of(history), "share of the pairs whose better answer is above"
    found = [lines_chart("Accuracy", unit, accuracy, frame, write=percent, wide=True)]
    found += [lines_chart(name, unit, _both(history, key), frame, from_zero=False) for name, unit, key in more]
    charts = "\n".join(chart for chart in found if chart)
    cards = _cards(accuracy, _both(history, "lead"))
    return f'<section><h2>{title}</h2>\n{cards}\n<div class="charts">{charts}</div></section>'


def _both(history: History, key: str) -> dict[str, Series]:
    return {name: history.table(kind).group("others").get(key, EMPTY) for name, kind in _SEEN}


def _cards(accuracy: dict[str, Series], lead: dict[str, Series]) -> str:
    made = [card(f"Accuracy, {name}", percent(series.last), f"lead {number(lead[name].last)}")
            for name, series in accuracy.items() if len(series)]
    return '<div class="cards">' + "".join(made) + "</div>"
