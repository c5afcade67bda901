"""Chinese names in records of patients: what stands around a surname with given characters is weighed, not asked for."""

import re
from collections.abc import Iterator
from functools import lru_cache

from data_tools.corpus.phi import lists, names_zh, notes_en, places_zh
from data_tools.corpus.phi.names_zh import ALL, COMMON, COMPOUND, HAN, WORD
from data_tools.corpus.phi.spans import Span

_RARE_GIVEN = frozenset(lists.characters("given_zh", "rare"))
_SURE_GIVEN = frozenset(lists.characters("given_zh", "any")) | _RARE_GIVEN
_GIVEN = _SURE_GIVEN | frozenset(lists.characters("given_zh", "notes"))
_LIKELY = dict.fromkeys(_GIVEN, 0.5) | dict.fromkeys(_SURE_GIVEN, 1.0) | dict.fromkeys(_RARE_GIVEN, 1.5)
_SECONDS = {line[0]: frozenset(line[2:]) for line in lists.sections("words_zh")["record"].splitlines()}
_SURNAME = re.compile(rf"{COMPOUND}|[{ALL}]")
_ONE_HAN, _GIVEN_HAN = re.compile(f"[{HAN}]"), re.compile(f"[{HAN}]{{1,2}}")
_NOT_GIVEN = re.compile(names_zh.NOT_GIVEN)

