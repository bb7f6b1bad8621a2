"""report.html in a real browser, from a file: the slider replays, claims show their passages, nothing is asked of the
network, nothing is said on the console, axe finds nothing, and the words of a source stay words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser import Opened, chromium, opened
from tests.reports import HOSTILE, canvases, rich
from workflows.html import html

WIDE = {"width": 1440, "height": 900}
MIDDLE = {"width": 1100, "height": 700}
NARROW = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "report.html"
    out.write_text(html(rich()), encoding="utf-8")
    return out


@pytest.fixture
def open_page(browser: Browser, file: Path) -> Iterator[Any]:
    """Opens the report in a window; at the end nothing was said, and nothing but the file was asked for."""
    made: list[Opened] = []

    def open_one(viewport: dict[str, int] = WIDE, **context: Any) -> Page:
        made.append(opened(browser, file, viewport=viewport, **context))
        return made[-1].page

    yield open_one
    assert made
    for one in made:
        assert one.said == []
        assert {url.partition("#")[0] for url in one.asked} <= {file.as_uri(), "data:,"}
        one.page.context.close()


def card(page: Page, claim: str) -> Any:
    return page.locator(f"#card-{claim}")


# --- the slider ---------------------------------------------------------------------

# What is shown, without the words that went; of a draft, its headings and sentences.
SHOWN = """() => [...document.querySelectorAll('.draft')].filter(d => d.offsetParent).map(d => {
    const copy = d.cloneNode(true);
    copy.querySelectorAll('del, .card, .legend, .cite, .flag').forEach(e => e.remove());
    return [...copy.querySelectorAll('h2, .say, .link')].map(e => e.textContent.trim());
})"""


def expected(place: int) -> list[str]:
    canvas = canvases()[0][place - 1]
    return [text for head, body in canvas.sections() for text in (head.text, *(s.text for s in body))]


def test_the_slider_replays_every_revision_with_its_cause(open_page: Any) -> None:
    page = open_page()
    assert page.evaluate(SHOWN) == [expected(4)]
    slider = page.get_by_label("Revision", exact=True)
    slider.focus()
    slider.press("Home")
    causes = ["First draft", "adds to “What causes tides”", "2 key tokens from [2] moved 3 claims", "“Tidal power”"]
    for place, cause in enumerate(causes, 1):
        assert page.evaluate(SHOWN) == [expected(place)]
        shown = page.locator("#causes .cause:visible")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text(cause)
        expect(page.locator("#where")).to_have_text(f"{place} of 4")
        assert page.locator(f'svg.now[data-revision="{place}"]').count() == 2
        assert page.locator("svg.now").count() == 2
        slider.press("ArrowRight")
    expect(page.locator("#causes")).to_contain_text("First draft")  # in the page, not shown
    page.get_by_role("button", name="Back to the report").click()
    assert page.evaluate(SHOWN) == [expected(4)]
    expect(page.locator("#report")).to_be_visible()


def test_words_that_came_and_went_are_marked(open_page: Any) -> None:
    page = open_page()
    page.locator("#slider").fill("3")
    draft = page.locator(".replayed:visible")
    expect(draft.locator("del").first).to_have_text("68")
    expect(draft.locator("ins").first).to_have_text("70")
    expect(draft.locator(".gone li")).to_have_text("The tidal range in the Bay of Fundy reaches 16 metres.")
    style = draft.locator("del").first.evaluate("e => getComputedStyle(e).textDecorationLine")
    assert style == "line-through"


def test_play_goes_through_all_of_them_and_stops(open_page: Any) -> None:
    page = open_page()
    page.clock.install()
    page.locator("#play").click()
    seen = []
    for _ in range(5):
        seen.append(page.locator("#where").inner_text())
        page.clock.run_for(2500)
    assert seen == ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "4 of 4"]
    expect(page.get_by_role("button", name="Replay the revisions")).to_be_visible()


def test_a_link_to_a_claim_leaves_the_replay(open_page: Any) -> None:
    page = open_page()
    page.locator("#slider").fill("1")
    page.locator(".resting a").click()
    expect(page.locator("#report")).to_be_visible()
    expect(page.locator("#claim-s3")).to_be_in_viewport()


# --- claims and their evidence -------------------------------------------------------


@pytest.mark.parametrize("viewport", [WIDE, MIDDLE, NARROW], ids=["wide", "middle", "narrow"])
def test_pointing_at_a_claim_shows_the_passage(open_page: Any, viewport: dict[str, int]) -> None:
    page = open_page(viewport)
    for claim, quoted, around in [
        ("s2", "Tides are caused by the gravity of the Moon and of the Sun itself.", "The Moon causes about 68"),
        ("s3", "The Moon causes about 70 percent of the tide.", "The tidal range is smallest"),
        ("s11", "Tidal power stations turn the movement of water into electricity.", "The first large"),
    ]:
        say = page.locator(f"#claim-{claim} .say")
        expect(card(page, claim)).to_be_hidden()
        say.hover()
        expect(card(page, claim)).to_be_visible()
        expect(card(page, claim).locator("mark").first).to_have_text(quoted)
        expect(card(page, claim)).to_contain_text(around)
        expect(card(page, claim)).to_contain_text("confidence")
        box = card(page, claim).bounding_box()
        assert box is not None
        assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"]
        assert box["y"] >= 0 and box["y"] + box["height"] <= viewport["height"]
        if viewport is not NARROW:  # beside the text, never over it
            text = say.bounding_box()
            assert text is not None and box["x"] >= text["x"] + text["width"]
        page.mouse.move(2, 2)
        expect(card(page, claim)).to_be_hidden()


def test_the_keyboard_reaches_every_claim_and_its_passage(open_page: Any) -> None:
    page = open_page()
    order = [c["id"] for s in rich()["sections"] for c in s["claims"]]
    reached = []
    page.locator("#theme").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate("document.activeElement.closest('.claim')?.id ?? ''").removeprefix("claim-")
        if at and at not in reached:
            reached.append(at)
            expect(card(page, at)).to_be_visible()
            assert page.locator(".card:visible").count() == 1
    assert reached == order
    page.locator("#claim-s2 .say").focus()
    page.keyboard.press("Escape")
    expect(card(page, "s2")).to_be_hidden()
    page.locator("#claim-s3 .say").focus()
    expect(card(page, "s3")).to_be_visible()


def test_the_card_of_a_focused_claim_gives_way_to_the_one_pointed_at(open_page: Any) -> None:
    page = open_page()
    page.locator("#claim-s2 .say").click()
    expect(card(page, "s2")).to_be_visible()
    page.locator("#claim-s4 .say").hover()
    expect(card(page, "s2")).to_be_hidden()
    expect(card(page, "s4")).to_be_visible()
    page.mouse.move(2, 2)
    expect(card(page, "s2")).to_be_visible()


def test_less_sure_claims_are_shaded_more(open_page: Any) -> None:
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        distance = """([e, paper]) => {
            const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
            const [a, b] = [rgb(getComputedStyle(e).backgroundColor), rgb(paper)];
            return a[3] === 0 ? 0 : Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) + Math.abs(a[2] - b[2]);
        }"""
        steps = [page.locator(f".scale .k{k}").evaluate(f"e => ({distance})([e, '{paper}'])") for k in (5, 4, 3, 2, 1)]
        assert steps[0] == 0 and steps == sorted(steps) and len(set(steps)) == 5
        for claim, shade in (("s2", 5), ("s12", 3), ("s9", 2)):
            expect(page.locator(f"#claim-{claim}")).to_have_class(f"claim k{shade}")


def test_disputed_values_stand_side_by_side(open_page: Any) -> None:
    page = open_page()
    said, followed = page.locator(".dispute .side").all()
    expect(said.locator("mark")).to_have_text("68")
    expect(followed.locator("mark")).to_have_text("70")
    left, right = said.bounding_box(), followed.bounding_box()
    assert left and right and left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
    expect(page.locator("#claim-s3 .flag")).to_have_text("disputed")
    page = open_page(NARROW)
    boxes = [side.bounding_box() for side in page.locator(".dispute .side").all()]
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]


# --- everywhere -----------------------------------------------------------------------


def test_it_reads_without_script(open_page: Any) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.locator("#bar")).to_be_hidden()
    expect(page.locator("#report")).to_contain_text("The Moon causes about 70 percent of the tide.")
    page.locator("#claim-s2 .say").hover()
    expect(card(page, "s2")).to_be_visible()
    page.locator(".log summary").nth(2).click()
    expect(page.locator(".log details[open]")).to_contain_text("Neap tides occur")
    assert page.locator(".replayed:visible").count() == 0


def test_nothing_is_wider_than_the_window(open_page: Any) -> None:
    for viewport in (WIDE, MIDDLE, NARROW, {"width": 320, "height": 600}):
        page = open_page(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_dark_and_light(open_page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = open_page(color_scheme="light"), open_page(color_scheme="dark")
    seen = [light.evaluate(paper), dark.evaluate(paper)]
    assert seen[0] != seen[1]
    light.locator("#theme").click()
    dark.locator("#theme").click()
    assert [dark.evaluate(paper), light.evaluate(paper)] == seen


def test_print_has_the_passages_and_no_controls(open_page: Any) -> None:
    page = open_page(color_scheme="dark")
    page.locator("#slider").fill("1")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    for gone in ("#bar", ".contents", ".hint", ".table", ".replayed"):
        assert page.locator(f"{gone}:visible").count() == 0
    expect(page.locator("#report")).to_be_visible()
    assert page.locator(".sources blockquote:visible").count() == len(page.locator(".sources blockquote").all()) == 9
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 26, 24)"
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize(("scheme", "viewport"), [("light", WIDE), ("dark", NARROW)], ids=["wide", "narrow"])
def test_axe_finds_nothing(open_page: Any, scheme: str, viewport: dict[str, int]) -> None:
    page = open_page(viewport, color_scheme=scheme)
    for step in ("reading", "card", "replay", "all open"):
        if step == "card":
            page.locator("#claim-s3 .say").focus()
        elif step == "replay":
            page.locator("#slider").fill("3")
        elif step == "all open":
            page.locator("#close").click()
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        found = Axe().run(page)
        assert [(v["id"], v["impact"], v["nodes"][0]["html"]) for v in found.response["violations"]] == [], step


def test_the_words_of_a_source_stay_words(open_page: Any) -> None:
    page = open_page()
    expect(page.locator("#source-2 .source a")).to_have_text(HOSTILE)
    expect(page.locator("#claim-s12 .say")).to_contain_text("<script>window.owned=2</script>")
    assert page.evaluate("window.owned") is None
    assert page.title() == "What causes tides"
    assert page.locator("img, iframe, object, embed, form, base").count() == 0
    assert page.locator("script, style").count() == 2
    assert page.locator("#source-3 .source a").count() == 0  # javascript: is no address to click on
    expect(page.locator("#source-3")).to_contain_text("javascript:alert(document.domain)")


def test_the_policy_stops_what_would_get_in(browser: Browser, file: Path) -> None:
    page = opened(browser, file).page
    blocked = page.evaluate(
        """() => new Promise(done => {
            const seen = new Set();
            addEventListener('securitypolicyviolation', e => {
                seen.add(e.effectiveDirective);
                if (seen.size === 4) done([...seen].sort());
            });
            const add = (name, set) => document.body.append(Object.assign(document.createElement(name), set));
            add('script', {textContent: 'window.owned = 3'});
            add('img', {src: 'http://127.0.0.1:9/pixel.png'});
            document.body.insertAdjacentHTML('beforeend', '<p style="color: red">x</p>');
            fetch('http://127.0.0.1:9/').catch(() => {});
            setTimeout(() => done([...seen].sort()), 3000);
        })"""
    )
    assert blocked == ["connect-src", "img-src", "script-src-elem", "style-src-attr"]
    assert page.evaluate("window.owned") is None
    page.context.close()
