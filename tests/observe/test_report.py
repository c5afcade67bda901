"""The report as a browser would take it: well formed, self-contained, true to the numbers, safe with any text."""

import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from megatron_qm.config.load import to_yaml
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError
from megatron_qm.files import write_json, write_text
from megatron_qm.observe.environment import capture_environment
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.records import EventRecord, ProbeRecord, ValidationRecord
from megatron_qm.observe.report import render_report, render_reports
from tests.observe.test_history import write_lines
from tests.observe.test_metrics import train_record

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Tags must close in order; collects text by the innermost heading-like tag, attributes and the charts' data."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.text, self.attributes, self.data = "", [], []
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, *attribute) for attribute in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            if data.startswith("{"):
                self.data.append(json.loads(data))
        elif not self.open or self.open[-1] != "style":
            self.text += " " + data

    @property
    def titles(self) -> list[str]:
        return re.findall(r"<h3>(.*?)</h3>", self.source)

    def paths(self) -> list[str]:
        return [value for tag, name, value in self.attributes if tag == "path" and name == "d"]


def make_run(run: Path, steps: int = 30, planned: int = 30, **changes) -> Path:
    config = load_run("tiny-cpu", [f"train.steps={planned}"])
    write_text(run / "config.resolved.yaml", to_yaml(config))
    write_json(run / "environment.json", capture_environment(world_size=2, device="x86_64", peak=None))
    with MetricsWriter(run) as writer:
        writer.write(EventRecord(0, "start"))
        writer.write(ProbeRecord(0, "编码 codes", 0.05, 0.03, 0.08, 400))
        for step in range(1, steps + 1):
            both = {"医学": 3 - step / 100, "web": 4 - step / 100}
            writer.write(train_record(step, loss=3.5 - step / 100, loss_by_source=both,
                                      tokens_by_source={"医学": 60 * step, "web": 40 * step}, **changes))
        writer.write(ValidationRecord(steps, 100 * steps, 3.3, {"医学": 2.9, "web": 3.9}))
        writer.write(EventRecord(steps, "checkpoint", f"step {steps}"))
        writer.write(ProbeRecord(steps, "编码 codes", 0.61, 0.56, 0.66, 400))
    return run


def report(run: Path) -> Page:
    path = render_report(run)
    assert path == run / "report.html"
    return Page(path)


def test_a_finished_run_shows_all_that_was_asked_for(tmp_path: Path) -> None:
    page = report(make_run(tmp_path / "medical"))
    assert page.titles == [
        "Loss", "Loss by source", "Validation loss by source", "Throughput", "Compute", "Learning rate",
        "Gradient norm", "Data consumed", "Time of a step", "Memory",
    ]
    for text in (
        "medical", "finished: step 30 of 30", "3.2", "3000", "TP2 x SP x DP1", "2.411M", "60.0%", "40.0%", "医学",
        "编码 codes", "61.0%", "56.0% to 66.0%", "5.0%", "checkpoint", "sequence_length: 256", "packages.torch",
    ):
        assert text in page.text, text
    loss = page.data[0]["series"]
    assert [(one["name"], one["x"], one["y"]) for one in loss] == [
        ("training", list(range(1, 31)), [pytest.approx(3.5 - step / 100) for step in range(1, 31)]),
        ("validation", [30], [3.3]),
    ]


def test_the_picture_is_true_to_the_numbers(tmp_path: Path) -> None:
    """The drawn line of the loss, taken back through the axis labels, gives the losses."""
    page = report(make_run(tmp_path))
    chart = page.source[page.source.index("<h3>Loss</h3>"):page.source.index("<h3>Loss by source</h3>")]
    ticks = [(float(place), float(label)) for place, label in
             re.findall(r'<span style="bottom:([\d.]+)%">([\d.]+)</span>', chart)]
    (low_place, low), (high_place, high) = ticks[0], ticks[-1]
    line = re.search(r'class="line c0" d="M([^"]+)"', chart)[1]
    heights = [100 - float(point.split()[1]) / 10 for point in line.split("L")]
    values = [low + (height - low_place) / (high_place - low_place) * (high - low) for height in heights]
    assert values == [pytest.approx(3.5 - step / 100, abs=2e-3) for step in range(1, 31)]


