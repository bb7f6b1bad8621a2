"""From passages that were found to the pool: the evidence a draft may cite.

A sentence is as close to the question (or the sub-question nearest to it) as
itself and the place it stands in, title and heading, are on average: what
explains a thing seldom repeats the question. The rank of its passage and the
question's rarer words add to that. Passages that give
orders to their reader are left out (tools/injection.py). Sources far from
the question are cut, and sentences
that say the same are folded, unless they disagree in a number, a date, a name
or a negation: those are what a revision is about.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from agent.brief import Brief
from agent.duplicates import distinct
from agent.gaps import COVERED
from agent.numbered import about_another, may_speak, numbered
from dlm_core.advice import asks_what_to_do, narrower
from dlm_core.coverage import asked_beside, in_own_words, places
from dlm_core.embed import Embedder
from dlm_core.facts import unsupported
from dlm_core.pool import Pool
from dlm_core.segment import Evidence, Passage, instruction, usable
from dlm_core.stems import root
from tools.injection import addresses_reader
from tools.library import Library
from tools.query import keywords

LIMIT = 64  # evidence in a pool; the planner has learned to choose from 24 to 96
PASSAGES = 80  # passages taken for the question and each of its parts
OTHERS = 15  # and for each other search
CANDIDATES = 400  # sentences of them, those of the closest places first, that are looked at one by one
TWIN = 0.95  # cosine from which two sentences say the same
RANK = 0.15  # weight of the passage's rank beside the closeness
WORDS = 0.3  # weight of the question's rarer words standing in the sentence, its heading or title
SOURCE = 0.3  # weight of the source's own closeness to the question
# Measured on six questions over their own sources (best source 0.62 to 0.81) and over others' (0.21 to 0.32).
FLOOR = 0.33  # cosine that some source must have for a report at all
OFF_TOPIC = 0.8  # a source under this share of the best one's closeness is cut
SAYS_SO = 0.85  # unless its sentences by themselves are as near as this to the best one's
UNDER = 6  # sentences that come with those that answer a sub-question in its own words, from under their headings
TELLING = 0.2  # cosine that a source's sentences have on average with their title and heading if these tell of them
UNTOLD = 0.55  # where they do not ("document (3)") sentences speak alone, and this is the share
ASIDE = 0.66  # a sentence under this share of the closest, in its place and by itself, is cut
SUBJECT = 0.55  # so is one under this share in what sub-questions ask beside the subject they share
BESIDE = 0.8  # unless it is as close as this to what the draft cites
ENOUGH = 8  # sentences are left
RESERVED = 2  # sentences on each of the things a question asks of separately


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
    and queries give the same pool in the same order, wherever its files lie: ids come from addresses, so what is
    equally good stays in the order it was found in, not in that of its ids.
    """
    kept = list(dict.fromkeys(keep))
    many = {q: PASSAGES if q in (brief.question, *brief.parts) else OTHERS for q in queries}
    titles = {s.id: s.title for s in library.sources()}
    told = {s: f"{brief.question} {t}" for s, t in titles.items()} if asks_what_to_do(brief.question) else {}
    found, flagged = _candidates(many, library, set(sources), captions, told)
    numbers = numbered(brief.question)
    others = {s for s in {e.source for e, _ in found.values()} if numbers and about_another(numbers, library.source(s))}
    found = {i: held for i, held in found.items() if may_speak(numbers, held[0].said, held[0].source in others)}
    for e in library.evidence(i for i in kept if i not in found):
        found[e.id] = (e, 0.0)
    if not found:
        return Selection([], {}, 0.0, flagged)
    standing = {i: (titles.get(e.source, ""), e.heading) for i, (e, _) in found.items()}
    asked = embedder(list(dict.fromkeys((brief.question, *brief.parts))))
    where = dict(zip(found, places(list(standing.values()), embedder), strict=True))
    top = max((rank for _, rank in found.values()), default=0.0) or 1.0

    def promise(i: str) -> float:
        return round(float((asked @ where[i]).max()) + found[i][1] / top, 6)

    ids = sorted(found, key=lambda i: (i not in kept, -promise(i)))[: max(CANDIDATES, len(kept))]
    vectors = library.vectors(ids)
    origin = [found[i][0].source for i in ids]
    context = np.stack([where[i] for i in ids])
    untold = _untold(origin, (vectors * context).sum(axis=1))
    mute = np.array([s in untold for s in origin])
    context[mute] = vectors[mute]
    close_to = np.round(vectors @ asked.T, 6)
    alone = close_to.max(axis=1)
    near = np.round(((vectors + context) @ asked.T).max(axis=1) / 2, 6)
    shared = _shared_words(brief.question, [" ".join((found[i][0].said, *standing[i])) for i in ids])
    closeness = _closeness(origin, near)
    says = _closeness(origin, alone)
    best = max(says.values())
    parts = embedder(list(apart)) if apart else np.zeros((0, vectors.shape[1]), np.float32)
    speaks = np.round(vectors @ parts.T, 6)
    there = np.round((speaks + context @ parts.T) / 2, 6)
    wide = _closeness(origin, np.maximum(near, there.max(axis=1))) if apart else closeness
    nearest_source = max(closeness.values())
    cut = {
        s: c
        for s, c in closeness.items()
        if best < FLOOR
        or (wide[s] < (UNTOLD if s in untold else OFF_TOPIC) * nearest_source and says[s] < SAYS_SO * best)
    }
    score = {
        i: round(float(near[n] + WORDS * shared[n]) + RANK * found[i][1] / top + SOURCE * closeness[origin[n]], 6)
        for n, i in enumerate(ids)
    }
    row = {i: n for n, i in enumerate(ids)}
    answers = _answering_a_part(brief.parts, close_to[:, -len(brief.parts) :], [found[i][0] for i in ids])
    saved = {i for i in answers if found[i][0].source in cut and best >= FLOOR}
    wanted = [i for i in ids if i in set(kept) or i in saved or found[i][0].source not in cut]
    ranked = sorted(wanted, key=lambda i: (i not in set(kept), -score[i]))
    # What speaks of the same as a claim of the draft may contradict it, and must be seen.
    held = vectors[[row[i] for i in kept if i in row]]
    beside = (vectors @ held.T).max(axis=1) if len(held) else np.zeros(len(ids))
    reserved = {i for column in speaks.T for i in _nearest(column, ids, set(ranked))}
    close = (near >= ASIDE * near.max()) | (alone >= ASIDE * alone.max())
    beyond = asked_beside(brief.parts, embedder)
    if len(beyond):  # what speaks of the subject alone answers none of the questions about it
        rest, there_too = (vectors @ beyond.T).max(axis=1), ((vectors + context) @ beyond.T).max(axis=1)
        close &= (rest >= SUBJECT * rest.max()) | (there_too >= SUBJECT * there_too.max())
    stays = {*kept, *reserved, *saved}
    about = [i for i in ranked if i in stays or beside[row[i]] >= BESIDE or close[row[i]]]
    ranked = about if len(about) >= ENOUGH else ranked[: max(ENOUGH, len(about))]
    chosen = _fold(ranked, {i: found[i][0] for i in ranked}, vectors[[row[i] for i in ranked]], set(kept))
    cited = [i for i in chosen if i in set(kept)]
    first = [i for i in chosen if i in reserved or beside[row[i]] >= BESIDE]
    chosen = _capped(cited, [*first, *chosen], {i: found[i][0].source for i in chosen}, limit)
    order = sorted(closeness, key=lambda s: -closeness[s])
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
    queries: Mapping[str, int], library: Library, sources: set[str], captions: bool, told: Mapping[str, str]
) -> tuple[dict[str, tuple[Evidence, float]], dict[str, list[str]]]:
    """Evidence that stands alone, or does without its clutter, with the summed rank score of its passage; and the
    passages left out because they give orders, by source. queries: with the number of passages each may bring.
    told: where instructions are wanted, what is known of what those of a source are about."""
    passages: dict[str, float] = {}
    for query, many in queries.items():
        for passage, score in _distinct(query, many, library, sources):
            passages[passage.id] = passages.get(passage.id, 0.0) + score
    out: dict[str, tuple[Evidence, float]] = {}
    flagged: dict[str, list[str]] = {}
    for name in sorted(passages, key=lambda p: -round(passages[p], 9)):
        passage = library.passage(name)
        if addresses_reader(f"{passage.heading}\n{passage.text}"):
            flagged.setdefault(passage.source, []).append(name)
            continue
        known = told.get(passage.source)
        for e in library.evidence_of(name, captions):
            if usable(e) or (known and instruction(e) and not narrower(e.text, e.heading, known)):
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


