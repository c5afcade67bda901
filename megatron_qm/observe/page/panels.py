"""What stages show on the page beside what all of them do."""

import importlib
from collections.abc import Callable

from megatron_qm.config.stages import STAGES
from megatron_qm.observe.history import History


def panels(history: History) -> str:
    """Of every stage that has a panel (config/stages.py); one that finds no records of its own is empty."""
    return "\n".join(filter(None, (_panel(stage.panel)(history) for stage in STAGES.values() if stage.panel is not None)))


def _panel(name: str) -> Callable[[History], str]:
    module, _, function = name.partition(":")
    found: Callable[[History], str] = getattr(importlib.import_module(module), function)
    return found
