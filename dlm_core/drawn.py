"""How much of the planner's belief new evidence draws: what a report that grows takes in first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from dlm_core.canvas import Canvas, Slot
from dlm_core.layout import rows_of
from dlm_core.models import Models
from dlm_core.plan_features import features
from dlm_core.planning import Plan, distribution
from dlm_core.pool import Pool


@torch.no_grad()
def drawn(canvas: Canvas, pool: Pool, models: Models, claims: Sequence[Slot], new: Sequence[str]) -> np.ndarray:
    """(claims, new) the probability that each claim's first pointer would take each new piece, the claim masked in
    turn while the other slots of `canvas` stand, and only what it cites and `new` at hand. The planner must see all
    of the canvas: PlannerError for more slots than it has."""
    rows = rows_of(canvas)
    place = {s.id: i for i, s in enumerate(canvas.slots)}
    held = Plan(
        [k for k, _, _ in rows],
        [tuple(pool.row(e) for e in ids if e in pool.evidence) for _, ids, _ in rows],
        [c for _, _, c in rows],
    )
    brief = torch.from_numpy(models.embedder([canvas.question])[0])
    usable = torch.zeros(len(pool), dtype=torch.bool)
    usable[[pool.row(e) for e in (*canvas.cited(), *new) if e in pool.evidence]] = True
    belief = distribution(
        models.planner,
        held,
        brief=brief,
        evidence=torch.from_numpy(pool.vectors).float(),
        features=features(pool, canvas.question, brief),
        slots=[place[s.id] for s in claims],
        usable=usable,
        kinds_visible=True,
    )
    return belief.pointers[:, 0][:, [1 + pool.row(e) for e in new]].exp().numpy()
