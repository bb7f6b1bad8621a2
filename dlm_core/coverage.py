"""What a plan passes over: sub-questions that no claim answers, and what the question is about that no claim names."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from dlm_core.embed import Embedder
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.stems import WORD, roots, stems

FEWEST = 2  # claims a section needs
PLACE = 0.5  # weight of title and heading, beside the sentence's own, in what answers a sub-question
SOME = 0.4  # share of the pool up to which a word tells what is about it from what is not
POINT = 0.77  # share of the closest evidence's closeness from which a piece is to the point
REST = 0.6  # length, of 1, that a sub-question must keep without the subject to ask something beside it
ANSWERS = 0.05  # how much nearer than the pool evidence must be to a sub-question to answer it
IN_WORDS = 0.9  # share of the closest text's closeness to a sub-question from which one with its own words answers it


def asked_beside(parts: Sequence[str], embedder: Embedder, rest: float = REST) -> np.ndarray:
    """(Q, 384) unit vectors of what sub-questions ask beside what all of them name; (0, 384) where they share nothing,
    or one of them asks of little but that ("What is psychology?"): what is left of it is under `rest` long.

    Of what "How does asyncio cancel a task?" and "How does asyncio handle timeouts?" share, every page on asyncio
    speaks; what answers them speaks of the rest.
    """
    common = set.intersection(*(stems(part) for part in parts)) if len(parts) > 1 else set()
    words = [w for w in WORD.findall(parts[0]) if stems(w) and stems(w) <= common] if common else []
    if not words:
        return np.zeros((0, embedder.dim), dtype=np.float32)
    vectors, shared = np.asarray(embedder(list(parts))), embedder([" ".join(words)])[0]
    left = vectors - np.outer(vectors @ shared, shared)
    length = np.linalg.norm(left, axis=1, keepdims=True)
    if length.min() < rest:
        return np.zeros((0, embedder.dim), dtype=np.float32)
    return np.asarray(left / length, dtype=np.float32)


def in_own_words(parts: Sequence[str], near: np.ndarray, texts: Sequence[str]) -> list[list[int]]:
    """For each of several sub-questions the texts that answer it in words that it alone has, the closest first; near
    (n, parts) cosines. Of "How do diffusion models write and revise?", what is close to the one half is close to the
    other; what answers the second says "revise" or "revision"."""
    if len(parts) < 2 or not len(texts):
        return [[] for _ in parts]
    words, held = [roots(part) for part in parts], [roots(text) for text in texts]
    out = []
    for n, close in enumerate(np.round(near.T, 6)):
        own = words[n].difference(*words[:n], *words[n + 1 :])
        found = [
            i for i, has in enumerate(held) if close[i] >= IN_WORDS * close.max() and 2 * len(own & has) > len(own)
        ]
        out.append(sorted(found, key=lambda i: (-close[i], i)))
    return out


def answers(parts: Sequence[str], pool: Pool, where: np.ndarray, models: Models) -> np.ndarray:
    """(M, parts): how much nearer each sub-question is to a piece of evidence, and to where it stands (M, 384), from
    `places`, than it is to the pool as a whole: on one subject, everything is near to every question about it."""
    if not parts or not len(pool):
        return np.zeros((len(pool), len(parts)), dtype=np.float32)
    asked = models.embedder(list(parts))
    near = pool.vectors @ asked.T + PLACE * (where @ asked.T)
    return np.asarray(near - near.mean(axis=0), dtype=np.float32)


def places(names: Sequence[tuple[str, str]], embedder: Embedder) -> np.ndarray:
    """(M, 384) vectors of where each of M pieces of evidence stands, from the title and heading over it."""
    if not names:
        return np.zeros((0, embedder.dim), dtype=np.float32)
    known = list(dict.fromkeys(names))
    vectors = dict(zip(known, embedder([f"{title}. {heading}" for title, heading in known]), strict=True))
    return np.stack([vectors[name] for name in names])


def to_the_point(questions: np.ndarray, pool: Pool, where: np.ndarray) -> np.ndarray:
    """(M,) bool: the evidence that is about as close to one of the questions (Q, 384) as the closest is, by itself or
    in its place (M, 384): there is not more to say, whatever length a report may have."""
    if not len(pool):
        return np.zeros(0, dtype=bool)
    alone = (pool.vectors @ questions.T).max(axis=1)
    there = ((pool.vectors + where) @ questions.T).max(axis=1)
    return np.asarray((alone >= POINT * alone.max()) | (there >= POINT * there.max()))


def answering(parts: np.ndarray) -> list[list[int]]:
    """For each of several sub-questions the rows that answer it best; parts (M, sub-questions) from `answers`."""
    if parts.shape[1] < 2:
        return []
    best = parts.argmax(axis=1)
    return [np.flatnonzero((best == k) & (parts[:, k] >= ANSWERS)).tolist() for k in range(parts.shape[1])]


def answered(used: Collection[int], parts: np.ndarray) -> float:
    """How well the rows `used` answer all sub-questions, 0..1: the mean over these of what the FEWEST best rows say of
    one, as a share of what the pool's FEWEST best say; parts (M, sub-questions) from `answers`. 1 for one question."""
    if parts.shape[1] < 2 or not len(parts):
        return 1.0
    if not used:
        return 0.0
    best = np.sort(parts, axis=0)[-FEWEST:].mean(axis=0)
    said = np.sort(parts[sorted(used)], axis=0)[-FEWEST:].mean(axis=0)
    return float(np.clip(said / np.maximum(best, 1e-6), 0, 1).mean())


def naming(question: str, pool: Pool) -> list[list[int]]:
    """For each word of the question that only some of the pool is about, the rows that have it, in text, heading or
    title: by vectors, everything on diffusion models answers a question about their remasking."""
    held = [roots(f"{e.said} {e.heading} {pool.title(i)}") for i, e in pool.evidence.items()]
    rows = [[n for n, words in enumerate(held) if word in words] for word in sorted(roots(question))]
    return [on for on in rows if FEWEST < len(on) <= SOME * len(pool)]


def passed_over(used: Collection[int], wanted: Sequence[list[int]], least: int = FEWEST) -> list[list[int]]:
    """Of each list of rows of which fewer than `least` are `used`, those that are not; where they are enough."""
    free = [[r for r in on if r not in used] for on in wanted if len(set(used) & set(on)) < least]
    return [on for on in free if len(on) >= FEWEST]
