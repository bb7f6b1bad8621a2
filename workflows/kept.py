"""What stays of a canvas when claims leave it: its other sections, links and paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlm_core.canvas import Canvas, Kind, Slot


def without(canvas: Canvas, gone: set[str]) -> Canvas:
    """The canvas without some claims, the links that lead to them, and the sections
    that had claims and have none left."""
    slots = [s for s in canvas.slots if s.id not in gone]
    had = {h.id for h, body in canvas.sections() if any(s.kind == Kind.CLAIM for s in body)}
    bare = {
        h.id
        for h, body in replace(canvas, slots=tuple(slots)).sections()
        if h.id in had and not any(s.kind == Kind.CLAIM for s in body)
    }
    # A link goes with the claim it leads to.
    out: list[Slot] = []
    whole = canvas.slots
    for n, s in enumerate(whole):
        if s.id in gone or s.id in bare:
            continue
        if s.kind == Kind.LINK:
            after = next((t for t in whole[n + 1 :] if t.kind in (Kind.CLAIM, Kind.SECTION)), None)
            if after is None or after.kind == Kind.SECTION or after.id in gone:
                continue
        out.append(s)
    return replace(canvas, slots=tuple(out))


def moved_breaks(before: Canvas, after: Canvas, breaks: Sequence[str]) -> tuple[str, ...]:
    """Paragraphs begin where they began, also where their first claim is gone."""
    here = {s.id for s in after.claims()}
    out = []
    for _, body in before.sections():
        claims = [s.id for s in body if s.kind == Kind.CLAIM]
        for name in (c for c in claims if c in breaks):
            part = claims[claims.index(name) :]
            end = next((n for n, c in enumerate(part[1:], 1) if c in breaks), len(part))
            first = next((c for c in part[:end] if c in here), None)
            if first is not None and any(c in here for c in claims[: claims.index(name)]):
                out.append(first)
    return tuple(out)
