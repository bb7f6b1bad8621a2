"""A canvas as the report that is left on disk: report.json's object, and Markdown made from it.

The Markdown is a function of that object alone. Everything in it that came from
the web is escaped, so that a title or a sentence cannot become a link, markup,
HTML or a heading (CommonMark 0.31.2, section 2.4: an ASCII punctuation character
after a backslash is itself; the GFM autolinks are broken in the same way).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.lists import said
from dlm_core.segment import Evidence
from tools.source import Source
from workflows.closing import lines
from workflows.figures import ours
from workflows.terminal import safe

SCHEMA = 1
Report = dict[str, Any]
FULL = 3  # claims that make a paragraph
PARAGRAPHS = 3  # in a section at most
NOTHING_HERE = "The sources gave nothing for this section."
NOTHING_OPEN = "Every part of the question found evidence, no source was left out, and no value is disputed."
_CAPTION = {"caption": True}  # of evidence that stands under a figure
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
    searches: Sequence[Sequence[str]] = (),
    dropped: Sequence[Sequence[str]] = (),
    figures: Sequence[Report] | None = None,
) -> Report:
    """The object of report.json (schema 1; report.schema.json describes it).

    evidence: everything the canvas, its revisions and `disputes` may name; what
    is named and here goes in. sources: by id; where one has its text, the
    evidence gets the words around it. disputes: (evidence, the evidence
    preferred to it). drafts: the canvas as it stood after a revision, by its
    number; a revision with none is logged without its `draft`. figures: those
    that stand beside claims (workflows/figures.py); None: no figures were asked for.
    """
    kept = dict(drafts or {}) | ({canvas.revisions[-1].number: canvas} if canvas.revisions else {})
    fixed = {head.id for head, _ in canvas.sections() if head.pinned}  # the user's own outline stands as it is
    sections = [_section(head, body, evidence) for head, body in canvas.sections()]
    sections = [s for s in sections if s["claims"] or s["id"] in fixed]
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
    pictured = [f for f in figures or () if f["claim"] in shown and f["source"] in sources]
    named += [f["evidence"] for f in pictured if "evidence" in f]
    quoted = {i: evidence[i] for i in dict.fromkeys(named) if i in evidence}
    here = dict.fromkeys(e.source for e in quoted.values())
    here |= dict.fromkeys(s for s in canvas.numbers if s in sources)
    here |= dict.fromkeys(f["source"] for f in pictured)
    if canvas.breaks is not None:
        for s in sections:
            s["breaks"] = [c["id"] for c in s["claims"][1:] if c["id"] in canvas.breaks]
    return {
        "schema": SCHEMA,
        "question": canvas.question,
        "title": safe(title),
        "model": {key: names.get(key, "") for key in ("base", "adapter", "planner")},
        "seed": seed,
        "summary": summary,
        "sections": sections,
        "evidence": {
            i: _quoted(e, sources[e.source].text) | (_CAPTION if e.caption and figures is not None else {})
            for i, e in quoted.items()
        },
        "sources": {s: _source(sources[s]) for s in here},
        **({"numbers": {s: n for s, n in canvas.numbers.items() if s in here}} if canvas.numbers else {}),
        **({"figures": pictured} if figures is not None else {}),
        "missing": list(missing),
        "citations": _citations(summary, sections, quoted),
        **({"searches": [_search(*s) for s in searches]} if searches else {}),
        **({"dropped": [{"text": text, "reason": reason} for text, reason in dropped]} if dropped else {}),
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
            texts = [evidence[p].said for p in slot.pointers if p in evidence]
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


def _citations(summary: Sequence[Report], sections: Sequence[Report], evidence: Mapping[str, Evidence]) -> Report:
    """Citation recall and precision over the summary and the claims."""
    from agent.citations import scores  # late: a report is rendered again without it

    claims = {c["id"]: c for s in sections for c in s["claims"]}
    cited = [(c["text"], c["evidence"]) for c in claims.values()]
    cited += [(s["text"], list(dict.fromkeys(e for c in s["claims"] for e in claims[c]["evidence"]))) for s in summary]
    return asdict(scores([(text, [evidence[e].said for e in ids if e in evidence]) for text, ids in cited]))


def _search(number: str, text: str, why: str, kind: str) -> Report:
    return {"round": int(number), "text": safe(text), "why": safe(why), "kind": kind}


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
    """Numbers of sources: those the report has had since it was given out, then in
    the order in which they are first cited: by the summary, then by the claims,
    then by the disputes."""

    def __init__(self, report: Report) -> None:
        self._source = {i: e["source"] for i, e in report["evidence"].items()}
        held = {s: int(n) for s, n in report.get("numbers", {}).items() if s in report["sources"]}
        self.order: dict[str, int] = dict(sorted(held.items(), key=lambda item: item[1]))
        last = max(held.values(), default=0)
        claims = {c["id"]: c for s in report["sections"] for c in s["claims"]}
        cited = [claims[c]["evidence"] for s in report["summary"] for c in s["claims"] if c in claims]
        cited += [c["evidence"] for c in claims.values()]
        cited += [[d["evidence"], d["preferred"]] for d in report["disputes"]]
        for evidence in cited:
            for e in evidence:
                if e in self._source and self._source[e] not in self.order:
                    last += 1
                    self.order[self._source[e]] = last
        for figure in report.get("figures", []):
            if figure["source"] not in self.order:
                last += 1
                self.order[figure["source"]] = last

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
    """report.md of a report.json object: rendered from it, or the text it keeps
    where that was somebody else's and only touched spans of it are ours."""
    if "markdown" in report:
        return str(report["markdown"])
    numbers = Numbers(report)
    out = [f"# {escape(report['title'])}"]
    if report["summary"]:
        sentences = [escape(s["text"]) + numbers.cite(behind(s, report)) for s in report["summary"]]
        out.append(" ".join(sentences))
    for section in report["sections"]:
        out.append(f"## {escape(section['heading'])}")
        for paragraph in paragraphs(section, report):
            out.append(" ".join(escape(s["text"]) + numbers.cite(s.get("evidence", ())) for s in paragraph))
            out += [block for figure in beside(paragraph, report) for block in _figure(figure, numbers)]
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


