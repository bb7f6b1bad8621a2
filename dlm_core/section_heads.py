"""Which heading a section takes, and which sections are one because they would have the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlm_core.canvas import Canvas, Kind, Slot, Wanted
from dlm_core.headings import names_nothing
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.support import heading_problems
from dlm_core.wanted import forbidden

STANDS_OVER = 0.4  # cosine that a heading is worth which all of a section's evidence stands under
NAMES_MOST = 1 / 3  # of a section's evidence must stand under a heading that is borrowed for it
SAME_NAME = 0.93  # cosine from which two headings say the same: "The Chinese Revolution", "Chinese Revolution"
LONG_TITLE = 16  # words of a title or heading that is borrowed where there is no better one
NEARLY = 0.6  # share of the nearest heading's closeness that another must have to stand where that one is taken


def best_heading(
    written: str,
    cited: Sequence[str],
    pool: Pool,
    models: Models,
    taken: dict[str, np.ndarray],
    question: str,
    wanted: Wanted,
) -> tuple[float, str, str | None]:
    """The heading nearest to what the section says, and how near: the one the model
    wrote, or one that at least NAMES_MOST of its evidence stands under (heading or title of the source), the
    better the more of it does. A single word, or what is near to a heading already
    there, must be nearer to win. Where none will do, a title that is only too long does. Where some
    are taken, what is left must be NEARLY as near as they are, though it may be of less evidence; where
    nothing is, it is the best of those taken. Last, the one of `taken` (vectors by
    heading, in lower case) that says the same, whose section this one is to join."""
    over: dict[str, float] = {}
    for e in cited:
        for name in dict.fromkeys((pool.evidence[e].heading.strip(), pool.title(e).strip())):
            over[name] = over.get(name, 0.0) + 1 / len(cited)
    allowed = [
        n
        for n in dict.fromkeys([written, *over])
        if n and (n == written or not heading_problems(n, [n])) and not forbidden(n, wanted)
    ]
    if len(allowed) > 1 and len(written.split()) == 1 and written not in over:
        allowed.remove(written)  # "Life": a word by itself names too little, where there is anything else
    if not allowed:
        known = [
            n for n in over if 0 < len(n.split()) <= LONG_TITLE and not names_nothing(n) and not forbidden(n, wanted)
        ]
        last = max(known, key=lambda n: over[n], default=question.rstrip("?"))
        return 0.0, last, last.lower() if last.lower() in taken else None
    vectors = dict(zip(allowed, models.embedder(allowed), strict=True))
    centre = pool.vectors[[pool.row(e) for e in cited]].mean(0)
    near = {n: float(vectors[n] @ centre) for n in allowed}
    others = {n: {t: round(float(vectors[n] @ v), 6) for t, v in taken.items()} for n in allowed}
    closest = {n: max(of.values(), default=0.0) for n, of in others.items()}
    gone = [n for n in allowed if n.lower() in taken or closest[n] >= SAME_NAME]
    free = [n for n in allowed if n not in gone and (not gone or near[n] >= NEARLY * max(near.values()))]
    names = [n for n in free if n == written or over[n] >= NAMES_MOST] or free or gone
    scores = []
    for n in names:
        single, again = len(n.split()) == 1, n not in gone and closest[n] > 0.85
        scores.append(round(near[n] + STANDS_OVER * over.get(n, 0.0) - 0.25 * single - 0.2 * again, 6))
    best = names[scores.index(max(scores))]
    return max(scores), best, max(taken, key=lambda t: (t == best.lower(), others[best][t])) if best in gone else None


def joined(canvas: Canvas, joins: dict[str, str], pool: Pool, age: int) -> Canvas:
    """The canvas whose sections named in `joins` have given their claims to the section with that heading. One whose
    heading is of this round (`age`) stands where the first of them stood, source by source, as each source has them; in
    one that stood before, they come last."""
    if not joins:
        return canvas
    heads = {head.text.lower(): head for head, _ in canvas.sections() if head.text}
    target = {i: heads[name] for i, name in joins.items()}
    together: dict[str, list[Slot]] = {}  # by id of the head that stays
    last: list[tuple[str, list[Slot]]] = []
    for head, body in canvas.sections():
        into = target.get(head.id, head)
        if into is not head and into.age != age:
            last.append((into.id, list(body)))
        else:
            together.setdefault(into.id, []).extend(body)
    for name, body in last:
        together[name] += body
    for name in {head.id for head in target.values() if head.age == age}:
        if all(s.kind == Kind.CLAIM and s.pointers and s.pointers[0] in pool.evidence for s in together[name]):
            first = [pool.evidence[s.pointers[0]] for s in together[name]]
            order = list(dict.fromkeys(e.source for e in first))
            place = {s.id: (order.index(e.source), e.start) for s, e in zip(together[name], first, strict=True)}
            together[name].sort(key=lambda s: place[s.id])
    opening = canvas.slots[: next(n for n, s in enumerate(canvas.slots) if s.kind == Kind.SECTION)]
    kept = tuple(s for i, body in together.items() for s in (canvas.slot(i), *body))
    return replace(canvas, slots=opening + kept + tuple(s for s in canvas.slots if s.kind == Kind.EMPTY))
