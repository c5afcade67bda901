"""Probe scores against arithmetic done by hand."""

import json
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.evals.probes import Probe, read_probes, score_probes
from megatron_qm.evals.statistics import wilson_interval


def letters(text: str) -> list[int]:
    return [ord(character) for character in text]


def test_the_most_probable_option_wins() -> None:
    """Scores by letter: each costs its distance from 'a'. "bb" costs 2 and "d" 3; "ddd" costs 9 and "e" 4, though the
    mean of "ddd" is better."""
    probes = [
        Probe("1", "en", "x", ("bb", "d"), 0), Probe("2", "en", "x", ("ddd", "e"), 0), Probe("3", "zh", "x", ("c", "a"), 1)
    ]
    seen = []

    def score(pairs):
        seen.extend(pairs)
        return [-float(sum(token - ord("a") for token in ids)) for _, ids in pairs]

    scores = {s.group: (s.right, s.total) for s in score_probes(probes, letters, score)}
    assert scores == {"all": (2, 3), "en": (1, 2), "zh": (1, 1)}
    assert seen[0] == ([ord("x")], letters("bb"))


def test_chance_is_the_mean_of_what_guesses_among_the_options_reach() -> None:
    four, two = ("a", "b", "c", "d"), ("a", "b")
    probes = [Probe("1", "en", "x", four, 0), Probe("2", "en", "x", two, 1), Probe("3", "zh", "x", two, 0)]
    chances = {s.group: s.chance for s in score_probes(probes, letters, lambda pairs: [-1.0] * len(pairs))}
    assert chances == {"all": pytest.approx((1 / 4 + 1 / 2 + 1 / 2) / 3), "en": 3 / 8, "zh": 1 / 2}


@pytest.mark.parametrize("answer", [0, 1])
def test_a_model_that_gives_nan_knows_nothing(answer: int) -> None:
    nan = float("nan")
    for scores in ([nan, -1.0], [-1.0, nan], [nan, nan]):
        assert score_probes([Probe("1", "all", "x", ("a", "b"), answer)], letters, lambda _, s=scores: s)[0].right == 0


def test_a_scorer_that_leaves_some_out_is_refused() -> None:
    with pytest.raises(ValueError, match="1 scores for 2"):
        score_probes([Probe("1", "all", "x", ("a", "b"), 0)], letters, lambda pairs: [0.0])


def test_tokens_that_straddle_the_seam_belong_to_the_option() -> None:
    def encode(text: str) -> list[int]:  # one token per two characters
        return [hash(text[i : i + 2]) for i in range(0, len(text), 2)]

    def score(pairs):
        assert [len(prompt) for prompt, _ in pairs] == [1, 1]
        return [-1.0, -2.0]

    assert score_probes([Probe("1", "all", "abc", ("d", "e"), 0)], encode, score)[0].right == 1


def test_a_tie_is_wrong() -> None:
    assert score_probes([Probe("1", "all", "x", ("a", "b"), 0)], letters, lambda pairs: [-1.0, -1.0])[0].right == 0


def test_wilson_interval_against_published_values() -> None:
    """Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29."""
    for right, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
                                    (1, 29, 0.0061, 0.1718)):
        assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError):
        wilson_interval(3, 2)


@pytest.mark.parametrize(
    "row",
    ["{", '{"prompt": "x", "options": ["a"], "answer": 0}', '{"prompt": "x", "options": ["a", "b"], "answer": 2}',
     '{"prompt": "x", "options": ["a", "b"], "answer": true}',
     '{"prompt": "x", "options": ["a", "b"], "answer": 0, "group": "g"}',
     '{"options": ["a", "b"], "answer": 0}', "[1]"],
)
def test_a_bad_probe_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "probes.jsonl"
    path.write_text(json.dumps({"prompt": "x", "options": ["a", "b"], "answer": 0}) + "\n" + row + "\n")
    with pytest.raises(UserError, match="probes.jsonl:2"):
        read_probes(path)


def test_a_misspelt_key_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    path.write_text('{"prompt": "x", "options": ["a", "b"], "answer": 0, "predicat": "code", "fact": ["s", "p", "o"]}\n')
    with pytest.raises(UserError, match="probes.jsonl:1: .*'predicat' is no field of a probe; did you mean 'predicate'?"):
        read_probes(path)


def test_options_of_which_one_begins_another_are_refused() -> None:
    with pytest.raises(UserError, match="begins another"):
        score_probes([Probe("1", "all", "x", ("a", "ab"), 0)], letters, lambda pairs: [0.0] * len(pairs))
