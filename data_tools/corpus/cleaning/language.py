"""The step that names a document's language: by its scripts, and only for Latin letters in doubt by lingua."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from data_tools.corpus.cleaning import scripts
from data_tools.corpus.cleaning.utf16 import batches
from data_tools.corpus.document import Document, Dropped, Step, Together
from data_tools.corpus.extra import needed
from megatron_qm.errors import UserError

UNKNOWN = "und"
_HEAD = 4000  # characters that are looked at: a document's language shows in its first pages
_SHARE_OF_HAN = 0.25  # of letters: a Chinese abstract full of Latin abbreviations has more, an English paper with an address less
_LETTERS = 8  # below this nothing is said
_ASKED = 300  # characters that lingua is given
_SURE = 0.8  # lingua's confidence; tables of names of drugs look like Portuguese at 0.6
_ENGLISH_SHARE = 0.12  # of words: English prose has 0.3 to 0.5; other languages share `a`, `in`, `an`, `do` and stay below
_ENGLISH_DIFFERENT = 7  # of them, in a list of terms with a few sentences; Dutch and German have up to 4
_ENGLISH = frozenset("the of and to in is was with for that by are or an from be this on at as which not have has were "
                     "you may if can should your it when after".split())  # fmt: skip
_LANGUAGES = ("ENGLISH", "GERMAN", "FRENCH", "SPANISH", "ITALIAN", "PORTUGUESE", "DUTCH")
_OF_SCRIPT = {scripts.HANGUL: "ko", scripts.CYRILLIC: "ru", scripts.ARABIC: "ar"}


@dataclass(frozen=True)
class LanguageConfig:
    """Which languages stay."""

    keep: list[str] = field(default_factory=list)  # ISO 639-1 codes, und for what nobody can tell; empty keeps all

    def __post_init__(self) -> None:
        wrong = [code for code in self.keep if not (code == UNKNOWN or (len(code) == 2 and code.islower()))]
        if wrong:
            raise UserError(f"{wrong[0]!r} is no ISO 639-1 code of a language to keep; write such as zh, en or und")


def language(config: LanguageConfig) -> Step:
    """Writes `language`, over what stood there."""
    scripts.classes()
    needed("lingua")  # is said before the first document

    def name(documents: Sequence[Document]) -> Iterator[Document | Dropped]:
        for some in batches(documents):
            for document, found in zip(some, languages_of([document.text for document in some]), strict=True):
                document.known["language"] = found
                yield Dropped("language", found) if config.keep and found not in config.keep else document

    return Together(name)


def language_of(text: str) -> str:
    return languages_of([text])[0]


def languages_of(texts: Sequence[str]) -> list[str]:
    heads = [text[:_HEAD] for text in texts]
    quickly = ["en" if head.isascii() and _is_english(head) else None for head in heads]  # nothing else to count
    left = [head for head, found in zip(heads, quickly, strict=True) if found is None]
    others = map(_language_of, left, scripts.counts_of(left).tolist())
    return [found or next(others) for found in quickly]


def _language_of(head: str, counts: list[int]) -> str:
    letters = sum(counts[: scripts.OTHER_LETTER + 1])
    if letters < _LETTERS:
        return UNKNOWN
    han = counts[scripts.HAN] + counts[scripts.HAN_FUNCTION] + counts[scripts.HAN_RARE]
    if counts[scripts.KANA] > 0.1 * (han + counts[scripts.KANA]) and counts[scripts.KANA] > 0.05 * letters:
        return "ja"
    if han >= _SHARE_OF_HAN * letters:
        return "zh"
    for script, code in _OF_SCRIPT.items():
        if counts[script] > letters / 2:
            return code
    latin = counts[scripts.LATIN] + counts[scripts.LATIN_ACCENTED]
    return _of_latin(head, latin) if latin > letters / 2 else UNKNOWN


def _is_english(head: str) -> bool:
    words = head[:1000].lower().split()
    english = list(filter(_ENGLISH.__contains__, words))
    return len(english) >= max(3, _ENGLISH_SHARE * len(words)) or len(set(english)) >= _ENGLISH_DIFFERENT


def _of_latin(head: str, letters: int) -> str:
    if _is_english(head):
        return "en"
    return _asked(head[:_ASKED]) if letters >= 3 * _LETTERS else UNKNOWN


def _asked(text: str) -> str:
    found: Sequence[Any] = _lingua().compute_language_confidence_values(text)
    best = found[0]
    return str(best.language.iso_code_639_1.name).lower() if best.value >= _SURE else UNKNOWN


@lru_cache(maxsize=1)
def _lingua() -> Any:
    lingua = needed("lingua")
    chosen = [getattr(lingua.Language, name) for name in _LANGUAGES]
    return lingua.LanguageDetectorBuilder.from_languages(*chosen).with_low_accuracy_mode().build()
