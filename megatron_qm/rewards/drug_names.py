"""Drug names to one generic name: brands, salts and dosage forms, Chinese and English. A modest table; users add theirs."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from megatron_qm.rewards.reading.finding import NameTable, find, units_of
from megatron_qm.rewards.reading.scopes import Span, Stance, denies, stances

# generic (English): other names of it. Brands stand beside the names in pharmacopoeias.
DRUGS: dict[str, tuple[str, ...]] = {
    "paracetamol": ("acetaminophen", "对乙酰氨基酚", "扑热息痛", "泰诺林", "tylenol", "panadol", "必理通", "百服宁"),
    "ibuprofen": ("布洛芬", "芬必得", "美林", "advil", "motrin", "fenbid"), "aspirin": ("阿司匹林", "乙酰水杨酸", "acetylsalicylic acid", "拜阿司匹灵", "asa"),
    "diclofenac": ("双氯芬酸", "扶他林", "voltaren"), "amoxicillin": ("阿莫西林", "羟氨苄青霉素", "amoxil"),
    "amoxicillin clavulanate": ("阿莫西林克拉维酸", "augmentin", "co amoxiclav", "力百汀", "奥格门汀"),
    "azithromycin": ("阿奇霉素", "希舒美", "zithromax"), "clarithromycin": ("克拉霉素", "biaxin"), "erythromycin": ("红霉素",),
    "levofloxacin": ("左氧氟沙星", "可乐必妥", "levaquin", "cravit"), "ciprofloxacin": ("环丙沙星", "cipro"),
    "moxifloxacin": ("莫西沙星", "拜复乐", "avelox"), "cefuroxime": ("头孢呋辛",), "cefixime": ("头孢克肟",), "ceftriaxone": ("头孢曲松",),
    "metronidazole": ("甲硝唑", "flagyl"), "doxycycline": ("多西环素",), "minocycline": ("米诺环素",), "oseltamivir": ("奥司他韦", "达菲", "tamiflu"),
    "acyclovir": ("阿昔洛韦", "aciclovir"), "entecavir": ("恩替卡韦", "博路定"), "tenofovir": ("替诺福韦", "韦瑞德"),
    "ketoconazole": ("酮康唑",), "miconazole": ("咪康唑",), "omeprazole": ("奥美拉唑", "洛赛克", "prilosec", "losec"),
    "pantoprazole": ("泮托拉唑",), "lansoprazole": ("兰索拉唑",), "rabeprazole": ("雷贝拉唑",), "esomeprazole": ("艾司奥美拉唑", "埃索美拉唑", "耐信", "nexium"),
    "ranitidine": ("雷尼替丁",), "famotidine": ("法莫替丁",), "mosapride": ("莫沙必利",), "domperidone": ("多潘立酮", "吗丁啉", "motilium"),
    "metoclopramide": ("甲氧氯普胺", "胃复安"), "trimebutine": ("曲美布汀",), "smectite": ("蒙脱石", "蒙脱石散", "思密达", "smecta"),
    "berberine": ("小檗碱", "黄连素"), "loratadine": ("氯雷他定", "开瑞坦", "claritin"), "cetirizine": ("西替利嗪", "仙特明", "zyrtec"),
    "ebastine": ("依巴斯汀",), "montelukast": ("孟鲁司特", "顺尔宁", "singulair"), "budesonide": ("布地奈德", "普米克", "pulmicort"),
    "salbutamol": ("沙丁胺醇", "albuterol", "ventolin", "万托林"), "ambroxol": ("氨溴索", "沐舒坦"), "dextromethorphan": ("右美沙芬",),
    "prednisone": ("泼尼松", "强的松"), "dexamethasone": ("地塞米松",), "hydrocortisone": ("氢化可的松",), "mometasone": ("莫米松", "糠酸莫米松"),
    "metformin": ("二甲双胍", "格华止", "glucophage"), "insulin": ("胰岛素",), "gliclazide": ("格列齐特",), "glimepiride": ("格列美脲",),
    "acarbose": ("阿卡波糖", "拜糖平"), "amlodipine": ("氨氯地平", "络活喜", "norvasc"), "nifedipine": ("硝苯地平", "拜新同"),
    "lisinopril": ("赖诺普利",), "enalapril": ("依那普利",), "captopril": ("卡托普利",), "losartan": ("氯沙坦", "科素亚"), "valsartan": ("缬沙坦", "代文"),
    "metoprolol": ("美托洛尔", "倍他乐克"), "bisoprolol": ("比索洛尔",), "furosemide": ("呋塞米", "速尿", "lasix"), "spironolactone": ("螺内酯",),
    "hydrochlorothiazide": ("氢氯噻嗪",), "atorvastatin": ("阿托伐他汀", "立普妥", "lipitor"), "simvastatin": ("辛伐他汀",),
    "rosuvastatin": ("瑞舒伐他汀", "可定", "crestor"), "clopidogrel": ("氯吡格雷", "波立维", "plavix"), "warfarin": ("华法林", "coumadin"),
    "heparin": ("肝素",), "rivaroxaban": ("利伐沙班", "拜瑞妥"), "digoxin": ("地高辛",), "nitroglycerin": ("硝酸甘油", "glyceryl trinitrate"),
    "morphine": ("吗啡",), "tramadol": ("曲马多",), "sertraline": ("舍曲林",), "fluoxetine": ("氟西汀",), "diazepam": ("地西泮", "安定"),
    "levothyroxine": ("左甲状腺素", "优甲乐"), "penicillin": ("青霉素", "penicillin g", "benzylpenicillin"), "vancomycin": ("万古霉素",),
    "tacrolimus": ("他克莫司",), "mesalazine": ("美沙拉秦", "mesalamine"), "allopurinol": ("别嘌醇",), "colchicine": ("秋水仙碱",),
}
_STRENGTH = re.compile(r"(?<!\d)\d{1,6}(?:\.\d{1,4})?\s{0,3}(?:mg|g|ml|mcg|ug|毫克|克|毫升)(?![a-z])", re.I)
# Combinations, in one order; the other is the same drug.
_COMBINATIONS: dict[str, tuple[str, str]] = {
    "amoxicillin clavulanate": ("amoxicillin", "clavulanate"), "sulfamethoxazole trimethoprim": ("sulfamethoxazole", "trimethoprim"),
    "piperacillin tazobactam": ("piperacillin", "tazobactam"), "ampicillin sulbactam": ("ampicillin", "sulbactam"),
    "cefoperazone sulbactam": ("cefoperazone", "sulbactam"), "imipenem cilastatin": ("imipenem", "cilastatin"),
    "budesonide formoterol": ("budesonide", "formoterol"), "fluticasone salmeterol": ("fluticasone", "salmeterol"),
    "sacubitril valsartan": ("sacubitril", "valsartan"), "levodopa carbidopa": ("levodopa", "carbidopa"),
    "levodopa benserazide": ("levodopa", "benserazide"), "ezetimibe simvastatin": ("ezetimibe", "simvastatin"),
}
_SALT = re.compile(r"\s(?:hydrochloride|hcl|sodium|potassium|calcium|maleate|sulfate|sulphate|besylate|besilate|tartrate|succinate|phosphate"
                   r"|citrate|fumarate|acetate|mesylate|bromide|trihydrate|magnesium|bisulfate|tablets?|capsules?|injection|oral|suspension"
                   r"|extended release|er|xr|sr|xl|cream|syrup|granules?|therapy)(?=\s|$)", re.I)
_ZH_SALT = re.compile(r"^(?:盐酸|硫酸氢|硫酸|马来酸|枸橼酸|富马酸|酒石酸|氢溴酸|苯磺酸|磷酸|琥珀酸|乳酸|醋酸|甲磺酸|注射用|吸入用|口服)")
_ZH_FORM = re.compile(r"(?:肠溶|缓释|控释|分散|咀嚼|口服|混悬|干混悬|氯化|泡腾|软)*(?:片|胶囊|颗粒|注射液|口服液|溶液|乳膏|软膏|滴剂|滴眼液|糖浆|混悬液|散|钠|钾|钙|栓|喷雾剂|凝胶)$")
# What may stand right before the name of a drug in Chinese text: another character makes it the end of a longer name.
_ZH_BEFORE = frozenset("予给用服吃开加选是为和及与或含配联合以并也的药：）。、用物剂停禁忌别勿不换成将对改片酸钠钾口注射次即了把先后再宜应可如有于到至从")


class DrugNames:
    """Names of drugs to their generic names: a user's own first, then those that ship."""

    def __init__(self, tables: Sequence[NameTable], wanted: NameTable | None = None) -> None:
        self._tables, self._wanted = tables, wanted

    @classmethod
    def of(cls, names: Mapping[str, str]) -> "DrugNames":
        return _of(tuple(names.items()))

    def knowing(self, keys: Collection[str]) -> "DrugNames":
        """And the names `keys`, which a reference may have and no table."""
        unknown = {key: key for key in keys if not any(key in table for table in self._tables)}
        return DrugNames(self._tables, NameTable(unknown)) if unknown else self

    def key(self, name: str) -> str:
        """The generic name, or the name itself in plain form; empty for no name."""
        for table in self._all:
            for form in _forms(name):
                if (found := table.key_of(form)) is not None:
                    return found
        found = next(iter(self.find(name)), None)
        return found[0] if found else plain(name)

    def affirmed_key(self, text: str) -> str:
        """`key` of a field of JSON; empty where the field denies the drug."""
        found = list(self.find(text))
        states = stances(text, [span for _, span in found])
        if found and Stance.AFFIRMED not in states:
            return ""
        return next((key for (key, _), stance in zip(found, states, strict=True) if stance is Stance.AFFIRMED), "") or (
            "" if denies(text) else self.key(text))

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        yield from find(sentence, self._all, _is_whole)

    @property
    def _all(self) -> Sequence[NameTable]:
        return [*([self._wanted] if self._wanted else []), *self._tables]


