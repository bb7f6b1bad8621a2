"""report.html without a browser: text stays text, the policy fits the page, the pictures have the report's numbers."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports import HOSTILE, canvases, rich
from workflows import html_drafts, html_pictures
from workflows.html import html, link
from workflows.report import Numbers, Report

VOID = {"meta", "link", "br", "input", "path", "circle"}


class Tree(HTMLParser):
    """Elements with their attributes and the text outside style and script; every element must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.text.append(data)


def test_the_same_report_gives_the_same_bytes() -> None:
    assert html(rich()) == html(rich())


def test_text_from_sources_stays_text() -> None:
    tree = Tree(html(rich()))
    tags = [tag for tag, _ in tree.found]
    assert tags.count("script") == 1 and tags.count("style") == 1 and "img" not in tags
    assert HOSTILE in "".join(tree.text)
    assert not any(name.startswith("on") or name == "style" for _, attrs in tree.found for name in attrs)
    links = [attrs["href"] for tag, attrs in tree.found if "href" in attrs]
    assert all(re.match(r"#|https://example\.org/|file:///home/|data:,$", href) for href in links), links


@settings(deadline=None, max_examples=15)
@given(st.text(alphabet=st.sampled_from(list("ab1<>\"'&{}%/= -!`\\\n\x00\u202e")), min_size=1, max_size=30))
def test_no_text_at_all_makes_an_element(text: str) -> None:
    plain = [tag for tag, _ in Tree(html(rich())).found]
    report = rich()
    claim = report["sections"][0]["claims"][0]
    claim["text"] = report["title"] = report["question"] = report["sections"][0]["heading"] = text
    for e in report["evidence"].values():
        e["text"] = e["before"] = e["heading"] = text
    for source in report["sources"].values():
        source["title"] = source["accessed"] = text
    tree = Tree(html(report))
    kinds = {"script", "style", "img", "iframe", "object", "b", "svg", "base", "form"}
    for kind in kinds - {"b"}:
        assert [t for t, _ in tree.found].count(kind) == plain.count(kind)


