"""The report of a run of RL: its numbers, its alarms, and whatever its records lack or hold."""

import json
import math
from pathlib import Path

import pytest

from megatron_qm.observe.alarms import Alarm
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.records import RlRecord, to_plain
from tests.observe.test_history import write_lines
from tests.observe.test_metrics import train_record
from tests.observe.test_report import Page, make_run, report

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;"\''
GAP = {"tokens": 1000, "mean": 0.002, "largest": 0.5, "mean_ratio": 1.00013, "edges": [0.001, 0.1], "counts": [600, 390, 10]}
CHARTS = ["Reward by task", "Reward by part", "Reward against length", "Response length", "Entropy", "KL to the reference",
          "Clipped tokens", "Ratio", "Policy loss", "Groups without variance", "Unscored", "Truncated", "Time of a batch"]


def batch(step: int, **changes) -> RlRecord:
    values = dict(
        step=step, epoch=0, prompts=4, rollouts=32, reward=step / 100, length={"mean": 300.0 + step, "max": 512.0},
        truncated=0.05, zero_variance=0.25, unscored=0.125, entropy=0.75, reward_by_task={"exam": 0.5, "诊断": step / 50},
        reward_by_part={"exam/answer": 0.4, "exam/format": 0.9}, reward_by_length=[(0, 99, 10, 0.2), (100, 199, 30, 0.6)],
        unscored_reasons={"timeout": 3, "no answer": 1}, seconds={"generate": 40.0, "score": 3.0, "logprobs": 5.0, "train": 20.0},
    )
    return RlRecord(**(values | changes))


def rl_run(run: Path, *batches: RlRecord, **more: float) -> Path:
    with MetricsWriter(run) as writer:
        for one in batches:
            others = {"policy_loss": 0.01, "kl": 0.03, "clipped": 0.07, "ratio": 1.002, "entropy": 0.7, **more}
            writer.write(train_record(one.step, others=others))
            writer.write(one)
    return run


def drawn(page: Page, title: str) -> dict[str, tuple[list, list]]:
    """{name: (x, y)} of a chart."""
    series = page.data[page.titles.index(title) - _tables_before(page, title)]["series"]
    return {one["name"]: (one["x"], one["y"]) for one in series}


def _tables_before(page: Page, title: str) -> int:
    """Headings of tables have no chart's data."""
    before = page.source[: page.source.index(f"<h3>{title}</h3>")]
    return before.count('<div class="scroll"><h3>')


def test_a_run_of_rl_shows_all_that_was_asked_for(tmp_path: Path) -> None:
    batches = [batch(step, engine_gap=GAP if step == 1 else None, disagreement=0.03) for step in (1, 2, 3)]
    page = report(rl_run(tmp_path, *batches))
    assert "Reinforcement learning" in page.text
    charts = [*CHARTS[:-1], "Rule and model disagree", CHARTS[-1]]
    assert page.titles[: len(charts)] == charts
    assert drawn(page, "Reward by task") == {
        "all tasks": ([1, 2, 3], [0.01, 0.02, 0.03]), "exam": ([1, 2, 3], [0.5] * 3), "诊断": ([1, 2, 3], [0.02, 0.04, 0.06])}
    assert drawn(page, "Reward by part") == {"exam/answer": ([1, 2, 3], [0.4] * 3), "exam/format": ([1, 2, 3], [0.9] * 3)}
    assert drawn(page, "Response length") == {"mean": ([1, 2, 3], [301, 302, 303]), "longest": ([1, 2, 3], [512] * 3)}
    assert drawn(page, "Entropy") == {"of the rollouts": ([1, 2, 3], [0.75] * 3), "while learning": ([1, 2, 3], [0.7] * 3)}
    shares = {"KL to the reference": 0.03, "Clipped tokens": 0.07, "Ratio": 1.002, "Policy loss": 0.01, "Unscored": 0.125,
              "Truncated": 0.05, "Groups without variance": 0.25, "Rule and model disagree": 0.03}
    for title, value in shares.items():
        assert drawn(page, title) == {"last": ([1, 2, 3], [value] * 3)}, title
    seconds = drawn(page, "Time of a batch")
    assert {name: set(y) for name, (_, y) in seconds.items()} == {
        "generate": {40.0}, "score": {3.0}, "logprobs": {5.0}, "train": {20.0}}
    # tables: reasons over three batches, the histogram
    for cells in ("timeout 9 75.0% 3", "no answer 3 25.0% 1", "below 0.001 600", "0.001 to 0.1 390", "0.1 and more 10"):
        assert cells in page.text, cells
    assert "Step 1: 1000 tokens, mean 0.002, largest 0.5 nats, mean ratio 1.00013." in page.text


def test_what_is_replayed_has_a_chart_where_there_is_any(tmp_path: Path) -> None:
    page = report(rl_run(tmp_path / "with", batch(1), batch(2), replay=0.2))
    assert drawn(page, "Replayed text") == {"last": ([1, 2], [0.2] * 2)}
    assert "Replayed text" not in report(rl_run(tmp_path / "without", batch(1), batch(2))).titles


