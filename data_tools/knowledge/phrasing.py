"""One fact, many sentences. The phrasings that probes use are held out: training text never contains them.

A phrasing is (text before the object, text after it); {s} is the subject. What is asked for stands last in a probe, so a
held-out phrasing has nothing behind the object but a full stop.
"""

from dataclasses import dataclass

from data_tools.knowledge.triples import Triple


@dataclass(frozen=True)
class Phrasing:
    before: str
    after: str

    def sentence(self, triple: Triple) -> str:
        return self.prompt(triple) + self.option(triple.object, triple.language) + self.after

    def prompt(self, triple: Triple) -> str:
        return self.before.replace("{s}", triple.subject)

    def option(self, value: str, language: str) -> str:
        """The object as it continues the prompt: English words bring their space along."""
        return f" {value}" if language == "en" else value


def _phrasings(*texts: str) -> tuple[Phrasing, ...]:
    """"A treats {s} with {o}." is ("A treats {s} with", "."): the space before an English object belongs to it."""
    pairs = (text.split("{o}") for text in texts)
    return tuple(Phrasing(before.rstrip(" "), after) for before, after in pairs)


TRAINING: dict[tuple[str, str], tuple[Phrasing, ...]] = {
    ("en", "code"): _phrasings(
        "The ICD-10 code of {s} is {o}.", "{s} is coded as {o}.", "In ICD-10, {s} has the code {o}.",
        "Coders file {s} under {o}.", "For {s}, the record shows the ICD-10 code {o}.", "{s}, code {o}, was recorded.",
        "A diagnosis of {s} is entered as {o}.", "On the discharge form, {s} appears as {o}.",
    ),
    ("en", "medication"): _phrasings(
        "{s} is treated with {o}.", "Patients with {s} are often given {o}.", "Doctors prescribe {s} patients {o}.",
        "A common medication for {s} is {o}.", "For {s}, the treatment may include {o}.",
        "Among the drugs for {s} is {o}.", "To manage {s}, clinicians use {o}.", "The plan for {s} lists {o}.",
    ),
    ("en", "symptom"): _phrasings(
        "A symptom of {s} is {o}.", "{s} can cause {o}.", "Patients with {s} may complain of {o}.",
        "A typical sign of {s} is {o}.", "People who have {s} often report {o}.", "In {s}, one may see {o}.",
        "Among the symptoms of {s} is {o}.", "The history of {s} usually mentions {o}.",
    ),
    ("en", "specialty"): _phrasings(
        "{s} is treated in {o}.", "Patients with {s} are referred to {o}.", "The specialty for {s} is {o}.",
        "{s} belongs to {o}.", "For {s}, ask the department of {o}.", "{s} is a condition of {o}.",
        "A case of {s} goes to {o}.", "The ward that cares for {s} is {o}.",
    ),
    ("zh", "code"): _phrasings(
        "{s}的ICD-10编码是{o}。", "{s}编码为{o}。", "在ICD-10中，{s}的代码是{o}。", "病案室将{s}归入{o}。",
        "诊断{s}，编码：{o}。", "出院单上{s}记为{o}。", "{s}，编码{o}，已登记。", "{s}对应的编码是{o}。",
        "按ICD-10，{s}的编码是{o}。", "登记{s}的代码：{o}。", "{s}的疾病代码为{o}。", "查得{s}的编码：{o}。",
    ),
    ("zh", "medication"): _phrasings(
        "{s}可用{o}治疗。", "{s}患者常用{o}。", "治疗{s}的药物有{o}。", "医生给{s}患者开了{o}。",
        "{s}的常用药：{o}。", "针对{s}，可选用{o}。", "{s}的治疗方案包括{o}。", "控制{s}，临床上用{o}。",
        "临床上{s}常用{o}。", "治疗{s}可以用{o}。", "{s}患者可以选用{o}。", "{s}一般用{o}。",
    ),
    ("zh", "symptom"): _phrasings(
        "{s}的症状有{o}。", "{s}可引起{o}。", "{s}患者可能出现{o}。", "{s}的典型表现是{o}。",
        "患{s}的人常说{o}。", "{s}的表现：{o}。", "{s}病史中常见{o}。", "得了{s}会有{o}。",
        "门诊上{s}常见{o}。", "{s}的主要症状是{o}。", "{s}患者常有{o}。", "典型的{s}症状是{o}。",
    ),
    ("zh", "specialty"): _phrasings(
        "{s}属于{o}。", "{s}患者应转到{o}。", "{s}的专科是{o}。", "{s}在{o}治疗。", "看{s}请挂{o}。",
        "{s}由{o}负责。", "{s}的科室：{o}。", "收治{s}的是{o}。",
        "确诊{s}应转到{o}。", "怀疑{s}请看{o}。", "{s}患者可看{o}。", "{s}应去{o}。",
    ),
}

# Other sentences than those above, put together anew from their words: what is new to the model is the phrasing alone.
# In Chinese the pieces on either side of {s} stand in some phrasing above, never both in one: nothing parts words there,
# so words in a new neighbourhood would become tokens that were never learnt.
HELD_OUT: dict[tuple[str, str], tuple[Phrasing, ...]] = {
    ("en", "code"): _phrasings("In the record, {s} has the code {o}.", "On the form, {s} is entered as {o}."),
    ("en", "medication"): _phrasings("For {s}, doctors use {o}.", "The treatment of {s} may include {o}."),
    ("en", "symptom"): _phrasings("Patients who have {s} often report {o}.", "A common symptom of {s} is {o}."),
    ("en", "specialty"): _phrasings("The department for {s} is {o}.", "Patients with {s} belong to {o}."),
    ("zh", "code"): _phrasings("诊断{s}的编码是{o}。", "出院单上{s}的代码：{o}。"),
    ("zh", "medication"): _phrasings("治疗{s}常用{o}。", "控制{s}可用{o}。"),
    ("zh", "symptom"): _phrasings("门诊上{s}患者常有{o}。", "得了{s}的人常说{o}。"),
    ("zh", "specialty"): _phrasings("怀疑{s}应转到{o}。", "看{s}应去{o}。"),
}
