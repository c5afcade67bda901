"""`megatron-qm reward-loop`: what the rounds have brought, on one HTML page that needs nothing but itself."""

import time
from pathlib import Path

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.page.document import document, written
from megatron_qm.observe.page.reward_loop import reward_loop_body, title_of


def render_reward_loop(found: JsonObject, rounds: int, path: Path) -> Path:
    """found: what the loop writes as loop.json. rounds: that are asked for. Raises UserError where the page cannot be written."""
    return written(path, document(title_of(found), reward_loop_body(found, rounds), time.time()))
