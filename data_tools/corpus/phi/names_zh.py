"""Chinese names: a surname and a given name where fields, roles, relatives, titles or punctuation say that a person is meant.

Without such words a name needs two given-name characters, or what only follows a person (a sex, a phone number), and may not
begin as a word does (lists/words_zh.txt).
"""

import re
from collections.abc import Iterator
from functools import cache

from data_tools.corpus.phi import lists
from data_tools.corpus.phi.spans import Span

HAN = "一-鿿㐀-䶿"
COMMON, WORD, CUED = (lists.characters("surnames_zh", section) for section in ("common", "word", "cued"))
COMPOUND = lists.any_of(lists.words("surnames_zh", "compound"))
_ANY = lists.characters("given_zh", "any")
_FIRST = _ANY + lists.characters("given_zh", "first")
TRANSLIT = (
    "阿艾买提古丽热木合江汗依斯拉吐尔逊努巴特扎西卓玛次仁多吉库萨迪克牙力麦苏莱曼玉素甫帕孜沙比居来赛娜扎亚森卡德木拜合伊力哈"
    "穆罕默如则尼祖农阿不都布杜满肉孜塔那旦增央金格桑平措洛边罗顿珠旺堆达瓦普白加琼贡觉益乌云其格呼和巴图朝鲁额日敦苏和那顺敖"
    "登高娃娜仁托娅斯琴查干色音萨仁包力阳沙马曲惹体妮伍呷莫果牛吉子克日杰俄友玛热依孜古扎努尔买买提明"
)
_FOLLOW = (
    "先诉|反映|代[诉述]|沟通|商量|谈话|交代|[诉称述说讲于因在来到去入出转拒签陪送告今昨前近曾已既有无未不否系是为自由被将与和"
    "及或的男女向对从给现感觉突患母"
    "父家夫妻即则即均同查予请您你也都仍还再又就后时当此其"
    "主行发门急会服停需应可能要住未拟带持诊咨打跟问叫让带领按随交找表签负责完成操]|年龄|性别|年[约]|要求|同意|精神|神[志清]|意"
    "识|体[健检温]|血压|术[后前中]|手术|平[素时日]|电话|联系|身份|住址|地址|科室|床号|住院"
    "|籍贯|民族|职业|病历|病案|门诊|本人|同志|等人|等|以及|共同"
    "|医[生师]|主[任治管]|护[士师理]|教授|大夫|院长|先生|女士|小姐|阿姨|叔叔|大爷|大妈|奶奶|爷爷|老师|师傅|副主任|技师|药师|研"
    "究生|住培|规培|实习"
)
NOT_GIVEN = (
    "代[诉述理]|平[素时日]|发[热现生病作烧育]|同[意时前]|自[述诉觉行发]|主[诉任治管]|现[病在住]|今[日天晨年]|昨[日天晚]|近[日"
    "期来]|前[来"
    "往]|来[院诊]|既往|有[高糖冠长]|无[明发]|一[直般年周月天日个]|上述|上[午级]"
    "|下午|经[我治会]|精神"
    "|神[志清]|意[识见]|体[健检温征]|血[压糖]|术[后前中]|手[术机]|心[悸慌电率肺]|年[龄约前]|女[士性儿]|男性|医[生师院]|院长|老"
    "师|护[士理]|教授|家[属住庭人]|电话|长期|同志|等人|入[院住]|出[院生现]"
    "|住[院址]|确[诊认]|性别|民族|科室|床[号]|诊[断治]"
    "|联系|身[份高体]|向[医家]|在[家我外]|于[我外今昨]|感[到觉]|以[及为]|从[事业]|因[病]|名[叫为]|曾[因于]|病[情史案历房]|双"
    "[侧下上]|右[侧]|左[侧]|子[女]|生于|生[育活命]|和[家其]|达[到]"
    "|明[确显]|安[排静全]"
    "|良[好]|清[楚醒]|可[能见以]|信[息]|知[情晓]|立[即]|直[接]|正[常在]|学[习生]|建[议]|保[持护]|进[行食一]|加[用强]|利[尿]|通"
    "[知过]|开[始具]|继[续]|复[查诊]|会[诊]|先[后生]|叔叔|阿姨"
    "|大[爷妈娘伯]|姐|当[时日]|大[便小夫]|小[便时姐]|持[续]"
)
_HARD = rf"(?=$|[^{HAN}]|{_FOLLOW})"
_EDGE = rf"(?=$|[^{HAN}])"
_GIVEN2 = rf"(?!{NOT_GIVEN})[{_FIRST}](?!{NOT_GIVEN})[{_ANY}]"
_GIVEN1 = rf"(?!{NOT_GIVEN})[{_FIRST}]"
_MASKED = r"(?:某[某甲乙丙]?|[*×ＸXxＯ○〇]{1,2}(?![A-Za-z0-9]))"
_GAP = r"[ \t]{1,3}"

