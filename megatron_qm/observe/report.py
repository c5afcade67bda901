"""`megatron-qm report RUN`: what a run did, on one HTML page that needs nothing but itself."""

import base64
import hashlib
import html
import time
from importlib import resources
from pathlib import Path

from megatron_qm import __version__
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write
from megatron_qm.observe.history import History, read_history
from megatron_qm.observe.page.charts import charts
from megatron_qm.observe.page.facts import Facts, read_facts
from megatron_qm.observe.page.probes import probe_section
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
    page = _page(read_history(run_dir), read_facts(run_dir), time.time())
    path = run_dir / REPORT_FILE
    try:
        with atomic_write(path) as stream:
            stream.write(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path}: cannot write the report: {error.strerror}") from None
    return path


def _page(history: History, facts: Facts, now: float) -> str:
    script, style = _asset("report.js"), _asset("report.css")
    stands = status(history, facts, now)
    body = [
        header(history, facts, stands),
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
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(facts.name)} – {html.escape(str(stands))}</title>
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


main_report = render_report
