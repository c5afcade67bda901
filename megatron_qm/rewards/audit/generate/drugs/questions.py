"""Indications that ask for a drug, or for two; with dose and route where the reference has them, and sometimes with a drug that
must not be given."""

import json
from dataclasses import dataclass
from random import Random

from megatron_qm.rewards.audit.generate.drugs import chinese, either, english
from megatron_qm.rewards.audit.generate.drugs.facts import DRUGS, FREQUENCIES, PRODUCTS, ROUTES
from megatron_qm.rewards.audit.generate.question import Question, Telling, Thing, in_language, written_in

_TELLING = {"en": Telling(english.STYLES + either.STYLES, english.TAILS),
            "zh": Telling(chinese.STYLES + either.STYLES, chinese.TAILS)}
_ASKED = {"en": ("A patient has {}. What do you prescribe?", "Indication: {}\nWhich drug do you give?",
                 "Write the prescription for a patient with {}.", "{} - which medication?"),
          "zh": ("患者{}，应如何用药？", "适应证：{}\n请给出药物。", "请为{}患者开具处方。", "{}，用什么药？")}
_FORBIDDEN = {"en": " The patient must not be given {}.", "zh": "（患者禁用{}。）"}
_DISTRACTORS = 5
_DOSED = frozenset({"xd", "xsd", "xgd"})
_HALF = 0.5  # what a drug with a wrong dose or route is worth


@dataclass(frozen=True)
class Drug:
    """names: generic by language. brands: of both languages."""

    names: dict[str, str]
    brands: dict[str, str]
    milligrams: float
    route: str
    indication: dict[str, str]


def _drug(line: str) -> Drug:
    names, brand, chinese_brand, milligrams, route, indication, chinese_indication = line.split("|")
    return Drug({language: in_language(names, language) for language in ("en", "zh")}, {"en": brand, "zh": chinese_brand},
                float(milligrams), route, {"en": indication, "zh": chinese_indication})


_ALL = tuple(_drug(line) for line in DRUGS.strip().splitlines())


def question(rng: Random, language: str) -> Question:
    drawn, count = _unrelated(rng, 2 + _DISTRACTORS), 2 if rng.random() < 0.25 else 1
    keys, others = drawn[:count], drawn[count:count + _DISTRACTORS]
    dosed = count == 1 and rng.random() < 0.35
    forbidden = others[0] if rng.random() < 0.2 else None
    if not dosed and count == 1:
        others += [drug for drug in _ALL if _relation(drug, keys[0]) == "namesake"]
    written, catalogue = written_in(language, rng), _catalogue(keys, rng)
    right = [_thing(key, written, rng) for key in keys]
    wrong = [_thing(drug, written, rng, forbidden=drug is forbidden) for drug in others]
    if dosed:
        wrong += [_misdosed(keys[0], written, rng)]
    metadata: dict[str, object] = {"names": _names([*keys, *others, *catalogue], language)}
    if forbidden:
        metadata["contraindicated"] = [forbidden.names[language]]
    return Question(_asked(keys, forbidden, language, rng), _reference(keys, language, dosed), metadata, right, wrong, _TELLING,
                    needs=_DOSED if dosed else frozenset(), everything=sorted(drug.names[language] for drug in catalogue))


def _asked(keys: list[Drug], forbidden: Drug | None, language: str, rng: Random) -> str:
    reasons = {"en": " and ", "zh": "、"}[language].join(key.indication[language] for key in keys)
    warned = _FORBIDDEN[language].format(forbidden.names[language]) if forbidden else ""
    return rng.choice(_ASKED[language]).format(reasons) + warned


def _catalogue(keys: list[Drug], rng: Random) -> list[Drug]:
    return rng.sample([drug for drug in _ALL if drug not in keys], rng.randint(8, 20)) + keys


def _unrelated(rng: Random, count: int) -> list[Drug]:
    """Drugs of which no two share a part of a combination, or a part of their names."""
    found: list[Drug] = []
    for drug in rng.sample(_ALL, len(_ALL)):
        if len(found) < count and not any(_relation(drug, other) for other in found):
            found.append(drug)
    return found


def _relation(drug: Drug, other: Drug) -> str:
    return _RELATIONS.get((drug.names["en"], other.names["en"]), "")


def _related(drug: Drug, other: Drug) -> str:
    """"ingredient" where a combination shares one with the other; "namesake" for a different drug within whose name the other's
    lies, or the reverse: 左西替利嗪 and 西替利嗪."""
    if set(drug.names["en"].split("/")) & set(other.names["en"].split("/")):
        return "ingredient"
    inside = any(drug.names[language] in other.names[language] or other.names[language] in drug.names[language]
                 for language in ("en", "zh"))
    return "namesake" if inside else ""


_RELATIONS = {(drug.names["en"], other.names["en"]): relation for drug in _ALL for other in _ALL
              if (relation := _related(drug, other))}


def _names(drugs: list[Drug], language: str) -> dict[str, str]:
    """Every other way to write them, by which the generic of the question's language is meant."""
    return {alias: drug.names[language] for drug in drugs for alias in (*drug.names.values(), *drug.brands.values())
            if alias != drug.names[language]}


def _reference(keys: list[Drug], language: str, dosed: bool) -> object:
    if not dosed:
        return [key.names[language] for key in keys]
    return [{"name": key.names[language], "dose": f"{key.milligrams:g} mg", "route": ROUTES[key.route][language][0]}
            for key in keys]


def _thing(drug: Drug, language: str, rng: Random, forbidden: bool = False) -> Thing:
    name = drug.brands[language] if rng.random() < 0.15 else drug.names[language]
    return _prescribed(name, drug.milligrams, drug.route, language, rng, forbidden=forbidden)


def _misdosed(drug: Drug, language: str, rng: Random) -> Thing:
    """The right drug, ten times or a fifth of it, or by a route that is not the one asked for."""
    if rng.random() < 0.6:
        return _prescribed(drug.names[language], drug.milligrams * rng.choice((10, 0.2)), drug.route, language, rng, _HALF)
    route = rng.choice([route for route in ROUTES if route != drug.route])
    return _prescribed(drug.names[language], drug.milligrams, route, language, rng, _HALF)


def _prescribed(name: str, milligrams: float, route: str, language: str, rng: Random, credit: float = 0.0,
                forbidden: bool = False) -> Thing:
    dose, way = _dose(milligrams, language, rng), rng.choice(ROUTES[route][language])
    order = rng.choice(("{n} {d} {r}{f}", "{n} {d}, {r}{f}", "{n} ({d} {r}){f}", "{n} {r} {d}{f}"))
    text = order.format(n=name, d=dose, r=way, f=rng.choice(FREQUENCIES[language]))
    whole = json.dumps({"name": name, "dose": dose, "route": way}, ensure_ascii=False)
    product = name + {"en": " ", "zh": ""}[language] + rng.choice(PRODUCTS[route][language])
    return Thing({"": name, "p": product, "d": text, "gd": whole}, credit, forbidden)


def _dose(milligrams: float, language: str, rng: Random) -> str:
    ways = [f"{milligrams:g} mg", f"{milligrams:g}mg"]
    if milligrams >= 1000:
        ways += [f"{milligrams / 1000:g} g", f"{milligrams:,.0f} mg"]
    if milligrams < 1:
        ways += [f"{milligrams * 1000:g} mcg", f"{milligrams * 1000:g} µg"]
    if language == "zh":
        ways += [f"{milligrams:g}毫克"]
    return rng.choice(ways)
