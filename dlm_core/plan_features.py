"""What the planner is told of each piece of evidence beside its vector: one row of numbers, from code alone."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dlm_core.stems import stems

if TYPE_CHECKING:
    from dlm_core.pool import Pool

CODES = 8  # random numbers that tell which evidence shares a source, and which a heading
FEATURES = 18 + 2 * CODES
PLACE = 2  # the column with the place in the source, 0..1
_DEFINES = re.compile(r"^(?:\W*\w+\W+){1,8}?(?:is|are|means|refers? to|was|were|describes?|denotes?)\b", re.I)
_DIGIT = re.compile(r"\d")


def feature_matrix(
    question: np.ndarray,
    vectors: np.ndarray,
    *,
    sources: Sequence[str],
    headings: Sequence[str],
    starts: Sequence[int],
    opens: Sequence[bool],
    texts: Sequence[str],
    asked: str,
    seed: int = 0,
) -> np.ndarray:
    """(M, FEATURES) float32 from what is known of M pieces of evidence before any plan.

    question (384,), of the text `asked`, and vectors (M, 384) are unit length.
    `starts` are offsets in the source, `opens` says which begin a paragraph.
    Columns: cosine to the question and its rank; place in the source; opens a
    paragraph; length; has a defining verb early; has digits; closeness to
    pool, source and heading; nearest neighbour; the source's closeness to the
    question and share of the pool; first of its heading; closeness of the
    source's best and of the heading to the question; the question's words in
    the text and in the heading, each by how rare it is in the pool (0..1);
    then random codes of source and heading, drawn from `seed`.
    """
    many = len(texts)
    near = vectors @ question
    rank = near.argsort().argsort() / max(many - 1, 1)
    source_id = _numbered(sources)
    part_id = _numbered(list(zip(sources, headings, strict=True)))
    start = np.asarray(starts, dtype=np.float64)
    place, leads = np.zeros(many), np.zeros(many)
    by_source, by_part, source_near, share = np.zeros(many), np.zeros(many), np.zeros(many), np.zeros(many)
    best, part_near = np.zeros(many), np.zeros(many)
    for ids, close in ((source_id, by_source), (part_id, by_part)):
        for i in np.unique(ids):
            rows = np.flatnonzero(ids == i)
            centre = vectors[rows].mean(0)
            close[rows] = vectors[rows] @ centre / max(float(np.linalg.norm(centre)), 1e-6)
            if ids is source_id:
                place[rows] = start[rows].argsort().argsort() / max(len(rows) - 1, 1)
                source_near[rows] = near[rows].mean()
                best[rows] = np.sort(near[rows])[-3:].mean()
                share[rows] = len(rows) / many
            else:
                part_near[rows] = near[rows].mean()
                leads[rows[start[rows].argmin()]] = 1.0
    twins = vectors @ vectors.T
    np.fill_diagonal(twins, 0.0)
    random = np.random.default_rng(seed)
    source_code = random.standard_normal((many + 1, CODES))
    part_code = random.standard_normal((many + 1, CODES))
    columns = [
        2 * near,
        rank,
        place,
        np.asarray(opens, dtype=np.float64),
        np.asarray([min(len(t.split()) / 40, 1.5) for t in texts]),
        np.asarray([bool(_DEFINES.match(t)) for t in texts], dtype=np.float64),
        np.asarray([bool(_DIGIT.search(t)) for t in texts], dtype=np.float64),
        2 * (vectors @ vectors.mean(0)) if many else near,
        by_source,
        by_part,
        twins.max(1) if many else near,
        2 * source_near,
        share,
        leads,
        2 * best,
        2 * part_near,
        *_shared_words(asked, texts, headings),
    ]
    return np.concatenate([np.stack(columns, 1), source_code[source_id], part_code[part_id]], 1).astype(np.float32)


def _numbered(names: Sequence[Hashable]) -> np.ndarray:
    """(M,) int: each name as its place among the different ones, in the order they come: what a source is called, which
    says where its file lies, must not decide which code it gets."""
    place = {name: n for n, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names], dtype=int)


def _shared_words(asked: str, texts: Sequence[str], headings: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two (M,): the share of the question's words that a text has, and its heading; rare words count more."""
    have = [stems(t) for t in texts]
    weight = {w: math.log(1 + (len(texts) + 1) / (1 + sum(w in h for h in have))) for w in sorted(stems(asked))}
    total = max(sum(weight.values()), 1e-6)

    def share(words: set[str]) -> float:
        return sum(v for w, v in weight.items() if w in words) / total

    return np.array([share(h) for h in have]), np.array([share(stems(h)) for h in headings])


def features(pool: Pool, asked: str, question_vector: np.ndarray | Tensor) -> Tensor:
    """(M, FEATURES) float32 for `plan`, from a pool of M pieces of evidence, the question and its vector (384,)."""
    rows = list(pool.evidence.values())
    made = feature_matrix(
        np.asarray(question_vector, dtype=np.float32),
        np.asarray(pool.vectors, dtype=np.float32),
        sources=[e.source for e in rows],
        headings=[e.heading for e in rows],
        starts=[e.start for e in rows],
        opens=[e.lead == "" for e in rows],
        texts=[e.said for e in rows],
        asked=asked,
    )
    return torch.from_numpy(made)
