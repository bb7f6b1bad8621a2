"""The revision engine: which slots a round touches, and nothing else.

`draft` denoises the whole canvas from noise. `revise` follows a decision of
belief.py: a local round opens room for new evidence in the sections that gain
and rebinds the claims whose fact moved; a reconstruction remasks the whole plan
(pins aside) and then every slot whose plan moved. Slots a round does not touch
are carried over as the same objects, so their text is byte-identical.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlm_core.belief import Decision, disagreements
from dlm_core.canvas import MAX_POINTERS, Canvas, Cause, Kind, Revision, Slot
from dlm_core.compose import Progress, seeded, write_claims, write_headings, write_summary
from dlm_core.job import Effort
from dlm_core.layout import Budget, dissolve, place, rows_of, sample, settle
from dlm_core.models import Models
from dlm_core.order import Row
from dlm_core.parting import parted
from dlm_core.pool import Pool
from dlm_core.skeleton import restored
from dlm_core.wanted import allowed, fitted, holders, pinned_first, sized, unplanned, with_claims

__all__ = ["Budget", "draft", "outline", "revise", "rewrite"]

ROOM_A_SECTION = 2  # masked slots opened in a section that gains


class ReviseError(ValueError):
    """A revision cannot start; the message says why."""


def draft(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    *,
    seed: int,
    budget: Budget | None = None,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Canvas:
    """The first draft: plan and text from 100% noise. Where two sources give
    different values for one thing, the one to prefer leads, the other is cited
    beside it, and the claim is marked disputed.

    A canvas that is laid out already (`outline`) is written as it is. Raises
    ReviseError for an empty pool. The result cites evidence of `pool` only and
    carries one Revision of kind "draft".
    """
    if not len(pool):
        raise ReviseError("there is no evidence to draft from")
    if canvas.slots:
        return _finish(canvas, canvas, pool, models, "draft", _first(pool), seed, effort, progress)
    laid = _laid(canvas, pool, models, seed, budget, effort)
    return _finish(canvas, laid, pool, models, "draft", _first(pool), seed, effort, progress)


def _first(pool: Pool) -> Cause:
    against = disagreements(pool)
    if not against:
        return Cause("first draft")
    many = "a value" if len(against) == 1 else f"{len(against)} values"
    named = tuple(dict.fromkeys(e for pair in against.items() for e in pair))
    return Cause(f"first draft; its sources disagree on {many}", named)


def outline(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    *,
    seed: int,
    budget: Budget | None = None,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Canvas:
    """The first draft's plan, with a heading for each section and claims without text."""
    if not len(pool):
        raise ReviseError("there is no evidence to draft from")
    laid = _laid(canvas, pool, models, seed, budget, effort)
    return write_headings(laid, pool, models, seed=seed, effort=effort or Effort(), age=1, progress=progress)


def _laid(
    canvas: Canvas, pool: Pool, models: Models, seed: int, budget: Budget | None, effort: Effort | None
) -> Canvas:
    size = sized(budget or Budget(), canvas.wanted)
    generator = seeded(seed, "plan", "draft")
    against = disagreements(pool)
    usable = allowed([e for e in pool.ids if e not in against], pool, canvas.wanted)
    if not usable:
        raise ReviseError("every piece of evidence holds a forbidden term: forbid less, or name other sources")
    required = holders(usable, pool, canvas.wanted, models.embedder([canvas.question])[0])
    made = sample(
        canvas.asked,
        pool,
        models,
        generator=generator,
        budget=size,
        usable=usable if len(usable) < len(pool) else None,
        drafts=(effort or Effort()).plans,
        required=required,
    )
    laid = place(canvas, settle(made, pool, size, required))
    laid = laid.with_slots({s.id: _disputed(s, against) for s in laid.claims()})
    return pinned_first(laid, pool, models.embedder)


