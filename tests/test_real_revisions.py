"""Revisions of real drafts by the real weights: pins and what a round may not touch keep their bytes."""

from __future__ import annotations

import random

import pytest

from bench import update_cases as cases
from dlm_core.canvas import Canvas
from dlm_core.effort import Effort
from dlm_core.layout import Budget
from dlm_core.revise import draft, revise
from dlm_core.train.plan_data import validation_files
from tests.support import need, shared_folder
from tests.test_revise import check, decided, pinned
from tests.test_workflow import models

BUDGET = Budget(slots=12, claims=8, most=11, sections=2)
FAST = Effort.at(0.0)
DRAFTS = 5  # of each shard, with two revisions each: 50 in all


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
def test_ten_real_revisions(number: int) -> None:
    shared = shared_folder()
    need(shared is not None and (shared / "data" / "validation.txt").is_file(), "there is no shared data")
    assert shared is not None
    files = [f for f in validation_files(shared / "data") if not f.startswith("extra/")]
    engine = models()
    pages = cases.pages(shared / "data", files[number], 30, 7)
    changed = 0
    for n, topic in enumerate(cases.topics(pages, DRAFTS, engine.embedder)):
        rng = random.Random(f"{files[number]} {n}")
        first = topic.pool.only(topic.pool.ids[: 2 * len(topic.pool) // 3])
        canvas = draft(Canvas(topic.question), first, engine, seed=n, budget=BUDGET, effort=FAST)
        for kind in ("local", "reconstruct"):
            before = pinned(canvas, rng)
            made = decided(before, topic.pool, kind, rng)
            canvas = revise(before, topic.pool, engine, made, seed=n, budget=BUDGET, effort=FAST)
            check(before, canvas, made)
            changed += bool(canvas.revisions[-1].slots)
    assert changed  # or nothing was put to the test