def _shared_words(question: str, texts: Sequence[str]) -> np.ndarray:
    """(n,) 0..1: how much of the question each sentence names, its words weighed by
    how rare they are among the sentences. Vectors alone take everything on
    asyncio for an answer about asyncio's timeouts."""
    asked = {root(w) for w in keywords(question)}
    held = [{root(w) for w in re.findall(r"\w+", t.lower())} for t in texts]
    weight = {w: math.log((1 + len(held)) / (1 + sum(w in h for h in held))) for w in asked}
    total = sum(weight.values()) or 1.0
    return np.round(np.array([sum(v for w, v in weight.items() if w in h) / total for h in held]), 6)


def _answering_a_part(parts: Sequence[str], near: np.ndarray, found: Sequence[Evidence]) -> set[str]:
    """The sentences that answer one of several sub-questions in its own words, and those that stand under one heading
    with such a one; near (n, parts) cosines. A page on one half of a question is far from the whole."""
    out: set[str] = set()
    for n, says in enumerate(in_own_words(parts, near, [e.said for e in found])):
        under = {(found[i].source, found[i].heading) for i in says if found[i].heading}
        beside = [i for i, e in enumerate(found) if (e.source, e.heading) in under and i not in says]
        out |= {found[i].id for i in (*says, *sorted(beside, key=lambda i: (-near[i, n], i))[:UNDER])}
    return out


