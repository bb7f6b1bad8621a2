"""report.html: one file that needs no network and no script to be read.

Everything is a function of report.json's object. Text from sources stays text:
the template escapes all it is given, addresses become links only where their
scheme is one to click on, and a Content-Security-Policy lets nothing run or load
but the page's own style and script, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from workflows import html_pictures
from workflows.closing import lines
from workflows.html_drafts import difference, drafts, shade
from workflows.report import NOTHING_OPEN, Numbers, Report, behind, beside, figure_number, paragraphs, rights, verdict
from workflows.terminal import safe

GLIMPSE = 110  # characters around a passage in a claim's card; the list of sources has more
KINDS = {
    "draft": "First draft",
    "local": "Local revision",
    "reconstruct": "Reconstruction of the whole report",
}


def _file(name: str) -> str:
    return (resources.files("workflows") / "templates" / name).read_text(encoding="utf-8")


def _shown(value: Any) -> Any:
    """What the template prints: strings without control or bidi characters; Markup is ours."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(" " if unicodedata.category(ch)[0] == "C" else ch for ch in value)


@cache
def _environment() -> Environment:
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        loader=FunctionLoader(_file),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def link(url: str) -> str:
    """A URL to put into href; "" if its scheme is not one to click on."""
    return quote(safe(url), safe="%/:?#[]@!$&'()*+,;=~-._") if re.match(r"(?:https?|file)://", url) else ""


def rendered(text: str) -> Markup:
    """A Markdown text of somebody else's as HTML: raw HTML in it stays text, addresses that
    run something are no links (markdown-it), and its headings stand below the page's own."""
    shown = "".join(ch if ch in "\n\r\t" or unicodedata.category(ch)[0] != "C" else " " for ch in text)
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = made.parse(shown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 1)}"
    return Markup(made.renderer.render(tokens, made.options, {}))


def html(report: Report, pictures: Mapping[str, bytes] | None = None) -> str:
    """report.html of a report.json object. pictures: those of its figures, by file name; they go into the page."""
    css, script = _file("report.css").strip(), _file("report.js").strip()
    if report.get("figures"):
        css += "\n" + _file("figures.css").strip()
    numbers = Numbers(report)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            css=Markup(css),
            script=Markup(script),
            css_hash=_hash(css),
            script_hash=_hash(script),
            language="en",
            page=rendered(report["markdown"]) if "markdown" in report else "",
            claims=[c for s in report["sections"] for c in s["claims"]],
            summary=[{"text": s["text"], "cites": numbers.of(behind(s, report))} for s in report["summary"]],
            sections=[_section(s, report, numbers, pictures or {}) for s in report["sections"]],
            disputes=[_dispute(d, report, numbers) for d in report["disputes"]],
            nothing_open=NOTHING_OPEN,
            closing=" ".join(lines(report)),
            sources=_sources(report, numbers),
            revisions=_revisions(report, numbers),
            drafts=drafts(report),
            timeline=html_pictures.timeline(report),
            confidence=html_pictures.confidence(report),
            evidence_map=html_pictures.evidence_map(report, numbers),
        )
    )


