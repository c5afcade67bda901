"""`megatron-qm evaluate --pairs ... --page FILE`: what was found, on one HTML page that needs nothing but itself."""

import time
from pathlib import Path

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.page.document import document, written
from megatron_qm.observe.page.pairs import pairs_body, title_of


def render_pairs(found: JsonObject, path: Path) -> Path:
    """found: what `evaluate --pairs --output` writes, with the scores or without. Raises UserError where the page cannot be
    written."""
    return written(path, document(title_of(found), pairs_body(found), time.time()))
