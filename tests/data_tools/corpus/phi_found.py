"""What tests of de-identification share: texts of fragments, and what is found in a text."""

from hypothesis import strategies as st

from data_tools.corpus.document import Document, Step
from data_tools.corpus.phi.find import find_spans

MIXED = st.lists(
    st.sampled_from(
        [
            "患者",
            "王芳",
            "李建国",
            "：",
            "，",
            "\n",
            " ",
            "2023-05-06",
            "5月6日",
            "13812345678",
            "张医生",
            "Dr. ",
            "John Smith",
            "Mary",
            "Parkinson's disease",
            "a@b.com",
            "110105199003071234",
            "MRN: 12345678",
            "住院号",
            "123",
            "1",
            "北京协和医院",
            "浙江省杭州市西湖区",
            "文三路138号",
            "[NAME]",
            "[",
            "京A12345",
            "May",
            "6",
            "th",
            "·",
            "艾力",
            "12 Oak Street",
            "St. Mary's Hospital",
            "9",
            "x",
            "于",
            "高血压",
            "\u3000",
            "６",
            "(",
            ")",
            "-",
            ".",
        ]
    ),
    max_size=30,
).map("".join)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find_spans(text)]


def of_type(text: str, kind: str) -> list[str]:
    return [value for type_, value in found(text) if type_ == kind]


def after(step: Step, text: str) -> str:
    """The text that a step makes of `text`."""
    document = step(Document(text))
    assert isinstance(document, Document)
    return document.text