def _by_source(sources: Sequence[str], values: np.ndarray) -> dict[str, list[float]]:
    """The values of each source's sentences, the largest first."""
    out: dict[str, list[float]] = {}
    for source, value in zip(sources, values.tolist(), strict=True):
        out.setdefault(source, []).append(value)
    return {s: sorted(v, reverse=True) for s, v in out.items()}


def _closeness(sources: Sequence[str], near: np.ndarray) -> dict[str, float]:
    """Of each source, the mean closeness of its three best sentences."""
    return {s: round(sum(v[:3]) / min(3, len(v)), 6) for s, v in _by_source(sources, near).items()}


def _untold(sources: Sequence[str], near: np.ndarray) -> set[str]:
    """The sources whose titles and headings are not near what stands under them; near: cosine by sentence."""
    return {s for s, v in _by_source(sources, near).items() if sum(v) / len(v) < TELLING}


def _fold(ranked: Sequence[str], items: dict[str, Evidence], vectors: np.ndarray, kept: set[str]) -> list[str]:
    """Without sentences that an earlier one already says; `kept` ones stay."""
    out: list[int] = []
    for n, name in enumerate(ranked):
        if out and name not in kept:
            close = vectors[out] @ vectors[n]
            if any(_same(items[name].said, items[ranked[out[j]]].said) for j in np.flatnonzero(close > TWIN).tolist()):
                continue
        out.append(n)
    return [ranked[n] for n in out]


def _same(a: str, b: str) -> bool:
    return not unsupported(a, [b]) and not unsupported(b, [a])


def _capped(cited: Sequence[str], ranked: Sequence[str], source: Mapping[str, str], limit: int) -> list[str]:
    """What is cited, all of it, then the best ranked up to `limit`; what one source has beyond three quarters of
    `limit` comes last: a long page leaves others room."""
    held: dict[str, int] = {}
    first: list[str] = []
    rest: list[str] = []
    for i in dict.fromkeys([*cited, *ranked]):
        held[source[i]] = held.get(source[i], 0) + 1
        (first if i in cited or held[source[i]] <= 3 * limit // 4 else rest).append(i)
    return [*first, *rest][: max(limit, len(cited))]
