"""Everything that the corpus says about diseases is read back as the fact that it states."""

import random

import pytest

from data_tools.knowledge.general import narrative
from data_tools.knowledge.phrasing import HELD_OUT, TRAINING
from data_tools.knowledge.triples import disease_triples
from data_tools.preferences.phrases import ADVICE, ANSWER, UNSAFE
from data_tools.preferences.reading import folded, read

SEED = random.SystemRandom().randrange(1 << 30)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_sentence_about_a_disease_is_read_back(language: str) -> None:
    draw, triples = random.Random(SEED), disease_triples(language)
    for triple in draw.sample(triples, 150):
        other = draw.choice(triples).subject
        for phrasing in (*TRAINING[language, triple.predicate], *HELD_OUT[language, triple.predicate]):
            sentence = phrasing.sentence(triple)
            reading = read(sentence, triple.subject, language)
            assert reading.stated == {triple.predicate: {folded(triple.object)}}, (SEED, sentence)
            assert not (reading.elsewhere or reading.answers or reading.advises or reading.endangers), (SEED, sentence)
            if other != triple.subject:
                assert not read(sentence, other, language).stated, (SEED, sentence, other)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_advice_dangers_and_answers_are_told_apart(language: str) -> None:
    disease = disease_triples(language)[0].subject
    for text in ADVICE[language].all:
        assert (reading := read(text, disease, language)).advises and not reading.endangers, text
    for text in UNSAFE[language].all:
        assert (reading := read(text, disease, language)).endangers and not reading.advises, text
    for text in ANSWER[language].all:
        assert read(text.replace("{o}", "X1"), disease, language).answers == {"x1"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_about_a_ward_say_nothing(language: str) -> None:
    draw, disease = random.Random(SEED), disease_triples(language)[0].subject
    for _ in range(300):
        text = narrative(draw, language, 3)
        assert read(text, disease, language).empty, (SEED, text)
