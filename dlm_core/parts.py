"""Reports longer than one plan: the evidence is parted by subject, and each part is planned on its own.

The planner sees all its slots and all its evidence at once, so one plan's cost
grows with the product of both. A report of many plans costs as many times one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dlm_core.layout import Budget


def shares(budget: Budget, slots: int) -> list[Budget]:
    """The budget in parts of at most `slots` slots, each its share of claims and sections."""
    count = -(-budget.slots // slots)

    def part(whole: int, i: int) -> int:
        return whole * (i + 1) // count - whole * i // count

    return [
        replace(
            budget,
            slots=part(budget.slots, i),
            claims=max(1, part(budget.claims, i)),
            most=max(1, part(budget.most, i)),
            sections=max(1, part(budget.sections, i)),
        )
        for i in range(count)
    ]


def by_subject(kin: np.ndarray, near: np.ndarray, usable: Sequence[int], count: int) -> list[list[int]]:
    """The rows `usable` in `count` parts of like size that have to do with each other.

    kin: (M, M) affinity; near: (M,) closeness to the question. A part grows
    around a seed: the row nearest to the question, then always the one farthest
    from the seeds so far. Rows with the clearest choice choose first. The same
    input gives the same parts; rows stand in ascending order.
    """
    rows = np.asarray(usable, dtype=int)
    count = max(1, min(count, len(rows)))
    seeds = [int(rows[np.argmax(near[rows])])]
    while len(seeds) < count:
        left = np.asarray([r for r in rows.tolist() if r not in seeds], dtype=int)
        seeds.append(int(left[np.argmin(kin[left][:, seeds].max(axis=1))]))
    pull = kin[rows][:, seeds]
    best = np.sort(pull, axis=1)
    clear = best[:, -1] - (best[:, -2] if count > 1 else 0.0)
    room = -(-len(rows) // count)
    parts: list[list[int]] = [[] for _ in seeds]
    for i in np.argsort(-clear, kind="stable").tolist():
        order = np.argsort(-pull[i], kind="stable").tolist()
        parts[next(p for p in order if len(parts[p]) < room)].append(int(rows[i]))
    return [sorted(p) for p in parts if p]