@lru_cache(maxsize=64)  # the items of a run share their table
def _of(names: tuple[tuple[str, str], ...]) -> DrugNames:
    shipped = _shipped()
    own = {name: shipped.key_of(target) or plain(target) for name, target in names}
    return DrugNames([NameTable(own), shipped] if own else [shipped])


@lru_cache(maxsize=1)
def _shipped() -> NameTable:
    table = NameTable({name: generic for generic, others in DRUGS.items() for name in (generic, *others)})
    for generic, parts in _COMBINATIONS.items():
        names = [[name for name in (part, *DRUGS.get(part, ()))] for part in parts]
        for one in names[0]:
            for other in names[1]:
                for joint in (" ", " and ", " with ", " plus ", "和"):
                    table.add(f"{one}{joint}{other}", generic)
                    table.add(f"{other}{joint}{one}", generic)
    return table


def _is_whole(sentence: str, span: Span) -> bool:
    """Whether a Chinese name is no end of a longer one (罗红霉素 is no 红霉素) and no beginning of one."""
    before = sentence[span.start - 1 : span.start]
    named = sentence[span.start : span.end]
    if "\u4e00" <= named[0] <= "\u9fff" and "\u4e00" <= before <= "\u9fff":
        return before in _ZH_BEFORE
    return True


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
