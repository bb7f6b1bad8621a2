"""From passages that were found to the pool: the evidence a draft may cite.

Sentences are scored by their cosine with the question (or the sub-question
nearest to it) and by the rank of the passage they stand in. Passages that give
orders to their reader are left out (tools/injection.py). Sources far from
the question are cut, every source that is left gets a fair share, and sentences
that say the same are folded, unless they disagree in a number, a date, a name
or a negation: those are what a revision is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.brief import Brief
from agent.duplicates import distinct
from agent.gaps import COVERED
from dlm_core.clutter import mendable
from dlm_core.embed import Embedder
from dlm_core.facts import unsupported
from dlm_core.pool import Pool
from dlm_core.segment import Evidence, Passage
from tools.injection import addresses_reader
from tools.library import Library
from tools.query import keywords

LIMIT = 48  # evidence in a pool: about twice what a report cites, or the plan drifts
PASSAGES = 40  # passages taken for the question and each of its parts
OTHERS = 15  # and for each other search
TWIN = 0.95  # cosine from which two sentences say the same
RANK = 0.15  # weight of the passage's rank beside the cosine
WORDS = 0.3  # weight of the question's rarer words standing in the sentence
SOURCE = 0.15  # weight of the source's own closeness to the question
# Measured on six questions over their own sources (best source 0.62 to 0.81) and over others' (0.21 to 0.32).
FLOOR = 0.33  # closeness that some source must have for a report at all
OFF_TOPIC = 0.55  # a source under this share of the best one's closeness is cut
ASIDE = 0.5  # and so is a sentence under this share, while
NEAR = 0.85  # unless it is at least as close as this, or names this share of the question's rarer words
NAMES = 0.2
BESIDE = 0.8  # or is as close as this to what the draft cites
ENOUGH = 8  # sentences are left
RESERVED = 4  # sentences on each of the things a question asks of separately
SHARE = 3  # sentences any source on the topic may hold before the rest is by score


@dataclass(frozen=True)
class Selection:
    """ids: the pool, in order. cut: sources left out as off the topic, with their
    closeness. best: closeness of the best source, 0..1. flagged: passages left
    out because they give orders to their reader, by source."""

    ids: list[str]
    cut: dict[str, float]
    best: float
    flagged: dict[str, list[str]] = field(default_factory=dict)


def gather(
    brief: Brief,
    queries: Sequence[str],
    library: Library,
    embedder: Embedder,
    *,
    sources: Sequence[str],
    keep: Iterable[str] = (),
    limit: int = LIMIT,
    captions: bool = False,
    apart: Sequence[str] = (),
) -> Selection:
    """The pool for a brief: evidence that may stand alone, from the passages that
    `queries` find in `sources` and no others.

    keep: evidence the canvas cites; it stays, whatever its score. captions: what
    the captions of figures say may be cited without their labels. apart: what the
    question asks of separately; each has a few places of its own, so that the pages
    on one do not crowd out those on another. Nothing is random: the same library
    and queries give the same pool in the same order.
    """
    kept = list(dict.fromkeys(keep))
    many = {q: PASSAGES if q in (brief.question, *brief.parts) else OTHERS for q in queries}
    found, flagged = _candidates(many, library, set(sources), captions)
    for e in library.evidence(i for i in kept if i not in found):
        found[e.id] = (e, 0.0)
    if not found:
        return Selection([], {}, 0.0, flagged)
    ids = list(found)
    vectors = library.vectors(ids)
    asked = embedder(list(dict.fromkeys((brief.question, *brief.parts))))
    near = np.round((vectors @ asked.T).max(axis=1), 6)
    shared = _shared_words(brief.question, [found[i][0].text for i in ids])
    closeness = _closeness([found[i][0].source for i in ids], near)
    best = max(closeness.values())
    origin = [found[i][0].source for i in ids]
    parts = np.round(vectors @ embedder(list(apart)).T, 6) if apart else np.zeros((len(ids), 0), np.float32)
    wide = _closeness(origin, np.maximum(near, parts.max(axis=1))) if apart else closeness
    cut = {s: c for s, c in closeness.items() if wide[s] < OFF_TOPIC * best or best < FLOOR}
    top = max((rank for _, rank in found.values()), default=0.0) or 1.0
    score = {
        i: round(
            float(near[n] + WORDS * shared[n]) + RANK * found[i][1] / top + SOURCE * closeness[found[i][0].source], 6
        )
        for n, i in enumerate(ids)
    }
    row = {i: n for n, i in enumerate(ids)}
    wanted = [i for i in ids if i in set(kept) or found[i][0].source not in cut]
    ranked = sorted(wanted, key=lambda i: (i not in set(kept), -score[i], i))
    # What speaks of the same as a claim of the draft may contradict it, and must be seen.
    held = vectors[[row[i] for i in kept if i in row]]
    beside = (vectors @ held.T).max(axis=1) if len(held) else np.zeros(len(ids))
    about = [
        i
        for i in ranked
        if i in set(kept) or beside[row[i]] >= BESIDE or _on_topic(float(near[row[i]]) / best, float(shared[row[i]]))
    ]
    reserved = {i for column in parts.T for i in _nearest(column, ids, set(ranked))}
    about = [i for i in ranked if i in reserved or i in set(about)]
    ranked = about if len(about) >= ENOUGH else ranked[: max(ENOUGH, len(about))]
    chosen = _fold(ranked, {i: found[i][0] for i in ranked}, vectors[[row[i] for i in ranked]], set(kept))
    chosen = _fair(chosen, {i: found[i][0].source for i in chosen}, set(kept), limit, reserved)
    order = sorted(closeness, key=lambda s: (-closeness[s], s))
    place = {s: n for n, s in enumerate(order)}
    chosen.sort(key=lambda i: (place[found[i][0].source], found[i][0].start))
    left = {s: c for s, c in cut.items() if s not in {found[i][0].source for i in chosen}}
    return Selection(chosen, left, best, flagged)


def _nearest(near: np.ndarray, ids: Sequence[str], allowed: set[str]) -> list[str]:
    """The RESERVED ids that are nearest, of those allowed and near enough to speak of it."""
    order = np.lexsort((np.arange(len(near)), -near)).tolist()
    return [ids[n] for n in order if near[n] >= COVERED and ids[n] in allowed][:RESERVED]


def nearest(asked: Sequence[str], pool: Pool, embedder: Embedder) -> list[str]:
    """The evidence of a pool that is nearest to each of some texts, in pool order."""
    if not asked or not len(pool):
        return []
    near = np.round(pool.vectors @ embedder(list(asked)).T, 6)
    ids = pool.ids
    close = {i for column in near.T for i in _nearest(column, ids, set(ids))}
    return [i for i in ids if i in close]


def load_pool(library: Library, ids: Sequence[str]) -> Pool:
    """The pool of these ids, in this order, with titles and dates of its sources."""
    items = library.evidence(ids)
    known = {s.id: s for s in library.sources()}
    here = dict.fromkeys(e.source for e in items)
    return Pool(
        {e.id: e for e in items},
        library.vectors(ids),
        {s: known[s].title for s in here if s in known},
        {s: known[s].date for s in here if s in known and known[s].date},
    )


def _candidates(
    queries: Mapping[str, int], library: Library, sources: set[str], captions: bool
) -> tuple[dict[str, tuple[Evidence, float]], dict[str, list[str]]]:
    """Evidence that stands alone, or does without its clutter, with the summed rank score of its passage; and the
    passages left out because they give orders, by source. queries: with the number of passages each may bring."""
    passages: dict[str, float] = {}
    for query, many in queries.items():
        for passage, score in _distinct(query, many, library, sources):
            passages[passage.id] = passages.get(passage.id, 0.0) + score
    out: dict[str, tuple[Evidence, float]] = {}
    flagged: dict[str, list[str]] = {}
    for name in sorted(passages, key=lambda p: (-round(passages[p], 9), p)):
        passage = library.passage(name)
        if addresses_reader(f"{passage.heading}\n{passage.text}"):
            flagged.setdefault(passage.source, []).append(name)
            continue
        for e in library.evidence_of(name, captions):
            if e.standalone or mendable(e.text):
                out[e.id] = (e, passages[name])
    return out, flagged


def _distinct(query: str, many: int, library: Library, sources: set[str]) -> list[tuple[Passage, float]]:
    """The first `many` passages for a query that are no copies of better ones."""
    found: list[tuple[Passage, float]] = []
    for limit in (many, 2 * many):
        found = library.search(query, limit, sources)
        kept = {p.id for p in distinct([p for p, _ in found])}
        if len(kept) == len(found):
            break
        found = [(p, score) for p, score in found if p.id in kept]
    return found[:many]


def _on_topic(near: float, shared: float) -> bool:
    """Whether a sentence speaks of the question: near to it, or less near and naming what it asks about."""
    return near >= NEAR or (near >= ASIDE and shared >= NAMES)


def _shared_words(question: str, texts: Sequence[str]) -> np.ndarray:
    """(n,) 0..1: how much of the question each sentence names, its words weighed by
    how rare they are among the sentences. Vectors alone take everything on
    asyncio for an answer about asyncio's timeouts."""
    asked = {_stem(w) for w in keywords(question)}
    held = [{_stem(w) for w in re.findall(r"\w+", t.lower())} for t in texts]
    weight = {w: math.log((1 + len(held)) / (1 + sum(w in h for h in held))) for w in asked}
    total = sum(weight.values()) or 1.0
    return np.round(np.array([sum(v for w, v in weight.items() if w in h) / total for h in held]), 6)


