"""Languages by script, and of Latin letters by words."""

import pytest

from data_tools.corpus.cleaning.language import LanguageConfig, language, language_of
from data_tools.corpus.document import Document, Dropped
from megatron_qm.errors import UserError


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("zh", "患者男，56岁，因胸痛入院。"),
        ("zh", "HbA1c、LDL-C、eGFR、TSH等指标应当每三个月复查一次。"),
        ("ja", "患者は発熱と頭痛を訴えた。"),
        ("ko", "환자는 발열과 두통을 호소하였다."),
        ("ru", "Больной жалуется на головную боль."),
        ("ar", "يشكو المريض من صداع"),
        ("en", "The patient was admitted with fever and a cough that had lasted for two days."),
        ("und", "12.5 / 33 %"),
        ("und", ""),
    ],
)
def test_a_language_by_its_script_or_its_small_words(expected: str, text: str) -> None:
    assert language_of(text) == expected


@pytest.mark.parametrize(
    ("expected", "text"),
    [("de", "Der Patient wurde mit Fieber und Husten aufgenommen und nach fünf Tagen entlassen."),
     ("fr", "Le patient a été admis pour de la fièvre et une toux qui durait depuis deux jours."),
     ("es", "El paciente fue ingresado con fiebre y tos de dos días de evolución y recibió tratamiento.")],
)  # fmt: skip
def test_latin_letters_in_doubt_are_asked_about(expected: str, text: str) -> None:
    pytest.importorskip("lingua", reason="needs the extra corpus")
    assert language_of(text) == expected


def test_only_languages_that_were_asked_for_stay() -> None:
    step = language(LanguageConfig(["zh"]))
    kept = step(Document("患者男，56岁，因胸痛入院。", {"language": "fr"}))
    assert isinstance(kept, Document) and kept.known["language"] == "zh"
    assert step(Document("The patient was admitted with fever and a cough.")) == Dropped("language", "en")


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(UserError, match="'Chinese' is no ISO 639-1 code of a language"):
        LanguageConfig(["zh", "Chinese"])
