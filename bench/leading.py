"""Which of two sentences a book's summary rewords: the weight of dlm_core/leading.py, fitted and judged.

    python -m bench.leading --data ../shared/data

Pairs are summary sentences of the training textbooks and the two sentences of the page that hold at least 80% of their
content words. What is fitted, by least squares, is by how much the summary sentence has more ROUGE-L with the one than
with the other; a weight that is judged on a book is fitted on others. One JSON line a figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from bench.line import line
from bench.plan import interval
from bench.rouge import rouge_l
from bench.text import COVERAGE, at_hand
from dlm_core.leading import NAMED, signs
from dlm_core.models import Models, load_models
from dlm_core.train.documents import documents, shards
from dlm_core.train.text_data import summary_pairs

FOLDS = 10  # of books


def examples(data: Path, models: Models) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of n pairs of the training textbooks: the two sentences' signs (n, 2, 2), their ROUGE-L with the summary sentence
    (n, 2), their cosine with title and heading (n, 2), and the number of the book (n,)."""
    rows, rouge, near, book = [], [], [], []
    for number, file in enumerate(shards(data, training=True, folders=("textbooks",))):
        for document in documents(file):
            some = [p for p in summary_pairs(document) if p.covered >= COVERAGE and len(p.evidence) == 2]
            vectors = models.embedder([text for _, text in some[0].page]) if some else np.zeros((0, 384))
            for p in some:
                pool, question, told = at_hand(p, vectors, models)
                texts = [e.text for e in pool.evidence.values()]
                own = [texts.index(e) for e in p.evidence]
                rows.append(signs(pool, models, brief=torch.from_numpy(question), features=told)[own])
                rouge.append([rouge_l(p.target, e) for e in p.evidence])
                near.append((pool.vectors[own] @ question).tolist())
                book.append(number)
    return np.array(rows), np.array(rouge), np.array(near), np.array(book)


def fit(rows: np.ndarray, rouge: np.ndarray) -> float:
    """What NAMED should be: least squares on the differences of the two sentences."""
    weights = np.linalg.lstsq(rows[:, 0] - rows[:, 1], rouge[:, 0] - rouge[:, 1], rcond=None)[0]
    return float(-weights[1] / weights[0])


def worth(rows: np.ndarray, named: float) -> np.ndarray:
    """(n, 2) what each sentence is worth as a lead."""
    return np.asarray(rows[..., 0] - named * rows[..., 1])


def chosen(worth: np.ndarray, rouge: np.ndarray) -> np.ndarray:
    """(n,) ROUGE-L of the sentence of more worth (n, 2)."""
    return np.asarray(np.where(worth[:, 0] >= worth[:, 1], rouge[:, 0], rouge[:, 1]))


def figures(rows: np.ndarray, rouge: np.ndarray, near: np.ndarray, book: np.ndarray) -> dict[str, float]:
    """ROUGE-L of the sentence chosen, of MiniLM's and of the better one; the lead over MiniLM's with its interval."""
    minilm = chosen(near, rouge)
    unseen = np.zeros(len(rows))
    for fold in range(FOLDS):
        held = book % FOLDS == fold
        unseen[held] = chosen(worth(rows[held], fit(rows[~held], rouge[~held])), rouge[held])
    found = {"pairs": float(len(rows)), "minilm_rouge_l": float(minilm.mean()), "oracle": float(rouge.max(1).mean())}
    for name, scores in (("fitted", unseen), ("shipped", chosen(worth(rows, NAMED), rouge))):
        found[f"{name}_rouge_l"] = float(scores.mean())
        found[f"{name}_gap"] = float((scores - minilm).mean())
        found[f"{name}_gap_low"], found[f"{name}_gap_high"] = interval(scores - minilm)
    return found | {"named": fit(rows, rouge)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    found = figures(*examples(parser.parse_args().data, load_models(threads=1, quiet=True)))
    for name, value in found.items():
        line("leading", name, value, {"pairs": "count", "named": "nats"}.get(name, "share"))


if __name__ == "__main__":
    main()
