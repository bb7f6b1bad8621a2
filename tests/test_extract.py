"""Pages to stored text by the real worker process, and pages made to break it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from dlm_core.segment import split, tidy
from tests.support import pdf_file
from tools.extract import Extracted, Extractor
from tools.source import Skipped

SENTENCE = "A reservoir is filled by the rivers that drain the hills around it. "
PARAGRAPH = f"<p>{SENTENCE * 20}</p>"


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    extractor = Extractor(timeout=10.0)
    yield extractor
    extractor.close()


def read(extractor: Extractor, kind: str, body: str | bytes) -> Extracted:
    found = extractor.read(kind, body, "http://example.org/page")
    assert isinstance(found, Extracted), found
    assert tidy(found.text) == found.text  # stored text is stored text already
    return found


# ---- HTML ----

SPHINX = """<!DOCTYPE html><html><head><title>Runners &#8212; Python documentation</title>
<meta name="date" content="2024-05-06T10:00:00Z"></head><body>
<div class="related" role="navigation"><ul><li><a href="i">index</a></li><li>next</li></ul></div>
<div class="body" role="main"><section id="runners">
<h1>Runners<a class="headerlink" href="#runners">¶</a></h1>
<nav class="contents local"><ul><li><a href="#a">Running an asyncio Program</a></li></ul></nav>
<p>They are built on top of an
<a class="reference internal" href="x"><span class="std">event loop</span></a> with the aim
to simplify async code.  It follows the RFC <a class="footnote-reference brackets" href="#f">[1]</a> .</p>
<h2><a href="#r">§</a>Running</h2>
<dl class="py function"><dt class="sig sig-object py"><span>asyncio.</span><span class="sig-name">run</span>
<span>(</span><em>coro</em>, <em>*</em>, <em>debug=None</em><span>)</span>
<a class="headerlink" href="#x">¶</a></dt>
<dd><p>Execute the <em>coro</em> and return the result.</p>
<p>The function <a class="reference" href="y"><code><span class="pre">asyncio.run()</span></code></a>, which takes
<code>*args</code> and <code><span class="pre">**kwargs</span></code>, calls <code>__init__</code> first.</p>
<div class="highlight"><pre><span></span><span class="k">async</span> <span>def</span> main():
    <span class="k">await</span> asyncio.sleep(1)
