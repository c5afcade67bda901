"""What a remark on a run is."""

from collections.abc import Callable
from typing import NamedTuple

from megatron_qm.observe.history import History
from megatron_qm.observe.page.facts import Facts


class Remark(NamedTuple):
    """seen: what, with its numbers. advice: what to do, a sentence or two."""

    seen: str
    advice: str


Rule = Callable[[History, Facts], Remark | None]
