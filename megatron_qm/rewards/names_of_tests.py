"""Names of tests to one name each: of `tables/tests.txt`, of images by what is imaged (`tables/regions.txt`), of antibodies by
what they bind; and a name without what only says of when or of what the sample is."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.spelling import units
from megatron_qm.rewards.tables.table import read_table
from megatron_qm.rewards.wanted import Vocabulary

_BEFORE = re.compile(rf"^(?:(?:{either('sampled', 'en')})[\s-]+)+|^{either('sampled', 'zh')}+", re.I)
_BEHIND = re.compile(rf"(?:\s+(?:{either('measured', 'en')}))+$|{either('measured', 'zh')}+$", re.I)
_MODALITIES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # in English and in Chinese
    "ct": (("ct", "ct scan", "computed tomography"),
           ("ct", "增强ct", "薄层ct")),
    "mri": (("mri", "mri scan", "magnetic resonance imaging"), ("mri", "磁共振", "核磁", "增强mri", "增强磁共振")),
    "x ray": (("x ray", "x rays", "xray", "radiograph", "radiographs", "plain film", "films"),
              ("x线", "x光", "平片", "正侧位", "x片")),
    "ultrasound": (("ultrasound", "uss", "ultrasonography"), ("超声", "b超", "彩超", "彩色多普勒超声")),
}
_AB = "(?:antibody|antibodies|ab|abs)"
_ANTIBODY = re.compile(rf"^(?:anti (?P<bound>.+?)(?: {_AB})?|(?P<own>.+?) {_AB})$")
_PLAIN = frozenset("a an of in for with and to by on at from his her this that send please do get 之 下 并 及 和 与 的".split())
_BESIDE = 12  # characters in which it is said where
_WHERE = "@"  # with which parts begin that say of where a test is
_ZH_ANTIBODY = re.compile(r"^抗(?P<bound>.+?)(?:抗体)?$")


def shipped_tests() -> NameTable:
    return _shipped()


def sampled_apart(name: str) -> Iterator[str]:
    """The name, then without the words that say of what sample it is, or that it is measured: `serum X`, `X level`, 血清X, X测定."""
    yield name
    ahead, behind = _BEFORE.sub("", name).strip(), _BEHIND.sub("", name).strip()
    yield from (form for form in (ahead, behind, _BEHIND.sub("", ahead).strip()) if form and form != name)


@lru_cache(maxsize=1)
def names_by_test() -> Mapping[str, frozenset[str]]:
    """All that the table calls each test."""
    names: dict[str, set[str]] = {}
    for test, others in read_table("tests.txt").items():
        names.setdefault(_shipped().key_of(test) or test, set()).update((test, *others))
    return {test: frozenset(some) for test, some in names.items()}


@lru_cache(maxsize=1)
def parts_of_tests() -> Vocabulary:
    """What names of tests are made of: how, on what sample, of which part of the body."""
    regions = {name: f"@{region.replace(' ', '_')}" for region, others in read_table("regions.txt").items()
               for name in (region, *others)}
    own = {name: part for part, others in read_table("parts_of_tests.txt").items() for name in (part, *others)}
    return Vocabulary(NameTable({**regions, **own}, units), units, _PLAIN)


@lru_cache(maxsize=1)
def panels() -> Mapping[str, frozenset[str]]:
    """What each panel or ratio is made of."""
    table = _shipped()
    return {table.key_of(name) or name: frozenset(table.key_of(part) or part for part in parts)
            for name, parts in read_table("panels.txt").items()}


@lru_cache(maxsize=1)
def _shipped() -> NameTable:
    rows = read_table("tests.txt")
    table = NameTable({name: test for test, others in rows.items() for name in (test, *others)})
    for make in (_antibodies(rows), _images(table)):
        for name, key in make:
            table.add(name, key, anew=True)
    return table


def _antibodies(rows: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """`anti X`, `X antibody`, `anti X antibodies`, 抗X, 抗X抗体 are one, of whichever class IgA or IgG."""
    for test, others in rows.items():
        for name in (test, *others):
            if english := _ANTIBODY.match(name.lower()):
                bound = english["bound"] or english["own"]
                plain = [f"{before}{bound} {word}" for before in ("", "anti ") for word in ("antibody", "antibodies", "ab", "iga", "igg")]
                forms = [*plain, f"anti {bound}", *(f"{form} {kind}" for form in plain[:3] for kind in ("iga", "igg")),
                         *(f"{kind} {before}{bound}{word}" for kind in ("iga", "igg") for before in ("", "anti ")
                           for word in ("", " antibody", " antibodies"))]
            elif chinese := _ZH_ANTIBODY.match(name):
                bound = chinese["bound"]
                forms = [f"抗{bound}", f"抗{bound}抗体", f"{bound}抗体", *(f"抗{bound}抗体{kind}" for kind in ("iga", "igg")),
                         *(f"{bound}抗体{kind}" for kind in ("iga", "igg")), *(f"{kind}{bound}抗体" for kind in ("iga", "igg"))]
            else:
                forms = []
            yield from ((form, test) for form in forms)


def _images(table: NameTable) -> Iterator[tuple[str, str]]:
    """Each region by each modality: `wrist mri`, `mri of the wrist`, 腕关节磁共振; a name that a table has gives all the others."""
    for region, others in read_table("regions.txt").items():
        for modality in _MODALITIES:
            forms = list(_forms_of_image((region, *others), *_MODALITIES[modality]))
            key = next((known for form in forms if (known := table.key_of(form))), f"{region} {modality}")
            yield from ((form, key) for form in forms)


def _forms_of_image(regions: tuple[str, ...], english: tuple[str, ...], chinese: tuple[str, ...]) -> Iterator[str]:
    for region in regions:
        if region.isascii():
            for word in english:
                yield from (f"{region} {word}", f"{word} {region}", f"{word} of the {region}", f"{word} of {region}")
        else:
            yield from (f"{region}{word}" for word in chinese)


def as_asked(given: set[str], wanted: set[str]) -> set[str]:
    """What is given, in the words of what is wanted: a ratio for its two parts. What is done with a sample, and parts of a panel, are
    no further tests beside it."""
    given = given | {ratio for ratio, parts in panels().items() if ratio in wanted and ratio.endswith("ratio") and parts <= given}
    spared = {part for key in given & wanted for panel, parts in panels().items()
              if panel == key or _leaves_out_where(panel, key) for part in parts if part not in wanted}
    return given - spared


def in_full(sentence: str, known: Sequence[tuple[str, Span]], wanted: Collection[str]) -> Iterator[tuple[str, Span]]:
    """Names that are known of a sentence, with what is wanted in the place of one that just leaves out where (`FNA` of a thyroid
    nodule), unless somewhere else is named beside it."""
    for key, span in known:
        fuller = next((one for one in wanted if key not in wanted and _leaves_out_where(key, one)), None)
        around = sentence[max(0, span.start - _BESIDE) : span.end + _BESIDE] if fuller else ""
        said = {part for part in parts_of_tests().of(around) if part.startswith(_WHERE)}
        yield fuller if fuller and said <= parts_of_tests().of(fuller) else key, span


@lru_cache(maxsize=1 << 14)
def _leaves_out_where(key: str, fuller: str) -> bool:
    wanted = parts_of_tests().of(fuller)
    said = (parts_of_tests().of(name) for name in (key, *names_by_test().get(key, ())))
    return any(parts and parts <= wanted and all(part.startswith(_WHERE) for part in wanted - parts) for parts in said)
