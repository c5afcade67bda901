"""The table of what verifiers read says what they read."""

from collections.abc import Iterator, Mapping

import pytest

from megatron_qm.rewards.reads import ANY, KEYS, keys_of, only_read
from megatron_qm.rewards.registry import SHIPPED_NAMES, VERIFIERS, load

REFERENCES = {"exam": "A", "diagnosis": "I10", "drugs": ["aspirin"], "ordering": ["cbc"], "format": None}


class Told(Mapping[str, object]):
    """Empty metadata that remembers what was looked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_verifier_that_ships_reads_what_the_table_says(name: str) -> None:
    told = Told()
    load(name)("Which?", '{"answer": "A", "diagnosis": "I10", "drugs": ["aspirin"]}', REFERENCES[name], told)
    read = set(KEYS[name]) | ({"format", "keys"} if name == "format" else set())
    assert told.asked == read


def test_every_verifier_that_ships_is_in_the_table() -> None:
    assert {*KEYS, "hybrid"} == set(SHIPPED_NAMES) and all(keys_of(name, {"rule": "exam"}) for name in SHIPPED_NAMES)
    assert set(ANY) == {key for name in SHIPPED_NAMES for key in keys_of(name, {"rule": "exam"})}


def test_hybrid_reads_what_its_rule_reads() -> None:
    assert set(keys_of("hybrid", {"rule": "drugs"})) == {"names", "contraindicated", "format", "keys", "rule", "judge"}
    assert keys_of("hybrid", {"rule": "mine"}) is None and keys_of("mine", {}) is None


def test_what_is_sent_to_a_door_is_what_is_read_there() -> None:
    metadata = {"options": {"A": "x"}, "format": "box", "level": 3}
    assert only_read("exam", metadata) == {"options": {"A": "x"}, "format": "box"} and only_read("mine", metadata) == metadata
