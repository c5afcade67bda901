"""Metadata is anybody's JSON: what is of another kind than a verifier reads leaves the sample unscored, and says why."""

import pytest

from megatron_qm.rewards.metadata import lists_of, table_of, word_of, words_of
from megatron_qm.rewards.outcome import Unscored
from megatron_qm.rewards.registry import SHIPPED
from megatron_qm.rewards.samples import Sample, judge


def test_what_is_left_out_is_empty() -> None:
    assert word_of({}, "system", "who") == "who"
    assert (list(words_of({}, "contraindicated")), table_of({"names": None}, "names"), lists_of({}, "synonyms")) == ([], {}, {})


@pytest.mark.parametrize(("verifier", "reference", "metadata", "said"), [
    ("drugs", ["aspirin"], {"contraindicated": "warfarin"}, "metadata.contraindicated = 'warfarin' is not a list of texts"),
    ("drugs", ["aspirin"], {"names": ["aspirin"]}, "metadata.names = ['aspirin'] is not an object of texts"),
    ("diagnosis", "I10", {"system": 10}, "metadata.system = 10 is not text"),
    ("ordering", ["cbc"], {"synonyms": "cbc"}, "metadata.synonyms = 'cbc' is not an object of lists"),
])
def test_another_kind_is_no_score(verifier: str, reference: object, metadata: dict[str, object], said: str) -> None:
    outcome = judge(Sample(verifier, "", "answer", reference, metadata))
    assert isinstance(outcome, Unscored) and said in outcome.reason


@pytest.mark.parametrize("value", [[], "", 0, False], ids=repr)
def test_what_is_empty_of_the_wrong_type_is_no_absence(value: object) -> None:
    with pytest.raises(ValueError, match="metadata.options = .* is not an object of texts"):
        table_of({"options": value}, "options")
    assert table_of({"options": None}, "options") == table_of({}, "options") == {}


def test_hybrid_without_a_rule_names_the_key() -> None:
    with pytest.raises(ValueError, match=r"metadata\.rule = None: a verifier's name is text"):
        SHIPPED.admit("hybrid", {})