def test_both_readings_stand_beside_each_other(tmp_path: Path) -> None:
    parts = [{"exam/strict": 0.125, "exam/lenient": 0.5, "exam/differ": differ, "诊断/f1": 0.75} for differ in (0.75, 0.375)]
    page = report(rl_run(tmp_path, *[batch(step, reward_by_part=part) for step, part in enumerate(parts, 1)]))
    table = page.text[page.text.index("Two readings of the answers"):]
    assert table.split("differ, first ")[1].startswith("exam 0.125 0.5 37.5% 75.0%") and "诊断" not in table
    assert "Two readings" not in report(rl_run(tmp_path / "other", batch(1))).text


def test_a_run_without_has_no_such_section(tmp_path: Path) -> None:
    page = report(make_run(tmp_path))
    assert "Reinforcement" not in page.text and "Reward" not in page.text and "Alarms" not in page.text


def test_what_was_not_measured_has_no_chart(tmp_path: Path) -> None:
    page = report(rl_run(tmp_path, batch(1), batch(2)))
    assert not {"Rule and model disagree", "Engine against trainer", "Mastered prompts by epoch",
                "Log-probabilities: engine against trainer", "Alarms"} & set(page.titles)


def test_reward_against_length_is_weighted_by_the_rollouts(tmp_path: Path) -> None:
    """24 batches; the last ten are drawn beside the first ten, and those between count in neither."""
    early, between, late = [(10, 10, 1, 0.0), (10, 10, 3, 1.0), (500, 500, 2, 0.5)], [(10, 10, 99, 9.0)], [(500, 500, 4, 1.0)]
    batches = [batch(step, reward_by_length=early if step <= 10 else between if step <= 14 else late) for step in range(1, 25)]
    lines = drawn(report(rl_run(tmp_path, *batches)), "Reward against length")
    assert lines["first 10 batches"][1] == [0.75, 0.5]
    assert lines["last 10 batches"][1] == [1.0]
    short, long = lines["first 10 batches"][0]
    assert 10 <= short < 60 and 450 < long <= 501 and lines["last 10 batches"][0] == [long]


def test_alarms_are_a_table_with_samples_and_file(tmp_path: Path) -> None:
    run = rl_run(tmp_path, batch(1), batch(2))
    with MetricsWriter(run) as writer:
        writer.write(Alarm("truncated", 0.4, 0.25, 2, "cut off").record([f"key-{n}" for n in range(10)], "rollouts/2.jsonl"))
    page = report(run)
    for text in ("truncated", "0.4", "0.25", "cut off", "key-7, 2 more", "rollouts/2.jsonl", "last: truncated, step 2"):
        assert text in page.text, text
    assert "key-8" not in page.text and "unreadable" not in page.text


def test_mastered_prompts_by_epoch_and_the_newest_of_a_step_counts(tmp_path: Path) -> None:
    resampled = {1: (0, 80), 4: (20, 60), 6: (30, 50)}
    batches = [batch(step, epoch=step // 2, resampled=dict(zip(("mastered", "kept"), resampled[step], strict=True))
                     if step in resampled else None) for step in range(1, 8)]
    page = report(rl_run(tmp_path, *batches, batch(6, epoch=3, resampled={"mastered": 40, "kept": 40})))
    table = page.text[page.text.index("Mastered prompts by epoch"):]
    assert " 0 1 0 80 0.0% 2 4 20 60 25.0% 3 6 40 40 50.0% " in table
    assert "30 50" not in table


def test_more_parts_than_colours(tmp_path: Path) -> None:
    parts = {f"task/part-{n:02}": n / 100 for n in range(30)}
    page = report(rl_run(tmp_path, batch(1, reward_by_part=parts), batch(2, reward_by_part=parts)))
    assert list(drawn(page, "Reward by part")) == list(parts)[:10]
    assert "the 10 lowest of 30" in page.text and page.source.count("<td>task/part-") == 30