# What may stand after a field such as 姓名： or a role such as 患者. The first that fits is the name.
ALL = COMMON + WORD + CUED
_ETHNIC = rf"[{HAN}]{{1,8}}(?:[·•・‧∙][{HAN}]{{1,10}})+"
_SURE = rf"{COMPOUND}(?:{_GIVEN2}|[{_FIRST}]){_HARD}|[{ALL}]{_MASKED}"
_TITLE = (
    r"(?:(?:副?主任|主治|住院|值班|主管)?(?:医生|医师|大夫|药师|技师|护师|护士)|护士长|副?主任|副?教授|副?院长|先生|女士|小姐"
    r"|阿姨|叔叔|伯伯|大爷|大妈|大娘|大伯|奶奶|爷爷|师傅|老师|老太太?|同志|同学"
    r"|博士|警官|律师|科长|处长|局长|经理|主管|总(?=[，。,.指交查同]))"
)
_VALUE = re.compile(
    rf"{_ETHNIC}|{_SURE}|{COMPOUND}[{HAN}]{{1,2}}{_EDGE}|[{ALL}](?!{_TITLE})[{HAN}]{{1,2}}{_EDGE}|[{ALL}]{_GIVEN2}{_HARD}"
    rf"|[{ALL}]{_GIVEN1}{_HARD}"
    rf"|[{ALL}](?:{_GAP}[{HAN}]){{1,2}}{_EDGE}|[{ALL}](?!{NOT_GIVEN})[{HAN}](?!{NOT_GIVEN})[{HAN}](?={_FOLLOW})"
    rf"|[{COMMON}]{_GIVEN2}"
)
_ANYTHING = re.compile(rf"[{HAN}]{{2,5}}{_EDGE}")
_LATIN = re.compile(r"[A-Z][A-Za-z'’-]+(?:[ ,]{1,2}[A-Z][A-Za-z'’.-]*){0,3}")

_FIELD = re.compile(
    r"(?:姓\s*名|(?:曾用|真实)名|联系人|监护人|法定代理人|委托人|受托人|代理人|(?:签|署)\s*[名字章]|签字人|记录[者人]|审核[者"
    r"人]|审签|审阅|校对[者人]?|报告[者人]|检[验查测][者人]|复核[者人]?"
    r"|核对[者人]?|操作[者人]|执行[者人]|书写[者人]|录入[者人]|打印[者人]|申请[者人]"
    r"|(?:病史)?(?:陈|叙|供)[述史][者人]|提供者|术\s*者|主刀|助\s*手|[一二三四第]助|器械护士|巡回护士|责任护士|值班|会诊人员?"
    r"|参加人员?|参加者|参与人员?|讨论人员?|主持人|出席人员?|与会人员?|麻醉"
    r"|陪同[者人]?|陪护[人者]?|送检[者人]|收件人|收货人|投诉人|代诉|家\s*长"
    r"|(?:医|药|技|护|麻醉|检验|治疗|营养|咨询)\s*师|医\s*生|护\s*士(?:长)?|主\s*任|教\s*授|大\s*夫|科\s*主\s*任|主\s*治|住院"
    r"总|患\s*者|病\s*人|患\s*儿|产\s*妇|家\s*属"
    r"|亲\s*属|父\s*亲|母\s*亲|配\s*偶|丈\s*夫|妻\s*子|儿\s*子|女\s*儿|受试者|研究者|知情同意者|与患者关系)"
    r"(?:[(（][^()（）\n]{1,8}[)）])?[:：]?$"
)
_LOOSE_FIELD = re.compile(
    r"(?:医\s*生|患\s*者|病\s*人|护\s*士(?:长)?|大\s*夫|主\s*任|教\s*授|家\s*属|患\s*儿|家\s*长|父\s*亲|母\s*亲|医\s*师|药"
    r"\s*师|麻醉|值班|儿\s*子|女\s*儿)[:：]?$"
)
_NAME_FIELD = re.compile(r"(?:姓\s*名|签\s*[名字]|联系人|监护人|曾用名)(?:[(（][^()（）\n]{1,8}[)）])?[:：]?$")
_COLON = re.compile(
    rf"[:：](?:(?<=名.)|(?<=名 .)|(?<=字.)|(?<=人.)|(?=[ \t_]{{0,8}}[{ALL}欧司上诸尉皇令慕东夏公轩宇端南呼独拓西赫澹宗濮淳太"
    rf"申仲鲜闾亓子颛巫漆完那A-Z])|(?=[ "
    rf"\t]{{0,4}}[{TRANSLIT}]))[ \t_]{{0,8}}(?=[一-鿿A-Z])|(?:签[名字]|姓名|术者|记录者)[ \t_]{1, 8}(?=[一-鿿])"
)
_NOBODY = re.compile(
    r"(?:患者|病人|患儿|本人|家属|家长|其[父母子女夫妻]|父母|父亲|母亲|父|母|不详|未知|保密|无|同前|同上|自述|可靠|未提供|医师"
    r"|医生|护士|主任|已婚|未婚|男|女|汉族|不清|丈夫|妻子|儿子|女儿|配偶|先生|女士"
    r"|代诉|上级|值班|住院|主治|全科|详见|未见|建议|亲属|朋友|同事|本科|全麻|局麻)"
)

