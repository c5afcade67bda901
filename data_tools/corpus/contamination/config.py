"""When a document holds an item of an evaluation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ContaminationConfig:
    """An item is in a document where enough of its question stands together there, wherever its options are and whatever they are
    called."""

    gram: int = 5
    """Units (Chinese characters, words) in a run that is looked for: shorter ones forgive more changes, longer ones find less by
    chance."""
    share: float = 0.75
    """Of the different runs of a question, those that must stand in the document within `window`."""
    least: int = 16
    """Characters that its runs there, and its options beside them, come to in any case, a word counted as two: fewer are a
    phrase, which many documents share."""
    window: float = 2.0
    """How far apart, in lengths of the question."""
    common: float = 0.01
    """Runs in more than this share of a set's items (and in more than 10 items) are its wording and no evidence."""

    def __post_init__(self) -> None:
        for name, low, high in (("gram", 2, 64), ("share", 0.1, 1.0), ("least", 1, 1000), ("window", 1.0, 100.0),
                                ("common", 0.0, 1.0)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} = {value}: {low} to {high} is meant")
