"""A canvas as the report that is left on disk: report.json's object, and Markdown made from it.

The Markdown is a function of that object alone. Everything in it that came from
the web is escaped, so that a title or a sentence cannot become a link, markup,
HTML or a heading (CommonMark 0.31.2, section 2.4: an ASCII punctuation character
after a backslash is itself; the GFM autolinks are broken in the same way).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.segment import Evidence
from tools.source import Source
from workflows.terminal import safe

SCHEMA = 1
Report = dict[str, Any]
FULL = 3  # claims that make a paragraph
PARAGRAPHS = 3  # in a section at most
NOTHING_OPEN = "Every part of the question found evidence, no source was left out, and no value is disputed."
AROUND = 240  # characters before and after a piece of evidence


def build(
    canvas: Canvas,
    *,
    title: str,
    names: Mapping[str, str],
    seed: int,
    evidence: Mapping[str, Evidence],
    sources: Mapping[str, Source],
    missing: Sequence[str] = (),
    disputes: Sequence[tuple[str, str]] = (),
    drafts: Mapping[int, Canvas] | None = None,
) -> Report:
    """The object of report.json (schema 1; report.schema.json describes it).

    evidence: everything the canvas, its revisions and `disputes` may name; what
    is named and here goes in. sources: by id; where one has its text, the
    evidence gets the words around it. disputes: (evidence, the evidence
    preferred to it). drafts: the canvas as it stood after a revision, by its
    number; a revision with none is logged without its `draft`.
    """
    kept = dict(drafts or {}) | ({canvas.revisions[-1].number: canvas} if canvas.revisions else {})
    sections = [_section(head, body, evidence) for head, body in canvas.sections()]
    sections = [s for s in sections if s["claims"]]
    shown = {c["id"] for s in sections for c in s["claims"]}
    summary = [
        {"text": s.text, "claims": [p for p in s.pointers if p in shown]}
        for s in canvas.summary
        if s.text and any(p in shown for p in s.pointers)
    ]
    named = list(canvas.cited())
    named += [e for pair in disputes for e in pair]
    named += [e for r in canvas.revisions for e in r.cause.evidence]
    named += [e for r in canvas.revisions if r.number in kept for e in kept[r.number].cited()]
    quoted = {i: evidence[i] for i in dict.fromkeys(named) if i in evidence}
    here = dict.fromkeys(e.source for e in quoted.values())
    return {
        "schema": SCHEMA,
        "question": canvas.question,
        "title": safe(title),
        "model": {key: names.get(key, "") for key in ("base", "adapter", "planner")},
        "seed": seed,
        "summary": summary,
        "sections": sections,
        "evidence": {i: _quoted(e, sources[e.source].text) for i, e in quoted.items()},
        "sources": {s: _source(sources[s]) for s in here},
        "missing": list(missing),
        "disputes": [{"evidence": a, "preferred": b} for a, b in disputes if a in quoted and b in quoted],
        "revisions": [
            {
                "number": r.number,
                "kind": r.kind,
                "cause": {
                    "reason": r.cause.reason,
                    "evidence": list(r.cause.evidence),
                    "tokens": list(r.cause.tokens),
                    "shift": round(r.cause.shift, 4),
                    "threshold": r.cause.threshold,
                },
                "slots": {i: list(texts) for i, texts in r.slots.items()},
                **({"draft": _draft(kept[r.number])} if r.number in kept else {}),
            }
            for r in canvas.revisions
        ],
    }


def _section(head: Slot, body: Sequence[Slot], evidence: Mapping[str, Evidence]) -> Report:
    claims, links = [], []
    for n, slot in enumerate(body):
        if slot.kind == Kind.CLAIM and slot.text:
            texts = [evidence[p].text for p in slot.pointers if p in evidence]
            claims.append(
                {
                    "id": slot.id,
                    "text": slot.text,
                    "evidence": list(slot.pointers),
                    "confidence": _confidence(slot),
                    "disputed": slot.disputed,
                    "pinned": slot.pinned,
                    "origin": "evidence" if _verbatim(slot.text, texts) else "model",
                }
            )
        elif slot.kind == Kind.LINK and slot.text:
            after = next((s.id for s in body[n + 1 :] if s.kind == Kind.CLAIM and s.text), None)
            if after is not None:
                links.append({"id": slot.id, "text": slot.text, "before": after})
    return {"id": head.id, "heading": safe(head.text), "claims": claims, "links": links}


def _confidence(slot: Slot) -> float:
    sure = slot.certainty if slot.confidence else slot.plan_confidence
    return round(min(1.0, max(0.0, sure)), 4)


def _draft(canvas: Canvas) -> Report:
    """What stood where after a revision. Its texts are those of the revisions' `slots`, applied in order."""
    sections = [_section(head, body, {}) for head, body in canvas.sections()]
    claim = ("id", "evidence", "confidence", "disputed", "pinned")
    return {
        "summary": [s.id for s in canvas.summary if s.text],
        "sections": [
            {
                "id": s["id"],
                "claims": [{key: c[key] for key in claim} for c in s["claims"]],
                "links": [{key: link[key] for key in ("id", "before")} for link in s["links"]],
            }
            for s in sections
            if s["claims"]
        ],
    }


