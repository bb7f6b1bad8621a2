"""What the user wants of a report's words, as constraints of the canvas: terms that it
must and must not hold, sentences that stand in it as they are, and its length.

None of them is pasted on afterwards. Evidence that holds a required term stands on
the plan before the rest of it is denoised, and an edit that would lose the term
is refused like any other that may not stand; evidence that holds a forbidden
term is never planned, and no text with it passes; the length sets how many
claims the plan may have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from dlm_core.canvas import Canvas, Kind, Slot, Wanted, holds
from dlm_core.embed import Embedder
from dlm_core.layout import FEWEST, Budget
from dlm_core.pool import Pool

A_CLAIM = 17  # words of a claim, on average over reports
A_SUMMARY = 60  # words of summary and headings
OVER = 1.1  # a report may be this much longer than was asked


def forbidden(text: str, wanted: Wanted) -> list[str]:
    """Why a text may not stand: the forbidden terms in it."""
    return [f"says “{t}”, which is forbidden" for t in wanted.forbid if holds(text, t)]


def allowed(ids: Sequence[str], pool: Pool, wanted: Wanted) -> list[str]:
    """The evidence among `ids` that holds no forbidden term."""
    return [e for e in ids if not forbidden(pool.evidence[e].said, wanted)]


def holders(
    ids: Sequence[str], pool: Pool, wanted: Wanted, question: np.ndarray, held: Collection[str] = ()
) -> list[str]:
    """For each required term that no evidence of `held` has, the evidence among
    `ids` that has it and is nearest to the question (384,); one may hold several."""
    out: list[str] = []
    for term in wanted.require:
        if any(holds(pool.evidence[e].said, term) for e in (*held, *out) if e in pool.evidence):
            continue
        have = [e for e in ids if holds(pool.evidence[e].said, term)]
        if have:
            out.append(max(have, key=lambda e: (round(float(pool.vectors[pool.row(e)] @ question), 6), -pool.row(e))))
    return out


def kept_terms(canvas: Canvas, pool: Pool, writing: Collection[str]) -> dict[str, list[str]]:
    """By claim id, the required terms that the claims `writing` must say: of those
    that no other claim says, the first whose leading evidence holds it."""
    out: dict[str, list[str]] = {}
    standing = [s for s in canvas.claims() if s.id not in writing]
    for term in canvas.wanted.require:
        if any(holds(s.text, term) for s in standing):
            continue
        for s in canvas.claims():
            if s.id in writing and s.pointers and holds(pool.evidence[s.pointers[0]].said, term):
                out.setdefault(s.id, []).append(term)
                break
    return out


def unplanned(canvas: Canvas, pool: Pool, usable: Sequence[str], question: np.ndarray) -> list[str]:
    """Evidence for required terms that no claim says, nor will say once it is written."""
    said = [s.text for s in canvas.claims() if s.text]
    left = tuple(t for t in canvas.wanted.require if not any(holds(text, t) for text in said))
    coming = [s.pointers[0] for s in canvas.claims() if s.pointers and not s.text]
    return holders(usable, pool, replace(canvas.wanted, require=left), question, coming)


def lacking(canvas: Canvas) -> list[str]:
    """Required terms that no claim or heading says."""
    texts = [s.text for s in (*canvas.slots, *canvas.summary)]
    return [t for t in canvas.wanted.require if not any(holds(text, t) for text in texts)]


def sized(budget: Budget, wanted: Wanted) -> Budget:
    """The budget of a report of the wanted length; `budget` where none is wanted."""
    if not wanted.words:
        return budget
    claims = max(FEWEST, round((wanted.words - A_SUMMARY) / A_CLAIM))
    sections = max(1, min(budget.sections, claims // 3)) if claims <= budget.claims else budget.sections
    if claims > budget.claims:
        sections = max(sections, round(sections * claims / budget.claims))
    return Budget(slots=claims + sections + 4, claims=claims, most=claims + max(1, claims // 10), sections=sections)


def length(canvas: Canvas) -> int:
    """Words of summary, headings and sentences."""
    return sum(len(s.text.split()) for s in (*canvas.slots, *canvas.summary))


def fitted(canvas: Canvas, pool: Pool, free: Collection[str], question: np.ndarray) -> Canvas:
    """The canvas without those of the claims `free` that make it longer than is
    wanted, the farthest from the question first. Pinned claims and those that hold
    a required term stay, and no section goes below FEWEST claims."""
    if not canvas.wanted.words:
        return canvas
    terms = {next((s.id for s in canvas.claims() if holds(s.text, t)), "") for t in canvas.wanted.require}
    while length(canvas) + _summary_to_come(canvas) > OVER * canvas.wanted.words:
        loose = [
            s
            for _, body in canvas.sections()
            if sum(b.kind == Kind.CLAIM for b in body) > FEWEST
            for s in body
            if s.id in free and not s.pinned and s.id not in terms and s.pointers
        ]
        if not loose:
            break
        worst = min(loose, key=lambda s: (round(float(pool.vectors[pool.row(s.pointers[0])] @ question), 6), s.id))
        canvas = replace(canvas, slots=tuple(s for s in canvas.slots if s.id != worst.id))
    return canvas


def _summary_to_come(canvas: Canvas) -> int:
    return 0 if canvas.summary else A_SUMMARY


def pinned_first(canvas: Canvas, pool: Pool, embedder: Embedder) -> Canvas:
    """The canvas with each of its `pins` that no claim says as a pinned claim."""
    said = {s.text for s in canvas.claims()}
    missing = [text for text in canvas.pins if text not in said]
    canvas, names = canvas.fresh_ids(len(missing))
    slots = [
        Slot(id=name, kind=Kind.CLAIM, text=text, pinned=True, origin="evidence")
        for name, text in zip(names, missing, strict=True)
    ]
    return with_claims(canvas, slots, pool, embedder)


def with_claims(canvas: Canvas, slots: Sequence[Slot], pool: Pool, embedder: Embedder) -> Canvas:
    """The canvas with each of `slots` at the end of the section its text has most to do with."""
    for slot, vector in zip(slots, embedder([s.text for s in slots]), strict=True):
        best, place = -2.0, len(canvas.slots)
        for head, body in canvas.sections():
            rows = [pool.row(s.pointers[0]) for s in body if s.pointers and s.pointers[0] in pool.evidence]
            near = float(np.mean(pool.vectors[rows] @ vector)) if rows else -1.0
            if near > best:
                last = (body or [head])[-1].id
                best, place = near, next(i for i, s in enumerate(canvas.slots) if s.id == last) + 1
        canvas = replace(canvas, slots=(*canvas.slots[:place], slot, *canvas.slots[place:]))
    return canvas