def test_nothing_is_fetched_and_nothing_but_our_script_runs(tmp_path: Path) -> None:
    page = report(make_run(tmp_path))
    assert not [a for a in page.attributes if a[1] in ("src", "href", "action", "srcset", "data", "onclick")]
    assert "url(" not in page.source and "@import" not in page.source
    policy = next(value for tag, name, value in page.attributes if tag == "meta" and "default-src" in (value or ""))
    assert "default-src 'none'" in policy and re.search(r"script-src 'sha256-[\w+/=]+'$", policy)


def test_text_of_a_run_stays_text(tmp_path: Path) -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">&amp;"\''
    run = make_run(tmp_path / "a&b<i>")
    with MetricsWriter(run) as writer:
        writer.write(train_record(31, loss_by_source={evil: 1.0, "b": 1.0}, tokens_by_source={evil: 5, "b": 5},
                                  phase_seconds={evil: 1.0}))
        writer.write(EventRecord(31, evil, evil))
        writer.write(EventRecord(31, "skipped", evil))
        writer.write(ProbeRecord(31, evil, 0.5, 0.4, 0.6, 10))
    with open(run / "config.resolved.yaml", "a") as file:
        file.write(f"# {evil}\n")
    write_json(run / "environment.json", {evil: evil, "peak": evil, "device": evil, "world_size": 2})
    page = report(run)
    assert not [a for a in page.attributes if a[0] == "img" or a[1] == "onerror"]
    assert page.source.count("<script>") == 1
    assert page.text.count("alert(2)") >= 8
    assert any(one["name"] == evil for chart in page.data for one in chart["series"])


def test_a_page_is_called_by_place_stage_and_state(tmp_path: Path) -> None:
    page = report(make_run(tmp_path / "quickstart" / "run"))
    assert "<title>quickstart/run – pretraining – finished: step 30 of 30</title>" in page.source
    assert "<h1>quickstart/run</h1>" in page.source and '<span class="chip">pretraining</span>' in page.source


def test_several_runs_are_told_apart_and_jumped_to(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / stage / "run") for stage in ("first", "second")]
    config = runs[1] / "config.resolved.yaml"
    config.write_text(re.sub(r"^stage: .*\n", "", config.read_text(), flags=re.MULTILINE) + "stage: sft\n")
    page = Page(render_reports(runs, tmp_path / "both.html"))
    assert "<title>first/run → second/run</title>" in page.source
    links = [value for tag, name, value in page.attributes if name == "href"]
    targets = {value for tag, name, value in page.attributes if name == "id"}
    assert set(links) == {"#run-1", "#run-2", "#runs"} and {f"#{target}" for target in targets} == set(links)
    for number, name, stage in ((1, "first/run", "pretraining"), (2, "second/run", "fine-tuning")):
        assert f'<a href="#run-{number}">{name}</a> <span class="chip">{stage}</span>' in page.source
        part = page.source[page.source.index(f'<article id="run-{number}">'):]
        assert f'<h1>{name}</h1>\n<span class="chip">{stage}</span>' in part[:part.index("</header>")]


def probed(run: Path, chance: float | None, steps: int = 3) -> Path:
    with MetricsWriter(run) as writer:
        for step in range(steps):
            writer.write(ProbeRecord(step, "codes", 0.3 + step / 10, 0.2, 0.9, 400, chance))
            writer.write(ProbeRecord(step, "exam", 0.4, 0.3, 0.5, 400))
    return run


def test_chance_is_a_line_and_a_word_where_it_is_known(tmp_path: Path) -> None:
    page = report(probed(tmp_path, 0.25))
    rows = page.source.split('<div class="probe">')[1:]
    assert "400 questions, chance 25.0%" in rows[0] and '<i class="chance" style="left:25.00%">' in rows[0]
    assert "chance" not in rows[1].split("<p", 1)[0]
    chart = page.data[page.titles.index("Probes and items")]["series"]
    assert [(one["name"], one["y"]) for one in chart] == [
        ("codes", [0.3, 0.4, 0.5]), ("exam", [0.4] * 3), ("chance", [0.25] * 3)]
    assert 'class="line dashed c10"' in page.source


