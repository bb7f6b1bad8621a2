"""Verification by code: what a canvas says must stand in what it cites.

No model judges here. A claim must cite evidence that is in the pool, and
`dlm_core.support.problems` must find nothing in it: no number, date, name or
negation that its evidence does not have, no words joined into something the
evidence does not say, no sentence that does not stand alone. A summary
sentence is held against the claims it condenses in the same way.

The base's reading is a second opinion (`doubtful`): words that it finds no
likelier with the evidence than without are written again, whatever code says.
It can only ask for that; it can neither let a claim pass nor drop one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.clauses import unborne
from dlm_core.pool import Pool
from dlm_core.support import problems

if TYPE_CHECKING:
    from dlm_core.models import Models

GAIN = 0.25  # nats a token; claims that are edits of their evidence gain several times that


def failing(canvas: Canvas, pool: Pool) -> dict[str, list[str]]:
    """Slot id -> reasons, for every claim that may not be shown. A pinned claim
    is the user's own sentence and passes, whatever it cites."""
    out = {}
    for slot in canvas.claims():
        reasons = [] if slot.pinned else claim_problems(slot, pool)
        if reasons:
            out[slot.id] = reasons
    return out


def claim_problems(slot: Slot, pool: Pool) -> list[str]:
    """Why one claim may not be shown; [] where it may."""
    lost = [p for p in slot.pointers if p not in pool.evidence]
    if lost:
        return [f"cites {p}, which is not evidence at hand" for p in lost]
    return unborne(slot.text, pool.texts(slot.pointers))


def doubtful(canvas: Canvas, pool: Pool, models: Models) -> dict[str, list[str]]:
    """Slot id -> reason, for claims of the last revision in words of their own (not a
    span of their evidence) that the base finds hardly likelier with their evidence
    than without: a mean gain under GAIN nats a token."""
    from dlm_core.compose import claim_task
    from dlm_core.prompt import CLAIM, prompt

    slots = [
        s
        for s in canvas.claims()
        if s.tokens and not s.pinned and s.age == len(canvas.revisions)
        if s.pointers and all(p in pool.evidence for p in s.pointers)
        if not any(s.text.removesuffix(".") in text for text in pool.texts(s.pointers))
    ]
    pairs = []
    for slot in slots:
        first = pool.evidence[slot.pointers[0]]
        bare = models.writer.tokenizer.encode(prompt(pool.title(first.id), first.heading, (), CLAIM))
        pairs += [(claim_task(slot, pool, models).context, slot.tokens), (tuple(bare), slot.tokens)]
    read = [sum(r) / max(1, len(r)) for r in models.writer.read(pairs)]
    gains = {s.id: read[2 * n] - read[2 * n + 1] for n, s in enumerate(slots)}
    return {
        i: [f"its evidence makes its words hardly likelier ({gain:+.2f} nats a token)"]
        for i, gain in gains.items()
        if gain < GAIN
    }


def drop(canvas: Canvas, ids: set[str]) -> Canvas:
    """The canvas without some claims, and without sections left empty by that.
    Ids of dropped slots are not used again."""
    kept = [s for s in canvas.slots if s.id not in ids]
    sections = replace(canvas, slots=tuple(kept)).sections()
    bare = {head.id for head, body in sections if not head.pinned and not _has_claims(body)}
    slots = tuple(s for s in kept if s.id not in bare)
    summary = tuple(s for s in canvas.summary if not set(s.pointers) & ids)
    return replace(canvas, slots=slots, summary=summary)


def logged(written: Canvas, shown: Canvas) -> Canvas:
    """`shown` with its last revision's log saying what is shown, where verification
    took away or replaced what was `written`."""
    if not shown.revisions:
        return shown
    old = {s.id: s.text for s in (*written.slots, *written.summary)}
    new = {s.id: s.text for s in (*shown.slots, *shown.summary)}
    last = shown.revisions[-1]
    texts = dict(last.slots)
    for i in (i for i in {**old, **new} if old.get(i, "") != new.get(i, "")):
        before = texts[i][0] if i in texts else old.get(i, "")
        texts[i] = (before, new.get(i, ""))
    texts = {i: pair for i, pair in texts.items() if pair[0] != pair[1]}
    if texts == last.slots:
        return shown
    return replace(shown, revisions=(*shown.revisions[:-1], replace(last, slots=texts)))


def _has_claims(body: list[Slot]) -> bool:
    return any(s.kind == Kind.CLAIM for s in body)


def settle_summary(canvas: Canvas) -> Canvas:
    """The canvas with every summary sentence held against its claims: one that
    fails is replaced by its first claim's own text, or goes with its claim."""
    claims = {s.id: s for s in canvas.claims() if s.text}
    out = []
    for slot in canvas.summary:
        behind = [claims[p] for p in slot.pointers if p in claims]
        if not behind:
            continue
        if problems(slot.text, [s.text for s in behind]):
            lead = behind[0]
            slot = replace(slot, text=lead.text, tokens=lead.tokens, confidence=lead.confidence, pointers=(lead.id,))
            slot = replace(slot, origin="evidence")
        out.append(slot)
    return canvas if tuple(out) == canvas.summary else replace(canvas, summary=tuple(out))