def _stem(word: str) -> str:
    return re.sub(r"(?:ation|ing|ed|es|s)$", "", word.lower())[:6]


def _closeness(sources: Sequence[str], near: np.ndarray) -> dict[str, float]:
    """Of each source, the mean cosine of its three best sentences."""
    by_source: dict[str, list[float]] = {}
    for source, value in zip(sources, near.tolist(), strict=True):
        by_source.setdefault(source, []).append(value)
    return {s: round(sum(sorted(v, reverse=True)[:3]) / min(3, len(v)), 6) for s, v in by_source.items()}


def _fold(ranked: Sequence[str], items: dict[str, Evidence], vectors: np.ndarray, kept: set[str]) -> list[str]:
    """Without sentences that an earlier one already says; `kept` ones stay."""
    out: list[int] = []
    for n, name in enumerate(ranked):
        if out and name not in kept:
            close = vectors[out] @ vectors[n]
            if any(_same(items[name].text, items[ranked[out[j]]].text) for j in np.flatnonzero(close > TWIN).tolist()):
                continue
        out.append(n)
    return [ranked[n] for n in out]


def _same(a: str, b: str) -> bool:
    return not unsupported(a, [b]) and not unsupported(b, [a])


def _fair(
    ranked: Sequence[str], source: dict[str, str], kept: set[str], limit: int, reserved: Collection[str] = ()
) -> list[str]:
    """At most `limit`: what is kept, what is reserved, then SHARE of each source, then the best of the rest."""
    chosen = [i for i in ranked if i in kept]
    chosen += [i for i in ranked if i in reserved and i not in kept][: max(0, limit - len(chosen))]
    held: dict[str, int] = {}
    for i in chosen:
        held[source[i]] = held.get(source[i], 0) + 1
    share = min(SHARE, max(1, (limit - len(chosen)) // max(1, len(set(source.values())))))
    first, rest = [], []
    for i in ranked:
        if i in kept or i in reserved:
            continue
        if held.get(source[i], 0) < share:
            held[source[i]] = held.get(source[i], 0) + 1
            first.append(i)
        else:
            rest.append(i)
    return [*chosen, *first, *rest][: max(limit, len(chosen))]
