"""What to ask next. Routing is code: the model supplies uncertainty, not tool calls.

The first round asks the question and its parts. Later rounds ask for parts that
no claim speaks of, for what the least certain claims speak of, and for the
words that mark the evidence the draft rests on (relevance feedback after
Rocchio 1971, with the weights of Robertson and Sparck Jones: words frequent in
the cited evidence and rare in the rest of the pool).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent.brief import Brief
from dlm_core.canvas import Canvas
from dlm_core.embed import Embedder
from dlm_core.pool import Pool
from tools.query import STOPWORDS, keywords
from tools.source import Hit

COVERED = 0.45  # cosine from which a claim's evidence speaks of a sub-question
WEAK = 2  # least certain claims that are asked about in a round
TERMS = 3  # words of relevance feedback beside the question's own
MOST = 5  # queries a round
_WORD = re.compile(r"[^\W\d_][\w-]*[^\W_]")


@dataclass(frozen=True)
class Query:
    """Something to search for, and why, in words for the reader."""

    text: str
    why: str


def first(brief: Brief) -> list[Query]:
    """The question, then its parts."""
    asked = [Query(brief.question, "the question")]
    asked += [Query(part, "a part of the question") for part in brief.parts]
    return _unasked(asked, ())


def later(brief: Brief, canvas: Canvas, pool: Pool, embedder: Embedder, asked: Iterable[str]) -> list[Query]:
    """At most MOST queries for the next round, none of them asked before."""
    found = [Query(part, f"no claim speaks of “{part}”") for part in uncovered(brief, canvas, pool, embedder)]
    topic = keywords(brief.question, 4)
    rated = [s for s in canvas.claims() if s.text and s.confidence and not s.pinned]
    for slot in sorted(rated, key=lambda s: (s.certainty, s.id))[:WEAK]:
        words = [w for w in keywords(slot.text, 5) if w.lower() not in {t.lower() for t in topic}]
        if words:
            found.append(Query(" ".join([*topic[:2], *words[:4]]), f"a claim is uncertain: “{_short(slot.text)}”"))
    terms = feedback(canvas, pool, {w.lower() for w in topic})
    if terms:
        found.append(Query(" ".join([*topic, *terms]), f"words of the evidence so far: {', '.join(terms)}"))
    for head, _ in canvas.sections():
        if head.text:
            words = [w for w in keywords(head.text, 4) if w.lower() not in {t.lower() for t in topic}]
            if words:
                found.append(Query(" ".join([*topic[:3], *words]), f"more on “{_short(head.text)}”"))
    return _unasked(found, asked)[:MOST]


def by_meaning(hits: Sequence[Hit], asked: Sequence[Query], embedder: Embedder) -> list[list[str]]:
    """For each query, the addresses of the hits by the closeness of their titles
    and snippets to it."""
    if not hits:
        return []
    near = embedder([f"{h.title}. {h.snippet}" for h in hits]) @ embedder([q.text for q in asked]).T
    near = np.round(near, 6)
    return [
        [hits[i].url for i in sorted(range(len(hits)), key=lambda i: (-near[i, q], hits[i].url))]
        for q in range(len(asked))
    ]


def uncovered(brief: Brief, canvas: Canvas, pool: Pool, embedder: Embedder) -> list[str]:
    """Sub-questions that no claim's evidence is close to (cosine under COVERED);
    none for a question of one part that has claims at all."""
    cited = [e for e in canvas.cited() if e in pool.evidence]
    if not cited:
        return list(brief.parts)
    if len(brief.parts) < 2:
        return []
    rows = pool.vectors[[pool.row(e) for e in cited]]
    near = (embedder(list(brief.parts)) @ rows.T).max(axis=1)
    return [part for part, close in zip(brief.parts, np.round(near, 6), strict=True) if close < COVERED]


def feedback(canvas: Canvas, pool: Pool, known: set[str]) -> list[str]:
    """Up to TERMS words that mark the cited evidence against the rest of the pool."""
    cited = {e for e in canvas.cited() if e in pool.evidence}
    inside = Counter(w for e in cited for w in _content(pool.evidence[e].text))
    everywhere = Counter(w for e in pool.evidence.values() for w in _content(e.text))
    many, total = len(cited), len(pool)
    weight: dict[str, float] = {}
    for word, r in inside.items():
        if r < 2 or word in known or any(word.startswith(k[:5]) for k in known if len(k) > 4):
            continue
        n = everywhere[word]
        odds = math.log(((r + 0.5) * (total - n - many + r + 0.5)) / ((n - r + 0.5) * (many - r + 0.5)))
        weight[word] = round(r * odds, 6)
    best = sorted(weight, key=lambda w: (-weight[w], w))
    return [w for w in best if weight[w] > 0][:TERMS]


def _content(text: str) -> set[str]:
    return {w for w in (m.lower() for m in _WORD.findall(text)) if len(w) > 3 and w not in STOPWORDS}


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57].rsplit(" ", 1)[0] + " …"


def same_query(text: str) -> str:
    """The same key for queries that search engines would answer alike."""
    return " ".join(sorted({w.lower() for w in keywords(text, 32)}))


def _unasked(queries: Sequence[Query], asked: Iterable[str]) -> list[Query]:
    seen = {same_query(a) for a in asked}
    out = []
    for query in queries:
        key = same_query(query.text)
        if key and key not in seen:
            seen.add(key)
            out.append(query)
    return out
