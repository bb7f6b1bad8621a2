"""Other ways to choose sentences from a pool: what plans are compared with.

All are extractive selectors of the field, over the same sentences and, where
they need vectors, the same MiniLM vectors. Each gives every row a place: the
best first.
"""

from __future__ import annotations

from collections.abc import Callable

import bm25s
import numpy as np

from dlm_core.stems import stems
from dlm_core.train.plan_examples import Example

TRADE = 0.7  # of maximal marginal relevance: weight of relevance against novelty
DAMPING, NEAR = 0.85, 0.1  # of LexRank: chance to follow an edge, and cosine from which there is one

Pick = Callable[[Example, int], np.ndarray]


def by_score(scores: np.ndarray, count: int) -> np.ndarray:
    """Rows of the `count` highest scores, the best first."""
    return np.argsort(-scores, kind="stable")[:count]


def marginal(scores: np.ndarray, similar: np.ndarray, count: int, trade: float = TRADE) -> np.ndarray:
    """Maximal marginal relevance (Carbonell and Goldstein 1998): scores (M,), similar (M, M), both 0..1."""
    chosen: list[int] = []
    for _ in range(min(count, len(scores))):
        twin = similar[:, chosen].max(1) if chosen else np.zeros(len(scores))
        worth = trade * scores - (1 - trade) * twin
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return np.array(chosen, dtype=int)


def _unit(scores: np.ndarray) -> np.ndarray:
    low, high = float(scores.min()), float(scores.max())
    return np.asarray((scores - low) / max(high - low, 1e-9))


def bm25(case: Example) -> np.ndarray:
    """(M,) BM25 of every sentence for the question, English stop words out, words stemmed as the planner's are."""
    held = [sorted(stems(t)) or ["-"] for t in case.texts]
    index = bm25s.BM25()
    index.index(held, show_progress=False)
    return np.asarray(index.get_scores(sorted(stems(case.asked)) or ["-"]), dtype=np.float64)


def tfidf(case: Example) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows (M, W) of the sentences and (W,) of the question, tf times log idf over the pool."""
    held = [*map(stems, case.texts), stems(case.asked)]
    words = {w: i for i, w in enumerate(sorted(set().union(*held)))}
    table = np.zeros((len(held), max(len(words), 1)))
    for row, found in enumerate(held):
        table[row, [words[w] for w in found]] = 1.0
    table *= np.log((1 + len(held)) / (1 + table.sum(0))) + 1
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    return table[:-1], table[-1]


def lexrank(case: Example) -> np.ndarray:
    """(M,) centrality of every sentence (Erkan and Radev 2004): the stationary walk over TF-IDF cosines from 0.1."""
    rows, _ = tfidf(case)
    edges = (rows @ rows.T >= NEAR).astype(float)
    walk = edges / edges.sum(1, keepdims=True)
    rank = np.full(len(rows), 1 / len(rows))
    for _ in range(60):
        rank = (1 - DAMPING) / len(rows) + DAMPING * walk.T @ rank
    return rank


def _bm25_mmr(case: Example, count: int) -> np.ndarray:
    rows, _ = tfidf(case)
    return marginal(_unit(bm25(case)), rows @ rows.T, count)


def _tfidf_mmr(case: Example, count: int) -> np.ndarray:
    rows, asked = tfidf(case)
    return marginal(rows @ asked, rows @ rows.T, count)


def _uniform(case: Example, count: int) -> np.ndarray:
    """Rows at random; the case's own question seeds the draw."""
    seed = int(abs(case.question[:8]).sum() * 1e6) % 2**31
    return np.random.default_rng(seed).permutation(len(case.texts))[:count]


PEERS: dict[str, Pick] = {
    "uniform": _uniform,
    "bm25": lambda case, count: by_score(bm25(case), count),
    "bm25_mmr": _bm25_mmr,
    "tfidf_mmr": _tfidf_mmr,
    "lexrank": lambda case, count: by_score(lexrank(case), count),
    "minilm": lambda case, count: by_score(case.vectors @ case.question, count),
    "minilm_mmr": lambda case, count: marginal(case.vectors @ case.question, case.vectors @ case.vectors.T, count),
}


def document_order(case: Example, chosen: np.ndarray) -> np.ndarray:
    """The same rows page by page: pages by the score of their best-ranked row, rows as their page has them."""
    first: dict[int, int] = {}
    for rank, row in enumerate(chosen.tolist()):
        first.setdefault(int(case.page[row]), rank)
    return np.array(sorted(chosen.tolist(), key=lambda r: (first[int(case.page[r])], int(case.place[r]))), dtype=int)


def tau(order: list[int], gold: list[int]) -> float | None:
    """Kendall's tau of the rows both have, -1..1; None for fewer than three of them."""
    at = {row: i for i, row in enumerate(gold)}
    ranks = [at[row] for row in order if row in at]
    pairs = [(a, b) for i, a in enumerate(ranks) for b in ranks[i + 1 :]]
    if len(ranks) < 3:
        return None
    return sum(1 if a < b else -1 for a, b in pairs) / len(pairs)
