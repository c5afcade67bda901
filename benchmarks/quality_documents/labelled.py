"""The labelled documents of benchmarks/quality.py: `{id, text, language, kind, label, part}`. `label`, keep or drop, follows from
the generator that wrote the text; `part` is seen (the rules were written with such texts at hand) or held_out."""

from collections.abc import Iterator
from random import Random

from quality_documents import bad_en, bad_zh, good_en, good_zh

_GENRES = {"zh": (good_zh, bad_zh), "en": (good_en, bad_en)}
_COUNTS = {"keep": 25, "drop": 20}  # documents a genre or kind: 400 to keep and 320 to drop in each language


def labelled(language: str, seed: str) -> Iterator[dict[str, str]]:
    """The same for the same seed; what the rules were written with had another than what they are measured on."""
    for label, module in zip(("keep", "drop"), _GENRES[language], strict=True):
        for part, kinds in (("seen", module.SEEN), ("held_out", module.HELD_OUT)):
            for kind, write in kinds.items():
                for at in range(_COUNTS[label]):
                    yield {"id": f"{language}-{kind}-{at}", "text": write(Random(f"{seed}/{language}/{kind}/{at}")),
                           "language": language, "kind": kind, "label": label, "part": part}
