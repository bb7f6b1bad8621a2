"""What to ask next. Routing is code: the model supplies uncertainty, not tool calls.

The first round asks the question, its parts, and the things it names. Later
rounds ask for what the draft lacks (agent/gaps.py), in the words of the question
and in words that mark the evidence it rests on (relevance feedback after Rocchio
1971, with the weights of Robertson and Sparck Jones: words frequent in some
evidence and rare in the rest of the pool). What was asked is not asked again.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agent.brief import Brief
from agent.gaps import Gap, find, uncovered
from agent.subquestions import apart
from dlm_core.canvas import Canvas
from dlm_core.coverage import asked_beside
from dlm_core.embed import Embedder
from dlm_core.pool import Pool
from tools.query import STOPWORDS, keywords, merge
from tools.source import Hit

__all__ = [
    "Query",
    "again",
    "by_meaning",
    "chosen",
    "first",
    "later",
    "same_query",
    "sub_questions",
    "uncovered",
]

TERMS = 3  # words of relevance feedback beside a query's own
MOST = 5  # queries a round
BESIDE = 0.2  # length, of 1, of what a sub-question asks beside its subject, from which pages are told apart by it
TITLE = 0.5  # cosines of what a hit says that one of its title is worth
NEAREST = 5  # pieces of evidence that a sub-question without a claim takes its words from
# Words that pages on a kind of statement have.
KINDS = {
    "limits": ["limitations", "exceptions"],
    "numbers": ["number", "statistics"],
    "evidence": ["evidence", "criticism"],
}
# Titles of pages that list other pages.
_LISTS = re.compile(
    r"(?:(?:general|global|keyword|module|site|subject|website) )*index$|(?:table of |full )?contents$"
    r"|(?:[\w ]+ )?(?:site ?map|cross-?reference)$|search(?: page| results)?$|alphabetical list\b",
    re.I,
)
_LAST = re.compile(rf"{_LISTS.pattern}|what.s new\b|change ?log\b|release (?:notes|history)\b", re.I)
_CHANGES = re.compile(r"\b(?:new|chang(?:e[ds]?|ing)|versions?|releases?d?|histor\w+|deprecat\w+|since)\b", re.I)
_WORD = re.compile(r"[^\W\d_][\w-]*[^\W_]")


@dataclass(frozen=True)
class Query:
    """Something to search for, and why, in words for the reader. kind: "question",
    "part", "feedback", or that of the gap it is for (agent/gaps.py)."""

    text: str
    why: str
    kind: str = "question"


def first(brief: Brief) -> list[Query]:
    """The question, its parts, and what it names, at most MOST."""
    asked = [Query(brief.question, "the question")]
    asked += [Query(part, "a part of the question", "part") for part in brief.parts]
    asked += [Query(thing.query, f"the question names “{thing.text}”", "thing") for thing in apart(brief)]
    return _unasked(asked, ())[:MOST]


def again(brief: Brief) -> list[Query]:
    """What a search asks that does not look at gaps: the question, in every round for its next pages."""
    return [Query(brief.question, "the question")]


def later(
    brief: Brief,
    canvas: Canvas,
    pool: Pool,
    embedder: Embedder,
    asked: Iterable[str],
    failed: Sequence[Sequence[str]] = (),
) -> list[Query]:
    """At most MOST queries for the next round, none of them asked before. failed:
    (text, reason) of claims that were turned down."""
    before = list(asked)
    topic = keywords(brief.question, 4)
    known = {w.lower() for w in topic}
    found: list[Query] = []
    gaps = find(brief, canvas, pool, embedder, failed)
    urgent = [g for g in gaps if g.kind in ("part", "thing", "failed")]
    for gap in urgent:
        found += _worded(gap, topic, pool, embedder, before)
    terms = feedback(canvas, pool, known)
    if terms:
        found.append(Query(" ".join([*topic, *terms]), f"words of the evidence so far: {', '.join(terms)}", "feedback"))
    # One of each kind before the second of any.
    rest = [g for g in gaps if g not in urgent]
    for place in range(len(rest)):
        for kind in dict.fromkeys(g.kind for g in rest):
            same = [g for g in rest if g.kind == kind]
            if place < len(same):
                found += _worded(same[place], topic, pool, embedder, before)
    return _unasked(found, before)[:MOST]


def _worded(gap: Gap, topic: Sequence[str], pool: Pool, embedder: Embedder, asked: Sequence[str]) -> list[Query]:
    """The searches for a gap; [] where it has no words of its own."""
    if gap.kind in ("part", "thing"):
        plain = gap.thing.query if gap.thing else gap.about
        if same_query(plain) not in {same_query(a) for a in asked}:
            return [Query(plain, gap.why, gap.kind)]
        # Asked before and nothing came of it: in the words of the evidence that is nearest to it.
        terms = _beside(plain, pool, embedder)
        return [Query(" ".join([*keywords(plain, 4), *terms]), gap.why, gap.kind)] if terms else []
    if gap.kind in KINDS:
        return [Query(" ".join([*topic, *KINDS[gap.kind]]), gap.why, gap.kind)]
    words = [w for w in keywords(gap.about, 5) if w.lower() not in {t.lower() for t in topic}]
    return [Query(" ".join([*topic[:2], *words[:4]]), gap.why, gap.kind)] if words else []


def _beside(text: str, pool: Pool, embedder: Embedder) -> list[str]:
    """Words that mark the evidence nearest to a text against the rest of the pool."""
    if not len(pool):
        return []
    near = np.round(pool.vectors @ embedder([text])[0], 6)
    rows = np.lexsort((np.arange(len(near)), -near))[:NEAREST]
    ids = pool.ids
    return _marking({ids[int(r)] for r in rows}, pool, {w.lower() for w in keywords(text, 32)})


def feedback(canvas: Canvas, pool: Pool, known: set[str]) -> list[str]:
    """Up to TERMS words that mark the cited evidence against the rest of the pool."""
    return _marking({e for e in canvas.cited() if e in pool.evidence}, pool, known)


def _marking(inside_ids: set[str], pool: Pool, known: set[str]) -> list[str]:
    inside = Counter(w for e in sorted(inside_ids) for w in _content(pool.evidence[e].said))
    everywhere = Counter(w for e in pool.evidence.values() for w in _content(e.said))
    many, total = len(inside_ids), len(pool)
    weight: dict[str, float] = {}
    for word, r in inside.items():
        if r < 2 or word in known or any(word.startswith(k[:5]) for k in known if len(k) > 4):
            continue
        n = everywhere[word]
        odds = math.log(((r + 0.5) * (total - n - many + r + 0.5)) / ((n - r + 0.5) * (many - r + 0.5)))
        weight[word] = round(r * odds, 6)
    best = sorted(weight, key=lambda w: (-weight[w], w))
    return [w for w in best if weight[w] > 0][:TERMS]


# --- which pages to read ------------------------------------------------------------


def by_meaning(hits: Sequence[Hit], asked: Sequence[Query], embedder: Embedder) -> list[list[str]]:
    """For each query, the addresses of the hits by the closeness of their titles
    and snippets to it, and of the titles by themselves. Sub-questions are measured by what each asks beside their
    subject, too: of that every page speaks."""
    if not hits:
        return []
    told = embedder([f"{h.title}. {h.snippet}" for h in hits]) + TITLE * embedder([h.title for h in hits])
    sought = np.array(embedder([q.text for q in asked]))
    parts = [n for n, q in enumerate(asked) if q.kind == "part"]
    beyond = asked_beside([asked[n].text for n in parts], embedder, BESIDE)
    if len(beyond):
        sought[parts] += beyond
    near = np.round(told @ sought.T, 6)
    return [
        [hits[i].url for i in sorted(range(len(hits)), key=lambda i: (-near[i, q], hits[i].url))]
        for q in range(len(asked))
    ]


def chosen(
    ranked: Sequence[list[str]], near: Sequence[list[str]], found: Mapping[str, Hit], question: str = ""
) -> list[str]:
    """Addresses, best first: the best page of each query, so that no sub-question
    goes without, then all rankings fused. Pages that only list others come last, and
    so do release notes, which have a sentence on everything, unless the question asks
    what changed. ranked, near: for each query, what the engine gave and all hits by meaning."""
    last = _LISTS if _CHANGES.search(question) else _LAST
    order = merge([*ranked, *near], len(found))
    out: dict[str, None] = {}
    for words, meaning in zip(ranked, near, strict=False):
        own = set(words)
        best = merge([words, [url for url in meaning if url in own]], len(words))
        best = [url for url in best if url not in out and not last.match(found[url].title)]
        out |= dict.fromkeys(best[:1])
    rest = [url for url in order if url not in out]
    return [*out, *sorted(rest, key=lambda url: bool(last.match(found[url].title)))]


def sub_questions(brief: Brief) -> list[str]:
    """What a question asks of separately: its parts, and the things it names that are searched for by themselves."""
    return [*(brief.parts if len(brief.parts) > 1 else ()), *(t.query for t in apart(brief))]


def _content(text: str) -> set[str]:
    return {w for w in (m.lower() for m in _WORD.findall(text)) if len(w) > 3 and w not in STOPWORDS}


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
