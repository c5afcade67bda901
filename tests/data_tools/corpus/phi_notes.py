"""Notes with known places of what identifies somebody, drawn anew for each seed: for tests of kinds, not of examples."""

import random
from collections.abc import Callable

from data_tools.corpus.phi.checks import citizen_digit, luhn_digit
from data_tools.corpus.phi.spans import Span

Part = str | tuple[str, str]  # text, or (type, value)


def note(parts: list[Part]) -> tuple[str, list[Span]]:
    text, spans = "", []
    for part in parts:
        if isinstance(part, tuple):
            spans.append(Span(len(text), len(text) + len(part[1]), part[0]))
            text += part[1]
        else:
            text += part
    return text, spans


def digits(draw: random.Random, count: int) -> str:
    return "".join(str(draw.randrange(10)) for _ in range(count))


_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段钱汤尹黎易常武乔贺赖龚文"
).replace("萧", "肖")
_GIVEN = [
    "伟",
    "芳",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "建国",
    "志强",
    "晓东",
    "雨欣",
    "子涵",
    "浩然",
    "梓轩",
    "淑珍",
    "国庆",
    "玉梅",
    "文博",
    "思远",
    "嘉怡",
    "俊杰",
    "海燕",
    "春生",
    "宏宇",
    "佳琪",
    "一鸣",
    "天佑",
    "鹏飞",
    "婷婷",
    "金凤",
]


