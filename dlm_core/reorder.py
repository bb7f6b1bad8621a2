"""The claims and sections of a finished report in reading order, as a user may ask for.

What comes from one source stands in its order; between such orders the planner decides, by how likely it finds the
first pointers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from dlm_core.canvas import Canvas, Kind, Slot
from dlm_core.compose import seeded
from dlm_core.edits import Unmet, seen_by_planner
from dlm_core.layout import Budget, rows_of, sample
from dlm_core.models import Models
from dlm_core.order import Row, in_order
from dlm_core.plan_features import features
from dlm_core.planning import Plan, distribution
from dlm_core.pool import Pool


def reorder(
    canvas: Canvas, heads: Sequence[str], pool: Pool, models: Models, *, seed: int, sections: bool, claims: bool
) -> Canvas:
    """Claims of the sections `heads`, and with `sections` all sections, in reading
    order: what the planner finds likelier, and what comes from one source in its order."""
    made = canvas
    if claims:
        for head in heads:
            made = _claims_in_order(made, head, pool, models, seed)
    if sections:
        made = _sections_in_order(made, pool, models)
    if [s.id for s in made.slots] == [s.id for s in canvas.slots]:
        raise Unmet("it stands in reading order already")
    return made


def _claims_in_order(canvas: Canvas, head: str, pool: Pool, models: Models, seed: int) -> Canvas:
    body = next(b for h, b in canvas.sections() if h.id == head)
    moving = [s for s in body if s.kind == Kind.CLAIM and s.pointers]
    if len(moving) < 2 or any(s.kind == Kind.LINK for s in body):
        return canvas  # a link says how the claim after it follows from the one before
    by_lead = {s.pointers[0]: s for s in moving}
    if len(by_lead) < len(moving):
        return canvas

    near = pool.vectors @ models.embedder([canvas.question])[0]

    def told(order: Sequence[Slot]) -> list[Slot]:
        rows: list[Row] = [(Kind.SECTION, (), 0.0), *((Kind.CLAIM, s.pointers[:1], 0.0) for s in order)]
        return [by_lead[ids[0]] for kind, ids, _ in in_order(rows, pool, np.zeros((len(pool), 0)), near) if ids]

    def placed(order: Sequence[Slot]) -> Canvas:
        queue = iter(order)
        ids = {s.id for s in moving}
        return replace(canvas, slots=tuple(next(queue) if s.id in ids else s for s in canvas.slots))

    offered = [moving, told(moving)]
    seen = seen_by_planner(canvas, models)
    at = [i for i, s in enumerate(seen.slots) if s.id in {m.id for m in moving}]
    if len(at) == len(moving):
        for n in range(2):
            rows = sample(
                canvas.asked,
                pool,
                models,
                generator=seeded(seed, "order", head, n),
                budget=Budget(),
                held=rows_of(seen),
                remask=at,
                usable=[e for e in canvas.cited() if e in pool.evidence],
            )
            leads = [rows[i][1][0] for i in at if rows[i][0] == Kind.CLAIM and rows[i][1]]
            if sorted(leads) == sorted(by_lead):
                offered.append(told([by_lead[e] for e in leads]))
    # What comes from one source and not in its order is out of order, whatever the planner thinks.
    offered = offered[1:] if told(moving) != moving else offered
    scores = [_likely(placed(order), pool, models) for order in offered]
    return placed(offered[scores.index(max(scores))])


def _sections_in_order(canvas: Canvas, pool: Pool, models: Models) -> Canvas:
    parts = list(canvas.sections())
    asked = models.embedder(canvas.asked)
    near = pool.vectors @ asked.T
    rows = [[pool.row(s.pointers[0]) for s in body if s.pointers] for _, body in parts]
    if not all(rows) or len(parts) < 2:
        return canvas

    def laid(order: Sequence[int]) -> Canvas:
        return replace(canvas, slots=tuple(s for i in order for s in (parts[i][0], *parts[i][1])))

    now = list(range(len(parts)))
    if len(canvas.asked) > 2:
        own = near[:, 1:] - near[:, 1:].mean(axis=0)
        answers = [int(own[r].mean(axis=0).argmax()) for r in rows]
        return laid(sorted(now, key=lambda i: answers[i]))
    offered = [now, sorted(now, key=lambda i: -round(float(near[rows[i], 0].mean()), 6))]
    scores = [_likely(laid(order), pool, models) for order in offered]
    return laid(offered[scores.index(max(scores))])


@torch.inference_mode()
def _likely(canvas: Canvas, pool: Pool, models: Models) -> float:
    """The planner's log-probability of the first pointers, each masked in turn, in nats."""
    rows = rows_of(seen_by_planner(canvas, models))
    plan = Plan([k for k, _, _ in rows], [tuple(pool.row(e) for e in ids) for _, ids, _ in rows], [0.0] * len(rows))
    at = [i for i, (kind, ids, _) in enumerate(rows) if kind == Kind.CLAIM and ids]
    brief = torch.from_numpy(models.embedder([canvas.question])[0])
    usable = torch.zeros(len(pool), dtype=torch.bool)
    usable[[p for i in at for p in plan.pointers[i]]] = True
    belief = distribution(
        models.planner,
        plan,
        brief=brief,
        evidence=torch.from_numpy(pool.vectors).float(),
        features=features(pool, canvas.question, brief),
        slots=at,
        usable=usable,
        kinds_visible=True,
    )
    return round(sum(float(belief.pointers[n, 0, 1 + plan.pointers[i][0]]) for n, i in enumerate(at)), 4)
