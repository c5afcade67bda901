"""Drug names to one generic name: brands, salts and dosage forms, both languages, of `tables/drugs.txt`; users add theirs."""
# ruff: noqa: E501  Chinese characters count twice

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from megatron_qm.rewards.near_names import NearNames
from megatron_qm.rewards.reading.finding import NameTable, find, units_of
from megatron_qm.rewards.reading.lexicon import either
from megatron_qm.rewards.reading.mentions import key_of_field
from megatron_qm.rewards.reading.remembered import remembered
from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.reading.traditional import simplified
from megatron_qm.rewards.tables.table import read_table

_STRENGTH = re.compile(rf"(?<!\d)\d{{1,6}}(?:[.,]\d{{1,4}})?\s{{0,3}}{either('unit_of_strength')}(?![a-z])", re.I)
_ZH_SIDES = re.compile(r"[\u4e00-\u9fff]{2}")
_SALT = re.compile(rf"\s{either('salt', 'en')}(?=\s|$)", re.I)
_ZH_SALT = re.compile(rf"^{either('salt', 'zh')}")
_ZH_FORM = re.compile(rf"{either('release')}*{either('dosage_form')}$")
# What may stand right before the name of a drug in Chinese text, though it stands in names too.
_ZH_BEFORE = frozenset("予给用服吃开加选是为和及与或含配联合以并也的药、物剂停禁忌别勿不换成将对改片酸钠钾口注射次即了把先后再宜应可如有于到至从量"
                       "除过单早首下上时行做需取该此另均则就才又仍而且若比较胜称名叫案疗者由被让使只仅非属起始续喂输点抹涂吸喷贴敷灌塞推泵静减增调撤缓替补追共同议荐")
_ZH_WORDS_BEFORE = frozenset("雾化 吸入 静脉 静推 静滴 泵入 皮下 肌肉 局部 外涂 同时 及时 目前 立即 立刻 尽快 尽早 尽快 此时 随后 今天 每天 每日 长期 常规 早期 术前 术后 餐前 睡前 "
                             "饭前 单药 继续 起始 开始 推荐 建议 考虑 短期 规律 小量 足量 普通 经典 老药 新药 国产 进口 复方 正是 患者 病人 本例 应当 必须 最佳 最好 答案 方案 治疗 处方".split())

_CHEMISTRY = "氟氯溴碘硝氨甲乙丙丁戊己羟去脱环双二三四异左右对邻头孢克洛"
_COMMA = re.compile(r"[,，、;；]")
_JOINTS = (" ", " and ", " with ", " plus ", "和")  # of two names of a combination; / and - are blanks


class DrugNames:
    """Names of drugs to their generic names: a user's own first, then those that ship."""

    def __init__(self, tables: Sequence[NameTable], wanted: NameTable | None = None, near: NearNames | None = None) -> None:
        self._tables, self._wanted, self._near = tables, wanted, near

    @classmethod
    def of(cls, names: Mapping[str, str]) -> "DrugNames":
        return remembered(names, lambda: _of(names))

    def knowing(self, keys: Collection[str]) -> "DrugNames":
        """And the names `keys`, which a reference may have and no table, and what comes near to one."""
        unknown = {key: key for key in keys if not any(key in table for table in self._tables)}
        return DrugNames(self._tables, NameTable(unknown) if unknown else None, NearNames(keys, self._tables))

    def key(self, name: str) -> str:
        """The generic name, or the name itself in plain form; empty for no name."""
        for table in self._all:
            for form in _forms(name):
                if (found := table.key_of(form)) is not None:
                    return found
        inside = next(iter(self.find(name)), None)
        return inside[0] if inside else plain(name)

    def __contains__(self, key: str) -> bool:
        return any(key in table for table in self._all)

    def affirmed_key(self, text: str) -> str:
        """`key` of a field of JSON; empty where the field denies the drug."""
        return key_of_field(text, self.find, self.key)

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        known = list(self._known(sentence))
        near = self._near.find(sentence, [span for _, span in known]) if self._near else ()
        yield from sorted([*known, *near], key=lambda one: one[1].start)

    def _known(self, sentence: str) -> Iterator[tuple[str, Span]]:
        for key, span in find(sentence, self._all, _is_whole):
            comma = _COMMA.search(sentence, span.start, span.end) if parts_of(key) else None
            if comma is None:
                yield key, span
                continue
            for begin, end in ((span.start, comma.start()), (comma.end(), span.end)):  # a list of two, and no combination
                yield from ((part, Span(begin + at.start, begin + at.end)) for part, at in find(sentence[begin:end], self._all))

    @property
    def _all(self) -> Sequence[NameTable]:
        return [*([self._wanted] if self._wanted else []), *self._tables]