_ROLE = re.compile(
    r"(?:(?P<weak>[由经请嘱叫找及与和给向对跟]|[今昨次]日|今晨)|患者|患儿|病人|产妇|孕妇|患方|伤者|死者|受试者|家属|家长|亲属"
    r"|[之其](?:[父母夫妻子女弟兄姐妹]|姐姐|妹妹|舅舅|姑姑|姨妈|叔叔|奶奶|爷爷|侄女|外孙)|父亲|母亲|丈夫|妻子|儿子|女儿|爱人"
    r"|配偶|哥哥|弟弟|姐姐|妹妹|儿媳|女婿|孙子|孙女"
    r"|[长次]子|[长次三]女|侄子|侄女|同事|朋友|邻居|室友|保姆|护工|医[师生]|药师|技师|治疗师|营养师|护[师士]|护士长|主任|教授"
    r"|大夫|院长|组长|博士|硕士|联系人|监护人|姓名|名叫|叫做|名为|自称|签名|签字"
    r"|记录者|术者|助手|代理人|委托人"
    r"|通知|联系|告知|转告|陪同|同学|同志|居民|村民|职工|学生|老师|教师|工人|司机|先生|女士)(?:[是为系]|[（(“\"]|[ \t]{1,2})?$"
)
_PAIRS = lists.words("surnames_zh", "compound")
_SECONDS = "".join(pair[1] for pair in _PAIRS if len(pair) == 2)
_COMPOUNDS = frozenset(_PAIRS)
_OPENING = "".join(dict.fromkeys(COMMON + WORD + "".join(pair[0] for pair in _PAIRS)))
_LOOKS_LIKE_ONE = re.compile(
    rf"[{_OPENING}](?:[{_SECONDS}](?<={'|'.join(pair for pair in _PAIRS if len(pair) == 2)})|(?<=[{COMMON}{WORD}]))"
    rf"(?:{_GIVEN2}(?:(?={_TITLE})(?P<titled2>)|{_HARD}(?P<hard2>))|(?={_TITLE})(?P<titled>)|[{_ANY}](?={_TITLE})(?P<titled1>)"
    rf"|{_GIVEN1}{_HARD}(?P<hard1>)|(?P<masked>{_MASKED})|{_GIVEN2})"
)
_SEX = r"[,，、 \t(（]{1,2}(?:[男女](?:性|孩|婴|童)?[,，。;；、 \t)）\n]|[0-9]{1,3} ?岁)"
_PHONE_AFTER = r"[ \t,，:：(（]{0,2}(?:联系)?(?:电话|手机|联系方式|Tel|TEL)?[:：]?[ \t]{0,2}\+?[0-9(][0-9 -]{6,}"
_AFTER_PERSON = re.compile(f"{_SEX}|{_PHONE_AFTER}")
_DATE_AFTER = re.compile(r"[ \t]{1,4}(?:19|20)[0-9]{2}[-年/.]|[ \t]*(?:\n|$)")
_ALONE_ON_LINE = re.compile(r"(?:^|\n)[ \t]*$")
FUNCTION_BEFORE = re.compile(lists.any_of(lists.words("words_zh", "ends")) + "$")
_PARTS = (
    r"(?:扎西|次仁|卓玛|卓嘎|格桑|丹增|央金|央宗|拉姆|多吉|尼玛|达瓦|巴桑|旺堆|旺姆|平措|顿珠|罗布|洛桑|贡布|强巴|白玛|索朗|仁"
    r"青|德吉|边巴|普布|曲珍|曲扎|米玛|拉巴|旦增|嘎玛|群培|加措|坚赞|桑珠|欧珠|晋美"
    r"|仓决|其美|益西|江村|措姆|次旦|次旺|次央|赤列|云丹|阿旺|土登|坚参|乌云|其木|娜仁|萨仁|斯琴|苏日|格日|阿拉坦|朝鲁|额尔德"
    r"|孟和|敖登|哈斯|呼斯|乌兰|通拉嘎|塔娜|那木|布和|宝音|青格|斯日|巴雅尔)"
)
_ENDINGS = "(?:其其格|格|托娅|高娃|图雅|巴雅尔|毕力格|巴特尔|塔拉图|斯琴|木图|尼|图)"
_UNSPACED = re.compile(rf"{_PARTS}(?:{_PARTS}{{1,2}}{_ENDINGS}?|花?{_ENDINGS})")
_DOTTED = re.compile(rf"[·•・‧∙](?=[{TRANSLIT}])")
_LEFT_OF_DOT = re.compile(rf"[{TRANSLIT}]{{2,8}}$")
_RIGHT_OF_DOT = re.compile(rf"[{TRANSLIT}]{{1,10}}(?:[·•・‧∙][{TRANSLIT}]{{1,8}})?")
_NEXT = re.compile(
    rf"[ \t]{{0,2}}[、，,/／;；和与及]{{1,2}}[ \t]{{0,2}}((?:{COMPOUND}|[{COMMON}{WORD}])(?:{_GIVEN2}|[{_FIRST}])){_HARD}"
)