_STRONG = lists.spelt_out(  # a person follows
    r"[医技药护律教导厨]师|护士长?|医生|大夫|主任|教授|院长|[科组班室]长|姓名|户名|抬头|收件|签[字名收]"
    r"|[患病伤死亡受供]者|者|人员?|[调服]务?查?员|[队社党团]员|[司]机"
    r"|患[儿方]|[产孕]妇|病人|[父母]亲|父|母|妻子?|丈夫|儿子|女儿|孙[子女]|[长次][子女]|[儿弟]媳|女婿|爱人|配偶"
    r"|[兄弟姐妹叔伯舅姑姨婶][兄弟姐妹叔伯舅姑姨婶]?[父母]?|[外祖][公婆父母]|奶奶|爷爷"
    r"|家[属长]|亲属|房东|邻[床居]|同[事学班车行乡屋伴桌]|朋友|老[乡师板]|翻译|[陪看]护|护工|保姆|门卫|保安|对[方象]|孩子"
    r"|小孩|学生|居民|村民|职工|工人|农民"
    r"|记录|复核|审[核签]|核对|报告|接[诊生待]|助[产手]|[一二三]助|器械|巡回|麻醉|主刀|术者|执行|值班|经[办治]|代[办理诉]"
    r"|委托|联系|通知|告知|转告|谢谢|感谢|尊敬的|亲爱的|参加"
    r"|本组|组[长员]|主治|住院医|规培|进修|实习|研究生|检查|[研随回]访|[内外儿眼骨妇产]科"
    r"|[诊验像理学吸化心尿液疫症伤复急]科|病区|叫|名为|自称|[退汇转寄交][至给]|为盼|[他她][哥姐妈爸]"
    r"|案主|[户业机车]主|民警|警官|[军校村]医|婴儿|患婴|新生儿|[一二三]线|同[班病]|病友|化名|网名|昵称|成员|助理|经理|代表"
    r"|队长|导师"
    r"|博士|硕士|秘书|干事|社工|志愿者|义工|前[夫妻]|[男女]友|未婚[夫妻]|[养继岳][父母]|外?孙[子女]?|外?[侄甥][子女]?"
    r"|[堂表]?[哥弟姐妹]"
    r"|[伯姑姨婶嫂舅][父母妈子]?|公公|婆婆|干[爹妈]|老伴|对象|战友|管床|病房|[胸普神心泌脑肝]外|[心肾呼]内|放疗|化疗|病理"
    r"|影像|超声|内镜|介入"
    r"|营养|药剂|输血|血液|肿瘤|呼吸|感染|消化|监护室|[POS]T|约谈|拖累|[鉴担][定保]人与?|@|称“|姓|接警员|我是|谈话|联络"
    r"|教学|带教|查房"
    r"|时静|附?[一二三]院|医院|情况|中心|先证者|[当班]时|[0123456789加]床"
)
_STRONG_SIGN = re.compile(r"(?:[是为系：:]|[（(][^（()）]{1,6}[)）])$")
_LONGEST = max(map(len, _STRONG))
_WEAK = frozenset("由请与和同找跟及给向为经嘱遵让被随子女夫科院日晨午室时床说")
_KEY = re.compile(
    r"[ \u3000]?[:：]|提示|综合征|病(?![情房人历案程])|征|腺炎|淋巴瘤|氏|试验|反射|菌|胶囊|[片丸]|颗粒| ?[0-9.]+ ?(?:m?g|ml|片"
    r"|粒|袋|支|IU?|u)(?![A-Za-z])"
)
_TAKEN = re.compile(r"(?:[予服用停换]|口服|给予|加用|服用|自服|改用|过敏)[、，,]?$")
_NO_LABEL = re.compile(
    r"(?:诊断|用药|处方|药物?|主诉|病史|检查|所见|提示|印象|意见|过敏史?|治疗|方案|既往史?|诊|科室|科别|职业|民族|籍贯"
    r"|关系|性别|血型|部位|术式|手术|方式|结果|目的|培养|标本|仪器|饮食|建议|处理"
    r"|情况|疾病|名称|经过|反应|查体|地址|住址|单位|医院|D[Xx]|R[Xx]|C/O|P/E|婚姻|信仰|文化|学历|费别|体位|神志|面容) ?[:：|] ?$"
)
_LABEL = re.compile(r"[:：|][ \t\u3000]{0,4}$")
_ENDS_LABEL, _ENDS_NO_LABEL = ":：| \t\u3000\n", ":：| \n予服用停换给药敏、，,"  # last characters of what they find
_LINE = re.compile(r"(?:^|\n|  |\u3000|/ ?|[。；;] ?)[ \u3000]{0,4}$")
_ALONE = re.compile(
    r"[ \u3000]{0,3}(?:\n|$|/|[ \u3000]*(?:19|20|二[〇○零])[0-9〇○零一二]{2}|[ \u3000]*[（(][^）)\n]{1,8}[）)] ?(?:\n|$))"
)
_PERSON = re.compile(
    r"[，,、 \u3000]{0,3}[男女](?![孩儿子])|[（(](?:[男女0-9]|[A-Za-z]{1,2}[0-9])|[，,、 \u3000]{1,2}[0-9]{1,3} ?(?:岁"
    r"|月龄)|[，,：:（(  \u3000]{0,2}\(?\+?[0-9]{3,4}[- )]?[0-9]{3,}"
)
_MORE_FOLLOW = (
    r"陪[诊产护同]|协助|在[场旁]|病情|到场|[来去]电|转[账诊]|近日|[二两三]位|打[1电]|复[述核]|自驾|参与|已|以|争吵"
    r"|[说诉称讲]|家属|银行|微信|共同|表示|介绍|提[到示]|无碍|完成|随同|另|身份|审核|记录"
    r"|报告|关系|助[产手]|麻醉|器械|巡回|登记|[签领取交代接送]|目标|新生|等|主[持刀]|负责|操作|拨打|补充|回忆|确认|核对"
    r"|发现|看护|照[顾料]|探视|之|因|于|系|与|和|的|在|是|也|均|曾|又|还|从|向|把|将|被|让|问|答"
    r"|要求|拒绝|[不未无有]|可|应|需|请|来|去|到|[今昨明前后当]|兄|电话|手机|性别|年龄|[男女]|住[院址]|床号|卡号|工号|民族"
    r"|签的|晕倒|跑来|今天|记录?|偶尔|经常|照看|交班|接班|侍诊|抄方|审阅|总结|建议|带[回来领]|汇报|要[害求]|态度|患有?|护送"
    r"|主持|指导|示教|查看|看望|阅片|会诊|诊视"
    r"|指示|补充|发言|认为|指出|强调|回复|反馈|投诉|反映|三次|值班|外出|返回|离开|邀请|亦|侵|发生|代[诉签]|害我"
    r"|职业|籍贯|[医护]|主[任治]|教授|老师|先生|女士|本人|是吓|说年|第[一二]|检[查验]|同意|血|心"
)
_FOLLOW = lists.spelt_out(_MORE_FOLLOW)
_FUNCTION = frozenset("有同让经请来向由令但便能可从和如应在对过后上每各该本此我你他女男老小大名位个是为与及")
_TITLES = (
    r"医[生师]|主[任治]|教授|大夫|老师|女士|先生|小姐|护[士师]|院长|阿姨|叔叔|[大][爷妈伯]|奶奶|爷爷|师傅|同学|警官|律师"
    r"|经理|[科处局校组队班]长|书记|主管|博士|兄(?=[协帮代])|氏(?=[之，,（( 子女儿])"
    r"|工(?=[诉说称，,、])|总(?=[诉说称，,、])|[、/][^、/]{1,2}[二两]位"
)
_TITLE = re.compile(_TITLES)
_TITLED = re.compile(rf"({COMPOUND}|[{ALL}])(?={_TITLES})")
_PAIR = re.compile(
    rf"(?:^|[\n。；;）) \u3000，,])({COMPOUND}|[{ALL}]) ?[/、，, ] ?({COMPOUND}|[{ALL}])(?=[ \u3000]*(?:\n|$)|[二两]位)"
)
_BEFORE_PAIR = re.compile(rf"[/] ?({COMPOUND}|[{ALL}])(?=[ \u3000]*(?:\n|$))")
_AFTER_PAIR = re.compile(rf"(?:^|[\n。；;）) \u3000])({COMPOUND}|[{ALL}])(?= ?/ ?[{HAN}A-Z])")
_OF_TWO = re.compile(rf"(?<=[、，, /])({COMPOUND}|[{ALL}])(?=[二两]位)")
_CHILD = re.compile(
    r"(?:[外祖][婆公父母]|奶奶|爷爷|姥[姥爷]|妈妈?|爸爸?|[父母]亲|家[长人属])(?:代?诉|说|称"
    r"|讲)[，,：:]?((?:[阿小大二三][一-鿿]|([一-鿿])\2|[一-鿿][宝妞丫娃]))(?=[是不又也今昨在从发一有])"
)
_CAPITALS = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2,}(?: [A-Z]{2,}){1,2}(?![A-Za-z0-9])")
_NICKNAME = re.compile(r"(?:叫[他她它]?|小名|乳名|昵称|外号|曾用名|绰号|别名|人称)[：: ]?[“\"'‘「『]([一-鿿]{2,3})[”\"'’」』]")
_JAPANESE = re.compile(
    r"(?:佐藤|铃木|高桥|田中|渡边|伊藤|山本|中村|小林|加藤|吉田|山田|佐佐木|山口|松本|井上|木村|清水|山崎|池田"
    r"|桥本(?![甲病氏脑])|阿部|石川|前田|藤田|冈田|后藤|小川|村上|长谷川|近藤|石井|斋藤|坂本|远藤|青木|藤井|西村|福田"
    r"|太田|三浦|藤原|冈本|松田|中岛|中野|原田|小野|田村|竹内|金子|和田|中山|石田|上田|森田|柴田|酒井|工藤|横山|宫崎|宫本"
    r"|内田|高木|安藤|岛田|谷口|大野|丸山|今井|藤本|武田|村田|上野|杉山|增田|平野|大塚"
    r"|千叶|久保|松井|小岛|岩崎|樱井|木下|野口|松尾|野村|菊地|佐野|大西|杉本|新井|浜田|市川|古川"
    r"|岛崎)(?![病痣氏征综斑热瘤法])(?:[一-鿿]{2}(?<![医主教老先女护来])|[一-鿿](?=$|[^一-鿿]))"
)
_VIETNAMESE = re.compile(r"[阮陈黎范黄潘武裴吴杨胡邓杜]氏[一-鿿]{1,2}?(?=$|[^一-鿿]|" + _MORE_FOLLOW + ")")
_TIBETAN = (
    "扎西|次仁|卓玛|卓嘎|格桑|丹增|央金|央宗|拉姆|多吉|尼玛|达瓦|巴桑|旺堆|旺姆|平措|顿珠|罗布|洛桑|贡布|强巴|白玛|索朗"
    "|仁青|德吉|边巴|普布|曲珍|曲扎|米玛|拉巴|旦增|嘎玛|群培|加措|坚赞|桑珠|欧珠|晋美|仓决|其美"
    "|益西|江村|措姆|次旦|次旺|赤列|云丹|阿旺|土登|坚参|才让|东珠|才旦|南加|多杰|桑吉|措毛|切吉|完么|当周|夸毛|卓么|尕藏"
    "|班玛|更登|华旦|梅朵|次珍|玉珍|拉珍|德庆|旺久|旺扎|热旦|白珍|央吉|央珍|格列|次成"
    "|索南|才仁|才吉|拉毛|拉姆|嘎松|根秋|次里|此里|七林|鲁茸|培楚|和吉|永珠|永忠|尕松|尕玛|卓嘎|格勒|泽仁|泽郎|罗绒|四郎"
    "|四朗|志玛|志玛|邓珠|呷绒|阿布|曲措|德西|白姆|措吉|措珍|加央|江白|晋巴|次吉|达娃|曲吉|曲央|色珍|益珍|仓拉|玉措|本巴|班典"
)
_YI = (
    "沙玛|沙马|吉克|吉木|吉伍|阿呷|阿依|阿牛|阿尔|阿苏|莫色|俄木|曲比|曲木|马海|海来|木呷|呷莫|日黑|日火|惹古|惹体|拉马"
    "|勒格|尔古|尔日|石一"
    "|苏呷|约古|比布|伍呷|伍加|史古|尼扎|的莫|且沙|罗洪|贾巴|热柯|达久|友古|有作"
    "|阿木|拉且|阿西|木呷|木果|依洛|依果|尔布|尔哈|尔质|什哈|伍各|约布|拉哈|曲布|吉古|史呷|木乃|木加|木沙|木牛|阿支|阿洛"
    "|阿加|阿果|阿衣|阿各|伍呷|伍合|古果|日洛|日古|日沙|子洛|石布|布哈|里呷|呷呷|尔且|尔洛|支铁|铁哈|瓦扎|瓦其|说古|热尔"
    "|勒尔|布约|勒伍|吉好|吉布|乃乌|克古"
)
_MONGOL = (
    "乌云|其木格|其其格|娜仁|萨仁|斯琴|苏日娜|格日勒|阿拉坦|朝鲁|额尔德|孟和|敖登|哈斯|呼斯楞|乌兰|通拉嘎|塔娜|那木|布和"
    "|宝音|青格|巴雅尔|毕力格|巴特尔|高娃|图雅|托娅|乌力吉|那日松|那顺|苏和|吉日嘎拉|布仁|阿古拉|呼和"
    "|达来|满都拉|特木尔|照日格|包力道|白音|斯日古楞|苏雅拉|牧仁|海日|乌日娜|乌尼尔|巴图|德力格尔|额尔敦|胡日查|查干"
    "|宝力德|索布德|萨日娜|琪琪格|孟克|朝克图|温都苏"
    "|巴根|巴特|巴音|朝格|苏德|图门|吉雅|吉日|格根|塔拉|阿木尔|阿荣|乌日|乌恩|其其|苏布|苏伦|都仁|敖敦|阿拉|坦仓|格尔|斯日"
    "|娜日|萨如|萨日|海拉|好日|呼格|胡和|必力|必勒|代钦|代小|丹巴|道尔|额日|恩和|嘎日|高勒|贺希|呼日|金花|吉木|孟根|莫日根"
    "|那仁|娜木|赛罕|赛音|双喜|特日|通嘎|旺丹|乌仁|希吉|伊德|扎木|图娅|珠拉|苏龙|阿拉腾|哈达|巴雅|其劳|满达|布日|德德|玛"
)
_MONGOL_WHOLE = "乌力吉|那日松|巴特尔|毕力格|吉日嘎拉|乌日娜|苏日娜|萨日娜|琪琪格|特木尔|朝克图|斯日古楞"
_UYGHUR = "阿依|古丽|买买提|阿孜|热孜|帕提|米日|艾力|吐尔|玉素|努尔|巴哈尔|万古丽|阿不都|艾合买提|木拉提|赛|迪丽"
_PARTED = re.compile(
    rf"(?:{_TIBETAN}){{2,3}}|(?:{_YI}){{2,3}}[莫木古色铁洛]?|(?:{_YI})阿[一-鿿]{{1,2}}(?=$|[^一-鿿]|{_MORE_FOLLOW})"
    rf"|(?:{_MONGOL}){{2,3}}|(?:{_MONGOL_WHOLE})|(?:{_UYGHUR}){{2,4}}"
)
_PART = re.compile(lists.any_of("|".join((_TIBETAN, _YI, _MONGOL, _MONGOL_WHOLE, _UYGHUR)).split("|")))  # a quick first look
_FOREIGN_CHARACTERS = frozenset(
    names_zh.TRANSLIT
    + "肯里汗让皮埃尔杜邦迈克奥康纳彼得罗娃安约翰史密斯瑟琳伊莎白乔治托查理戴维森路易卫法蒂玛扎赫"
    "费南德琼索科洛夫弗朗西莫勒莱昂布什福特格林本亚历山大凯瑟雷蒙诺顿威廉姆亨利爱丽丝简珍妮露海伦"
    "米万衣明日西伊布多娅妮可罗茜贝蒂哈不拉衣明托吾买迪力孜木提合甫赛音宝兰吐逊热依罕帕坎沃尔齐内洪齐桑乌塞加佩恩泽维伯坦"
    "柯基雅什施魏多萝欧文摩根道格肖恩哥伦华盛丹"
    "埃昂奥班邦鲍贝毕宾波伯采查柴昌茨达代戴当登邓蒂丁顿凡菲费芬丰夫弗富盖甘冈戈葛古瓜圭郭豪赫黑亨侯胡怀惠霍季嘉贾简杰京久居卡"
    "考可孔库夸奎昆莱兰朗劳雷蕾李丽莉连列龙隆娄卢鲁露吕马麦曼茂梅门蒙密缅默姆穆拿纳奈妮宁纽农努诺帕派潘庞培佩"
    "彭蓬匹平珀普奇恰乔钦琼屈仁荣茹儒瑞若"
    "撒塞桑森沙莎山尚绍申圣胜史舒朔丝松苏塔坦汤唐陶特滕提廷通图瓦万旺威韦温翁"
    "沃乌吾武希锡夏香谢欣兴雄休许亚延扬杨耶叶依易因英永尤约泽扎詹章珍朱卓兹佐冯冉"
) - frozenset("的了来和与在由及说诉等")  # fmt: skip
_DOT = re.compile("[·•・‧∙]")