@pytest.mark.parametrize("record", [
    {}, {"reward": None, "reward_by_task": None, "length": None, "engine_gap": None, "resampled": None, "seconds": None},
    dict.fromkeys(("reward", "reward_by_task", "reward_by_part", "reward_by_length", "length", "engine_gap", "resampled",
                   "seconds", "unscored_reasons", "epoch", "entropy"), "text"),
    dict.fromkeys(("reward", "reward_by_task", "reward_by_part", "reward_by_length", "length", "engine_gap", "resampled",
                   "seconds", "unscored_reasons", "epoch", "entropy"), [1, None, {}, []]),
    dict.fromkeys(("reward", "reward_by_task", "reward_by_part", "reward_by_length", "length", "engine_gap", "resampled",
                   "seconds", "unscored_reasons", "epoch", "entropy"), {"a": "NaN", "b": 1e308, "c": None}),
    {"reward": "NaN", "entropy": "Infinity", "unscored": 1e308, "truncated": -1e308},
    {"reward_by_length": [[5, 1, 2, 0.5], [0, 1], None, [0, 1e300, 1, 1], [0, 1, "NaN", 1], [1, 2, 0, 0.5], [3, 3, 1, None]]},
    {"reward_by_length": [[7, 7, 1, 0.5]]}, {"reward_by_length": [[0, 0, 1, 0.5]]},
    {"engine_gap": {"edges": [], "counts": []}}, {"engine_gap": {"edges": [1], "counts": [0, 0]}},
    {"engine_gap": {"edges": [1], "counts": [1, "NaN"], "mean": "NaN"}}, {"engine_gap": {"edges": ["NaN"], "counts": [1, 2]}},
    {"engine_gap": {"edges": [1], "counts": [1, 2], "mean_ratio": "Infinity"}},
    {"resampled": {"mastered": 0, "kept": 0}, "epoch": 0}, {"resampled": {}, "epoch": "NaN"}, {"unscored_reasons": {"": 0}},
    {"kind": "alarm"}, {"kind": "alarm", "value": "NaN", "bound": None, "samples": "x", "metric": ["a"], "text": {}, "file": 3},
])
def test_one_record_of_any_sort_is_a_report(tmp_path: Path, record: dict) -> None:
    train = {"kind": "train", "step": 1, "others": None}
    for others in ([], [train]):
        lines = [*others, {"kind": "rl", "step": 1}, {"kind": "rl", "step": 2} | record]
        page = report(write_lines(tmp_path, *lines))
        assert "Reinforcement learning" in page.text
        assert not [path for path in page.paths() if "nan" in path or "inf" in path]


def test_text_of_records_stays_text(tmp_path: Path) -> None:
    names = {EVIL: 0.5, "b": 0.25}
    run = rl_run(tmp_path, *(batch(step, reward_by_task=names, reward_by_part=names, unscored_reasons={EVIL: 3},
                                   seconds={EVIL: 1.0}) for step in (1, 2)))
    with MetricsWriter(run) as writer:
        writer.write(Alarm(EVIL, math.nan, 0.5, 2, EVIL).record([EVIL], EVIL))
    with open(run / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"kind": "alarm", "step": 2, "value": EVIL, "bound": EVIL}) + "\n")
        file.write(json.dumps(to_plain(batch(3)) | {"engine_gap": GAP | {"tokens": EVIL, "mean": EVIL}, "epoch": EVIL}) + "\n")
    page = report(run)
    assert not [a for a in page.attributes if a[0] == "img" or a[1] == "onerror"]
    assert page.source.count("<script>") == 1
    assert page.text.count("alert(2)") >= 12


def test_a_long_run_makes_a_small_page(tmp_path: Path) -> None:
    with open(tmp_path / "metrics.jsonl", "w") as file:
        for step in range(1, 5001):
            file.write(json.dumps(to_plain(batch(step))) + "\n")
            file.write(json.dumps(Alarm("kl", 1.0, 0.5, step, "far").to_json(["a"], "f")) + "\n")
    page = report(tmp_path)
    assert len(page.source) < 400_000 and "4,900 more in metrics.jsonl" in page.text


def test_named_rewards_have_charts_and_a_table(tmp_path: Path) -> None:
    def named(step: int) -> RlRecord:
        return batch(step, component_source={"right": "item", "诚实": "reward model 0123456789abcdef"},
                     component_mean={"right": step / 10, "诚实": 0.5}, component_spread={"right": 0.25}, capped=0.125,
                     component_weight={"right": 1.0, "诚实": 0.5}, component_unscored={"right": 0.0, "诚实": 0.375},
                     component_gradient={"right": 0.75, "诚实": 0.25}, component_reasons={"诚实/endpoint": 3})

    page = report(rl_run(tmp_path / "with", named(1), named(2)))
    assert drawn(page, "Reward by name") == {"right": ([1, 2], [0.1, 0.2]), "诚实": ([1, 2], [0.5, 0.5])}
    assert drawn(page, "Share of the gradient by name") == {"right": ([1, 2], [0.75] * 2), "诚实": ([1, 2], [0.25] * 2)}
    assert drawn(page, "Weight by name")["诚实"] == ([1, 2], [0.5] * 2)
    assert drawn(page, "Unscored by name")["诚实"] == ([1, 2], [0.375] * 2)
    assert drawn(page, "Capped")["last"] == ([1, 2], [0.125] * 2)
    assert "right item 0.1 0.2 0.25 1 75.0% 0.0% –" in page.text
    assert "诚实 reward model 0123456789abcdef 0.5 0.5 – 0.5 25.0% 37.5% 6 x endpoint" in page.text
    without = report(rl_run(tmp_path / "without", batch(1), batch(2)))
    assert not {"Reward by name", "Weight by name", "Capped", "Named rewards"} & set(without.titles)


def test_without_named_rewards_a_record_is_what_it_was() -> None:
    assert not [key for key in to_plain(batch(1)) if key.startswith("component") or key == "capped"]
