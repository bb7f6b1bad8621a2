"""A claim that says two things, each on evidence of its own, parted again: what a revision changes of one half leaves
the other as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlm_core.canvas import Canvas, Slot
from dlm_core.clauses import halves
from dlm_core.pool import Pool


def parted(canvas: Canvas, ids: Sequence[str], pool: Pool) -> tuple[Canvas, dict[str, str]]:
    """The canvas with those of the claims `ids` that were joined as two claims again, each on its own evidence; and the
    id of each second half by its first. Both halves keep their words."""
    found: dict[str, tuple[str, str]] = {}
    for i in ids:
        slot = next((s for s in canvas.claims() if s.id == i), None)
        if slot is None or slot.pinned or not slot.text or any(p not in pool.evidence for p in slot.pointers):
            continue
        if pair := halves(slot.text, pool.texts(slot.pointers)):
            found[i] = pair
    canvas, names = canvas.fresh_ids(len(found))
    seconds = dict(zip(found, names, strict=True))
    slots: list[Slot] = []
    for slot in canvas.slots:
        if slot.id not in found:
            slots.append(slot)
            continue
        for text, name, on in zip(found[slot.id], (slot.id, seconds[slot.id]), slot.pointers, strict=False):
            origin = "evidence" if text in pool.evidence[on].said else "model"
            # Confidence was given for tokens of another sentence: its mean stays.
            half = replace(slot, id=name, text=text, pointers=(on,), origin=origin, tokens=(), confidence=())
            slots.append(replace(half, plan_confidence=slot.certainty))
    return replace(canvas, slots=tuple(slots)), seconds
