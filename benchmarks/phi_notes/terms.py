"""Names of drugs and diseases in plain sentences, where nothing is PHI."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent


def read(code: str) -> list[tuple[str, str]]:
    """(kind, name): `drug` before the line ---, `disease` after it."""
    drugs, _, diseases = (HERE / f"terms-{code}.txt").read_text(encoding="utf-8").partition("\n---\n")
    return [(kind, name) for kind, names in (("drug", drugs), ("disease", diseases)) for name in names.splitlines() if name]


def _sentences(code: str, kind: str) -> list[str]:
    lines = (HERE / code / "term-sentences.txt").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(f"{kind} ") for line in lines if line.startswith(f"{kind} ")]


def rows(code: str, seed: int) -> Iterator[dict[str, Any]]:
    """One sentence for each name."""
    rng, sentences = Random(f"{code} {seed}"), {kind: _sentences(code, kind) for kind in ("drug", "disease")}
    for number, (kind, name) in enumerate(read(code), start=1):
        before, after = rng.choice(sentences[kind]).split("{}")
        if not before:
            name = name[0].upper() + name[1:]
        yield {"id": f"{code}-terms-{seed}-{number:04}", "text": before + name + after, "language": code, "phi": [],
               "traps": [{"start": len(before), "end": len(before) + len(name), "kind": kind}]}
