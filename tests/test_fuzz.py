"""Fuzzing: pages to evidence, and canvas and interface JSON. No crash but our own errors, and offsets that are true.

The suite runs each for a moment. Ten minutes of it, from the root of the repository:

    PALIMPSEST_FUZZ=600 .venv/bin/python -m pytest tests/test_fuzz.py -q
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dlm_core.canvas import Canvas, CanvasError, Kind, Slot
from dlm_core.segment import split, tidy
from tools.answers import items, json_object, plain, xml
from tools.charset import decode
from tools.decompress import BadBody, pieces
from tools.feeds import _feed
from tools.injection import addresses_reader
from tools.language import foreign
from tools.urls import BadURL, checked_url, place
from tools.worker import read

SECONDS = float(os.environ.get("PALIMPSEST_FUZZ", "0"))
SHARE = SECONDS / 5  # of each test
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not SECONDS)

TAGS = "div p span a table tr td ul li pre code h1 h2 script style svg math title main article br b x-y".split()
WORDS = (
    "The tide rises twice a day. ",
    "It is 4.5 m high,",
    "e.g. in the Bay of Fundy (Canada)",
    "“quoted” ",
    "\x1b[31m",
    "\u202e",
    "\x00",
    "&amp;&lt;script&gt;",
    "&#x110000;",
    "```",
    "| a | b |",
    "# ",
    "- ",
    "\n\n",
    "\t",
    "[x](javascript:y)",
    "<!--",
    "]]>",
    "\ud800",
    "né",
    "漢字",
    "http://a.b/?q=%00",
)
piece = st.one_of(
    st.sampled_from(WORDS),
    st.text(max_size=30),
    st.builds(lambda t, a: f"<{t} class='{a}' href={a}>", st.sampled_from(TAGS), st.text(max_size=8)),
    st.builds(lambda t: f"</{t}>", st.sampled_from(TAGS)),
)
markup = st.lists(piece, max_size=60).map("".join)
kinds = st.sampled_from(["html", "markdown", "plain"])


def fuzz(test: Callable[..., None]) -> Callable[[], None]:
    """The test as it is in the suite, or again and again with new examples for its share of PALIMPSEST_FUZZ seconds."""

    def run() -> None:
        end = time.monotonic() + SHARE
        test()
        while time.monotonic() < end:
            test()

    run.__name__, run.__doc__ = getattr(test, "__name__", "run"), test.__doc__
    return run


def evidence_is_true(text: str) -> None:
    assert tidy(text) == text
    passages, evidence = split(text, "src_0000000000")
    assert all(text[p.start : p.end] == p.text for p in passages)
    assert all(text[e.start : e.end] == e.text for e in evidence)
    assert len({e.id for e in evidence}) == len(evidence)
    addresses_reader(text)


@fuzz
@QUICK
@given(kinds, markup)
def test_pages_to_evidence(kind: str, text: str) -> None:
    try:
        found = read(kind, text.encode("utf-8", "replace"))
    except ValueError:
        return  # the reason why there is nothing to read
    evidence_is_true(found["text"])
    foreign(found["text"])
    assert found["title"].isprintable() or found["title"] == ""


@fuzz
@QUICK
@given(kinds, st.binary(max_size=2000))
def test_bytes_to_evidence(kind: str, data: bytes) -> None:
    try:
        found = read(kind, decode(data).encode("utf-8", "replace"))
    except ValueError:
        return
    evidence_is_true(found["text"])


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 44>>\nstream\nBT /F1 11 Tf 60 76 Td (The tide rises.) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)


@fuzz
@QUICK
@given(st.lists(st.tuples(st.integers(0, len(PDF) - 1), st.binary(max_size=6)), max_size=8))
def test_damaged_pdfs(changes: list[tuple[int, bytes]]) -> None:
    data = PDF
    for at, new in changes:
        data = data[:at] + new + data[at + len(new) :]
    try:
        found = read("pdf", data)
    except (ValueError, MemoryError, RecursionError):
        return  # those the worker turns into a reason
    except Exception as error:
        # The worker takes anything else a library raises for this page's oddity; our own code must not be its cause.
        assert "pypdf" in str(error.__traceback__ and _last_file(error)), error
        return
    evidence_is_true(found["text"])


def _last_file(error: BaseException) -> str:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at.tb_frame.f_code.co_filename if at is not None else ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
CANVAS = json.loads(
    Canvas(
        "How do tides work?",
        slots=(Slot(id="s1", kind=Kind.SECTION, text="Tides"), Slot(id="s2", kind=Kind.CLAIM, text="Tides rise.")),
        next_id=3,
    ).to_json()
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        found += _places(part, (*path, key))
    return found


@fuzz
@QUICK
@given(st.data(), st.lists(json_values, min_size=1, max_size=3))
def test_canvas_json(data: st.DataObject, values: list[Any]) -> None:
    raw = json.loads(json.dumps(CANVAS))
    for value in values:
        path = data.draw(st.sampled_from(_places(CANVAS)))
        target: Any = raw
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            assume(False)
    text = json.dumps(raw)
    cut = data.draw(st.integers(0, len(text)))
    for tried in (text, text[:cut], text[:cut] + "\x00" + text[cut:]):
        try:
            canvas = Canvas.from_json(tried)
        except CanvasError:
            continue
        assert Canvas.from_json(canvas.to_json()) == canvas


@fuzz
@QUICK
@given(json_values, st.text(max_size=200), st.binary(max_size=300), st.text(max_size=60))
def test_answers_feeds_urls_and_bodies(value: Any, text: str, data: bytes, name: str) -> None:
    found = json_object(json.dumps(value))
    assert found is None or isinstance(items(found, "a", "b"), list)
    json_object(text)
    assert "\n" not in plain(text)
    tree = xml(f"<rss><item><title>{name}</title><link>{text}</link></item></rss>".encode("utf-8", "replace"))
    if tree is not None:
        assert all(entry.url.startswith(("http://", "https://")) for entry in _feed(tree, "http://a.example/"))
    for url in (text, f"http://{name}/{text}", f"https://a.example:{name}/"):
        try:
            assert place(checked_url(url))[1] >= 0
        except BadURL:
            continue
    for encoding in ("gzip", "deflate", "br", name):
        try:
            assert all(len(part) <= 65_536 for part in pieces(iter([data, data]), encoding))
        except BadBody:
            continue
