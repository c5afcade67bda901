"""Whether a document is a record of a patient, where every name counts, or a text about medicine, where hardly any stands."""

from collections.abc import Sequence

from data_tools.corpus.phi.spans import Span

_EVIDENCE = frozenset(("ID", "BANK", "EMAIL", "MRN", "PHONE", "PLATE", "DATE", "NAME"))
_CHARACTERS = 600  # with at least one value


def is_record(text: str, found: Sequence[Span]) -> bool:
    """Values of two types and more, and one of them every few lines: what rules that need no context would find is likely true."""
    values = [span.type for span in found if span.type in _EVIDENCE]
    return len(set(values)) >= 2 and len(values) * _CHARACTERS >= len(text)
