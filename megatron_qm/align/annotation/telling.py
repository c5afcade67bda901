"""A summary of verdicts in words for a terminal, and as JSON."""

from collections.abc import Iterator

from megatron_qm.align.annotation.summary import Agreement, AnnotatorSummary, Share, Summary
from megatron_qm.json_types import JsonObject


def in_words(summary: Summary) -> Iterator[str]:
    """Line by line."""
    yield f"{summary.pairs} pairs read"
    for one in summary.annotators:
        yield from _annotator(one)
    for (name, other), agreement in summary.between.items():
        yield f"{name} and {other}: {_agreement(agreement)}"
    if len(summary.annotators) > 1 and not summary.between:
        yield "no pair was read by two annotators: agreement is not known"


def as_json(summary: Summary) -> JsonObject:
    """Names of fields as in the dataclasses; shares as part, total, low, high."""
    return {
        "pairs": summary.pairs,
        "annotators": [{
            "name": one.name, "counts": dict(one.counts), "withdrawn": one.withdrawn, "notes": one.notes,
            "per_hour": one.per_hour, "first": _share(one.first), "again": _both(one.again), "stayed": _share(one.stayed),
        } for one in summary.annotators],
        "between": [{"annotators": list(names), **_both(agreement)} for names, agreement in summary.between.items()],
    }


def _annotator(one: AnnotatorSummary) -> Iterator[str]:
    counts = ", ".join(f"{word} {count}" for word, count in one.counts.items() if count) or "nothing stands"
    pace = "" if one.per_hour is None else f"; {one.per_hour:.0f} an hour"
    yield f"{one.name}: {counts}; withdrawn {one.withdrawn}, notes {one.notes}{pace}"
    if one.first.total:
        low, high = one.first.interval
        bias = "" if low <= 0.5 <= high else ": the place misleads"
        yield f"  prefers the response shown first in {_percent(one.first)}{bias}"
    if one.again.same.total:
        yield f"  read again, the other way round: {_agreement(one.again)}"
    if one.stayed.total:
        yield f"  took the same place both times in {_percent(one.stayed)}"


def _agreement(agreement: Agreement) -> str:
    kappa, measured = "", agreement.kappa
    if measured is not None and measured.kappa is not None:
        kappa = f", kappa {measured.kappa:.2f} [{measured.low:.2f}, {measured.high:.2f}]"
    elif measured is not None:
        kappa = ", kappa is not defined where one verdict alone is used"
    return f"the same verdict on {_percent(agreement.same)}{kappa}"


def _percent(share: Share) -> str:
    low, high = share.interval
    return f"{share.part} of {share.total}: {share.part / share.total:.0%} [{low:.0%}, {high:.0%}]"


def _share(share: Share) -> JsonObject:
    low, high = share.interval
    return {"part": share.part, "total": share.total, "low": low, "high": high}


def _both(agreement: Agreement) -> JsonObject:
    measured = agreement.kappa
    kappa = None if measured is None else {"kappa": measured.kappa, "low": measured.low, "high": measured.high}
    return {"same": _share(agreement.same), "kappa": kappa}