</pre></div>
<div class="admonition note"><p class="admonition-title">Note</p>
<p>Only one loop can run in one thread at a time.</p></div>
<div class="versionchanged">
<p><span class="versionmodified">Changed in version 3.9: </span>Updated to use the pool.</p></div>
</dd></dl>
<table><tr><th>Name</th><th>Size</th></tr><tr><td>small</td><td>10<sup>6</sup> bytes</td></tr></table>
<p>The disk holds 10<sup>6</sup> bytes of H<sub>2</sub>O data.</p>
</section></div><div class="sphinxsidebar" role="navigation"><h3>Previous topic</h3></div>
<footer>Copyright the authors of this page.</footer></body></html>"""


def test_a_documentation_page_reads_as_prose(extractor: Extractor) -> None:
    found = read(extractor, "html", SPHINX)
    assert found.title == "Runners"
    assert found.date == "2024-05-06"
    assert found.text.split("\n\n") == [
        "# Runners",
        "They are built on top of an event loop with the aim to simplify async code. It follows the RFC.",
        "## Running",
        "```\nasyncio.run (coro, *, debug=None)\n```",
        "Execute the coro and return the result.",
        "The function asyncio.run(), which takes *args and **kwargs, calls __init__ first.",
        "```\nasync def main():\n    await asyncio.sleep(1)\n```",
        "Only one loop can run in one thread at a time.",
        "- Changed in version 3.9: Updated to use the pool.",
        "| Name | Size |",
        "| small | 10⁶ bytes |",
        "The disk holds 10⁶ bytes of H2O data.",
    ]


def test_trafilatura_tells_the_page_from_its_surroundings(extractor: Extractor) -> None:
    menu = "".join(f'<li><a href="/{i}">Menu entry number {i}</a></li>' for i in range(30))
    body = "".join(f"<p>Paragraph {i} says that {SENTENCE * 3}</p>" for i in range(6))
    page = (
        f"<html><body><div class='top'><ul>{menu}</ul></div><div id='content'><h1>The reservoir</h1>{body}</div>"
        f"<div class='footer-links'><ul>{menu}</ul><p>All rights reserved 2020.</p></div></body></html>"
    )
    found = read(extractor, "html", page)
    assert found.text.count("Paragraph") == 6
    assert "Menu entry" not in found.text and "rights" not in found.text
    assert found.text.startswith("# The reservoir") and found.title == "The reservoir" and found.note == ""


def test_encyclopedia_apparatus_goes(extractor: Extractor) -> None:
    page = f"""<html><body><div class="mw-parser-output"><table class="infobox"><tr><td>Region</td></tr></table>
    <p>Zebras are equines.<sup class="reference"><a href="#1">[1]</a></sup> They weigh 250 kg. {SENTENCE * 5}</p>
    <h2>Habitat<span class="mw-editsection">[edit]</span></h2><p>{SENTENCE * 3}</p>
    <h2>See also</h2><ul><li><a href="x">Horse</a></li></ul><h2>References</h2><p>Smith wrote of zebras in 2001.</p>
    </div></body></html>"""
    text = read(extractor, "html", page).text
    assert text.startswith("Zebras are equines. They weigh 250 kg.") and "## Habitat" in text
    for gone in ("[1]", "edit", "Region", "Horse", "References", "Smith"):
        assert gone not in text


def test_web_text_is_data_not_escapes(extractor: Extractor) -> None:
    page = (
        "<html><head><title>\x1b[31mRed &lt;b&gt;\u202eevil\u200b</title></head><body><main>"
        f"<p>The word \x1b]0;owned\x07 na\u0308chste\u200b \u202ereversed. {SENTENCE * 5}</p></main></body></html>"
    )
    found = read(extractor, "html", page)
    for text in (found.text, found.title):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", text)
    assert "nächste" in found.text


def test_the_stored_text_can_be_split(extractor: Extractor) -> None:
    text = read(extractor, "html", SPHINX).text
    passages, evidence = split(text, "src_0000000000")
    assert passages and all(text[e.start : e.end] == e.text for e in evidence)
    assert any(e.text.startswith("The function asyncio.run()") for e in evidence)


# ---- hostile HTML ----


def test_ten_thousand_nested_divs_still_give_their_text(extractor: Extractor) -> None:
    found = read(extractor, "html", "<html><body>" + "<div>" * 10_000 + PARAGRAPH + "</div>" * 10_000)
    assert found.text.count("reservoir") == 20


def test_deep_trees_fall_back_to_the_plain_way(extractor: Extractor) -> None:
    found = read(extractor, "html", "<html><body>" + "<div>.<div>" * 400 + PARAGRAPH)
    assert "reservoir" in found.text and "plain" not in found.title and "trafilatura" in found.note


def test_fifty_thousand_attributes_cost_nothing(extractor: Extractor) -> None:
    attributes = " ".join(f'a{i}="{i}"' for i in range(50_000))
    found = read(extractor, "html", f"<html><body><p {attributes}>The page begins.</p>{PARAGRAPH}</body></html>")
    assert "The page begins." in found.text and "reservoir" in found.text


def test_a_page_that_takes_too_long_is_skipped_and_the_next_is_read() -> None:
    slow = Extractor(timeout=1.0)
    try:
        read(slow, "html", PARAGRAPH)  # the start of the process is not the page's time
        # Attribute values with ">" in them get past the shortcut above: the parser takes many seconds.
        attributes = " ".join(f'a{i}=">{i}"' for i in range(50_000))
        found = slow.read("html", f"<html><body><p {attributes}>Slow.</p></body></html>", "http://example.org/slow")
        assert isinstance(found, Skipped) and found.url == "http://example.org/slow"
        assert "more than 1 s" in found.reason
        assert "reservoir" in read(slow, "html", PARAGRAPH).text
    finally:
        slow.close()


def test_memory_is_limited() -> None:
    small = Extractor(timeout=20.0, memory=200)
    try:
        assert "reservoir" in read(small, "html", PARAGRAPH).text
        found = small.read("html", "<html><body><main>" + "<p>y " * 700_000, "http://example.org/big")
        assert isinstance(found, Skipped) and "memory" in found.reason
        assert "reservoir" in read(small, "html", PARAGRAPH).text
    finally:
        small.close()


def test_too_large_and_empty_pages_are_named(extractor: Extractor) -> None:
    found = extractor.read("html", "<p>x</p>" * 3_200_000, "http://example.org/25mb")
    assert isinstance(found, Skipped) and "25.6 MB" in found.reason
    for body in ("", "<html></html>", "<!-- nothing -->", "<ul><li><a href='x'>only</a></li></ul>"):
        found = extractor.read("html", body, "http://example.org/")
        assert isinstance(found, Skipped) and found.reason, body


# ---- Markdown, text, PDF ----

MARKDOWN = """---
title: "The lake"
date: 2023-02-01
---
# The *lake*