def _section(section: Report, report: Report, numbers: Numbers, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    parts = paragraphs(section, report)
    told = [
        [_claim(s, report, numbers) if "evidence" in s else {"text": s["text"], "id": ""} for s in paragraph]
        for paragraph in parts
    ]
    figures = [
        [_figure(f, pictures[f["file"]], numbers) for f in beside(paragraph, report) if f["file"] in pictures]
        for paragraph in parts
    ]
    return {"heading": section["heading"], "paragraphs": told, "figures": figures}


def _figure(figure: Report, data: bytes, numbers: Numbers) -> dict[str, Any]:
    credit, licence = rights(figure)
    url = figure.get("licence_url", "")
    kind = "png" if figure["file"].endswith(".png") else "jpeg"
    return {
        **figure,
        "number": figure_number(figure),
        "src": f"data:image/{kind};base64,{base64.b64encode(data).decode()}",
        "alt": figure["alt"] or figure["caption"],
        "rights": credit + (f"; {licence}" if licence else ""),
        "href": link(url) if url.startswith("http") else "",
        "cites": [numbers.order[figure["source"]]],
    }


def _claim(claim: Report, report: Report, numbers: Numbers) -> dict[str, Any]:
    touched = [r["number"] for r in report["revisions"] if claim["id"] in r["slots"]]
    history = ""
    if touched:
        history = f"Written in revision {touched[0]}"
        history += f", rewritten in {_listed(touched[1:])}" if len(touched) > 1 else ""
    return {
        **claim,
        "shade": shade(claim["confidence"]),
        "sure": html_pictures.per_cent(claim["confidence"]),
        "cites": numbers.of(claim["evidence"]),
        "quotes": [_quote(e, report, numbers) for e in claim["evidence"] if e in report["evidence"]],
        "history": history,
    }


def _listed(numbers: list[int]) -> str:
    texts = [str(n) for n in numbers]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _quote(name: str, report: Report, numbers: Numbers) -> dict[str, Any]:
    e = report["evidence"][name]
    source = report["sources"][e["source"]]
    return {
        "text": e["text"],
        "before": e.get("before", ""),
        "after": e.get("after", ""),
        "just_before": _clipped(e.get("before", ""), -GLIMPSE),
        "just_after": _clipped(e.get("after", ""), GLIMPSE),
        "heading": e.get("heading", ""),
        "title": source["title"] or "Untitled",
        "number": numbers.order.get(e["source"], 0),
    }


def _clipped(text: str, length: int) -> str:
    """The first `length` characters in whole words, or the last where it is negative."""
    if len(text) <= abs(length):
        return text
    return (
        "…" + text[length:].partition(" ")[2] if length < 0 else text[:length].rpartition(" ")[0].rstrip(",;:–—") + "…"
    )


def _dispute(dispute: Report, report: Report, numbers: Numbers) -> dict[str, Any]:
    """Both sides; of each, what the other does not say is marked."""
    said, preferred = (_quote(dispute[key], report, numbers) for key in ("evidence", "preferred"))
    sides = {dispute["evidence"], dispute["preferred"]}
    resting = [_named(c) for s in report["sections"] for c in s["claims"] if sides & {*c["evidence"]}]
    return {
        "said": _one_sided(preferred, said),
        "preferred": _one_sided(said, preferred),
        "claims": resting,
        "verdict": verdict(dispute, report),
    }


def _named(claim: Report) -> dict[str, str]:
    """A claim by its first words."""
    return {"id": claim["id"], "text": _clipped(claim["text"], 60)}


def _one_sided(other: dict[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    marked = re.sub(r"<del>.*?</del>", "", str(difference(other["text"], mine["text"])))
    return {**mine, "marked": Markup(marked.replace("<ins>", "<mark>").replace("</ins>", "</mark>"))}


def _sources(report: Report, numbers: Numbers) -> list[dict[str, Any]]:
    """The cited sources by number, each with its passages and the claims that rest on them."""
    resting: dict[str, list[dict[str, str]]] = {}
    for section in report["sections"]:
        for claim in section["claims"]:
            for e in claim["evidence"]:
                resting.setdefault(e, []).append(_named(claim))
    out = []
    for name, number in numbers.order.items():
        source = report["sources"][name]
        passages = [
            {**_quote(i, report, numbers), "claims": resting[i]}
            for i, e in sorted(report["evidence"].items(), key=lambda item: item[1]["start"])
            if e["source"] == name and i in resting
        ]
        out.append(
            {
                **source,
                "date": source.get("date", ""),
                "number": number,
                "title": source["title"] or "Untitled",
                "href": link(source["url"]),
                "passages": passages,
            }
        )
    return out


def _revisions(report: Report, numbers: Numbers) -> list[dict[str, Any]]:
    counts = html_pictures.changes(report)
    out = []
    for revision, count in zip(report["revisions"], counts, strict=True):
        cause = revision["cause"]
        name = KINDS.get(revision["kind"], revision["kind"])
        reason = cause.get("reason", "")
        quotes = [_quote(e, report, numbers) for e in cause["evidence"] if e in report["evidence"]]
        by_source = list(dict.fromkeys(q["title"] for q in quotes))
        out.append(
            {
                "number": revision["number"],
                "kind": revision["kind"],
                "name": name,
                "reason": "" if reason.lower() == name.lower() else reason[:1].upper() + reason[1:],
                "tokens": cause["tokens"],
                "shift": cause["shift"],
                "threshold": cause["threshold"],
                "quotes": quotes,
                "from": "; ".join(by_source[:2]) + (f" and {len(by_source) - 2} more" if len(by_source) > 2 else ""),
                "count": ", ".join(f"{many} {what}" for what, many in count.items() if many) or "nothing changed",
                "changes": [
                    {"id": i, "html": difference(before, after)} for i, (before, after) in revision["slots"].items()
                ],
            }
        )
    return out
