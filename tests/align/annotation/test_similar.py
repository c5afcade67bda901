"""Nearness to past errors: every pair of texts compared by hand, and by the index."""

import random
import re
import time

from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.align.annotation.similar import nearest, shingles

texts = st.text(alphabet="ab 的药.", max_size=12)


def jaccard(one: str, other: str) -> float:
    """Word by word, as one would on paper."""
    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z]+|[的药]", text)
        if len(words) < 3:
            return {tuple(words)} if words else set()
        return {tuple(words[start:start + 3]) for start in range(len(words) - 2)}

    a, b = runs(one), runs(other)
    return len(a & b) / len(a | b) if a | b else 0.0


@given(st.lists(texts, max_size=6), st.lists(texts, max_size=6))
def test_the_nearest_is_found(own: list[str], others: list[str]) -> None:
    for text, found in zip(own, nearest(own, others), strict=True):
        wanted = [jaccard(text, other) for other in others]
        assert found.similarity == max(wanted, default=0.0)
        assert found.index == (wanted.index(found.similarity) if found.similarity else None)


def test_words_of_scripts_with_and_without_spaces() -> None:
    assert shingles("Avoid: IBUPROFEN, with lisinopril!") == {("avoid", "ibuprofen", "with"), ("ibuprofen", "with", "lisinopril")}
    assert shingles("布洛芬5 mg") == {("布", "洛", "芬"), ("洛", "芬", "5"), ("芬", "5", "mg")}
    assert shingles("two words") == {("two", "words")} and shingles(" .,") == frozenset()


def test_a_hundred_thousand_pairs_take_seconds() -> None:
    """As many as a round of rollouts gives, against a thousand errors: a tenth of it here, timed."""
    draw = random.Random(0)
    words = [f"w{number}" for number in range(5000)]
    made = [" ".join(draw.choices(words, k=100)) for _ in range(10_000)]
    errors = made[:1000]
    start = time.process_time()
    found = list(nearest(made, errors))
    spent = time.process_time() - start
    assert [one.index for one in found[:1000]] == list(range(1000)) and all(one.similarity == 1 for one in found[:1000])
    assert spent < 20, spent  # on a slow core; 0.6 s on a free one
