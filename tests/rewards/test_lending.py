"""Tables that samples have in common are sent once, and verdicts are those of samples that carry their own."""

import copy
import json
import pickle
import random
from collections.abc import Callable, Iterator

import pytest

from megatron_qm.rewards.items import read_items
from megatron_qm.rewards.lending import Borrower, Lender, Tables
from megatron_qm.rewards.metadata import Table
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample, judge

CODES = ("I10", "I21.9", "J45.9", "E11.9")
CHANGES = "tests.rewards.test_lending:changes"


def table(count: int = 300, middle: str = "I10", turned: bool = False) -> dict[str, str]:
    """Names of diseases that nobody knows; the one in the middle twice, alike but for its case, in one order or the other."""
    names = {f"zorvas {number} syndrome": CODES[number % 4] for number in range(count)}
    pair = [("Melo fever", middle), ("melo fever", "J45.9")]
    rows = list(names.items())
    return dict([*rows[: count // 2], *(pair[::-1] if turned else pair), *rows[count // 2 :]])


def sample(names: object, said: str = "zorvas 7 syndrome", reference: str = "E11.9", **more: object) -> Sample:
    return Sample("diagnosis", "Which?", f"The final diagnosis is {said}.", reference, {"names": names, **more})


def changes(prompt: str, response: str, reference: str, metadata: dict) -> Outcome:
    metadata["names"]["zorvas 7 syndrome"] = "I10"
    return Scored(1.0)


def mixed() -> Iterator[Sample]:
    """Equal tables that are not the same, tables that differ in the middle or in their order alone, small and wrong ones."""
    for said, reference in (("zorvas 7 syndrome", "E11.9"), ("melo fever", "I10"), ("melo fever", "J45.9")):
        few = dict([*table().items()][:9])
        for names in (table(), table(), table(middle="E11.9"), table(turned=True), few):
            yield sample(names, said, reference)
    yield from (sample(table(count)) for count in range(270, 310))
    yield sample({**table(), "x y z": 1})
    yield sample({**table(), "x y z": None})
    yield sample({number: "I10" for number in range(300)})
    yield Sample("drugs", "", "Give zorvas 7 syndrome.", "e11.9", {"names": table(), "contraindicated": ["metformin"]})
    synonyms = {f"test {number}": [f"t {number}"] for number in range(300)}
    yield Sample("ordering", "", "Order a CBC.", ["cbc"], {"synonyms": synonyms})
    yield sample(table(), **{f"other {number}": table(280 + number) for number in range(20)})


@pytest.mark.parametrize("workers", [1, 3])
def test_verdicts_are_those_of_samples_that_carry_their_own(workers: int) -> None:
    samples = [*mixed()] * 2
    random.Random(workers).shuffle(samples)
    with VerifierPool(workers, 60.0) as pool:
        assert pool.score(samples) == pool.score(copy.deepcopy(samples)) == [judge(one) for one in samples]


def test_of_two_names_that_read_alike_the_last_rules_in_each_table() -> None:
    """Tables of the same names and codes, in another order: none answers for the other."""
    samples = [sample(table(turned=turned), "melo fever", "J45.9") for turned in (False, True) * 4]
    with VerifierPool(1, 60.0) as pool:
        assert [one.value for one in pool.score(samples)] == [1.0, 0.0] * 4
    assert [judge(one).value for one in samples] == [1.0, 0.0] * 4


def test_a_process_is_sent_a_table_once_and_keeps_a_few() -> None:
    tables, lender, borrower = Tables(), Lender(), Borrower()
    [first], [second] = tables.shared([sample(table(10_000))]), tables.shared([sample(table(10_000), "melo fever")])
    sizes, opened = [], []
    for one in (first, second, first):
        parcel = lender.parcel(one)
        sizes.append(len(pickle.dumps(parcel)))
        lender.sent(parcel, one)
        opened.append(borrower.opened(pickle.loads(pickle.dumps(parcel))))
        assert opened[-1] == one
    assert sizes[0] > 200_000 and max(sizes[1:]) < 1_000
    assert opened[0].metadata["names"] is opened[1].metadata["names"] is opened[2].metadata["names"]


def test_any_order_of_tables_opens_to_what_was_put_in() -> None:
    draw, tables, lender, borrower = random.Random(0), Tables(), Lender(), Borrower()
    for _ in range(400):
        many = draw.choice([1, 1, 1, 2, 20])
        mine = {f"names {key}": table(256 + draw.randrange(40)) for key in range(many)}
        [one] = tables.shared([Sample("exam", "", "", "A", {"small": {"a": "b"}, **mine})])
        parcel = lender.parcel(one)
        if draw.random() < 0.1:
            continue  # it could not be sent
        lender.sent(parcel, one)
        assert borrower.opened(parcel) == one
        assert len(borrower._here) <= max(16, many)


def test_a_sample_that_cannot_be_sent_takes_no_table_with_it() -> None:
    with VerifierPool(1, 60.0) as pool:
        found = pool.score([sample(table(), mine=lambda: None), sample(table()), sample(table())])
    assert isinstance(found[0], Unscored) and [one.value for one in found[1:]] == [1.0, 1.0]


def test_who_would_change_it_for_others_is_told() -> None:
    with VerifierPool(1, 60.0) as pool:
        shared = table()
        found = pool.score([sample(shared), Sample(CHANGES, "", "", "", {"names": shared}), sample(shared)])
        assert [one.value for one in (found[0], found[2])] == [1.0, 1.0]
        assert "change a copy" in found[1].reason
        shared["zorvas 7 syndrome"] = "I10"  # the caller's own, between two calls
        assert pool.score([sample(shared)]) == [judge(sample(shared))] != found[:1]


@pytest.mark.parametrize("way", [
    lambda one: one.update(a="c"), lambda one: one.pop("a"), lambda one: one.clear(), lambda one: one.popitem(),
    lambda one: one.setdefault("b", "c"), lambda one: one.__setitem__("a", "c"), lambda one: one.__delitem__("a"),
    lambda one: one.__ior__({"a": "c"}),
])
def test_a_table_is_read_only_and_otherwise_a_dict(way: Callable[[Table], object]) -> None:
    one = Table({"a": "b"})
    with pytest.raises(TypeError, match="change a copy"):
        way(one)
    assert one == {"a": "b"} == json.loads(json.dumps(one)) and dict(one) | {"c": "d"} == {"a": "b", "c": "d"}
    for again in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert again == one and type(again) is Table


def test_items_of_a_file_have_their_tables_in_common(tmp_path) -> None:
    asked = {"task": "diagnosis", "prompt": "?", "reference": "I10"}
    rows = [{"key": str(number), **asked, "metadata": {"names": table(middle=code)}}
            for number, code in enumerate(["I10", "I10", "E11.9", "E11.9"])]
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [item.metadata["names"] for item in read_items(path)]
    assert found == [row["metadata"]["names"] for row in rows]
    assert found[0] is found[1] and found[2] is found[3] and found[0] != found[2]
