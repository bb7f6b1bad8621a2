"""The process that reads pages: bytes of one page in, stored text out. Started, timed and killed by `tools.extract`.

Frames on standard input: one JSON line {"kind", "length", "seconds"}, then `length` bytes. One JSON line answers:
{"text", "title", "date", "note", "figures"} or {"error"}. Text arrives as UTF-8, a PDF and a picture as they are; a
picture is answered by {"data" (base64), "suffix", "width", "height"}.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import os
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dlm_core.headings import heading_of, unnumbered
from tools import figures, html_blocks
from tools.html_blocks import Block
from tools.pdf import pdf
from tools.text_blocks import Document, iso_date, markdown, plain

MAX_DEPTH = 250  # trafilatura is not asked about deeper trees
MAX_TITLE = 200  # characters
_DATE_META = (
    "article:published_time",
    "article:modified_time",
    "og:updated_time",
    "datepublished",
    "citation_publication_date",
    "citation_date",
    "dc.date",
    "dc.date.issued",
    "dcterms.created",
    "date",
    "last-modified",
)
_JSON_DATE = re.compile(r'"date(?:Published|Modified|Created)"\s*:\s*"(\d{4}-\d{2}-\d{2})')


def page(text: str) -> tuple[Document, str]:
    """Blocks of an HTML page, and a note where trafilatura was not the judge. Raises ValueError with the reason."""
    tree = html_blocks.parse(text)
    date = _date(tree)
    names = [tree.findtext(".//head/title") or "", _meta(tree, "og:title", "citation_title", "dc.title")]
    encyclopedia = bool(tree.xpath("//*[contains(concat(' ', normalize-space(@class), ' '), ' mw-parser-output ')]"))
    found = figures.mark(tree)
    html_blocks.prune(tree)
    main = html_blocks.declared_main(tree)
    blocks = html_blocks.blocks_of(tree if main is None else main)
    extracted = _trafilatura(tree)
    note = ""
    flags = html_blocks.chosen(blocks, extracted)
    kept = html_blocks.select(blocks, flags, main is not None) if extracted else []
    if not any(block.kind in ("p", "item") for block in kept):
        note = "trafilatura found no main text; paragraphs were taken as they stand"
        kept = html_blocks.paragraphs(blocks)
    if encyclopedia:
        kept = html_blocks.without_apparatus(kept)
    if not html_blocks.readable(kept):
        raise ValueError("no readable text on the page")
    headings = [" ".join(h.text_content().split()) for h in tree.xpath("//h1")]
    title = _title(headings, *names)
    # A number may belong to a name that an encyclopedia tells of: "1. FC Köln".
    return Document(kept, title if encyclopedia else unnumbered(title), date, found, blocks), note


def _trafilatura(tree: Any) -> str:
    """The plain text that trafilatura takes for the page's own, "" for none."""
    if _depth(tree) > MAX_DEPTH:
        return ""
    import trafilatura

    try:
        return trafilatura.extract(copy.deepcopy(tree), output_format="txt", include_comments=False) or ""
    except (MemoryError, RecursionError):
        raise
    except Exception:  # whatever a page can provoke there; the plain extraction takes over
        return ""


def _depth(tree: Any) -> int:
    from lxml import etree

    depth = deepest = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _meta(tree: Any, *names: str) -> str:
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        key = (element.get("property") or element.get("name") or element.get("itemprop") or "").lower()
        found.setdefault(key, element.get("content") or "")
    return next((found[name] for name in names if found.get(name)), "")


def _date(tree: Any) -> str:
    """The date the page states in its own metadata; dates guessed from the text are worse than none."""
    stated = iso_date(_meta(tree, *_DATE_META).replace("/", "-"))
    if stated:
        return stated
    for script in tree.xpath("//script[@type='application/ld+json']"):
        match = _JSON_DATE.search((script.text or "")[:200_000])
        if match and iso_date(match.group(1)):
            return match.group(1)
    for element in tree.xpath("//time[@pubdate and @datetime]"):
        return iso_date(element.get("datetime"))
    return ""


