"""`megatron-qm report RUN`: what a run did, on one HTML page that needs nothing but itself; or several runs, one after
another, with what each did to the accuracies that they share."""

import html
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from megatron_qm.observe.history import History, read_history
from megatron_qm.observe.page.charts import charts
from megatron_qm.observe.page.document import document, is_of_kind, written
from megatron_qm.observe.page.facts import Facts, read_facts
from megatron_qm.observe.page.naming import run_names, stage_of
from megatron_qm.observe.page.panels import panels
from megatron_qm.observe.page.probes import probe_section, stages_section
from megatron_qm.observe.page.remarks import remarks_section
from megatron_qm.observe.page.summary import cards, chips, header, status
from megatron_qm.observe.page.tables import (
    config_section,
    environment_section,
    events_table,
    notices,
    prediction_table,
    sources_table,
    stragglers_table,
)

REPORT_FILE = "report.html"
_KIND = "report"
Section = Callable[[History, Facts], str]

# Below the heading of a run, in this order; a section that has nothing to show is empty.
_SECTIONS: Sequence[Section] = (
    notices,
    remarks_section,
    cards,
    lambda history, _: probe_section(history.records("probe")),
    lambda history, _: panels(history),
    lambda history, _: charts(history),
    lambda history, _: sources_table(history),
    prediction_table,
    lambda history, _: stragglers_table(history),
    lambda history, _: events_table(history),
    lambda _, facts: config_section(facts),
    lambda _, facts: environment_section(facts),
)


def render_report(run_dir: Path) -> Path:
    """Write RUN/report.html from what RUN holds so far, and return its path; a run in progress is fine.

    Reads metrics.jsonl, config.resolved.yaml and environment.json; only the first must be there. Raises UserError
    naming the file where nothing has been measured yet or the page cannot be written.
    """
    run_dir, now = Path(run_dir), time.time()
    history, facts = _read([run_dir])[0]
    title = [facts.name, stage_of(facts.config), str(status(history, facts, now))]
    body = _body(history, facts, now)
    return written(run_dir / REPORT_FILE, document(" – ".join(part for part in title if part), body, now, _KIND))


def render_reports(run_dirs: Sequence[Path], path: Path) -> Path:
    """Write one page about several runs, the stages of a model's life, in their order. Raises as `render_report`."""
    now = time.time()
    runs = _read([Path(run) for run in run_dirs])
    body = [
        _contents(runs, now),
        stages_section([(facts.name, history.records("probe")) for history, facts in runs]),
    ]
    for number, (history, facts) in enumerate(runs, 1):
        up = '<a class="up" href="#runs">↑ all runs</a>'
        body += [f'<article id="run-{number}">{up}', *_body(history, facts, now), "</article>"]
    return written(path, document(" → ".join(facts.name for _, facts in runs), body, now, _KIND))


def is_report(path: Path) -> bool:
    """Whether a file is a page of runs, which may be written again."""
    return is_of_kind(path, _KIND)


def _read(run_dirs: Sequence[Path]) -> list[tuple[History, Facts]]:
    names = run_names(run_dirs)
    return [(read_history(run), read_facts(run, name)) for run, name in zip(run_dirs, names, strict=True)]


def _contents(runs: Sequence[tuple[History, Facts]], now: float) -> str:
    """The runs of a page, each to jump to."""
    links = "".join(
        f'<li><a href="#run-{number}">{html.escape(facts.name)}</a> {chips(facts, status(history, facts, now))}</li>\n'
        for number, (history, facts) in enumerate(runs, 1)
    )
    return f'<nav id="runs"><h1>{len(runs)} runs</h1><ol>\n{links}</ol></nav>'


def _body(history: History, facts: Facts, now: float) -> list[str]:
    return [header(history, facts, status(history, facts, now)), *(section(history, facts) for section in _SECTIONS)]
