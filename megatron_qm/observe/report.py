"""`megatron-qm report RUN`: what a run did, on one HTML page that needs nothing but itself; or several runs, one after
another, with what each did to the accuracies that they share."""

import base64
import hashlib
import html
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from megatron_qm import __version__
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write
from megatron_qm.observe.history import History, read_history
from megatron_qm.observe.page.charts import charts
from megatron_qm.observe.page.facts import Facts, read_facts
from megatron_qm.observe.page.probes import probe_section, stages_section
from megatron_qm.observe.page.rl import rl_section
from megatron_qm.observe.page.summary import cards, header, status
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


def render_report(run_dir: Path) -> Path:
    """Write RUN/report.html from what RUN holds so far, and return its path; a run in progress is fine.

    Reads metrics.jsonl, config.resolved.yaml and environment.json; only the first must be there. Raises UserError
    naming the file where nothing has been measured yet or the page cannot be written.
    """
    run_dir = Path(run_dir)
    return _written(run_dir / REPORT_FILE, _page(read_history(run_dir), read_facts(run_dir), time.time()))


def render_reports(run_dirs: Sequence[Path], path: Path) -> Path:
    """Write one page about several runs, the stages of a model's life, in their order. Raises as `render_report`."""
    now = time.time()
    runs = [(read_history(Path(run)), read_facts(Path(run))) for run in run_dirs]
    body = [stages_section([(facts.name, history.probes) for history, facts in runs])]
    for history, facts in runs:
        body += _body(history, facts, now)
    return _written(path, _document(" → ".join(facts.name for _, facts in runs), body, now))


def _written(path: Path, page: str) -> Path:
    try:
        with atomic_write(path) as stream:
            stream.write(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path}: cannot write the report: {error.strerror}") from None
    return path


def _page(history: History, facts: Facts, now: float) -> str:
    return _document(f"{facts.name} – {status(history, facts, now)}", _body(history, facts, now), now)


def _body(history: History, facts: Facts, now: float) -> list[str]:
    return [
        header(history, facts, status(history, facts, now)),
        notices(history, facts),
        cards(history, facts),
        probe_section(history.probes),
        rl_section(history),
        charts(history),
        sources_table(history),
        prediction_table(history, facts),
        stragglers_table(history),
        events_table(history),
        config_section(facts),
        environment_section(facts),
    ]


def _document(title: str, body: Sequence[str], now: float) -> str:
    script, style = _asset("report.js"), _asset("report.css")
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{chr(10).join(part for part in body if part)}
<footer>megatron-qm {__version__}, written {made}</footer>
</main>
<script>{script}</script>
</body>
</html>
"""


def _policy(script: str) -> str:
    """The page may load nothing, and run this one script: whatever a run's files hold stays text."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _asset(name: str) -> str:
    return resources.files("megatron_qm.observe.page").joinpath(name).read_text(encoding="utf-8")