def _quoted(e: Evidence, text: str) -> Report:
    """Evidence, with the words around it where the text of its source is at hand."""
    out: Report = {"text": e.text, "source": e.source, "start": e.start, "end": e.end}
    if e.heading:
        out["heading"] = safe(e.heading)
    # Stored text has one block a line.
    before = text[text.rfind("\n", 0, e.start) + 1 : e.start].strip()
    after = text[e.end :].split("\n", 1)[0].strip()
    if len(before) > AROUND:
        before = "…" + before[-AROUND:].partition(" ")[2]
    if len(after) > AROUND:
        after = after[:AROUND].rpartition(" ")[0] + "…"
    return out | {key: words for key, words in (("before", before), ("after", after)) if words}


def _source(source: Source) -> Report:
    out = {"url": source.url, "title": safe(source.title), "accessed": source.accessed}
    return out | ({"date": source.date} if source.date else {})


def _verbatim(text: str, evidence: Sequence[str]) -> bool:
    """Whether a claim is a span of its evidence, whoever wrote it. A full stop that
    ends the claim where the evidence goes on makes it no new sentence."""
    bare = text.removesuffix(".")
    return any(text in e or (bare and bare in e) for e in evidence)


# --- Markdown -----------------------------------------------------------------


def escape(text: str) -> str:
    """Text that a Markdown reader shows as it is: no emphasis, link, HTML, entity,
    autolink, maths or table, and, at the start of a line, no heading, list or quote."""
    text = safe(text)
    text = re.sub(r"([\\`*\[\]<>|~$])", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)  # one inside a word is no emphasis
    text = re.sub(r"&(?=#?\w+;)", r"\\&", text)
    text = re.sub(r"(?<=[A-Za-z]):(?=//)", r"\\:", text)
    text = re.sub(r"(?i)\b(www)\.", r"\1\\.", text)
    text = re.sub(r"(?<=\w)@(?=\w)", r"\\@", text)
    text = re.sub(r"^([#+=-])", r"\\\1", text)
    return re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text)


def address(url: str) -> str:
    """A URL as a Markdown autolink; as escaped text if its scheme is not one to click on."""
    if not re.match(r"(?:https?|file)://", url):
        return escape(url)
    return "<" + quote(safe(url), safe="%/:?#[]@!$&'()*+,;=~-._") + ">"


