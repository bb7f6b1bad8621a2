"""The report as it stood after each revision, with what that revision changed marked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from workflows.report import Report, paragraphs
from workflows.terminal import safe

SHADES = (0.5, 0.7, 0.85, 0.95)  # confidence from which the next lighter shade holds


def shade(confidence: float) -> int:
    """1 (least confident) to 5."""
    return 1 + sum(confidence >= step for step in SHADES)


def difference(before: str, after: str) -> Markup:
    """The text after, with the words that came in <ins> and those that went in <del>."""
    before, after = safe(before), safe(after)
    if before == after:
        return escape(after)
    if not before or not after:
        return Markup("<ins>{}</ins>").format(after) if after else Markup("<del>{}</del>").format(before)
    old, new = (re.findall(r"\s+|[^\s\w]|\w+", text) for text in (before, after))
    out = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        if what == "equal":
            out.append(escape(come))
            continue
        out.append(Markup("<del>{}</del>").format(gone) if gone else Markup(""))
        out.append(Markup("<ins>{}</ins>").format(come) if come else Markup(""))
    return Markup("").join(out)


def texts(report: Report) -> list[dict[str, str]]:
    """Slot id -> text after each revision, empty ones left out."""
    out: list[dict[str, str]] = [{}]
    for revision in report["revisions"]:
        out.append({**out[-1], **{i: pair[1] for i, pair in revision["slots"].items()}})
    return [{i: text for i, text in held.items() if text} for held in out[1:]]


def drafts(report: Report) -> list[dict[str, Any]]:
    """One view a revision: {"number", "summary", "sections": [{"heading", "paragraphs"}], "gone"}.

    summary, gone and each paragraph are lists of {"id", "html", "shade"}; shade is 0
    where no confidence is known. A revision logged without its draft is laid out
    as the finished report, as far as its texts were there.
    """
    held = texts(report)
    out = []
    for n, revision in enumerate(report["revisions"]):
        before, now = (held[n - 1] if n else {}), held[n]
        shown = _shown(revision.get("draft") or _laid_out(report, now), report, before, now, first=n == 0)
        out.append({"number": revision["number"], **shown})
    return out


def _shown(
    draft: Report, report: Report, before: dict[str, str], now: dict[str, str], *, first: bool
) -> dict[str, Any]:
    def sentence(slot: Report) -> dict[str, Any]:
        old, new = before.get(slot["id"], ""), now.get(slot["id"], "")
        html = escape(safe(new)) if first else difference(old, new)
        known = "confidence" in slot
        return {"id": slot["id"], "html": html, "shade": shade(slot["confidence"]) if known else 0}

    sections = []
    for section in draft["sections"]:
        told = [[sentence(s) for s in paragraph] for paragraph in paragraphs(section, report)]
        heading = sentence({"id": section["id"]})["html"] if section["id"] in now else escape(section["heading"])
        sections.append({"heading": heading, "paragraphs": told})
    summary = [sentence({"id": i}) for i in draft["summary"]]
    gone = [{"id": i, "html": difference(text, ""), "shade": 0} for i, text in before.items() if i not in now]
    return {"summary": summary, "sections": sections, "gone": gone}


def _laid_out(report: Report, now: dict[str, str]) -> Report:
    """A draft in the order of the finished report, of the slots that had a text."""
    by_text = {text: i for i, text in now.items()}
    sections = []
    for section in report["sections"]:
        claims = [{"id": c["id"], "evidence": c["evidence"]} for c in section["claims"] if c["id"] in now]
        ids = {c["id"] for c in claims}
        links = [link for link in section["links"] if link["id"] in now and link["before"] in ids]
        name = section.get("id", by_text.get(section["heading"], ""))
        if claims:
            sections.append({"id": name, "heading": section["heading"], "claims": claims, "links": links})
    return {"summary": _named(report["summary"], by_text), "sections": sections}


def _named(summary: Sequence[Report], by_text: dict[str, str]) -> list[str]:
    return [by_text[s["text"]] for s in summary if s["text"] in by_text]


def changes(report: Report) -> list[dict[str, int]]:
    """How many claims, links, headings and summary sentences each revision wrote, rewrote and took away."""
    return [
        {
            "written": sum(bool(b) and not a for a, b in r["slots"].values()),
            "rewritten": sum(bool(a) and bool(b) for a, b in r["slots"].values()),
            "removed": sum(bool(a) and not b for a, b in r["slots"].values()),
        }
        for r in report["revisions"]
    ]
