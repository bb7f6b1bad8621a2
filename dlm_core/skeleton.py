"""The skeleton: sections that the user fixed, which every draft has, in this order and with these headings.

A section slot that is pinned is part of it. The engine plans and writes as it always does; then `restored` lays
what it made out along the skeleton, so that no claim is lost and no heading moves by a byte.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.embed import Embedder
from dlm_core.pool import Pool

NEAR = 0.45  # cosine of heading and evidence from which a section without claims takes one


def skeleton(canvas: Canvas) -> list[Slot]:
    """The pinned section slots, in reading order."""
    return [s for s in canvas.slots if s.kind == Kind.SECTION and s.pinned]


def restored(before: Canvas, after: Canvas, pool: Pool, embedder: Embedder) -> Canvas:
    """`after` along the skeleton of `before`; `after` itself where there is none.

    A claim that stood in a section of the skeleton goes back there; a new one goes to the section it has most to do
    with, or to one without claims whose heading it is nearer to than to any other (cosine from NEAR up).
    """
    heads = skeleton(before)
    if not heads:
        return after
    fixed = {h.id for h in heads}
    home = {s.id: head.id for head, body in before.sections() for s in body if head.id in fixed}
    bodies: dict[str, list[Slot]] = {h.id: [] for h in heads}
    loose: list[Slot] = []
    for head, body in after.sections():
        for slot in body:
            place = home.get(slot.id) or (head.id if head.id in fixed else "")
            if place:
                bodies[place].append(slot)
            else:
                loose.append(slot)
    fresh = [s for body in bodies.values() for s in body if s.id not in home] + loose
    if fresh:
        near = _near(heads, fresh, pool, embedder)
        kin = pool.affinity()
        for slot in fresh:
            for body in bodies.values():
                if slot in body:
                    body.remove(slot)
            rows = {h: [r for s in body if (r := _row(s, pool)) is not None] for h, body in bodies.items()}
            bodies[_home(slot, rows, near, kin, pool)].append(slot)
    return replace(after, slots=tuple(s for h in heads for s in (h, *bodies[h.id])))


def _row(slot: Slot, pool: Pool) -> int | None:
    first = slot.pointers[0] if slot.pointers else ""
    return pool.row(first) if first in pool.evidence else None


def _near(heads: list[Slot], slots: list[Slot], pool: Pool, embedder: Embedder) -> dict[str, dict[str, float]]:
    """By slot and section: cosine of the slot's evidence with the heading."""
    vectors = embedder([h.text for h in heads])
    out: dict[str, dict[str, float]] = {}
    for slot in slots:
        row = _row(slot, pool)
        close = np.zeros(len(heads)) if row is None else np.round(vectors @ pool.vectors[row], 6)
        out[slot.id] = {h.id: float(c) for h, c in zip(heads, close, strict=True)}
    return out


def _home(
    slot: Slot, rows: dict[str, list[int]], near: dict[str, dict[str, float]], kin: np.ndarray, pool: Pool
) -> str:
    close = near[slot.id]
    best = max(close, key=lambda h: close[h])
    if not rows[best] and close[best] >= NEAR:
        return best
    row = _row(slot, pool)
    full = [h for h in rows if rows[h]]
    if row is None or not full:
        return best
    belongs = {h: float(np.mean(kin[row, rows[h]])) for h in full}
    return max(belongs, key=lambda h: belongs[h])