def find_names(text: str) -> Iterator[Span]:
    """text: folded, of a record, with Chinese characters in it."""
    found = {(start, end) for source in (_weighed, _surnames, _others, _dotted) for start, end in source(text)}
    yield from (Span(start, end, "NAME") for start, end in found)
    names = {text[start:end] for start, end in found if end - start >= 2}
    yield from names_zh.again(text, names)
    yield from _given_again(text, {name[-2:] for name in names if len(name) in (3, 4)})


def _given_again(text: str, given: set[str]) -> Iterator[Span]:
    """三妹, where 苏三妹 was found."""
    for name in given:
        if set(name) <= _SURE_GIVEN and not names_zh.is_word(name):
            place = text.find(name)
            while place >= 0:
                if _left(text, place) + _right(text, place + 2) >= 2:
                    yield Span(place, place + 2, "NAME")
                place = text.find(name, place + 2)


_LEAST = 3.0
_IN_LIST = re.compile(r"[、，,/和与及][ \u3000]?$")


def _weighed(text: str) -> Iterator[tuple[int, int]]:
    """What weighs enough, and what weighs nearly enough beside it in a list: 王伟、李强."""
    weights: dict[tuple[int, int], float] = {}
    for match in _SURNAME.finditer(text):
        following = _GIVEN_HAN.match(text, match.end())
        for length in range(following.end() - match.end() if following else 0, 0, -1):
            if (weight := _weight(text, match.start(), match.end(), match.end() + length)) >= 2:
                weights[match.start(), match.end() + length] = weight
                if weight >= _LEAST:
                    break
    found = {place for place, weight in weights.items() if weight >= _LEAST}
    found -= {(s, e) for s, e in found for start, end in found if start < e and s < end and weights[start, end] > weights[s, e]}
    starts, ends = {start for start, _ in found}, {end for _, end in found}
    for start, end in weights:
        sign = _IN_LIST.search(text, max(0, start - 2), start)
        if sign and sign.start() in ends or text[end : end + 1] in "、，,/" and (end + 1 in starts or end + 2 in starts):
            found.add((start, end))
            ends.add(end)
    yield from found