@cache
def word_lists() -> tuple[dict[str, frozenset[str]], frozenset[str], frozenset[str]]:
    """{surname: second characters, and whole words}; beginnings that a name of three may have too; how things begin."""
    known: dict[str, frozenset[str]] = {}
    for line in lists.sections("words_zh")["hard"].splitlines():
        first, *rest = line.split()
        known[first] = known.get(first, frozenset()) | frozenset(rest[0]) | frozenset(rest[1:])
    things = frozenset(thing[:length] for thing in lists.words("words_zh", "things") for length in range(2, 5))
    return known, frozenset(lists.words("words_zh", "soft")), things


def is_word(name: str) -> bool:
    """`name` is, or begins as, a word that is no name."""
    hard, soft, things = word_lists()
    known = hard.get(name[0], frozenset())
    if name in known or name in things:
        return True
    return name[1:2] in known and not (len(name) == 3 and name[:2] in soft and name[2] in _ANY)


def find_names(text: str) -> Iterator[Span]:
    """text: folded, with Chinese characters in it."""
    found: dict[tuple[int, int], None] = {}
    for source in (_fields, _shapes, _minorities):
        found.update(dict.fromkeys(source(text)))
    for _, end in list(found):
        found.update(dict.fromkeys(_followers(text, end)))
    yield from (Span(start, end, "NAME") for start, end in found)
    yield from again(text, {text[start:end] for start, end in found})


Place = tuple[int, int]


def _fields(text: str) -> Iterator[Place]:
    for match in _COLON.finditer(text):
        start, line = match.end(), max(0, match.start() - 14)
        field = _FIELD.search(text, line, match.start() + (0 if text[match.start()] in ":：" else 2))
        if not field or _NOBODY.match(text, start):
            continue
        yield from _value(text, start, field.group())


