"""Names of other peoples in Chinese characters: with a dot, or by the parts that they are made of."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi import lists, names_zh
from data_tools.corpus.phi.around_zh import KEY, MORE_FOLLOW, leads

_JAPANESE = re.compile(
    r"(?:佐藤|铃木|高桥|田中|渡边|伊藤|山本|中村|小林|加藤|吉田|山田|佐佐木|山口|松本|井上|木村|清水|山崎|池田"
    r"|桥本(?![甲病氏脑])|阿部|石川|前田|藤田|冈田|后藤|小川|村上|长谷川|近藤|石井|斋藤|坂本|远藤|青木|藤井|西村|福田"
    r"|太田|三浦|藤原|冈本|松田|中岛|中野|原田|小野|田村|竹内|金子|和田|中山|石田|上田|森田|柴田|酒井|工藤|横山|宫崎|宫本"
    r"|内田|高木|安藤|岛田|谷口|大野|丸山|今井|藤本|武田|村田|上野|杉山|增田|平野|大塚"
    r"|千叶|久保|松井|小岛|岩崎|樱井|木下|野口|松尾|野村|菊地|佐野|大西|杉本|新井|浜田|市川|古川"
    r"|岛崎)(?![病痣氏征综斑热瘤法])(?:[一-鿿]{2}(?<![医主教老先女护来])|[一-鿿](?=$|[^一-鿿]))"
)
_VIETNAMESE = re.compile(r"[阮陈黎范黄潘武裴吴杨胡邓杜]氏[一-鿿]{1,2}?(?=$|[^一-鿿]|" + MORE_FOLLOW + ")")
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
    rf"(?:{_TIBETAN}){{2,3}}|(?:{_YI}){{2,3}}[莫木古色铁洛]?|(?:{_YI})阿[一-鿿]{{1,2}}(?=$|[^一-鿿]|{MORE_FOLLOW})"
    rf"|(?:{_MONGOL}){{2,3}}|(?:{_MONGOL_WHOLE})|(?:{_UYGHUR}){{2,4}}"
)
_PART = re.compile(lists.any_of("|".join((_TIBETAN, _YI, _MONGOL, _MONGOL_WHOLE, _UYGHUR)).split("|")))  # a quick first look
FOREIGN = frozenset(
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


def others(text: str) -> Iterator[tuple[int, int]]:
    """Names of other peoples, in Chinese characters and without a dot."""
    for pattern in (_JAPANESE, _VIETNAMESE):
        yield from (match.span() for match in pattern.finditer(text))
    end = 0
    for part in _PART.finditer(text):
        if part.start() >= end and (match := _PARTED.match(text, part.start())):
            end = match.end()
            yield match.span()


_TITLED_FOREIGN = re.compile("(?:先生|女士|阿姨|叔叔|大爷|大姐|大妈|奶奶|爷爷|老师|护士|主任|医[生师]|大夫)")


def titled(text: str) -> Iterator[tuple[int, int]]:
    """詹姆斯先生, 伊力哈木主任: characters of foreign sounds alone, between an edge and a title."""
    for title in _TITLED_FOREIGN.finditer(text):
        start = title.start()
        while start and text[start - 1] in FOREIGN and title.start() - start < 6:
            start -= 1
        before = text[max(0, start - 14) : start]
        if title.start() - start >= 3 and (not before or not "一" <= before[-1] <= "鿿" or leads(before)):
            yield start, title.start()


def dotted(text: str) -> Iterator[tuple[int, int]]:
    """迈克尔·奥康纳: as far as characters go that stand for foreign sounds."""
    for dot in _DOT.finditer(text):
        start, end = dot.start(), dot.end()
        while start and (text[start - 1] in FOREIGN or text[start - 1] == "-") and dot.start() - start < 8:
            start -= 1
            if dot.start() - start >= 2 and leads(text[max(0, start - 14) : start]):
                break
        while (
            end < len(text)
            and end - dot.end() < 12
            and (text[end] in FOREIGN or _DOT.match(text[end]) or "A" <= text[end] <= "Z")
        ):
            if _STOP.match(text, end):
                break
            end += 1
        if dot.start() - start >= 1 and end - dot.end() >= 1 and (text[end : end + 1] in ":：" or not KEY.match(text, end)):
            yield start, end


_STOP = re.compile(
    r"医[生师]|主任|教授|大夫|女士|先生|男|女|来电|介绍|本人|已|家属|到场|在场|协助|陪|表示|提到|转账|共同|身份|[打代][办1]"
)
