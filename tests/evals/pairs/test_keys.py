"""Keys are held as digests: what repeats is refused as if they were held whole, and a file that changes is found out."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs import checked
from megatron_qm.evals.pairs.checked import check_pairs
from megatron_qm.evals.pairs.keys import Keys, digest_of
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.pairs.report import evaluate_pairs
from megatron_qm.files import write_long_json
from tests.evals.pairs.files import pair, told, write

DIGESTS = [digest_of, len, lambda key: 0]  # the weaker ones collide for most keys, or all


def named(*keys: object) -> list[dict[str, object]]:
    return [pair(1, 0, key=key) for key in keys]


@pytest.mark.parametrize("digest", DIGESTS)
def test_the_first_key_that_was_given_before_is_named_with_its_line(digest, tmp_path: Path) -> None:
    rows = [*named("a", "bb", "外科"), "\n", *named("c", "bb", "a", "bb")]
    path = write(tmp_path / "pairs.jsonl", rows)
    with pytest.raises(UserError) as error:
        list(read_rows(path, Keys(digest)))
    assert str(error.value) == f"{path}:6: the key 'bb' was given before; keys tell pairs apart"


@pytest.mark.parametrize("digest", DIGESTS)
def test_keys_whose_digests_are_equal_are_not_equal(digest, tmp_path: Path) -> None:
    path, keys = write(tmp_path / "pairs.jsonl", named(*range(100, 200), *"xyz")), Keys(digest)
    assert len(list(read_rows(path, keys))) == 103 and len(keys.digests) == 103
    assert bool(keys.repeated()) == (digest is not digest_of)


@pytest.mark.parametrize("digest", DIGESTS)
def test_the_first_fault_of_a_file_is_named_be_it_a_key_or_another(digest, tmp_path: Path) -> None:
    for rows, why in ((["{\n", *named("a", "a")], ":1: Expecting"), ([*named("a", "a"), "{\n"], ":2: the key 'a' was given"),
                      ([*named("a", "b"), "{\n", *named("a")], ":3: Expecting")):
        with pytest.raises(UserError, match=why):
            list(read_rows(write(tmp_path / "pairs.jsonl", rows), Keys(digest)))


def test_a_key_may_not_be_the_number_of_another_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=":2: the key '2' was given before"):
        check_pairs(write(tmp_path / "pairs.jsonl", [pair(1, 0, key="2"), pair(1, 0)]))


def test_repeated_keys_are_refused_before_anything_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "pairs.jsonl", named("a", "bb", "a"))
    for digest in DIGESTS:
        monkeypatch.setattr(checked, "Keys", lambda digest=digest: Keys(digest))
        with pytest.raises(UserError, match=":3: the key 'a' was given before"):
            evaluate_pairs(path, lambda asked: pytest.fail("it was asked"))


@pytest.mark.parametrize("keys", ["ac", "a", "abc", "ba"])
def test_a_file_that_changes_is_found_out_at_every_reading(keys: Sequence[str], tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.jsonl", named("a", "b"))
    report = evaluate_pairs(path, told)

    def changing(asked: Sequence) -> list[float | None]:
        write(path, named(*keys))
        return told(asked)

    with pytest.raises(UserError, match="pairs.jsonl: has changed since"):
        evaluate_pairs(path, changing)
    with pytest.raises(UserError, match="pairs.jsonl: has changed since"):
        write_long_json(tmp_path / "found.json", report.numbers(), "scores", report.scores())
    assert list(tmp_path.iterdir()) == [path]