def _weight(text: str, start: int, given: int, end: int) -> float:
    """Of a surname text[start:given] with a given name text[given:end]; below 2 where it is no name, whatever stands before."""
    value = _own_weight(text[start:end], given - start)
    if value < -2:
        return value  # each side gives 2 at most
    right = 2 if value >= 0.75 and _TITLE.match(text, end) else _right(text, end)
    value += right
    if value < 0:
        return value
    if _KEY.match(text, end):
        value -= 1 if text[end] in ":：" and _speaks(text, start, given, end) else 3
    if end - given == 2:
        if _follows(text, end - 1) and text[end - 1] not in _SURE_GIVEN:
            value -= 1.5  # the second character begins what follows the name
        if _NOT_GIVEN.match(text, given) or text[end - 1] in "征症院片素病科":
            value -= 2
    if value < 0:
        return value
    if text[start] in _FUNCTION and not _LABEL.search(text, max(0, start - 6), start):
        value -= 0 if right >= 1 and set(text[given:end]) <= _SURE_GIVEN else 1
    return value + _left(text, start)


def _speaks(text: str, start: int, given: int, end: int) -> bool:
    """A name before a colon is of who speaks, not a key: where it is hardly anything else, or is said again."""
    own = _own_weight(text[start:end], given - start)
    return own >= 1.25 or own >= 0.75 and text.count(text[start:end]) > 1