def test_the_policy_names_the_style_and_the_script_that_are_there() -> None:
    page = html(rich())
    policy = next(a["content"] for t, a in Tree(page).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for name in ("style", "script"):
        content = re.search(rf"<{name}>(.*?)</{name}>", page, re.S)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content.group(1).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert not re.search(r"@import|url\(", page)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", " https://x", "vbscript:x", "//x.org", ""])
def test_addresses_of_other_schemes_are_no_links(url: str) -> None:
    assert link(url) == ""


def test_an_address_is_quoted() -> None:
    assert link('https://example.org/a b"><x') == "https://example.org/a%20b%22%3E%3Cx"


# --- revisions --------------------------------------------------------------------


def words(html: str) -> str:
    """A sentence with its changes accepted, as text."""
    return "".join(Tree(re.sub(r"<del>.*?</del>", "", html)).text)


def test_every_draft_is_the_canvas_of_its_revision() -> None:
    views = html_drafts.drafts(rich())
    made, _, _ = canvases()
    assert len(views) == len(made) == 4
    for view, canvas in zip(views, made, strict=True):
        assert view["number"] == canvas.revisions[-1].number
        assert [words(s["heading"]) for s in view["sections"]] == [head.text for head, _ in canvas.sections()]
        for section, (_, body) in zip(view["sections"], canvas.sections(), strict=True):
            told = [s for paragraph in section["paragraphs"] for s in paragraph]
            assert [words(s["html"]) for s in told] == [s.text for s in body]
            assert [s["id"] for s in told] == [s.id for s in body]
        assert [words(s["html"]) for s in view["summary"]] == [s.text for s in canvas.summary]
    assert [s["id"] for s in views[2]["gone"]] == ["s5"]
    assert not any(view["gone"] for view in (views[0], views[1], views[3]))


def test_what_a_revision_changed_is_marked() -> None:
    views = html_drafts.drafts(rich())
    assert "<ins>" not in str(views[0])  # all of a first draft is new
    moon = next(s for s in views[2]["sections"][0]["paragraphs"][0] if s["id"] == "s3")
    assert moon["html"] == "The Moon causes about <del>68</del><ins>70</ins> percent of the tide."
    assert html_drafts.difference("", "<b>") == "<ins>&lt;b&gt;</ins>"
    assert html_drafts.difference("<b>", "") == "<del>&lt;b&gt;</del>"


@settings(deadline=None)
@given(*[st.text(alphabet="ab <&.", max_size=20)] * 2)
def test_both_texts_can_be_had_from_their_difference(before: str, after: str) -> None:
    marked = str(html_drafts.difference(before, after))
    new = words(marked)
    old = "".join(Tree(re.sub(r"<ins>.*?</ins>", "", marked)).text)
    assert (old.split(), new.split()) == (before.split(), after.split()) or before.split() == after.split()


def older(report: Report) -> Report:
    """The report as it was written before drafts, contexts and section ids were kept."""
    for revision in report["revisions"]:
        revision.pop("draft", None)
    for section in report["sections"]:
        del section["id"]
    for e in report["evidence"].values():
        for key in ("before", "after", "heading"):
            e.pop(key, None)
    return report


def test_a_report_without_drafts_is_laid_out_as_it_ended() -> None:
    report = older(rich())
    views = html_drafts.drafts(report)
    first = [words(s["html"]) for s in views[0]["sections"][0]["paragraphs"][0]]
    assert first[0] == "Tides are caused by the gravity of the Moon." and "68 percent" in first[1]
    assert [[len(p) for p in section["paragraphs"]] for section in views[-1]["sections"]] == [[6], [3]]
    page = html(report)
    assert "Confidence over revisions" not in page
    Tree(page)


def test_one_revision_has_no_slider_and_no_revision_no_harm() -> None:
    report = rich()
    report["revisions"] = report["revisions"][:1]
    page = html(report)
    assert 'id="slider"' not in page and "replayed" not in re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    report["revisions"] = []
    Tree(html(report))


# --- pictures ---------------------------------------------------------------------


def texts(picture: html_pictures.Picture, css: str) -> list[str]:
    return [t.text or "" for t in ET.fromstring(picture.svg).iter("text") if css in t.get("class", "").split()]


def test_the_timeline_counts_what_the_log_has() -> None:
    picture = html_pictures.timeline(rich())
    assert [row[:5] for row in picture.rows] == [
        ["1", "draft", "6", "0", "0"],
        ["2", "local", "3", "0", "0"],
        ["3", "reconstruct", "3", "1", "1"],
        ["4", "local", "1", "0", "0"],
    ]
    assert picture.rows[2][5] == "2.61 of 1.50"
    assert texts(picture, "number") == ["1", "2", "3", "4"]
    assert texts(picture, "value") == ["6", "3", "−1", "4", "1"]
    bars = {css: 0.0 for css in ("written", "rewritten", "removed")}
    for rect in ET.fromstring(picture.svg).iter("rect"):
        bars[rect.get("class", "")] += float(rect.get("height", "0"))
    assert bars["written"] / bars["removed"] == pytest.approx(13, rel=0.02)
    assert bars["rewritten"] == pytest.approx(bars["removed"], rel=0.02)


def test_confidence_has_a_dot_for_every_claim_of_every_draft() -> None:
    picture = html_pictures.confidence(rich())
    assert picture is not None
    made, _, _ = canvases()
    dots = [c for c in ET.fromstring(picture.svg).iter("circle") if c.get("class") == "claim-dot"]
    assert len(dots) == sum(len(c.claims()) for c in made)
    means = [sum(s.certainty for s in c.claims()) / len(c.claims()) for c in made]
    assert [row[2] for row in picture.rows] == [f"{100 * mean:.0f} %" for mean in means]
    lowest = [min(s.certainty for s in c.claims()) for c in made]
    assert [row[3] for row in picture.rows] == [f"{100 * least:.0f} %" for least in lowest]


def test_the_evidence_map_says_which_source_carries_which_section() -> None:
    report = rich()
    picture = html_pictures.evidence_map(report, Numbers(report))
    assert picture.heads == ["Section", "Source 1", "Source 2", "Source 3", "Claims"]
    assert picture.rows == [["What causes tides", "3", "3", "0", "5"], ["Tidal power", "0", "1", "2", "3"]]
    assert texts(picture, "on-disc") == ["3", "3", "1", "2"]
    assert texts(picture, "label") == ["What causes tides", "Tidal power"]


@pytest.mark.parametrize("many", [1, 17, 60])
def test_pictures_of_many_revisions_label_some(many: int) -> None:
    report = rich()
    one = report["revisions"][0]
    report["revisions"] = [one | {"number": n + 1} for n in range(many)]
    picture = html_pictures.timeline(report)
    assert len(picture.rows) == many and 1 <= len(texts(picture, "number")) <= 17
    assert texts(picture, "number")[-1] == str(many)
