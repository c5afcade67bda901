"""Histories that ask for a diagnosis: one, or two with the principal one first, by code or by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from megatron_qm.rewards.audit.generate.diagnosis import chinese, either, english
from megatron_qm.rewards.audit.generate.diagnosis.facts import DIAGNOSES
from megatron_qm.rewards.audit.generate.question import Question, Telling, Thing, written_in

_TELLING = {"en": Telling(english.STYLES + either.STYLES, english.TAILS),
            "zh": Telling(chinese.STYLES + either.STYLES, chinese.TAILS)}
_ASKED = {
    "en": ("{} What is the diagnosis?", "{}\n\nGive the diagnosis with its ICD-10 code.", "Case: {}\nState the final diagnosis.",
           "{} Which ICD-10 code applies?"),
    "zh": ("{}请给出诊断。", "{}\n\n请给出诊断及ICD-10编码。", "病例：{}\n最可能的诊断是什么？", "{}应使用哪个ICD-10编码？"),
}
_DISTRACTORS = 6
_SAME_CATEGORY = 0.5


@dataclass(frozen=True)
class Diagnosis:
    """names: in each language, the usual one first. codes and near (of the same category): by system."""

    codes: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    history: Mapping[str, str]
    near: Mapping[str, str]


def _diagnosis(line: str) -> Diagnosis:
    who, cm, names, more, more_chinese, history, history_chinese, near = line.split("|")
    english_name, chinese_name = names.split("=")
    return Diagnosis({"who": who, "cm": cm}, {"en": (english_name, *more.split(", ")), "zh": (chinese_name, more_chinese)},
                     {"en": history, "zh": history_chinese},
                     {} if near == "-" else dict(zip(("who", "cm"), near.split(","), strict=True)))


_ALL = tuple(_diagnosis(line) for line in DIAGNOSES.strip().splitlines())


def chapter(code: str) -> str:
    """What two codes must differ in to share no credit: the chapters of ICD-10 by letter, of which some hold two letters, and
    two letters hold two chapters."""
    letter, number = code[0], int(code[1:3])
    if number >= {"D": 50, "H": 60}.get(letter, 100):
        return letter + "+"
    return {"B": "A", "D": "C", "T": "S", "W": "V", "X": "V", "Y": "V"}.get(letter, letter)


def question(rng: Random, language: str) -> Question:
    system = rng.choice(("who", "cm"))
    keys = _apart(rng, [], 2 if rng.random() < 0.2 else 1, system)
    others = _apart(rng, keys, _DISTRACTORS, system)
    known = {name: each.codes[system] for each in (*keys, *others) for names in each.names.values() for name in names}
    codes = [key.codes[system] for key in keys]
    wanted = [key.names[language][0] for key in keys] if rng.random() < 0.15 else codes
    reference = wanted if len(keys) > 1 or rng.random() < 0.2 else wanted[0]
    written = written_in(language, rng)
    wrong = [_thing(other, system, written, rng) for other in others]
    if len(keys) == 1 and keys[0].near:
        wrong.append(_near(keys[0], system))
    history = (" " if language == "en" else "").join(key.history[language] for key in keys)
    return Question(rng.choice(_ASKED[language]).format(history), reference, {"system": system, "names": known},
                    [_thing(key, system, written, rng) for key in keys], wrong, _TELLING,
                    everything=_catalogue(keys, system, rng))


def _catalogue(keys: list[Diagnosis], system: str, rng: Random) -> list[str]:
    """Codes: what they stand for is known without names."""
    codes = [each.codes[system] for each in _ALL if each not in keys]
    return sorted([*(key.codes[system] for key in keys), *rng.sample(sorted(codes), rng.randint(8, 25))])


def _apart(rng: Random, keys: list[Diagnosis], count: int, system: str) -> list[Diagnosis]:
    """`count` diagnoses, no two in one chapter, nor in one with a key."""
    taken, found = {chapter(key.codes[system]) for key in keys}, list[Diagnosis]()
    for candidate in rng.sample(_ALL, len(_ALL)):
        if len(found) == count:
            break
        if (mine := chapter(candidate.codes[system])) not in taken:
            taken.add(mine)
            found.append(candidate)
    return found


def _thing(diagnosis: Diagnosis, system: str, language: str, rng: Random) -> Thing:
    name = diagnosis.names[language][0] if rng.random() < 0.7 else rng.choice(diagnosis.names[language])
    return _forms(name, diagnosis.codes[system], rng.choice(("{n}", "{n} ({c})", "{c}", "{c} {n}", "{n}, {c}")))


def _near(diagnosis: Diagnosis, system: str) -> Thing:
    """Another code of the same category; only the code is written, as its name is no matter here."""
    code = diagnosis.near[system]
    return _forms(code, code, "{c}", _SAME_CATEGORY)


def _forms(name: str, code: str, usual: str, credit: float = 0.0) -> Thing:
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in code)
    forms = {"": usual.format(n=name, c=code), "n": name, "c": code, "d": code.replace(".", ""), "lc": code.lower(), "w": wide}
    return Thing(forms, credit)
