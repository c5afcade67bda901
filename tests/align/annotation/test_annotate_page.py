"""The page as an annotator has it: a headless Chromium, keys alone, small and wide, in the light and in the dark."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.align.annotation.browser import Browser, browsing, chromium
from tests.align.annotation.cases import Server, read, rows, write

READY = "document.body.dataset.state == 'ready' && performance.now() - shownAt > UNSEEN_MS"
EVIL = ("<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"></div><b>bold</b> &amp; "
        + "w" * 500)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if chromium() is None:
        pytest.skip("no Chromium: install the system's package `chromium`")
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(autouse=True)
def wide(browser: Browser) -> None:
    browser.look(1280, 800)


def press(browser: Browser, key: str) -> None:
    """Once the pair is there and has been seen; then until the next is."""
    browser.until(READY)
    before = browser.value("shownAt")
    browser.press(key)
    browser.until(f"shownAt != {before} && document.body.dataset.state != 'busy'")


def said(output: Path) -> list[str]:
    return [row.get("verdict", row["kind"]) for row in read(output)[1:]]


def test_every_key_does_what_it_says(browser: Browser, tmp_path: Path) -> None:
    pairs, output = write(tmp_path / "pairs.jsonl", rows(12)), tmp_path / "v.jsonl"
    with Server(pairs, output, "--second", "0") as server:
        browser.open(server.addresses["ann"])
        for key in "1a2btxsu":
            press(browser, key)
        found = read(output)[1:]
        assert [row["shown"].index(row["verdict"]) for row in found[:4]] == [0, 0, 1, 1]
        assert said(output)[4:] == ["tie", "bad", "skip", "undo"] and found[-1]["of"] == found[-2]["id"]
        assert browser.value("document.body.dataset.key") == "k6"  # what was undone is there again
        browser.until(READY)
        browser.press("n")
        for letter in "1 note":
            browser.press(letter)
        browser.press("Escape")
        press(browser, "t")
        assert read(output)[-1]["note"] == "1 note" and said(output)[-2:] == ["undo", "tie"]
        browser.until(READY)
        browser.press("?")
        assert browser.value("help.open")
        browser.press("1")  # counts for nothing while help is open
        browser.press("Escape")
        browser.until("!help.open")
        browser.press("1", autoRepeat=True)
        browser.press("1", modifiers=2)
        browser.press("q")
        time.sleep(0.3)
        assert len(read(output)) == 10
        for _ in range(5):
            press(browser, "1")
        browser.until("document.body.dataset.state == 'end'")
        assert browser.value("document.querySelector('#end h2').textContent") == "All pairs are read"
        browser.press("1")
        browser.press("u")
        browser.until(READY)
        assert browser.value("document.body.dataset.key") == "k11"


def test_responses_stay_text_and_nothing_tells_which_is_which(browser: Browser, tmp_path: Path) -> None:
    messages = [{"role": "system", "content": EVIL}, {"role": "user", "content": EVIL}]
    pairs = write(tmp_path / "pairs.jsonl", [{"key": f"k{number}", "messages": messages, "chosen": EVIL, "rejected": "Plain."}
                                             for number in range(8)])
    with Server(pairs, tmp_path / "v.jsonl", "--second", "0") as server:
        browser.open(server.addresses["ann"])
        order = []
        for _ in range(8):
            browser.until(READY)
            texts = browser.value("[...document.querySelectorAll('article .text')].map((one) => one.textContent)")
            assert sorted(texts) == sorted(["Plain.", EVIL])
            order.append(texts.index(EVIL))
            assert browser.value("document.querySelectorAll('#pair img, #pair b, #pair script').length") == 0
            assert EVIL in browser.value("document.getElementById('prompt').textContent")
            page = browser.value("document.documentElement.outerHTML")
            assert "chosen" not in page.partition("<main>")[2].partition("</main>")[0] and "rejected" not in page
            press(browser, "1")
        assert browser.value("document.title") == "Which response is better?"
    assert set(order) == {0, 1}
    assert [row["shown"].index("a") for row in read(tmp_path / "v.jsonl")[1:]] == order


def test_a_kill_between_two_keys_loses_nothing_and_the_page_goes_on(browser: Browser, tmp_path: Path) -> None:
    pairs, output = write(tmp_path / "pairs.jsonl", rows(20)), tmp_path / "v.jsonl"
    token = {"MEGATRON_QM_ANNOTATE_TOKEN": "t" * 20}
    with Server(pairs, output, "--second", "0", **token) as server:
        port = server.base.rpartition(":")[2]
        browser.open(server.addresses["ann"])
        for key in "12t":
            press(browser, key)
    assert len(said(output)) == 3
    browser.until(READY)
    browser.press("x")  # nobody is there to hear it
    browser.until("document.body.dataset.state == 'waiting'")
    assert "does not answer" in browser.value("document.getElementById('trouble').textContent")
    with Server(pairs, output, "--second", "0", "--port", port, **token):
        browser.until("document.body.dataset.state == 'ready'", seconds=60)
        assert browser.value("document.getElementById('trouble').hidden")
        press(browser, "t")
    assert said(output)[2:] == ["tie", "bad", "tie"] and len({row["id"] for row in read(output)[1:]}) == 5
    with Server(pairs, output, "--second", "0") as server:  # another token: the new address goes on where he was
        browser.open(server.addresses["ann"])
        browser.until(READY)
        assert browser.value("document.body.dataset.key") == "k5"
    with Server(pairs, output, "--second", "0", "--port", server.base.rpartition(":")[2]):
        browser.press("1")
        browser.until("document.getElementById('trouble').textContent.includes('token')", seconds=60)


def test_five_hundred_an_hour_by_keys_alone(browser: Browser, tmp_path: Path) -> None:
    """40 verdicts; what the page and the server take of each leaves six of the seven seconds to read."""
    pairs, output = write(tmp_path / "pairs.jsonl", rows(40)), tmp_path / "v.jsonl"
    with Server(pairs, output, "--second", "0") as server:
        browser.open(server.addresses["ann"])
        browser.until(READY)
        start = time.monotonic()
        for number in range(40):
            press(browser, "12tx"[number % 4])
        spent = time.monotonic() - start
    assert len(said(output)) == 40 and spent / 40 < 1.2, f"{spent / 40:.2f} s each"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1280])
def test_readable_small_and_wide_in_light_and_dark(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    """Nothing is wider than the window, text is large enough, and its contrast with what is behind it is 4.5 or more (AA)."""
    pairs = write(tmp_path / "pairs.jsonl", [{"key": "k", "prompt": EVIL, "a": EVIL, "b": "short\n" * 40}])
    browser.look(width, 800, dark)
    with Server(pairs, tmp_path / "v.jsonl") as server:
        browser.open(server.addresses["ann"])
        browser.until(READY)
        assert browser.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        left, right = json.loads(browser.value(
            "JSON.stringify([...document.querySelectorAll('article')].map((one) => one.getBoundingClientRect()))"))
        stacked = right["top"] >= left["bottom"]
        assert stacked == (width == 400) and (stacked or left["top"] == right["top"] and left["right"] <= right["left"])
        colours = json.loads(browser.value(_COLOURS))
        assert len(colours) > 20
        for name, size, ink, paper in colours:
            assert size >= 12.5 and contrast(ink, paper) >= 4.5, (name, size, ink, paper)
        assert (luminance(colours[0][3]) < 0.1) == dark


_COLOURS = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const paper = (one) => {
    for (; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length === 3) return found;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && !one.disabled
    && [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  return JSON.stringify(texts.map((one) => [one.tagName, parseFloat(getComputedStyle(one).fontSize),
    numbers(getComputedStyle(one).color), paper(one)]));
})()
"""


def luminance(colour: list[float]) -> float:
    parts = [part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(ink: list[float], paper: list[float]) -> float:
    light, dark = sorted([luminance(ink), luminance(paper)], reverse=True)
    return (light + 0.05) / (dark + 0.05)
