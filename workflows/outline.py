"""The outline of a first draft as plain text, and back: what `--approve plan` shows and lets the user edit.

Headings stand at the left; the sentences that a section's claims will rest on are indented under it and numbered in
brackets. What comes back edited is a skeleton: these headings, in this order, byte for byte (dlm_core/skeleton.py).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.embed import Embedder
from dlm_core.pool import Pool
from dlm_core.skeleton import NEAR
from workflows.terminal import safe

LONGEST = 200  # characters of a heading
ROOM = 3  # sentences at most that a heading gets which the user added
_SENTENCE = re.compile(r"\s+\[(\d+)\](?:\s.*)?")
TOP = """\
# {question}
#
# The outline of the report. A line at the left is a heading; the indented sentences are what its claims will rest on.
# Change, move, delete or add headings; move or delete sentences (the number in brackets says which one is meant).
# Edited, the outline is kept: its headings stand in the report as they stand here, in this order.
# Lines that begin with # and a space are not read; a heading that does is written with \\ before it.
"""


class OutlineError(ValueError):
    """The outline cannot be used; one line that says where and why."""


@dataclass(frozen=True)
class Section:
    """A heading, and the numbers of the sentences under it."""

    heading: str
    sentences: tuple[int, ...]


def render(canvas: Canvas, pool: Pool) -> str:
    """The outline of a canvas that is planned and not yet written; `parse` reads it."""
    lines = [TOP.format(question=safe(canvas.question))]
    number = 0
    for head, body in canvas.sections():
        lines.append(_lead(safe(head.text)))
        for slot in body:
            number += 1
            first = pool.evidence[slot.pointers[0]]
            title = pool.title(first.id)
            lines.append(f"    [{number}] {safe(first.text)}" + (f" ({safe(title)})" if title else ""))
        lines.append("")
    return "\n".join(lines)


def _lead(heading: str) -> str:
    return f"\\{heading}" if heading == "#" or heading.startswith(("# ", "\\")) else heading


def parse(text: str, known: int) -> list[Section]:
    """The sections of an outline whose sentences are numbered 1 to `known`. Raises OutlineError."""
    found: list[tuple[str, list[int]]] = []
    used: set[int] = set()
    for place, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if not line or line == "#" or line.startswith("# "):
            continue
        if not line[0].isspace():
            found.append((_heading(line, place, [h for h, _ in found]), []))
            continue
        match = _SENTENCE.fullmatch(line)
        if match is None:
            raise OutlineError(
                f"line {place} is indented and has no [number]: headings stand at the left, sentences keep theirs"
            )
        number = int(match[1][:9])
        if not 1 <= number <= known:
            raise OutlineError(f"line {place}: there is no sentence [{number}], only 1 to {known}")
        if number in used:
            raise OutlineError(f"line {place}: sentence [{number}] stands here for the second time")
        if not found:
            raise OutlineError(f"line {place}: a sentence stands before the first heading")
        used.add(number)
        found[-1][1].append(number)
    if not found:
        raise OutlineError("there is no heading")
    return [Section(heading, tuple(numbers)) for heading, numbers in found]


def _heading(line: str, place: int, taken: list[str]) -> str:
    heading = line.removeprefix("\\")
    if heading != safe(heading) or unicodedata.normalize("NFC", heading) != heading:
        raise OutlineError(f"line {place}: the heading holds characters that no heading is typed with")
    if len(heading) > LONGEST:
        raise OutlineError(f"line {place}: the heading has {len(heading)} characters; {LONGEST} is the most")
    if heading.casefold() in (t.casefold() for t in taken):
        raise OutlineError(f"line {place}: there are two headings “{heading}”")
    return heading


def laid_out(canvas: Canvas, sections: list[Section], pool: Pool, embedder: Embedder) -> tuple[Canvas, list[str]]:
    """The planned canvas as the edited outline has it, its headings pinned, and the evidence of the sentences that
    were taken out. A new heading without sentences gets up to ROOM of the evidence that nothing rests on."""
    claims = dict(enumerate((s for _, body in canvas.sections() for s in body), 1))
    old = {head.text: head for head, _ in canvas.sections()}
    kept = {n for section in sections for n in section.sentences}
    barred = [e for n, slot in claims.items() if n not in kept for e in slot.pointers]
    taken = {e for n in kept for e in claims[n].pointers} | set(barred)
    empty = [s.heading for s in sections if not s.sentences]
    filled = _fill(empty, [e for e in pool.ids if e not in taken], pool, embedder)
    canvas, ids = canvas.fresh_ids(len(sections) + sum(map(len, filled.values())))
    names = iter(ids)
    slots: list[Slot] = []
    for section in sections:
        head = old.get(section.heading) or Slot(next(names), Kind.SECTION)
        slots.append(replace(head, text=section.heading, pinned=True, **_tokenless(head, section.heading)))
        slots += [claims[n] for n in section.sentences]
        slots += [Slot(next(names), Kind.CLAIM, (e,)) for e in filled.get(section.heading, ())]
    if not any(s.kind == Kind.CLAIM for s in slots):
        raise OutlineError("nothing at hand speaks of these headings: leave some sentences under them")
    return replace(canvas, slots=tuple(slots)), barred


def _tokenless(head: Slot, heading: str) -> dict[str, Any]:
    """A heading in the user's words has no tokens of the model's."""
    return {} if head.text == heading else {"tokens": (), "confidence": ()}


def _fill(headings: list[str], free: list[str], pool: Pool, embedder: Embedder) -> dict[str, list[str]]:
    """For each heading the free evidence nearest to it, each piece once."""
    if not headings or not free:
        return {}
    near = np.round(embedder(headings) @ pool.vectors[[pool.row(e) for e in free]].T, 6)
    out: dict[str, list[str]] = {h: [] for h in headings}
    for h, e in sorted(np.ndindex(*near.shape), key=lambda at: (-near[at], at)):
        if near[h, e] >= NEAR and len(out[headings[h]]) < ROOM and not any(free[e] in has for has in out.values()):
            out[headings[h]].append(free[e])
    return out