def beside(paragraph: Sequence[Report], report: Report) -> list[Report]:
    """The figures that stand beside the claims of a paragraph."""
    claims = {s["id"] for s in paragraph}
    return [f for f in report.get("figures", []) if f["claim"] in claims and ours(f["file"])]


def rights(figure: Report) -> tuple[str, str]:
    """What is known of a figure's credit, and of its licence, in words: ("Credit: NASA", "licence: ")."""
    if not figure["credit"] and not figure["licence"]:
        return "Credit and licence not stated", ""
    credit = f"Credit: {figure['credit']}" if figure["credit"] else "Credit not stated"
    return credit, "licence: " if figure["licence"] else "licence not stated"


def _figure(figure: Report, numbers: Numbers) -> list[str]:
    """A figure as two blocks of Markdown: the picture, and what is said of it."""
    caption = escape(figure["caption"])
    credit, licence = rights(figure)
    said = escape(credit)
    if licence:
        said += "; " + licence
    if figure["licence"]:
        url = figure.get("licence_url", "")
        name = escape(figure["licence"])
        said += f"[{name}]({address(url)})" if re.match(r"https?://", url) else name
    stop = "" if caption.endswith((".", "!", "?", "…")) else "."
    told = f"*Figure {figure_number(figure)}.* {caption}{stop} {said}. [{numbers.order[figure['source']]}]"
    return [f"![{caption}]({figure['file']})", told]


def figure_number(figure: Report) -> str:
    """A figure's number in the report: its id without the letter."""
    return str(figure["id"]).removeprefix("f")


def paragraphs(section: Report, report: Report) -> list[list[Report]]:
    """A section's claims, each with the links before it, in one to three paragraphs
    or in those the section has had since it was given out."""
    links: dict[str, list[Report]] = {}
    for link in section["links"]:
        links.setdefault(link["before"], []).append(link)
    claims = section["claims"]
    if not claims:
        return [[{"id": "", "text": NOTHING_HERE}]]
    led_by = []
    for claim in claims:
        known = [report["evidence"][e]["source"] for e in claim["evidence"] if e in report["evidence"]]
        led_by.append(known[0] if known else "")
    held = section.get("breaks")
    ends = _breaks(led_by) if held is None else {n for n, c in enumerate(claims) if n and c["id"] in held}
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


def verdict(dispute: Report, report: Report) -> str:
    """What this report makes of a dispute: "this report follows the second, the later
    of the two (2025-05-01 after 2023-01-01)"."""
    first, second = dispute["evidence"], dispute["preferred"]
    resting = [c for s in report["sections"] for c in s["claims"] if second in c["evidence"]]
    if any(c["evidence"][0] == first for c in resting):
        return "what rests on the first is marked as disputed"
    dates = [report["sources"].get(report["evidence"][e]["source"], {}).get("date", "") for e in (first, second)]
    if all(dates) and dates[1] > dates[0]:
        return f"this report follows the second, the later of the two ({dates[1]} after {dates[0]})"
    return "this report follows the second"


def disagreement(dispute: Report, report: Report, numbers: Numbers) -> str:
    """A dispute in a sentence."""
    told, preferred = (said(report["evidence"][dispute[k]]["text"]) for k in ("evidence", "preferred"))
    return (
        f"The sources disagree: “{escape(told)}”{numbers.cite([dispute['evidence']])} against “{escape(preferred)}”"
        f"{numbers.cite([dispute['preferred']])}, and {verdict(dispute, report)}."
    )


def _open_ends(report: Report, numbers: Numbers) -> list[str]:
    out = []
    if report["missing"]:
        out.append(" ".join(escape(line) for line in report["missing"]))
    if report["disputes"]:
        out.append(" ".join(disagreement(d, report, numbers) for d in report["disputes"]))
    closing = " ".join(escape(line) for line in lines(report))
    return [*(out or [NOTHING_OPEN]), *([closing] if closing else [])]
