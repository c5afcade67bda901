"""Which keys of metadata each verifier that ships reads. Items may say more of themselves; callers of a door may not, since
what nobody reads is most often a key that is misspelt."""

from collections.abc import Collection, Mapping, Sequence

from megatron_qm.json_types import check_names
from megatron_qm.rewards.general import GENERAL
from megatron_qm.rewards.graded import GRADED

OF_ANSWERS = ("format", "keys")  # formats.py: whoever judges
KEYS: Mapping[str, tuple[str, ...]] = {
    "exam": ("options",),
    "diagnosis": ("system", "names", "score"),
    "drugs": ("names", "contraindicated"),
    "ordering": ("synonyms",),
    "format": (),
    GENERAL: ("principles", "judge"),
    GRADED: (),
}
HYBRID_KEYS = ("rule", "judge")  # and those of its rule
ANY = tuple(dict.fromkeys((*OF_ANSWERS, *HYBRID_KEYS, *(key for keys in KEYS.values() for key in keys))))


def keys_of(name: object, metadata: Mapping[str, object]) -> tuple[str, ...] | None:
    """What the verifier `name` reads; None where it is a function of the user, which may read anything."""
    if name == "hybrid":
        keys = keys_of(metadata.get("rule"), {})
        return None if keys is None else (*keys, *HYBRID_KEYS)
    return (*KEYS[name], *OF_ANSWERS) if isinstance(name, str) and name in KEYS else None


def check_read(name: str, metadata: Mapping[str, object], keys: Sequence[str] | None, unread: Collection[str] = ()) -> None:
    """Raises ValueError for a key that is none of `keys`, with the nearest of them. None: any is one. unread: may stand there."""
    if keys is not None:
        check_names(metadata, keys, f"the metadata that {name!r} reads", unread)


def only_read(name: object, metadata: Mapping[str, object]) -> dict[str, object]:
    """Metadata without what the verifier would not read."""
    keys = keys_of(name, metadata)
    return {key: value for key, value in metadata.items() if keys is None or key in keys}
