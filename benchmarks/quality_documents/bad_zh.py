"""Chinese documents that nobody should train on, kind by kind. Written before the rules; HELD_OUT were not looked at by them."""

# ruff: noqa: E501  (a template is read better on one line)
from functools import partial
from random import Random

from quality_documents.grammar import fill, lines, numbers, some
from quality_documents.words import ZH

_lines = partial(lines, ZH)


def ad(rng: Random) -> str:
    return _lines(rng, [
        "{city}{clinic}医院{disease}专科，名医坐诊，{n:3-15}天见效，无效退款！",
        "原价{n:398-1998}元，现仅需{n:49-298}元，前{n:50-200}名下单再送{thing}一盒！", "加微信 {clinic|jk|ys}{n:10000-99999} 免费咨询，名额有限，先到先得。",
        "百万患者的共同选择，{thing}让您告别{disease}的烦恼！", "老中医祖传秘方，纯天然无副作用，一个疗程断根。",
        "咨询热线：400-{n:100-999}-{n:1000-9999}，24小时在线，现在拨打享{n:5-8}折优惠。", "扫码添加专家微信，领取免费试用装，货到付款，全国包邮。",
        "央视推荐品牌，已有{n:10-99}万人康复，用过的都说好！", "限时抢购，最后{n:2-9}小时，错过再等一年！", "全国招代理，零门槛加盟，月入{n:2-9}万不是梦。",
    ], 4, 9, rng.choice(["\n", ""]))


def mojibake(rng: Random) -> str:
    text = _lines(rng, [
        "{disease}是临床上常见的疾病，患者常有{symptom}和{symptom}。", "治疗上可选用{drug}，每次{n:1-4}片，每日{n:1-3}次。",
        "建议定期复查{exam}，并注意休息和合理饮食。", "如出现{symptom}加重，应及时到{dept}就诊。"], 3, 8, "")
    way = rng.randrange(4)
    if way == 0:  # UTF-8 read as GBK, the odd bytes lost
        return text.encode().decode("gbk", errors="replace")
    if way == 1:  # what becomes of lost characters that are encoded and read once more
        return "锟斤拷".join(piece[: rng.randint(0, 3)] for piece in text.split("的")) + "锟斤拷烫烫烫" * rng.randint(2, 9)
    if way == 2:  # GBK read as Latin-1
        return text.encode("gbk", errors="ignore").decode("latin-1")
    return "".join("\ufffd" * rng.randint(1, 3) if rng.random() < 0.4 else letter for letter in text)


def stuffing(rng: Random) -> str:
    city, disease = rng.choice(ZH["city"]), rng.choice(ZH["disease"])
    tails = ["哪家医院好", "怎么治疗", "医院排名", "最好的医院", "多少钱", "能治好吗", "专科医院", "的症状", "吃什么药好", "权威专家"]
    phrases = [f"{city}{disease}{rng.choice(tails)}" for _ in range(rng.randint(18, 60))]
    return rng.choice(["，", " ", "、", "|", "\n"]).join(phrases)


def repeated(rng: Random) -> str:
    sentences = [fill(one, ZH, rng) for one in some(rng, [
        "{disease}患者应当注意休息，避免劳累，保持良好的心态。", "出现{symptom}时请及时就医，以免延误病情。",
        "{drug}应当在医生指导下使用，不可自行增减剂量。", "平时要多吃蔬菜水果，少吃辛辣刺激的食物。"], 1, 3)]
    return rng.choice(["\n", "", "\n\n"]).join(sentences * rng.randint(6, 20))


def number_table(rng: Random) -> str:
    return numbers(rng, ["", "序号 A B C\n", "表3\n", "续表\n", "合计\n"])


def comment_spam(rng: Random) -> str:
    return _lines(rng, [
        "{n:1-99}楼 {name}：顶", "{name}：沙发！", "{name} 发表于 {n:2009-2023}-{n:1-12}-{n:1-28} {n:10-23}:{n:10-59} 回复 | 举报", "好贴，顶一个，楼主好人一生平安",
        "路过，帮顶", "加我QQ{n:100000-999999999}，有惊喜", "{name}：在家兼职，日赚{n:100-900}元，详情看我头像", "ding", "学习了，谢谢分享", "赞同 {n:0-99} 反对 {n:0-9}",
        "该评论已被管理员删除", "{name}：互粉互赞，回关必回", "前排围观", "哈哈哈哈哈哈哈哈", "666666", "看我主页看我主页看我主页",
    ], 8, 24)