def _of(names: Mapping[str, str]) -> DrugNames:
    shipped = _shipped()
    own = {name: shipped.key_of(target) or plain(target) for name, target in names.items()}
    return DrugNames([NameTable(own), shipped] if own else [shipped])


@lru_cache(maxsize=1)
def _shipped() -> NameTable:
    drugs = {generic: (generic, *others) for generic, others in read_table("drugs.txt").items()}
    table = NameTable({name: generic for generic, names in drugs.items() for name in names})
    for generic, (first, second) in _combinations().items():
        for one, other in itertools.product(drugs[first], drugs[second]):
            for joint in _JOINTS:
                table.add(f"{one}{joint}{other}", generic)
                table.add(f"{other}{joint}{one}", generic)
    return table


def parts_of(generic: str) -> tuple[str, ...]:
    """The drugs of a combination of two; none of another drug."""
    return _combinations().get(generic, ())


@lru_cache(maxsize=1)
def _combinations() -> dict[str, tuple[str, str]]:
    """The generic names that are two names, one behind the other."""
    drugs = read_table("drugs.txt")
    generic = {name: drug for drug, others in drugs.items() for name in (drug, *others)}
    cuts = ((name, name[:at], name[at + 1 :]) for name in drugs for at, mark in enumerate(name) if mark == " ")
    return {name: (generic[first], generic[second]) for name, first, second in cuts if first in generic and second in generic}


def _is_whole(sentence: str, span: Span) -> bool:
    """Whether a Chinese name is no end of a longer one (罗红霉素 is no 红霉素) and no beginning of one."""
    before = simplified(sentence[max(0, span.start - 2) : span.start])
    if _ZH_SIDES.fullmatch(f"{before[-1:]}{sentence[span.start]}"):
        return before[-1] in _ZH_BEFORE or before in _ZH_WORDS_BEFORE or before[-1] not in _prefixes()
    return True


@lru_cache(maxsize=1)
def _prefixes() -> frozenset[str]:
    """What stands in a Chinese name before another one (罗 of 罗红霉素), or begins names of chemistry."""
    names = {name for others in read_table("drugs.txt").values() for name in others if name[0] >= "\u4e00"}
    begin = {name[0] for name in names}
    return frozenset(_CHEMISTRY) | {name[at - 1] for name in names for at in range(1, len(name) - 1)
                                    if name[at] in begin and name[at:] in names}


def plain(name: str) -> str:
    """A name in lower case without strength, punctuation and salt."""
    return _SALT.sub("", " ".join(unit for unit, _, _ in units_of(_STRENGTH.sub(" ", name[:200])))).strip()


@lru_cache(maxsize=1 << 16)
def _forms(name: str) -> tuple[str, ...]:
    """The name as it stands, then without strength, salt and dosage form."""
    name = _STRENGTH.sub(" ", name[:200]).strip()
    unsalted = _ZH_SALT.sub("", name)
    formless = _ZH_FORM.sub("", unsalted)
    return name, _SALT.sub("", name), unsalted, _ZH_FORM.sub("", name), formless, _ZH_FORM.sub("", formless)
