"""What a process must have in memory before a verdict, so that no sample's time goes into reading tables.

A module that defines verifiers may define `warm(system)`, too: it reads what the first verdict would wait for. system: the
`system` of an item's metadata, empty where there is none.
"""

import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress

from megatron_qm.rewards.registry import Verifier, function_of, load

PRELOADED = {"exam", "diagnosis", "diagnosis_cm", "drugs", "ordering"}  # modules of rewards/preloaded
Need = tuple[str, str]  # a function by name, empty for a model alone; and the coding system that it reads


def need_of(verifier: Verifier, metadata: Mapping[str, object]) -> Need:
    return function_of(verifier), str(metadata.get("system", ""))[:20]


def prepare(need: Need) -> None:
    """What cannot be loaded is said by the verdict, and not here."""
    function, system = need
    if not function:
        return
    with suppress(BaseException):  # a system that nobody knows, a function that is gone, a module that exits
        verifier = load(function)
        warm = getattr(sys.modules.get(getattr(verifier, "__module__", "")), "warm", None)
        if callable(warm):
            warm(system)


def preloads(needs: Iterable[Need]) -> list[str]:
    """Modules to import into the server of which each worker is a fork: of what ships, whose import starts no threads. Functions
    of users mostly ask ours, so the grammar of answers, which exams read by, is there for them too."""
    wanted = {f"{function}_cm" if (function, system) == ("diagnosis", "cm") else function for function, system in needs}
    shipped = wanted & PRELOADED or {"exam"}
    return ["megatron_qm.rewards.pool", *(f"megatron_qm.rewards.preloaded.{name}" for name in sorted(shipped))]