def _value(text: str, start: int, field: str) -> Iterator[Place]:
    latin = _LATIN.match(text, start) if text[start].isascii() else None
    if latin:
        if not _LOOSE_FIELD.search(field):
            yield start, latin.end()
        return
    match = _VALUE.match(text, start)
    if match and _LOOSE_FIELD.search(field) and not _sure(text, match):
        return
    if match and not (is_word(match.group()) and not _NAME_FIELD.search(field)):
        yield match.span()
    elif not match and _NAME_FIELD.search(field) and (anything := _ANYTHING.match(text, start)):
        yield anything.span()


def _sure(text: str, match: re.Match[str]) -> bool:
    """After 医生： a dialogue may go on: a name only where a given name ends at a sign that ends no sentence of talk."""
    name, after = match.group(), text[match.end() : match.end() + 1]
    likely = all(character in _FIRST for character in name[1:]) or not _HAN_ONLY.fullmatch(name)
    return name[0] in COMMON + WORD and likely and (after in " \t、/;；，,(（。" or after in ("", "\n")) and not is_word(name)


_WORD_CHARACTER = re.compile(f"[{HAN}A-Za-z0-9·]")
_HAN_ONLY = re.compile(f"[{HAN}]+")


def _shapes(text: str) -> Iterator[Place]:
    """Surnames with a given name, a title or a mask after them, where what stands around them says that it is a person."""
    for match in _LOOKS_LIKE_ONE.finditer(text):
        name, (start, end), shape = match.group(), match.span(), match.lastgroup or "open"
        if shape.startswith("titled"):
            accepted = _titled(text, start, name)
        elif shape == "masked":
            accepted = name[0] in COMMON or not _within_word(text, start) or bool(_ROLE.search(text, max(0, start - 6), start))
        else:
            known = is_word(name) and not (name in word_lists()[1] and _AFTER_PERSON.match(text, end))
            accepted = not known and (_after_role(text, start, name, shape) or _apart(text, start, end, name, shape))
        if accepted:
            yield start, end


def _titled(text: str, start: int, name: str) -> bool:
    return not (len(name) > 1 and is_word(name) and name not in word_lists()[1]) and not FUNCTION_BEFORE.search(
        text, max(0, start - 4), start + 1
    )


def _after_role(text: str, start: int, name: str, shape: str) -> bool:
    role = _ROLE.search(text, max(0, start - 7), start)
    if not role:
        return False
    long = len(name) >= 3
    if role["weak"] or shape == "open":
        return long and name[0] in COMMON and (shape != "open" or not role["weak"])
    return long or name[0] in COMMON or name[1] in _ANY


def _apart(text: str, start: int, end: int, name: str, shape: str) -> bool:
    """At the beginning of a clause, and followed as only persons are; or alone on a line."""
    if shape == "open" or _within_word(text, start):
        return False
    if _AFTER_PERSON.match(text, end):
        return True
    if len(name) == 2:
        alone = _ALONE_ON_LINE.search(text, max(0, start - 8), start) and _DATE_AFTER.match(text, end)
        return bool(alone) and name[0] in COMMON
    return name[0] in COMMON or name[:2] in _COMPOUNDS or text[end : end + 1] not in ("、", "和", "及")


def _within_word(text: str, start: int) -> bool:
    return start > 0 and bool(_WORD_CHARACTER.match(text, start - 1))


def _minorities(text: str) -> Iterator[Place]:
    for dot in _DOTTED.finditer(text):
        left = _LEFT_OF_DOT.search(text, max(0, dot.start() - 8), dot.start())
        right = _RIGHT_OF_DOT.match(text, dot.end())
        if left and right:
            yield left.start(), right.end()
    for match in _UNSPACED.finditer(text):
        if match.end() - match.start() >= 3:
            yield match.span()


def _followers(text: str, end: int) -> Iterator[Place]:
    """王伟、李强、张丽: what follows a name in a list and could be one."""
    while match := _NEXT.match(text, end):
        if is_word(match[1]):
            return
        yield match.span(1)
        end = match.end(1)


def again(text: str, names: set[str]) -> Iterator[Span]:
    """The other places of full names."""
    for name in names:
        if (
            len(name) >= 3
            or len(name) == 2
            and name[0] in COMMON
            and _HAN_ONLY.fullmatch(name)
            and not is_word(name)
            and name[1] != "某"
        ):
            place = text.find(name)
            while place >= 0:
                yield Span(place, place + len(name), "NAME")
                place = text.find(name, place + len(name))