def gambling(rng: Random) -> str:
    return _lines(rng, [
        "澳门{皇冠|葡京|金沙|银河}线上赌场，注册即送{n:18-888}元彩金！", "真人荷官在线发牌，百家乐、龙虎、轮盘任您选。", "时时彩、北京赛车、六合彩精准计划群，稳赚不赔。",
        "首存{n:100-500}送{n:100-500}，提款秒到账。", "官方网址：www.{n:100-9999}bet{n:1-99}.com", "体育投注、电子游艺、棋牌捕鱼，返水{d:0.5-2}%。",
        "博彩代理招募，高额返佣，日结不拖欠。", "成人直播，同城约会，美女在线，点击下载APP。", "AG{真人|旗舰厅}，大额无忧，24小时客服。", "私彩平台出租，开奖数据接口。",
    ], 4, 9)


def boilerplate(rng: Random) -> str:
    return _lines(rng, [
        "版权所有 © {n:2001-2022} {clinic}健康网 保留一切权利", "京ICP备{n:10000000-19999999}号-{n:1-9} 京公网安备{n:11010000-11019999}号", "未经授权禁止转载，违者必究",
        "本站内容仅供参考，不能作为诊断及医疗的依据", "关于我们 | 联系我们 | 网站地图 | 友情链接 | 广告服务", "互联网药品信息服务资格证书：（京）-经营性-{n:2010-2020}-{n:1000-9999}",
        "抱歉，您访问的页面不存在或已被删除", "404 Not Found", "页面将在{n:3-9}秒后自动跳转到首页", "建议使用IE8.0以上版本浏览器，1024×768分辨率浏览本站",
        "本网站使用Cookie，继续浏览即表示您同意我们的隐私政策", "如有侵权请联系删除，邮箱：kefu{n:100-999}@163.com", "网站备案信息 技术支持：{clinic}科技", "违法和不良信息举报电话：{n:10000-99999}",
    ], 5, 11)


def navigation(rng: Random) -> str:
    entries = ["首页", "新闻资讯", "疾病百科", "找医生", "找医院", "健康问答", "药品大全", "养生保健", "两性健康", "育儿", "美容", "减肥", "登录", "注册", "手机版",
               "在线挂号", "医院导航", "专家团队", "科室设置", "就医指南", "联系我们", "更多>>", "返回顶部", "收藏本站", "设为首页", *ZH["dept"], *ZH["disease"]]
    head = fill(rng.choice(["当前位置：首页 > {dept} > {disease} > 正文", "您的位置：首页>>疾病库>>{disease}", ""]), ZH, rng)
    menu = rng.choice(["\n", " | ", " ", "\n"]).join(rng.choice(entries) for _ in range(rng.randint(25, 70)))
    return f"{head}\n{menu}\n" + _lines(rng, ["上一篇：{disease}的治疗方法", "下一篇：{symptom}怎么办", "相关阅读", "热门推荐", "猜你喜欢"], 2, 5)


def truncated(rng: Random) -> str:
    text = fill(rng.choice([
        "{disease}的治疗首先要明确病因，临床上常用的药物有{drug}和{drug}，患者在用药期间需要注意监测{lab}，如果出现{symptom}等不良反",
        "{disease}是怎么引起的呢？很多人不知道，其实{symptom}", "近日，{city}{clinic}医院收治了一名{n:20-80}岁的患者，因{symptom}入院，经检查诊断为{disease}，医生介绍说这种",
        "专家提醒，出现{symptom}的人群要警惕{disease}，下面我们来看看"]), ZH, rng)
    return text[: rng.randint(14, len(text))] + rng.choice(["...", "……", "", "…[详细]", "...点击查看全文", "……展开全部", "…登录后查看更多"])


def random_letters(rng: Random) -> str:
    way = rng.randrange(3)
    size = rng.randint(120, 700)
    if way == 0:  # rare Han characters, none after another by any rule
        return "".join(chr(rng.randint(0x4E00, 0x9FA5)) if rng.random() < 0.94 else rng.choice("，。、 ") for _ in range(size))
    if way == 1:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789+/=ABCDEFGHXYZ") for _ in range(size))
    return "".join(rng.choice("的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定"
                              "!@#￥%……&*（）—+【】、|；‘：“，。/《》？abc123") for _ in range(size))