@lru_cache(1 << 16)
def _own_weight(name: str, surname: int) -> float:
    """Whatever stands around it; surname: how many characters it has."""
    first, given = name[0], name[surname:]
    value = 1 if surname > 1 else 0.5 if first in COMMON else 0 if first in WORD else -0.25
    likely = sum(_LIKELY.get(character, -0.75) for character in given)
    value += likely * 0.75 if len(given) == 2 else likely * 0.5
    if surname == 1:
        named = len(given) == 2 and set(given) <= _GIVEN
        if names_zh.is_word(name):
            value -= 1.5 if named and name not in names_zh.word_lists()[2] else 3
        elif given[0] in _SECONDS.get(first, ()):
            value -= 1 if named else 2.5
    return value


def _follows(text: str, end: int) -> bool:
    """What stands at `end` is what follows names."""
    return text[end : end + 1] in _FOLLOW or text[end : end + 2] in _FOLLOW


def _leads(before: str) -> bool:
    """`before` ends in what a person follows: 患者, 联系人是, 妻子（陪护）."""
    if _ends_strong(before):
        return True
    sign = _STRONG_SIGN.search(before) if before[-1:] in "是为系：:)）" else None
    return sign is not None and _ends_strong(before[: sign.start()])


def _ends_strong(before: str) -> bool:
    return any(before[-length:] in _STRONG for length in range(1, _LONGEST + 1))


