"""Which of several pieces of evidence a claim leads with, where more than one says what it says.

A claim is worded from the evidence that leads it. Where two sentences of a page hold what a sentence of the book's own
summary says, the summary rewords the one that the planner would rather have in a report, and not the one that is
closest to the page's title: that one often says no more of the thing than that it is there. `python -m bench.leading`
weighs the two and judges it, book by book.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from dlm_core.canvas import Kind
from dlm_core.models import Models
from dlm_core.order import Row
from dlm_core.planning import salience
from dlm_core.pool import Pool

TWIN = 0.88  # cosine from which two claims would say the same
AGREES = 0.75  # cosine from which one piece of evidence bears out another
NAMED = 4.0  # nats of salience that a cosine of one with the title of its source is worth less


def signs(pool: Pool, models: Models, *, brief: torch.Tensor, features: torch.Tensor) -> np.ndarray:
    """(M, 2) float32: the planner's log-odds that a piece of evidence belongs in the report, in nats, and its cosine
    with the title of its source; brief (384,) and features (M, FEATURES) as for `plans`."""
    evidence = torch.from_numpy(pool.vectors).float()
    likes = salience(models.planner, brief=brief, evidence=evidence, features=features).numpy()
    titles = [pool.title(e) for e in pool.evidence]
    named = list(dict.fromkeys(titles))
    vectors = dict(zip(named, models.embedder(named), strict=True))
    close = (pool.vectors * np.stack([vectors[t] for t in titles])).sum(1)
    return np.stack([likes, close], axis=1).astype(np.float32)


def worth(pool: Pool, models: Models, *, brief: torch.Tensor, features: torch.Tensor) -> np.ndarray:
    """(M,) float32, how well each piece of evidence would lead a claim, in nats; the rest as for `signs`."""
    if not len(pool):
        return np.zeros(0, dtype=np.float32)
    likes, close = signs(pool, models, brief=brief, features=features).T
    return np.round(likes - NAMED * close, 4)


def led(rows: Sequence[Row], pool: Pool, worth: np.ndarray, required: Collection[str] = ()) -> list[Row]:
    """Rows of a plan whose claims lead with the evidence of most `worth` (M,) among what they point at that bears it
    out, and of two claims that would say the same the first, which stays, with the better. Claims led by `required`
    evidence stay as they are."""
    out = list(rows)
    open_claims = [i for i, (kind, ids, _) in enumerate(out) if kind == Kind.CLAIM and ids and ids[0] not in required]

    def close(one: str, other: str) -> float:
        return float(pool.vectors[pool.row(one)] @ pool.vectors[pool.row(other)])

    for n, i in enumerate(open_claims):
        kind, ids, sure = out[i]
        best = max((e for e in ids if e == ids[0] or close(e, ids[0]) >= AGREES), key=lambda e: worth[pool.row(e)])
        out[i] = (kind, (best, *(e for e in ids if e != best)), sure)
        for j in open_claims[:n]:
            (_, (first, *more), held), (_, (again, *others), sure) = out[j], out[i]
            if close(first, again) >= TWIN and worth[pool.row(again)] > worth[pool.row(first)]:
                out[j], out[i] = (kind, (again, *more), held), (kind, (first, *others), sure)
    return out