def revise(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    decision: Decision,
    *,
    seed: int,
    budget: Budget | None = None,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Canvas:
    """One round after the draft, as `decision` says; "keep" gives the canvas back."""
    size = sized(budget or Budget(), canvas.wanted)
    if decision.kind == "keep":
        return canvas
    if decision.kind == "reconstruct":
        laid = _reconstruct(canvas, pool, models, decision, seed, size, (effort or Effort()).plans)
    else:
        laid = _local(canvas, pool, models, decision, seed, size)
    laid = _required(laid, pool, models, decision.disputes)
    return _finish(canvas, laid, pool, models, decision.kind, decision.cause, seed, effort, progress)


def rewrite(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    failing: dict[str, list[str]],
    *,
    seed: int,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Canvas:
    """Claims that failed verification, by slot id with the reasons: the trouble
    is remasked, at most three tries, then a sentence of the evidence stands.

    Amends the last revision's texts; opens no new one.
    """
    number = canvas.revisions[-1].number if canvas.revisions else 1
    ids = [i for i in failing if canvas.slot(i).kind == Kind.CLAIM]
    care = effort or Effort()
    after = write_claims(
        canvas, ids, pool, models, seed=seed + number, effort=care, age=number, progress=progress, failing=failing
    )
    after = write_summary(after, pool, models, seed=seed, effort=care, age=number, progress=progress)
    if not canvas.revisions:
        return after
    last = canvas.revisions[-1]
    texts = dict(last.slots)
    for i, (old, new) in _differences(canvas, after).items():
        texts[i] = (texts[i][0] if i in texts else old, new)
    return replace(after, revisions=(*canvas.revisions[:-1], replace(last, slots=texts)))


def _required(laid: Canvas, pool: Pool, models: Models, disputes: dict[str, str]) -> Canvas:
    """The layout with a claim for each required term that the revision would leave without one."""
    if not laid.wanted.require:
        return laid
    usable = allowed([e for e in pool.ids if e not in disputes], pool, laid.wanted)
    missing = unplanned(laid, pool, usable, models.embedder([laid.question])[0])
    laid, names = laid.fresh_ids(len(missing))
    added = [Slot(id=n, kind=Kind.CLAIM, pointers=(e,)) for n, e in zip(names, missing, strict=True)]
    return _among_their_like(laid, added, pool)


def _finish(
    before: Canvas,
    laid: Canvas,
    pool: Pool,
    models: Models,
    kind: str,
    cause: Cause,
    seed: int,
    effort: Effort | None,
    progress: Progress | None,
) -> Canvas:
    """Write what the new layout left unwritten, then record the revision."""
    number = len(before.revisions) + 1
    care = effort or Effort()
    laid = restored(before, laid, pool, models.embedder)
    if progress is not None:
        kinds = {s.id: s.kind.name.lower() for s in laid.slots}
        progress({"stage": "plan", "done": 1, "total": 1, "texts": {}, "kinds": kinds})
    open_claims = [s.id for s in laid.claims() if not s.text]
    after = write_claims(laid, open_claims, pool, models, seed=seed, effort=care, age=number, progress=progress)
    # In a local round only what is new may go: what stood keeps its bytes.
    stood = {s.id for s in before.claims()} if kind == "local" else set()
    free = {s.id for s in after.claims()} - stood
    after = fitted(after, pool, free, models.embedder([before.question])[0]) if before.wanted.words else after
    after = dissolve(after, pool)  # a claim whose evidence could not be mended is gone
    after = restored(before, after, pool, models.embedder)
    after = write_headings(after, pool, models, seed=seed, effort=care, age=number, progress=progress)
    after = write_summary(after, pool, models, seed=seed, effort=care, age=number, progress=progress)
    # Headings that stood before the first draft was written are part of what it wrote.
    known = before if before.revisions else replace(before, slots=())
    revision = Revision(number, kind, cause, _differences(known, after))
    after = replace(after, revisions=(*before.revisions, revision))
    after.check(set(pool.evidence))
    return after


def _differences(before: Canvas, after: Canvas) -> dict[str, tuple[str, str]]:
    old = {s.id: s.text for s in (*before.slots, *before.summary)}
    new = {s.id: s.text for s in (*after.slots, *after.summary)}
    ids = [*new, *(i for i in old if i not in new)]
    return {i: (old.get(i, ""), new.get(i, "")) for i in ids if old.get(i, "") != new.get(i, "")}


def _disputed(slot: Slot, disputes: dict[str, str], rests: dict[str, str] | None = None) -> Slot:
    """The slot with evidence that was contradicted bound beside what contradicts
    it, the preferred one first; a slot that names a fallen premise (`rests`) with
    what changed the premise behind its own evidence. Unchanged where neither is so."""
    for e in slot.pointers:
        preferred = disputes.get(e)
        if preferred is not None:
            return replace(slot, pointers=(preferred, e), disputed=True, text="", remasks=0)
    for e in slot.pointers:
        beside = [loser for loser, winner in disputes.items() if winner == e and loser not in slot.pointers]
        beside += [by for named, by in (rests or {}).items() if named == e and by not in slot.pointers]
        if beside and not slot.disputed:
            # What stands is what the report follows, or all that is known: it stays, and says that it is disputed.
            return replace(slot, pointers=(*slot.pointers[:2], *beside)[:MAX_POINTERS], disputed=True)
    return slot


def _local(canvas: Canvas, pool: Pool, models: Models, decision: Decision, seed: int, budget: Budget) -> Canvas:
    canvas, seconds = parted(canvas, decision.slots, pool)
    touched = {*decision.slots, *seconds.values()}
    moved = {s.id: _disputed(s, decision.disputes) for s in canvas.claims() if s.id in touched and not s.pinned}
    canvas = canvas.with_slots(moved)
    if not decision.new:
        return canvas
    room = min(budget.most - len(canvas.claims()), models.planner.config.slots - len(canvas.slots))
    held: list[Row] = []
    origin: list[Slot | None] = []  # the slot of each row; None for room
    for head, body in canvas.sections():
        members = [head, *body]
        opened = min(ROOM_A_SECTION, room) if head.id in decision.slots else 0
        room -= opened
        for s in members:
            held.append((s.kind, s.pointers if s.kind == Kind.CLAIM else (), s.plan_confidence))
            origin.append(s)
        held += [(Kind.EMPTY, (), 0.0)] * opened
        origin += [None] * opened
    masked = [i for i, s in enumerate(origin) if s is None]
    if not masked:
        return canvas
    cited = [e for e in canvas.cited() if e in pool.evidence]
    rows = sample(
        canvas.asked,
        pool,
        models,
        generator=seeded(seed, "plan", len(canvas.revisions)),
        budget=budget,
        held=held,
        remask=masked,
        usable=list(dict.fromkeys((*cited, *allowed(decision.new, pool, canvas.wanted)))),
    )
    wanted = set(decision.new)
    canvas, ids = canvas.fresh_ids(len(masked))
    names = iter(ids)
    slots: list[Slot] = []
    added: list[Slot] = []
    for row, old in zip(rows, origin, strict=True):
        if old is not None:
            slots.append(old)
            continue
        name = next(names)
        kind, pointers, sure = row
        if kind == Kind.CLAIM and pointers and pointers[0] in wanted:
            added.append(Slot(id=name, kind=kind, pointers=pointers[:1], plan_confidence=sure))
    return _among_their_like(replace(canvas, slots=tuple(slots)), added, pool)


def _among_their_like(canvas: Canvas, added: Sequence[Slot], pool: Pool) -> Canvas:
    """The canvas with each new claim at the end of the section it has most to do with."""
    kin = pool.affinity()
    sections = [(head, [pool.row(s.pointers[0]) for s in body if s.pointers]) for head, body in canvas.sections()]
    home: dict[str, list[Slot]] = {}
    for slot in added:
        row = pool.row(slot.pointers[0])
        near = [float(np.mean(kin[row, rows])) if rows else -1.0 for _, rows in sections]
        home.setdefault(sections[near.index(max(near))][0].id, []).append(slot)
    out: list[Slot] = []
    for head, body in canvas.sections():
        out += [head, *body, *home.get(head.id, [])]
    return replace(canvas, slots=tuple(out))


def _reconstruct(
    canvas: Canvas, pool: Pool, models: Models, decision: Decision, seed: int, budget: Budget, plans: int
) -> Canvas:
    pinned = {i for i, s in enumerate(canvas.slots) if s.pinned}
    heads = {max(j for j in range(i + 1) if canvas.slots[j].kind == Kind.SECTION) for i in pinned}
    # What was contradicted may still be cited, beside what contradicts it; it may not lead.
    usable = allowed([e for e in pool.ids if e not in decision.disputes], pool, canvas.wanted)
    required = holders(usable, pool, canvas.wanted, models.embedder([canvas.question])[0])
    generator = seeded(seed, "plan", len(canvas.revisions))
    if pinned:
        room = min(budget.slots, models.planner.config.slots) - len(canvas.slots)
        held = [*rows_of(canvas), *([(Kind.EMPTY, (), 0.0)] * max(room, 0))]
        remask = [i for i in range(len(held)) if i not in pinned | heads]
        kept = [e for i in pinned for e in canvas.slots[i].pointers]
        rows = sample(
            canvas.asked,
            pool,
            models,
            generator=generator,
            budget=budget,
            held=held,
            remask=remask,
            usable=list(dict.fromkeys((*usable, *kept))),
        )
        rows = [row for row in rows if row[0] != Kind.EMPTY]
    else:
        rows = sample(
            canvas.asked,
            pool,
            models,
            generator=generator,
            budget=budget,
            usable=usable,
            drafts=plans,
            required=required,
        )
    fixed = [s.pointers[0] for s in canvas.claims() if s.pinned and s.pointers]
    rows = settle(rows, pool, budget, [*fixed, *required])
    same = {winner: loser for loser, winner in decision.disputes.items()}
    laid = place(canvas, rows, same)
    there = {s.id for s in laid.slots}
    # A pinned sentence that cites nothing is on no plan.
    lost = [s for s in canvas.claims() if s.pinned and s.id not in there]
    laid = with_claims(laid, lost, pool, models.embedder)
    return laid.with_slots(
        {s.id: _disputed(s, decision.disputes, decision.rests) for s in laid.claims() if not s.pinned}
    )