def _left(text: str, start: int) -> float:
    before = text[max(0, start - 14) : start]
    if not before:
        return 2
    last = before[-1]
    if last in _ENDS_NO_LABEL and (_NO_LABEL.search(before) or _TAKEN.search(before)):
        return -0.5
    line = before[:-1] if last == "\n" else before
    if _leads(line) or last in _ENDS_LABEL and _LABEL.search(before):
        return 2
    if line[-1:] in _WEAK:
        return 1.5
    if _ONE_HAN.match(last):
        return 0
    return 1.75 if _leads(before.rstrip(" \u3000\t")) else 1.5 if _LINE.search(before) or last in "（(" else 1


def _right(text: str, end: int) -> float:
    following = text[end : end + 1]
    if _ONE_HAN.match(following) and following not in "男女二":
        return 1.25 if _follows(text, end) or places_zh.KNOWN.match(text, end) else 0
    if _PERSON.match(text, end):
        return 2
    if _ALONE.match(text, end):
        return 1.5
    if following in ("）", ")"):
        return 1.5
    if not _ONE_HAN.match(following):
        return 1
    return 1.25 if _follows(text, end) or places_zh.KNOWN.match(text, end) else 0


def _surnames(text: str) -> Iterator[tuple[int, int]]:
    """张医生, 李工, 王氏之女; 王/李 below a note; 陆、李二位主任."""
    for match in _TITLED.finditer(text):
        start = match.start()
        before = text[max(0, start - 8) : start]
        edge = not before or not _ONE_HAN.match(before[-1]) or _leads(before) or before[-1] in _WEAK
        if edge and match[1] not in _FUNCTION and not names_zh.FUNCTION_BEFORE.search(text, max(0, start - 4), start + 1):
            yield match.span(1)
    for match in _PAIR.finditer(text):
        yield match.span(1)
        yield match.span(2)
    for pattern in (_BEFORE_PAIR, _AFTER_PAIR, _OF_TWO, _NICKNAME, _CHILD):
        yield from (match.span(1) for match in pattern.finditer(text))
    for match in _CAPITALS.finditer(text):
        kinds = [notes_en.kind_of(word.lower()) for word in match.group().split()]
        if "w" not in kinds and set(kinds) & set("GSBgsb"):
            yield match.span()