def _title(headings: Sequence[str], title: str, meta: str) -> str:
    """The page's <title> where it begins with one of the first-level headings or holds the first of them, else that
    heading, else what the metadata says.

    What follows the heading behind a dash or bar names the site, not the page. A heading with a number is a part's.
    """
    title = " ".join(title.split())
    begins = [h for h in headings if h and title.casefold().startswith(h.casefold())]
    heading = next(iter(begins or headings), "")
    at = title.casefold().find(heading.casefold()) if heading else -1
    if at >= 0:
        end = at + len(heading)
        return title[:end] if re.match(r"\s+[-–—|·:»]\s", title[end:]) else title
    return title if title and unnumbered(heading) != heading else heading or meta or title


def clean_title(text: str) -> str:
    """A title fit for a source list: no markup, no control characters, at most 200 characters."""
    from dlm_core.inline import clean_inline

    text = clean_inline(text).strip("#| ")
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1].rsplit(" ", 1)[0] + "…"


def settled(text: str) -> str:
    """Rendered blocks as stored text, which means itself."""
    from dlm_core.segment import tidy

    text = tidy(text)
    for _ in range(3):
        # Where signs were taken away, what is left may mean something else.
        before, text = text, tidy(text)
        if text == before:
            break
    return text


def read(kind: str, body: bytes) -> dict[str, Any]:
    """One page: kind is html, markdown, plain or pdf. Raises ValueError with the reason if it has no text."""
    if kind == "picture":
        return picture(body)
    note = ""
    if kind == "html":
        document, note = page(body.decode("utf-8", "replace"))
    elif kind == "markdown":
        document = markdown(body.decode("utf-8", "replace"))
    elif kind == "pdf":
        document = pdf(body)
    else:
        document = plain(body.decode("utf-8", "replace"))
    text = settled(html_blocks.render(document.blocks))
    if not text:
        raise ValueError("no readable text")
    title = clean_title(document.title or _first_heading(document.blocks))
    title = title if kind == "html" else unnumbered(title)
    title = heading_of(title, text) if title.isupper() and " " in title else title
    whole = document.whole or document.blocks
    placed = figures.placed(document.figures, whole, document.blocks, text, settled) if document.figures else []
    return {
        "text": text,
        "title": title,
        "date": document.date,
        "note": note,
        "figures": [asdict(figure) for figure in placed],
    }


def picture(body: bytes) -> dict[str, Any]:
    """A picture made safe to show (tools/pictures.py). Raises ValueError with the reason."""
    from tools.pictures import cleaned

    made = cleaned(body)
    data = base64.b64encode(made.data).decode()
    return {"data": data, "suffix": made.suffix, "width": made.width, "height": made.height}


def _first_heading(blocks: list[Block]) -> str:
    return next((block.text for block in blocks if block.kind == "heading"), "")


def limit_memory(megabytes: int) -> None:
    """Caps this process's address space where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _timer(seconds: float) -> None:
    """Ends this process by SIGPROF after that much processor time; 0 calls it off.

    Processor time, so that the same page is read or skipped alike on a busy machine and on an idle one; and in this
    process, so that it does not stay behind with a page that hangs should its parent die.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def main(megabytes: int) -> None:
    """Serves frames until standard input closes."""
    # Ctrl-C is the parent's business; it ends this process by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    frames, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Nothing that a library prints may be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    import trafilatura  # noqa: F401  loaded before the first page is timed

    limit_memory(megabytes)
    answers.write(b'{"ready": true}\n')
    answers.flush()
    while line := frames.readline():
        frame = json.loads(line)
        body = frames.read(frame["length"])
        _timer(frame["seconds"])
        try:
            answer = read(frame["kind"], body)
        except ValueError as error:
            answer = {"error": str(error) or "no readable text"}
        except MemoryError:
            answer = {"error": "it takes too much memory"}
        except RecursionError:
            answer = {"error": "the page is nested too deeply"}
        except Exception as error:  # one page's oddity must not end the process that reads the others
            answer = {"error": f"the page cannot be read ({type(error).__name__})"}
        _timer(0.0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()