class Numbers:
    """Numbers of sources in the order in which they are first cited: by the
    summary, then by the claims, then by the disputes."""

    def __init__(self, report: Report) -> None:
        self._source = {i: e["source"] for i, e in report["evidence"].items()}
        self.order: dict[str, int] = {}
        claims = {c["id"]: c for s in report["sections"] for c in s["claims"]}
        cited = [claims[c]["evidence"] for s in report["summary"] for c in s["claims"] if c in claims]
        cited += [c["evidence"] for c in claims.values()]
        cited += [[d["evidence"], d["preferred"]] for d in report["disputes"]]
        for evidence in cited:
            for e in evidence:
                if e in self._source:
                    self.order.setdefault(self._source[e], len(self.order) + 1)

    def of(self, evidence: Sequence[str]) -> list[int]:
        """The numbers of the sources of some evidence, ascending; 0 for one that is not cited."""
        return sorted({self.order.get(self._source[e], 0) for e in evidence if e in self._source})

    def cite(self, evidence: Sequence[str]) -> str:
        """ " [1][2]" for the sources of some evidence; "" for none."""
        marks = "".join(f"[{number}]" for number in self.of(evidence))
        return f" {marks}" if marks else ""


def behind(sentence: Report, report: Report) -> list[str]:
    """The evidence of the claims that a summary sentence condenses."""
    claims = {c["id"]: c for s in report["sections"] for c in s["claims"]}
    return [e for c in sentence["claims"] if c in claims for e in claims[c]["evidence"]]


def markdown(report: Report) -> str:
    """report.md of a report.json object."""
    numbers = Numbers(report)
    out = [f"# {escape(report['title'])}"]
    if report["summary"]:
        sentences = [escape(s["text"]) + numbers.cite(behind(s, report)) for s in report["summary"]]
        out.append(" ".join(sentences))
    for section in report["sections"]:
        out.append(f"## {escape(section['heading'])}")
        for paragraph in paragraphs(section, report):
            out.append(" ".join(escape(s["text"]) + numbers.cite(s.get("evidence", ())) for s in paragraph))
    out.append("## What is missing or disputed")
    out += _open_ends(report, numbers)
    out.append("## Sources")
    lines = []
    for source, number in numbers.order.items():
        s = report["sources"][source]
        title = escape(s["title"]) or "Untitled"
        lines.append(f"{number}. {title}. {address(s['url'])} (accessed {escape(s['accessed'])})")
    out.append("\n".join(lines))
    return "\n\n".join(out) + "\n"


def paragraphs(section: Report, report: Report) -> list[list[Report]]:
    """A section's claims, each with the links before it, in one to three paragraphs."""
    links: dict[str, list[Report]] = {}
    for link in section["links"]:
        links.setdefault(link["before"], []).append(link)
    claims = section["claims"]
    led_by = []
    for claim in claims:
        known = [report["evidence"][e]["source"] for e in claim["evidence"] if e in report["evidence"]]
        led_by.append(known[0] if known else "")
    ends = _breaks(led_by)
    out: list[list[Report]] = [[]]
    for n, claim in enumerate(claims):
        if n in ends:
            out.append([])
        out[-1] += [*links.get(claim["id"], []), claim]
    return out


def _breaks(sources: Sequence[str]) -> set[int]:
    """Where new paragraphs begin among claims led by these sources: about FULL
    claims or more in each, PARAGRAPHS at most, and where the source changes if
    such a place is near."""
    many = len(sources)
    count = min(PARAGRAPHS, many // FULL)
    out: set[int] = set()
    last = 0
    for part in range(1, count):
        ideal = last + (many - last) / (count - part + 1)
        places = range(last + 2, many - 1)
        if not places:
            break
        last = min(places, key=lambda p: (abs(p - ideal) + 1.5 * (sources[p] == sources[p - 1]), p))
        out.add(last)
    return out


def _open_ends(report: Report, numbers: Numbers) -> list[str]:
    out = []
    if report["missing"]:
        out.append(" ".join(escape(line) for line in report["missing"]))
    disputes = []
    for dispute in report["disputes"]:
        said, preferred = (report["evidence"][dispute[k]]["text"] for k in ("evidence", "preferred"))
        disputes.append(
            f"The sources disagree: “{escape(said)}”{numbers.cite([dispute['evidence']])} against “{escape(preferred)}”"
            f"{numbers.cite([dispute['preferred']])}, and this report follows the second."
        )
    if disputes:
        out.append(" ".join(disputes))
    return out or [NOTHING_OPEN]
