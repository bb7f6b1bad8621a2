"""Ten revisions that can be asked of any finished report of ours, and what must be true of each.

"Change only this section", "add this source", "keep this sentence": the arguments, which sections may change, and
whether what was asked is there. Used by tests/test_revise_cases.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlm_core.clauses import length
from tools.query import keywords
from workflows.report import Numbers, escape

Report = dict[str, Any]
Done = Callable[[Report, Report], bool]


@dataclass(frozen=True)
class Case:
    """span: headings that may change, None for all (then only what is pinned may not). adds: what stood stays, word
    for word and in its order, unless a new value contradicts it. keeps: sentences that must be there byte for byte."""

    name: str
    args: tuple[str, ...]
    done: Done
    span: tuple[str, ...] | None = None
    adds: bool = False
    keeps: tuple[str, ...] = ()


def claims(report: Report, heading: str = "") -> list[Report]:
    return [c for s in report["sections"] if heading in ("", s["heading"]) for c in s["claims"]]


def words(report: Report, heading: str = "") -> int:
    return length(c["text"] for c in claims(report, heading))


def cases(report: Report, source: Path) -> list[Case]:
    """source: a file on the topic that the report has not read."""
    sections = sorted(report["sections"], key=lambda s: -len(s["claims"]))
    big, small = sections[0]["heading"], sections[-1]["heading"]
    other = sections[1 % len(sections)]["heading"]
    kept = claims(report, other)[0]["text"]
    gone = claims(report, big)[-1]["text"]
    topic = _topic(report, big)

    def shorter(a: Report, b: Report) -> bool:
        return words(b, big) < words(a, big)

    def more(heading: str) -> Done:
        return lambda a, b: len(claims(b, heading)) > len(claims(a, heading))

    def cites_new(a: Report, b: Report) -> bool:
        new = {i for i, s in b["sources"].items() if i not in a["sources"]}
        return any(b["evidence"][e]["source"] in new for c in claims(b) for e in c["evidence"])

    def all_shorter(a: Report, b: Report) -> bool:
        return words(b) < words(a)

    def without(a: Report, b: Report) -> bool:
        return len(claims(b, big)) < len(claims(a, big)) and not any(
            re.search(rf"\b{re.escape(topic)}", c["text"], re.I) for c in claims(b, big)
        )

    def dropped(a: Report, b: Report) -> bool:
        return not any(c["text"] == gone for c in claims(b, big))

    def simpler(a: Report, b: Report) -> bool:
        return words(b) < words(a) and len(claims(b)) == len(claims(a))

    add = ("--add", str(source))
    return [
        Case("shorter section", ("--ask", "shorter", "--section", big), shorter, (big,)),
        Case("longer section", ("--ask", "longer", "--section", small), more(small), (small,)),
        Case("simpler", ("--ask", "simpler", "--pin", kept), simpler, None, keeps=(kept,)),
        Case("longer other section", ("--ask", "longer", "--section", other), more(other), (other,)),
        Case("add source", add, cites_new, adds=True),
        Case("add source, keep sentence", (*add, "--pin", kept), cites_new, adds=True, keeps=(kept,)),
        Case("keep sentence, shorter", ("--ask", "shorter", "--pin", kept), all_shorter, None, keeps=(kept,)),
        Case("add source to section", (*add, "--section", other), cites_new, (other,), adds=True),
        Case("section without", ("--ask", f"without {topic}", "--section", big), without, (big,)),
        Case("drop sentence", ("--drop", gone, "--section", big), dropped, (big,)),
    ]


def _topic(report: Report, heading: str) -> str:
    """A word that some claims of a section name, and not all."""
    own = [c["text"] for c in claims(report, heading)]
    count: dict[str, int] = {}
    for text in own:
        for word in {w.lower() for w in keywords(text, 40) if len(w) > 4 and w.isalpha()}:
            count[word] = sum(bool(re.search(rf"\b{re.escape(word)}", t, re.I)) for t in own)
    fit = [w for w, n in count.items() if n < len(own) and w not in heading.lower()]
    return max(sorted(fit), key=lambda w: (count[w] == 1, -count[w]))


def trouble(case: Case, before: Report, after: Report, old: str, new: str) -> list[str]:
    """Where text outside the span is not what it was; [] where all is."""
    out = [f"{s!r} is not there" for s in case.keeps if escape(s) not in new]
    held = {c["id"]: c for c in claims(after)}
    kinds = [r["kind"] for r in after["revisions"][len(before["revisions"]) :]]
    ids = [int(i[1:]) for r in before["revisions"] for i in r["slots"]]
    fresh = {i for i in held if i not in {c["id"] for c in claims(before)}}
    out += [f"the id {i} was used before" for i in fresh if int(i[1:]) <= max(ids)]
    if case.span is not None:
        mine, theirs = blocks(old), blocks(new)
        for s in before["sections"]:
            if s["heading"] not in case.span and theirs.get(s["heading"]) != mine[s["heading"]]:
                out.append(f"section {s['heading']!r} changed")
        touched = {c["id"] for h in case.span for c in claims(before, h)}
        for sentence in before["summary"]:
            if not {*sentence["claims"]} & touched and escape(sentence["text"]) not in new:
                out.append(f"summary sentence {sentence['text']!r} changed")
    if case.adds and "reconstruct" not in kinds:
        moved = {i for i, c in held.items() if c["disputed"]}
        for c in claims(before):
            if c["id"] not in moved and (c["id"] not in held or held[c["id"]]["text"] != c["text"]):
                out.append(f"claim {c['id']} changed")
        order = [c["id"] for c in claims(after) if c["id"] not in fresh]
        if order != [c["id"] for c in claims(before) if c["id"] in order]:
            out.append("claims changed places")
    lines = new.split("\n")
    out += [f"source line {line!r} changed" for line in blocks(old)["Sources"].split("\n") if line not in lines]
    numbers = {n: s for s, n in Numbers(before).order.items()}
    out += [f"number {n} names another" for s, n in Numbers(after).order.items() if numbers.get(n, s) != s]
    return out


def blocks(markdown: str) -> dict[str, str]:
    """Heading -> what stands under it, byte for byte."""
    parts = re.split(r"(?m)^## (.*)$", markdown)
    return {"": parts[0]} | {re.sub(r"\\(.)", r"\1", h): body for h, body in zip(parts[1::2], parts[2::2], strict=True)}


def read(folder: Path) -> tuple[Report, str]:
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return data, (folder / "report.md").read_bytes().decode()
