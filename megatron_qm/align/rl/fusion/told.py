"""What the record of a batch says of each of its rewards."""

from collections import Counter
from collections.abc import Iterable
from typing import TypedDict

import numpy as np

from megatron_qm.align.rl.fusion.components import Components
from megatron_qm.align.rl.fusion.fuse import Fused


class ComponentSummary(TypedDict, total=False):
    """Fields of an RlRecord, which says what they are."""

    component_source: dict[str, str]
    component_mean: dict[str, float]
    component_spread: dict[str, float]
    component_weight: dict[str, float]
    component_unscored: dict[str, float]
    component_gradient: dict[str, float]
    component_reasons: dict[str, int]
    capped: float


def component_summary(found: Components, fused: Fused) -> ComponentSummary:
    """A reward that was not asked about this batch is in none of the shares."""
    asked = [(k, name) for k, name in enumerate(found.names) if found.asked_nk[:, k].any()]
    columns = {name: found.value_nk[found.known_nk[:, k], k] for k, name in asked}
    size_k = np.abs(fused.push_nk).sum(axis=0)
    reasons = Counter(f"{found.names[k]}/{why.partition(':')[0]}" for (_, k), why in sorted(found.why.items()))
    scored = len(found) - len(fused.unscored)
    said: ComponentSummary = {
        "component_source": dict(zip(found.names, found.sources, strict=False)),
        "component_mean": {name: float(of.mean()) for name, of in columns.items() if len(of)},
        "component_spread": {name: float(of.std(ddof=1)) for name, of in columns.items() if len(of) > 1},
        "component_weight": dict(zip(found.names, fused.weight_k.tolist(), strict=True)),
        "component_unscored": {name: 1 - float(found.known_nk[found.asked_nk[:, k], k].mean()) for k, name in asked},
        "component_gradient": _shares(asked, size_k),
        "component_reasons": dict(reasons),
    }
    if fused.capped_n is not None and scored:
        said["capped"] = float(fused.capped_n.sum() / scored)
    return said


def _shares(asked: Iterable[tuple[int, str]], size_k: np.ndarray) -> dict[str, float]:
    """None where there is no gradient."""
    whole = float(size_k.sum())
    return {name: float(size_k[k] / whole) for k, name in asked} if whole > 0 else {}