def name_zh(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.06:
        return draw.choice(["欧阳", "司马", "上官", "诸葛", "慕容", "皇甫", "司徒", "夏侯"]) + draw.choice(_GIVEN)
    if kind < 0.1:
        return draw.choice(["买买提·艾力", "阿依古丽·吐尔逊", "古丽娜尔·买买提", "艾合买提·热合曼", "扎西次仁", "次仁卓玛"])
    return draw.choice(_SURNAMES) + draw.choice(_GIVEN)


def mobile_zh(draw: random.Random) -> str:
    plain = draw.choice(["138", "139", "150", "177", "186", "199", "133"]) + digits(draw, 8)
    a, b, c = plain[:3], plain[3:7], plain[7:]
    wide = plain.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    spoken = plain.translate(str.maketrans("0123456789", "零一二三四五六七八九"))
    return draw.choice(
        [
            plain,
            f"{a} {b} {c}",
            f"{a}-{b}-{c}",
            f"+86 {plain}",
            f"+86-{plain}",
            f"86{plain}",
            f"0086 {plain}",
            f"(+86){plain}",
            wide,
            spoken,
            f"{a}.{b}.{c}",
        ]
    )


def landline_zh(draw: random.Random) -> str:
    area = draw.choice(["010", "021", "0571", "0731", "028"])
    number = draw.choice("2345678") + digits(draw, 7)
    return draw.choice(
        [
            f"{area}-{number}",
            f"({area}){number}",
            (f"（{area}）{number[:4]} {number[4:]}"),
            f"{area} {number}",
            (f"{area}-{number}转{digits(draw, 3)}"),
            f"400-{digits(draw, 3)}-{digits(draw, 4)}",
            f"400{digits(draw, 7)}",
        ]
    )


def citizen_zh(draw: random.Random) -> str:
    body = (
        draw.choice(["110105", "320102", "440106", "510104", "330106"])
        + (f"{draw.randint(1930, 2015)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}")
        + digits(draw, 3)
    )
    number = body + citizen_digit(body)
    wide = number.translate(str.maketrans("0123456789X", "０１２３４５６７８９Ｘ"))
    return draw.choice(
        [
            number,
            number,
            number.lower(),
            (f"{number[:6]} {number[6:14]} {number[14:]}"),
            f"{number[:6]}-{number[6:14]}-{number[14:]}",
            wide,
        ]
    )


def date_zh(draw: random.Random) -> str:
    y, m, d = draw.randint(1950, 2025), draw.randint(1, 12), draw.randint(1, 28)
    written = str(y).translate(str.maketrans("0123456789", "〇一二三四五六七八九"))
    months = "一 二 三 四 五 六 七 八 九 十 十一 十二".split()
    return draw.choice(
        [
            f"{y}-{m:02}-{d:02}",
            f"{y}年{m}月{d}日",
            f"{y}/{m}/{d}",
            f"{y}.{m}.{d}",
            f"{y}年{m:02}月{d:02}日",
            f"{m}月{d}日",
            f"{y}年{m}月",
            f"{written}年{months[m - 1]}月",
            f"{y}{m:02}{d:02}",
            f"{y % 100:02}年{m}月{d}日",
            f"{y}年{m}月{d}号",
        ]
    )


def card(draw: random.Random) -> str:
    body = "62" + digits(draw, 16)
    number = body + luhn_digit(body)
    return draw.choice([number, " ".join(number[i : i + 4] for i in range(0, 19, 4))])


def address_zh(draw: random.Random) -> str:
    region = draw.choice(
        [
            "浙江省杭州市西湖区",
            "四川省成都市武侯区",
            "北京市朝阳区",
            "湖南省长沙市岳麓区",
            "新疆维吾尔自治区喀什地区莎车县",
            "河南省周口市沈丘县",
            "广东深圳南山区",
            "上海浦东新区",
        ]
    )
    tail = draw.choice(
        ["文三路138号", "建设街道人民路12号3栋2单元501室", "白集镇王庄村6组", "幸福路88弄12号302室", "阳光花园5号楼1202室", ""]
    )
    return region + tail


def hospital_zh(draw: random.Random) -> str:
    return draw.choice(
        [
            "北京协和医院",
            "沈丘县人民医院",
            "浙江大学医学院附属第一医院",
            "上海市第六人民医院",
            "四川大学华西医院",
            "长沙市中心医院",
            "武汉大学人民医院",
            "阳光镇卫生院",
            "市一院",
            "解放军301医院",
            "湘雅二医院",
            "成都市妇女儿童中心医院",
            "和平社区卫生服务中心",
        ]
    )


def email(draw: random.Random) -> str:
    return (
        draw.choice(["zhang.wei", "li_na88", "wangfang", "j.smith", "mary-jones"])
        + draw.choice(["@", "＠"])
        + draw.choice(["163.com", "qq.com", "hospital.org.cn", "mail.example.co.uk"])
    )


def plate_zh(draw: random.Random) -> str:
    return (
        draw.choice("京沪浙川粤湘")
        + draw.choice("ABCDE")
        + draw.choice(["", "·", " "])
        + draw.choice([digits(draw, 5), "D" + digits(draw, 5), digits(draw, 3) + "K8"])
    )


def mrn(draw: random.Random) -> str:
    return draw.choice(
        [
            digits(draw, 8),
            "ZY" + digits(draw, 8),
            digits(draw, 6),
            "A" + digits(draw, 7),
            (f"{digits(draw, 4)}-{digits(draw, 5)}"),
        ]
    )


_ZH: list[Callable[[random.Random, str], list[Part]]] = [
    lambda r, n: ["姓名：", ("NAME", n), "  性别：男  年龄：56岁\n住院号：", ("MRN", mrn(r)), "\n"],
    lambda r, n: ["患者", ("NAME", n), "因“反复咳嗽3天”于", ("DATE", date_zh(r)), "入院。"],
    lambda r, n: ["联系人：", ("NAME", n), "（妻子），电话：", ("PHONE", mobile_zh(r)), "。"],
    lambda r, n: ["身份证号：", ("ID", citizen_zh(r)), "，家住", ("ADDRESS", address_zh(r)), "。"],
    lambda r, n: ["曾在", ("HOSPITAL", hospital_zh(r)), "就诊，血压120/80mmHg，予利福平0.45g口服。"],
    lambda r, n: [("NAME", n), "，女，45岁，", ("DATE", date_zh(r)), "起病。"],
    lambda r, n: ["上级医师", ("NAME", n), "查房后指示：继续观察2-3日。"],
    lambda r, n: ["请会诊，", ("NAME", n), "主任意见同前。"],
    lambda r, n: ["其子", ("NAME", n), "陪同，联系电话", ("PHONE", landline_zh(r)), "，"],
    lambda r, n: ["银行卡号", ("BANK", card(r)), "，车牌", ("PLATE", plate_zh(r)), "。"],
    lambda r, n: ["邮箱：", ("EMAIL", email(r)), "；门诊号 ", ("MRN", mrn(r)), "。"],
    lambda r, n: ["\n医师签名：", ("NAME", n), "  ", ("DATE", date_zh(r)), "\n"],
    lambda r, n: ["白蛋白35g/L，黄疸加深，考虑何杰金病，高血压3级，任何不适随诊。"],
    lambda r, n: ["手术者：", ("NAME", n), "、", ("NAME", name_zh(r)), "。"],
    lambda r, n: ["地址：", ("ADDRESS", address_zh(r)), "\n"],
]


def note_zh(seed: int) -> tuple[str, list[Span]]:
    draw = random.Random(seed)
    parts: list[Part] = []
    for maker in draw.sample(_ZH, 6):
        parts += maker(draw, name_zh(draw))
    return note(parts)


_FIRST = (
    "John Mary Robert Linda Michael Patricia David Susan James Karen Maria Jose Wei Priya Mohammed Fatima Sean Siobhan Olga "
    "Hiroshi"
).split()
_LAST = (
    "Smith Johnson Williams Garcia Nguyen Patel O'Brien Smith-Jones MacDonald Kowalski Kim Chen Singh Hernandez Thompson "
    "Murphy Okafor Baker Young King"
).split()
_MONTHS = "January February March April May June July August September October November December".split()


def date_en(draw: random.Random) -> str:
    y, m, d = draw.randint(1950, 2025), draw.randint(1, 12), draw.randint(1, 28)
    month = _MONTHS[m - 1]
    suffix = "th" if 10 <= d <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(d % 10, "th")
    return draw.choice(
        [
            f"{m:02}/{d:02}/{y}",
            f"{m}/{d}/{y % 100:02}",
            f"{month} {d}, {y}",
            f"{month} {d}{suffix}, {y}",
            f"{d} {month} {y}",
            f"{d}-{month[:3]}-{y}",
            f"{y}-{m:02}-{d:02}",
            f"{month[:3]} {d}, {y}",
            f"{month} {y}",
            f"{m:02}-{d:02}-{y}",
            (f"{d} {month[:3]} {y % 100:02}"),
            f"{month} {d}",
        ]
    )


def phone_en(draw: random.Random) -> str:
    a, b, c = f"{draw.randint(201, 989)}", f"{draw.randint(200, 999)}", digits(draw, 4)
    return draw.choice(
        [
            f"({a}) {b}-{c}",
            f"{a}-{b}-{c}",
            f"{a}.{b}.{c}",
            f"+1 {a} {b} {c}",
            f"1-{a}-{b}-{c}",
            f"{a} {b} {c}",
            (f"({a}){b}-{c} ext. {digits(draw, 3)}"),
            f"+44 20 7946 {c}",
            f"07700 900{digits(draw, 3)}",
            f"020 7946 {c}",
            f"{a}-{b}-{c} x{digits(draw, 4)}",
        ]
    )


def address_en(draw: random.Random) -> str:
    return draw.choice(
        [
            (f"{draw.randint(1, 9999)} Oak Street, Springfield, IL {digits(draw, 5)}"),
            (f"{draw.randint(1, 999)} N. Main St., Apt {draw.randint(1, 30)}B, Boston, MA {digits(draw, 5)}"),
            (f"{draw.randint(1, 99)} Church Road, Leeds LS1 4BT"),
            (f"P.O. Box {draw.randint(10, 9999)}, Austin, TX {digits(draw, 5)}"),
            f"{draw.randint(1, 9999)} Martin Luther King Blvd, Suite 200, Atlanta, GA {digits(draw, 5)}",
        ]
    )


def _name_en(draw: random.Random) -> str:
    return f"{draw.choice(_FIRST)} {draw.choice(['', '', 'A. ', 'J. '])}{draw.choice(_LAST)}"


_EN: list[Callable[[random.Random, str], list[Part]]] = [
    lambda r, n: ["Patient: ", ("NAME", n), "\nMRN: ", ("MRN", mrn(r)), "\nDOB: ", ("DATE", date_en(r)), "\n"],
    lambda r, n: [
        "Mr. ",
        ("NAME", r.choice(_LAST)),
        " was seen on ",
        ("DATE", date_en(r)),
        (" for follow-up of Parkinson's disease. "),
    ],
    lambda r, n: ["Dr. ", ("NAME", n), " recommended starting metoprolol 25 mg. "],
    lambda r, n: ["His wife, ", ("NAME", r.choice(_FIRST)), ", can be reached at ", ("PHONE", phone_en(r)), ". "],
    lambda r, n: [
        "SSN: ",
        ("ID", (f"{digits(r, 3)}-{digits(r, 2)}-{digits(r, 4)}")),
        ". Address: ",
        ("ADDRESS", address_en(r)),
        "\n",
    ],
    lambda r, n: [
        "Transferred from ",
        (
            "HOSPITAL",
            r.choice(
                [
                    "St. Mary's Hospital",
                    "Mercy General Hospital",
                    "Riverside Medical Center",
                    "Oakwood Family Clinic",
                    "Cedar Valley Health Center",
                ]
            ),
        ),
        " after a fall. ",
    ],
    lambda r, n: ["\nElectronically signed by ", ("NAME", n), ", MD on ", ("DATE", date_en(r)), "\n"],
    lambda r, n: ["Email: ", ("EMAIL", email(r)), "; insurance ID ", ("ID", "XYZ" + digits(r, 8)), ". "],
    lambda r, n: ["Foley catheter placed, Babinski negative, Hodgkin lymphoma in remission, BP 120/80. "],
    lambda r, n: [("NAME", n), " is a 56 year old man with Crohn disease. "],
    lambda r, n: ["License plate ", ("PLATE", f"ABC-{digits(r, 4)}"), ", credit card ", ("BANK", "4111 1111 1111 1111"), ". "],
]


def note_en(seed: int) -> tuple[str, list[Span]]:
    draw = random.Random(seed)
    parts: list[Part] = []
    for maker in draw.sample(_EN, 6):
        parts += maker(draw, _name_en(draw))
    return note(parts)
