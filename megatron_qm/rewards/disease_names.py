"""Other ways to write a name of a disease, made by rule: `Asthma, unspecified` is asthma, `Fracture of femur` a femur fracture."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Iterator

_UNSPECIFIED = re.compile(r",? (?:part |organ |site |organism )?unspecified$|,? NOS$|^Unspecified ", re.I)
_BRACKETS = re.compile(r"\s?[(（\[][^()（）\[\]]{1,60}[)）\]]")
_OF = re.compile(r"([\w-]+(?: [\w-]+){0,2}) of (?:the )?([\w-]+(?: [\w-]+)?)", re.A)
_OF_AN_ORGAN = re.compile(r"([a-z]+) ([a-z]+(?: [a-z]+)?)", re.A)
_NEOPLASM = re.compile(r"Malignant neoplasm(?::| of) (?:the )?((?:[\w-]+ ?){1,3})(?:, unspecified)?", re.A)
_CANCERS = ("cancer of {0}", "{0} cancer", "carcinoma of {0}", "malignant neoplasm of {0}", "malignant tumour of {0}")
_HISTOLOGIES = ("cancer of {0}", "adenocarcinoma of {0}", "{0} adenocarcinoma", "carcinoma of {0}", "{0} carcinoma", "squamous cell carcinoma of {0}",
                "squamous carcinoma of {0}")  # of what is called a cancer of it
_HISTOLOGIES_CHINESE = ("{0}腺癌", "{0}鳞癌", "{0}鳞状细胞癌", "原发性{0}癌")
OF_ORGANS = {  # adjectives of organs
    "aortic": "aorta", "renal": "kidney", "pulmonary": "lung", "hepatic": "liver", "gastric": "stomach", "cardiac": "heart",
    "cerebral": "brain", "pancreatic": "pancreas", "uterine": "uterus", "cervical": "cervix", "ovarian": "ovary", "testicular": "testis",
    "prostatic": "prostate", "oesophageal": "oesophagus", "esophageal": "oesophagus", "duodenal": "duodenum", "rectal": "rectum",
    "colonic": "colon", "intestinal": "intestine", "splenic": "spleen", "femoral": "femur", "retinal": "retina", "corneal": "cornea",
    "urethral": "urethra", "ureteric": "ureter", "tracheal": "trachea", "laryngeal": "larynx", "appendiceal": "appendix", "bladder": "bladder",
    "spinal": "spine", "tibial": "tibia", "humeral": "humerus", "thyroid": "thyroid", "lung": "lung", "liver": "liver", "breast": "breast",
    "brain": "brain", "kidney": "kidney", "skin": "skin", "prostate": "prostate", "colon": "colon", "gallbladder": "gallbladder",
}  # fmt: skip
_ADJECTIVES = {organ: adjective for adjective, organ in OF_ORGANS.items()}
_LONGEST = 60


def other_names(name: str) -> Iterator[str]:
    """Of a name that a table has; some may be no names that anybody says."""
    if len(name) > _LONGEST:
        return
    plain = _UNSPECIFIED.sub("", _BRACKETS.sub("", name) if "(" in name or "[" in name else name)
    if plain != name:
        yield plain
    if "-" in plain:
        yield plain.replace("-", "")
    if plain.isascii():
        yield from _english(plain)
    else:
        yield from _chinese(plain)


def _english(name: str) -> Iterator[str]:
    if name.startswith("Malignant") and (found := _NEOPLASM.fullmatch(name)):
        organ = found[1].strip().lower()
        yield from (form.format(one) for form in _CANCERS for one in {organ, _ADJECTIVES.get(organ, organ)})
    elif name.endswith(" cancer"):
        yield from (form.format(name.removesuffix(" cancer")) for form in _HISTOLOGIES)
    elif " of " in name and (found := _OF.fullmatch(name)):
        yield from (f"{one} {found[1]}" for one in {found[2], _ADJECTIVES.get(found[2].lower(), found[2])})
    elif (organ := OF_ORGANS.get(name.partition(" ")[0].lower())) and (found := _OF_AN_ORGAN.fullmatch(name.lower())):
        yield f"{found[2]} of {organ}"


def _chinese(name: str) -> Iterator[str]:
    if name.endswith("癌") and not name.endswith(("腺癌", "细胞癌", "鳞癌", "皮肤癌", "原位癌")) and len(name) < 7:
        yield from (form.format(name[:-1]) for form in _HISTOLOGIES_CHINESE)
    if name.endswith("症") and len(name) > 4:
        yield name[:-1]
    if name.endswith("综合征"):
        yield f"{name[:-3]}症候群"
    if "伴" in name:
        yield name.replace("不伴", "\0").replace("伴有", "合并").replace("伴", "合并").replace("\0", "不伴")