def soup(rng: Random) -> str:
    """Words of sentences in an order that no language has, as rewriting tools make them."""
    words = [word for name in ("disease", "drug", "symptom", "lab", "ordinary", "ordinary") for word in ZH[name]]
    glue = ["的", "了", "是", "在", "被", "的的", "和", "是在", "对于", "的是", "进行", "把", "，", "，", "。"]
    return "".join(rng.choice(words) + rng.choice(glue) + rng.choice(("", "", rng.choice(glue)))
                   for _ in range(rng.randint(40, 160))) + "。"


def login(rng: Random) -> str:
    return _lines(rng, [
        "用户登录", "用户名：", "密码：", "验证码： 看不清？换一张", "记住我 忘记密码？", "还没有账号？立即注册", "使用微信登录 | 使用QQ登录 | 使用微博登录", "手机号快捷登录",
        "请输入手机号", "获取短信验证码", "登录即表示同意《用户协议》和《隐私政策》", "您还没有登录，请先登录后再查看", "对不起，您没有权限访问该页面", "密码长度为{n:6-8}-{n:12-20}位",
        "注册成为{clinic}会员，享受更多服务", "确认密码：", "提交 重置",
    ], 6, 14)


def listing(rng: Random) -> str:
    return _lines(rng, [
        "·{disease}的早期症状有哪些 [{n:1-12}-{n:1-28}]", "·{drug}的价格是多少？ {n:2010-2022}-{n:1-12}-{n:1-28}", "{n:1-50}. {city}{clinic}医院 电话：0{n:10-99}-{n:1000000-8999999} 地址：{city}市",
        "{drug} ￥{d:5-200} 销量{n:1-9999} 加入购物车", "·{symptom}怎么办 ({n:10-999}次浏览)", "[{dept}] {disease}吃什么好 {name} {n:0-99}回复", "下载次数：{n:1-999} 文件大小：{d:0.1-9}MB",
        "{name} {n:10-80}岁 {city} {n:1-59}分钟前", "共{n:10-999}条 上一页 1 2 3 4 5 下一页",
    ], 12, 35)


def ocr_noise(rng: Random) -> str:
    text = _lines(rng, [
        "{disease}是由多种因素引起的慢性疾病，发病与遗传、环境及生活方式有关。", "体格检查可见{symptom}，{exam}有助于明确诊断。",
        "治疗以{drug}为主，必要时加用{drug}，同时监测{lab}的变化。", "预后与病程、年龄和并发症有关，应长期随访。"], 4, 10, "")
    noise = "丨冂亻卩讠忄夂宀厶匚l1I|.,'`~^*_—•■□◆ ·:;"
    return "".join(rng.choice(noise) + rng.choice(("", "", rng.choice(noise))) if rng.random() < 0.42 else letter for letter in text)


def code(rng: Random) -> str:
    return _lines(rng, [
        'function show{n:1-99}()\x00 document.getElementById("tab{n:1-9}").style.display="none"; \x01',
        "var _hmt = _hmt || []; (function() \x00 var hm = document.createElement('script'); \x01)();", ".nav{n:1-9} li a:hover\x00color:#ff{n:1000-9999};float:left;width:{n:10-900}px\x01",
        '<div class="box{n:1-9}"><a href="/jb/{n:100-9999}.html" target="_blank">{disease}</a></div>', "$(document).ready(function()\x00$('#slide{n:1-9}').hide();\x01);",
        '\x00"id":{n:1-9999},"name":"{drug}","price":{d:1-99},"stock":{n:0-999}\x01,', "if(ua.indexOf('iPhone')>-1)\x00window.location.href='/m/{n:1-999}.html';\x01",
        "SELECT * FROM dede_archives WHERE typeid={n:1-99} ORDER BY id DESC LIMIT 0,{n:5-50};", "&nbsp;&nbsp;&lt;br /&gt;&amp;nbsp;",
    ], 6, 18).replace("\x00", "{").replace("\x01", "}")


SEEN = {one.__name__: one for one in (ad, mojibake, stuffing, repeated, number_table, comment_spam, gambling, boilerplate)}
HELD_OUT = {one.__name__: one for one in (navigation, truncated, random_letters, soup, login, listing, ocr_noise, code)}