def test_old_probes_have_no_chance(tmp_path: Path) -> None:
    page = report(probed(tmp_path / "old" / "run", None))
    assert "chance" not in page.text and 'class="line dashed' not in page.source


def test_from_stage_to_stage_beside_chance(tmp_path: Path) -> None:
    runs = [probed(tmp_path / name, 0.25, steps=1) for name in ("one", "two")]
    page = Page(render_reports(runs, tmp_path / "both.html"))
    table = page.source[page.source.index("From stage to stage"):page.source.index('<article id="run-1">')]
    name = tmp_path.name
    assert re.findall("<th>(.*?)</th>", table) == [
        "", "chance", "before", f"after {name}/one", f"after {name}/two", "codes", "exam"]
    assert "<th>codes</th><td>25.0%</td><td>30.0% " in table and "<th>exam</th><td>–</td><td>40.0% " in table


def test_what_is_worth_a_look_stands_above_the_figures(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    with MetricsWriter(run) as writer:
        writer.write(EventRecord(30, "already finished", "step 30 of 30 was done before: nothing was left to do"))
    page = report(run)
    assert page.text.index("Worth a look") < page.text.index("started again after its last step") < page.text.index("Last loss")
    assert "in one go" in page.text  # it was not taken up again


def test_nothing_is_wider_than_a_phone_but_what_scrolls_in_its_box(tmp_path: Path) -> None:
    """By the page's own structure; how it looks was looked at in a browser."""
    page = report(make_run(tmp_path))
    boxes = re.sub(r'<div class="scroll">.*?(</table>|</pre>)</div>', "", page.source, flags=re.DOTALL)
    assert "<table" in page.source and "<pre" in page.source and "<table" not in boxes and "<pre" not in boxes
    assert re.search(r"\.scroll \{\s*overflow-x: auto", page.source) and "width: max-content; min-width: 100%" in page.source


def test_many_events_are_folded_away(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "<details><summary><h2>Events" not in report(run).source
    with MetricsWriter(run) as writer:
        for step in range(19):
            writer.write(EventRecord(step, "checkpoint"))
    assert "<details><summary><h2>Events</h2> <code>21</code>" in report(run).source


def test_a_run_in_progress_and_one_that_stopped(tmp_path: Path) -> None:
    run = make_run(tmp_path, steps=10, planned=30)
    assert "running: step 10 of 30" in report(run).text
    lines = (run / "metrics.jsonl").read_text().splitlines()
    old = [json.dumps(json.loads(line) | {"time": 1.7e9}) for line in lines]
    (run / "metrics.jsonl").write_text("\n".join(old) + '\n{"kind":"train","st')
    page = report(run)
    assert "stopped: step 10 of 30" in page.text and "unreadable" not in page.text


@pytest.mark.parametrize("record", [
    {"kind": "train", "step": 1, "loss": 2.5}, {"kind": "train", "step": 0},
    {"kind": "train", "step": 2**53, "loss": 1.0},
    {"kind": "validation", "step": 5, "loss": 2.0}, {"kind": "probe", "step": 5, "name": "p", "accuracy": 0.5},
    {"kind": "probe", "step": 5}, {"kind": "train", "step": 1, "loss": "NaN", "lr": "Infinity", "loss_by_source": 3},
    {"kind": "train", "step": 1, "loss": 1e308, "grad_norm": -1e308, "tokens_by_source": {"": -5, "b": "x"}},
    {"kind": "train", "step": 1, "loss": 0, "time": 1e300, "step_seconds": -1},
])
def test_one_record_is_a_report(tmp_path: Path, record: dict) -> None:
    page = report(write_lines(tmp_path, record))
    assert "config.resolved.yaml cannot be read" in page.text
    assert not [path for path in page.paths() if "nan" in path or "inf" in path]


def test_losses_that_are_not_finite_are_marked_and_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, steps=20)
    with MetricsWriter(run) as writer:
        writer.write(train_record(21, loss=math.nan, loss_by_source={"医学": math.inf, "web": 1.0}))
        writer.write(train_record(22, loss=math.inf))
        writer.write(train_record(23, loss=3.0))
    page = report(run)
    assert "training: 2 values not finite, first at step 21." in page.text
    assert 'class="bad"' in page.source
    assert page.data[0]["series"][0]["y"][20:] == [None, None, 3.0]
    assert not [path for path in page.paths() if "nan" in path or "inf" in path]


def test_a_spike_does_not_flatten_the_curve_and_is_told(tmp_path: Path) -> None:
    values = [{"kind": "train", "step": s, "grad_norm": 1000.0 if s == 50 else 1 + s % 7 / 10} for s in range(1, 101)]
    page = report(write_lines(tmp_path, *values))
    assert "1 value above the scale, the greatest 1000 at step 50." in page.text
    labels = re.findall(r'bottom:[\d.]+%">([\d.]+)<', page.source)
    assert max(map(float, labels)) < 3


@pytest.mark.parametrize(("file", "text"), [
    ("config.resolved.yaml", "a: [1"), ("config.resolved.yaml", "just text"), ("config.resolved.yaml", "\0"),
    ("config.resolved.yaml", "model: {layers: two}\nparallel: 7\ntrain: {steps: []}"),
    ("config.resolved.yaml", "parallel: {tp: 3, pp: 1, cp: 1, unknown: 4}\ntrain: {tokens: .inf}"),
    ("config.resolved.yaml", "model: {layers: 1, hidden_size: 0}"),
    ("environment.json", "{"), ("environment.json", "[]"),
    ("environment.json", '{"world_size": "two", "gpus": [{"a": []}]}'),
])
def test_broken_side_files_do_not_cost_the_report(tmp_path: Path, file: str, text: str) -> None:
    run = make_run(tmp_path)
    (run / file).write_text(text)
    assert "Data consumed" in report(run).titles


def test_more_sources_than_colours(tmp_path: Path) -> None:
    names = [f"source-{index}" for index in range(40)]
    with MetricsWriter(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.write(train_record(step, loss_by_source=dict.fromkeys(names, 2.0),
                                      tokens_by_source={name: step * index for index, name in enumerate(names)}))
    page = report(tmp_path)
    assert "10 largest of 40 sources" in page.text
    by_source = page.data[page.titles.index("Loss by source")]
    assert [one["name"] for one in by_source["series"]] == names[-10:]
    assert page.source.count("<th>source-") == 40  # the table has them all


def test_a_hundred_thousand_steps_make_a_small_page(tmp_path: Path) -> None:
    with open(tmp_path / "metrics.jsonl", "w") as file:
        for step in range(1, 100_001):
            loss = 11.0 if step == 70_001 else 2 + 5 / step
            file.write(f'{{"kind":"train","step":{step},"tokens":{step * 4096},"loss":{loss},"lr":0.001,'
                       f'"grad_norm":{1 + step % 13},"loss_by_source":{{"a":{loss},"b":{loss + 1}}},'
                       f'"tokens_by_source":{{"a":{step},"b":{step}}}}}\n')
    path = render_report(tmp_path)
    assert path.stat().st_size < 500_000
    page = Page(path)
    training = page.data[0]["series"][0]
    assert max(training["high"]) == 11.0 and len(training["x"]) <= 162  # thinned, and the spike is still there


def test_a_report_that_cannot_be_written_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = render_report(make_run(tmp_path))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"report\.html: cannot write the report: No space left"):
        render_report(tmp_path)
    assert path.read_bytes() == before
    assert not [left.name for left in tmp_path.iterdir() if left.name.endswith(".tmp")]


def test_a_report_needs_no_torch(tmp_path: Path) -> None:
    make_run(tmp_path)
    program = """
import sys
from pathlib import Path
from megatron_qm.observe.report import render_report
render_report(Path(sys.argv[1]))
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "False"