The lake is fed by [two rivers](http://example.org/r) and
`drain()` takes `**kwargs` and *args*.[^1] See <https://example.org>.

Under the line
--------------

- First item holds a sentence.
- Second item.

    Its second paragraph.

!!! note "Mind"
    The note is prose as well.

```python
x = [1]
```

| Name | Size |
|------|------|
| a    | 10   |

<div><p>HTML inside is <b>read</b> too.</p><script>alert(1)</script></div>

[^1]: A footnote.
"""


def test_markdown(extractor: Extractor) -> None:
    found = read(extractor, "markdown", MARKDOWN)
    assert (found.title, found.date) == ("The lake", "2023-02-01")
    assert found.text.split("\n\n") == [
        "# The lake",
        "The lake is fed by two rivers and drain() takes **kwargs and args. See https://example.org.",
        "## Under the line",
        "- First item holds a sentence.",
        "- Second item.",
        "Its second paragraph.",
        "The note is prose as well.",
        "```\nx = [1]\n```",
        "| Name | Size |",
        "| a | 10 |",
        "HTML inside is read too.",
    ]


@pytest.mark.parametrize(
    ("title", "headings", "named"),
    [
        ("Using the library with threads", ["1. Overview", "2. Choosing a mode"], "Using the library with threads"),
        ("73.2. TOAST", ["73.2. TOAST"], "TOAST"),
        ("Chapter 6. Maintenance &amp; Updates", ["Chapter 6. Maintenance &amp; Updates"], "Maintenance & Updates"),
        ("3. Binary packages &#8212; The Manual v4.6", ["3. Binary packages"], "Binary packages"),
        # The site's name is a heading of its own, and stands before the page's.
        ("Cross-site requests &#8212; Docs 3.2", ["Docs 3.2", "Cross-site requests"], "Cross-site requests"),
        ("3.11 Million people moved", ["3.11 Million people moved"], "3.11 Million people moved"),
        ("Lakes | The Site", ["How lakes form"], "How lakes form"),
    ],
)
def test_a_title_is_the_pages_own(extractor: Extractor, title: str, headings: list[str], named: str) -> None:
    body = "".join(
        f"<h1>{h}</h1><p>{'The reservoir holds water for the dry months of the year. ' * 4}</p>" for h in headings
    )
    page = f"<html><head><title>{title}</title></head><body><main>{body}</main></body></html>"
    assert read(extractor, "html", page).title == named


def test_a_markdown_title_loses_its_number_too(extractor: Extractor) -> None:
    text = f"# 3. Binary packages\n\n{'A package has a name that is its own in the archive. ' * 4}"
    assert read(extractor, "markdown", text).title == "Binary packages"


def test_a_number_of_a_name_stays_in_an_encyclopedia(extractor: Extractor) -> None:
    body = f"<p>{'The club plays in the first league and has done so for years. ' * 6}</p>"
    page = (
        "<html><head><title>1. FC Nord - Wiki</title></head><body><h1>1. FC Nord</h1>"
        f"<div class='mw-parser-output'>{body}</div></body></html>"
    )
    assert read(extractor, "html", page).title == "1. FC Nord"


def test_two_ways_to_write_an_option_stand_on_two_lines(extractor: Extractor) -> None:
    text = f"<p>{'The program writes a copy of the lake to a file. ' * 6}</p>"
    term = "<dt><span><code>-O</code><br/></span><span><code>--no-owner</code></span></dt><dd><p>No owners.</p></dd>"
    found = read(extractor, "html", f"<html><body><main><h1>dump</h1>{text}<dl>{term}</dl></main></body></html>")
    assert "```\n-O\n--no-owner\n```" in found.text


def test_plain_text_is_unwrapped(extractor: Extractor) -> None:
    lines = (
        "THE LAKE\n========\n\nThe lake is fed by two rivers, and the evi-\ndence for a third one has been known\n"
        "since the survey of 1921 was printed.\n\nHow it drains\n\n  * by the river\n  * by the new tun-\n    nel\n\n"
        "    $ drain --all\n\nIt drains to the north."
    )
    assert read(extractor, "plain", lines).text.split("\n\n") == [
        "# THE LAKE",
        "The lake is fed by two rivers, and the evidence for a third one has been known since the survey of 1921"
        " was printed.",
        "## How it drains",
        "- by the river",
        "- by the new tunnel",
        "```\n$ drain --all\n```",
        "It drains to the north.",
    ]


def test_large_wrapped_text_is_read_in_time(extractor: Extractor) -> None:
    text = "word " * 10 + "\n" + ("word " * 12 + "\n") * 20_000
    assert read(extractor, "plain", text).text.count("word") == 240_010


def pdf_of(pages: list[list[str]], title: str = "The lake") -> bytes:
    """A small PDF written by hand: Helvetica, one line of text per line."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        escaped = [re.sub(rb"([()\\])", rb"\\\1", line.encode("latin-1")) for line in lines]
        shown = b" T* ".join(b"(" + line + b") Tj" for line in escaped)
        stream = b"BT /F1 11 Tf 14 TL 60 760 Td " + shown + b" ET"
        objects.append(b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream")
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [" + b" ".join(kids) + b"] /Count %d >>" % len(kids)
    objects.append(f"<< /Title ({title}) /CreationDate (D:20220304050607Z) >>".encode())
    return pdf_file(objects)


def test_pdf(extractor: Extractor) -> None:
    names = ("", "northern", "eastern", "southern", "western")
    pages = [
        [
            "Journal of Lakes, volume 7",
            "1 Introduction" if number == 1 else f"and the {names[number - 1]} part goes on across the page",
            f"The lake number {number} is fed by two rivers that come from the hills and the evi-",
            f"dence for a third river has been known since the survey of 192{number} was print-",
            f"ed in the {names[number]} edition, which says that no other river ever reached the lake",
            f"and that the {names[number]} dam was built in the year after the survey was made",
            f"- {number} -",
        ]
        for number in range(1, 5)
    ]
    found = read(extractor, "pdf", pdf_of(pages))
    assert (found.title, found.date) == ("The lake", "2022-03-04")
    assert "Journal" not in found.text and not re.search(r"- \d -", found.text)
    assert found.text.startswith("## Introduction\n\nThe lake number 1 is fed by two rivers")
    assert "the evidence for a third river" in found.text
    assert "was printed in the northern edition" in found.text
    assert "after the survey was made and the northern part goes on across the page" in found.text


def test_broken_pdfs_are_named(extractor: Extractor) -> None:
    whole = pdf_of([["A line of text in a file that is cut off."]])
    for body in (b"", b"%PDF-1.4 nonsense", whole[:200], pdf_of([[""]])):
        found = extractor.read("pdf", body, "http://example.org/a.pdf")
        assert isinstance(found, Skipped) and "PDF" in found.reason, body


def test_the_worker_answers_only_in_json() -> None:
    from tools.worker import read as read_here

    answer = json.loads(json.dumps(read_here("html", PARAGRAPH.encode())))
    assert set(answer) == {"text", "title", "date", "note", "figures"}