def _others(text: str) -> Iterator[tuple[int, int]]:
    """Names of other peoples, in Chinese characters and without a dot."""
    for pattern in (_JAPANESE, _VIETNAMESE):
        yield from (match.span() for match in pattern.finditer(text))
    end = 0
    for part in _PART.finditer(text):
        if part.start() >= end and (match := _PARTED.match(text, part.start())):
            end = match.end()
            yield match.span()


def _dotted(text: str) -> Iterator[tuple[int, int]]:
    """迈克尔·奥康纳: as far as characters go that stand for foreign sounds."""
    for dot in _DOT.finditer(text):
        start, end = dot.start(), dot.end()
        while start and (text[start - 1] in _FOREIGN_CHARACTERS or text[start - 1] == "-") and dot.start() - start < 8:
            start -= 1
            if dot.start() - start >= 2 and _leads(text[max(0, start - 14) : start]):
                break
        while end < len(text) and end - dot.end() < 12 and (
            text[end] in _FOREIGN_CHARACTERS or _DOT.match(text[end]) or "A" <= text[end] <= "Z"
        ):
            if _STOP.match(text, end):
                break
            end += 1
        if dot.start() - start >= 1 and end - dot.end() >= 1 and (text[end : end + 1] in ":：" or not _KEY.match(text, end)):
            yield start, end


_STOP = re.compile(
    r"医[生师]|主任|教授|大夫|女士|先生|男|女|来电|介绍|本人|已|家属|到场|在场|协助|陪|表示|提到|转账|共同|身份|[打代][办1]"
)
