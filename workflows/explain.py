"""What the session says of a report: its text with numbers, why a claim stands, what a revision changed.

Everything is a list of rich Text lines made from the canvas and report.json;
text of sources is data and never markup.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from rich.text import Text

from dlm_core.canvas import Canvas, Kind, Revision, Slot
from workflows.draw import SURE, shade
from workflows.events import count
from workflows.report import Numbers, Report
from workflows.terminal import safe

LEAST = 3  # least certain words named


def numbered(canvas: Canvas) -> dict[int, Slot]:
    """The claims by their number, in reading order from 1."""
    return dict(enumerate((s for s in canvas.claims() if s.text), 1))


# --- the report ---------------------------------------------------------------


def show(canvas: Canvas, report: Report) -> list[Text]:
    """The report with the number of each claim, its confidence by shade, pins and disputes marked."""
    numbers, of = Numbers(report), {s.id: n for n, s in numbered(canvas).items()}
    claims = {c["id"]: c for s in report["sections"] for c in s["claims"]}
    out = [Text(safe(report["title"]), style="bold"), Text("")]
    if report["summary"]:
        out += [Text(" ".join(safe(s["text"]) for s in report["summary"])), Text("")]
    for head, body in canvas.sections():
        shown = [s for s in body if s.id in of]
        if not shown:
            continue
        out.append(Text(safe(head.text), style="bold underline"))
        for slot in shown:
            mark = "◆" if slot.pinned else "≠" if slot.disputed else " "
            line = Text(f"{of[slot.id]:>3} {mark} ", style="cyan")
            line.append(safe(slot.text), style=f"not bold {shade(slot.certainty)}".strip())
            line.append(numbers.cite(claims.get(slot.id, {}).get("evidence", ())), "cyan")
            out.append(line)
        out.append(Text(""))
    for gap in report["missing"]:
        out.append(Text(f"Missing: {safe(gap)}", style="yellow"))
    return out


# --- /why -----------------------------------------------------------------------


def why(number: int, slot: Slot, canvas: Canvas, report: Report, least: Sequence[tuple[str, float]] = ()) -> list[Text]:
    """Evidence, confidence and history of a claim. least: its least certain words with their confidence."""
    numbers = Numbers(report)
    who = "worded by the model" if _origin(slot, report) == "model" else "as its evidence has it"
    state = [f"confidence {slot.certainty:.2f}", who]
    state += ["pinned: revisions leave it as it is"] * slot.pinned + ["its sources disagree"] * slot.disputed
    said = Text(f"Claim {number}", style="bold").append(f"  {safe(slot.text)}", "not bold")
    out = [said, Text("  " + "; ".join(state))]
    if least:
        named = ", ".join(f"“{safe(word)}” {sure:.2f}" for word, sure in least)
        out.append(Text(f"  least sure of {named}", style="dim"))
    out.append(Text("Evidence", style="bold"))
    for e in slot.pointers:
        piece = report["evidence"].get(e)
        if piece is None:
            continue
        source = report["sources"].get(piece["source"], {})
        line = Text(f" {numbers.cite([e])} ", style="cyan")
        out.append(line.append(f"{safe(source.get('title', ''))}  {safe(source.get('url', ''))}", "not bold default"))
        before = safe(piece.get("before", ""))
        quote = Text(f"      {before} " if before else "      ", style="dim")
        quote.append(safe(piece["text"]), style="not dim bold")
        out.append(quote.append(f" {safe(piece.get('after', ''))}".rstrip()))
    out.append(Text("History", style="bold"))
    for revision in canvas.revisions:
        if slot.id not in revision.slots:
            continue
        before, after = revision.slots[slot.id]
        out.append(Text(f"  revision {revision.number}, {revision.kind}: {_cause(revision)}"))
        out += changed(before, after)
    return out


def _origin(slot: Slot, report: Report) -> str:
    return next((str(c["origin"]) for s in report["sections"] for c in s["claims"] if c["id"] == slot.id), slot.origin)


def _cause(revision: Revision) -> str:
    cause = revision.cause
    tokens = f" ({', '.join(map(safe, cause.tokens))})" if cause.tokens else ""
    shift = f", shift {cause.shift:.2f} of {cause.threshold:.2f} nats" if cause.shift else ""
    return f"{safe(cause.reason)}{tokens}{shift}"


def doubts(text: str, spans: Sequence[tuple[int, int]], confidence: Sequence[float]) -> list[tuple[str, float]]:
    """The least certain words of a decoded text, at most LEAST, least first.
    spans: the characters of each token in `text`."""
    least: dict[str, float] = {}
    for word in re.finditer(r"\w[\w'’-]*", text):
        inside = [c for (a, b), c in zip(spans, confidence, strict=True) if a < word.end() and word.start() < b]
        if inside and min(inside) < SURE:
            least[word.group()] = min(least.get(word.group(), 1.0), *inside)
    return sorted(least.items(), key=lambda item: (item[1], item[0]))[:LEAST]


# --- /diff ----------------------------------------------------------------------


def diff(revision: Revision, canvas: Canvas) -> list[Text]:
    """What a revision changed, with its cause; new text with + and old text with -."""
    of = {s.id: f"claim {n}" for n, s in numbered(canvas).items()}
    of |= {s.id: "heading" for s in canvas.slots if s.kind == Kind.SECTION} | {s.id: "summary" for s in canvas.summary}
    out = [Text(f"Revision {revision.number}, {revision.kind}: {_cause(revision)}", style="bold")]
    if not revision.slots:
        out.append(Text("  no text changed"))
    for name, (before, after) in revision.slots.items():
        out.append(Text(f"  {of.get(name, 'a sentence that is gone' if not after else 'a sentence')}", style="cyan"))
        out += changed(before, after)
    return out


def changed(before: str, after: str) -> list[Text]:
    """One or two lines: the text before and after, what differs standing out."""
    old, new = safe(before).split(" "), safe(after).split(" ")
    a, b = Text("    - ", style="red"), Text("    + ", style="green")
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        style = "" if kind == "equal" else "bold"
        if j > i:
            a.append(" ".join(old[i:j]) + " ", style)
        if m > k:
            b.append(" ".join(new[k:m]) + " ", style)
    return [*([a] if before else []), *([b] if after else [])]


# --- /sources ---------------------------------------------------------------------


def sources(report: Report, skipped: Sequence[Sequence[str]]) -> list[Text]:
    """The sources by their numbers, how much rests on each, and what could not be read."""
    claims = [c for s in report["sections"] for c in s["claims"]]
    source_of = {i: e["source"] for i, e in report["evidence"].items()}
    out = []
    for source, number in Numbers(report).order.items():
        known = report["sources"][source]
        rests = sum(source in [source_of.get(e) for e in c["evidence"]] for c in claims)
        line = Text(f"{f'[{number}]':>5} ", style="cyan")
        line.append(safe(known["title"]) or "Untitled", "bold default").append(f"  {count(rests, 'claim')}", "default")
        out += [line, Text(f"      {safe(known['url'])}  (accessed {safe(known['accessed'])})", style="dim")]
    out += [Text(f"      not read: {safe(url)}: {safe(reason)}", style="yellow") for url, reason in skipped]
    return out or [Text("the report rests on no source")]
