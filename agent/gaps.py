"""What a draft lacks, in the order in which it is worth looking for.

Everything here is code over the canvas and its evidence: sub-questions and named
things that no claim speaks of, claims that failed verification, sections that
hang on one source or hold little, claims the model was least sure of, and kinds
of statement that are missing. agent/queries.py turns gaps into searches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from agent.brief import Brief
from agent.subquestions import Thing, apart, is_thing, speaks_of, things
from dlm_core.canvas import Canvas, Slot
from dlm_core.embed import Embedder
from dlm_core.pool import Pool

if TYPE_CHECKING:
    from dlm_core.belief import Decision

COVERED = 0.45  # cosine from which a claim's evidence speaks of a sub-question
CLOSE = 0.85  # share of the best cosine at hand from which what is cited will do
WEAK = 2  # least certain claims that are looked at
OFFERED = 6  # pieces of evidence on slighted sub-questions in a round
THIN = 2  # claims up to which a section is thin
TERSE = 60  # characters of a quotation in a reason

_LIMITS = re.compile(
    r"\b(?:cannot|can't|except|however|limit\w*|may not|must not|never|not|only|risk\w*|unless|unlike|without)\b", re.I
)
_AMOUNTS = re.compile(
    r"\bhow (?:many|much|long|often|fast|far|big|large|likely|common)\b|\b(?:rate|share|cost)s?\b", re.I
)
_DOUBTS = re.compile(r"^(?:is|are|does|do|can|could|should|will|would)\b|\b(?:affect|effect|improve|prevent)s?\b", re.I)


@dataclass(frozen=True)
class Gap:
    """kind: "part", "thing", "failed", "one source", "thin", "uncertain", "limits",
    "numbers" or "evidence". about: what it is about, in the words of the question,
    the draft or a heading. why: for the reader."""

    kind: str
    about: str
    why: str
    thing: Thing | None = None


def find(
    brief: Brief, canvas: Canvas, pool: Pool, embedder: Embedder, failed: Sequence[Sequence[str]] = ()
) -> list[Gap]:
    """The gaps of a draft, the most important first. failed: (text, reason) of
    claims that verification turned down in the last round."""
    parts = uncovered(brief, canvas, pool, embedder)
    out = [Gap("part", part, f"no claim speaks of “{short(part)}”") for part in parts]
    named = [t for t in unspoken(brief, canvas, pool) if t.clause not in parts]
    out += [Gap("thing", t.text, f"no claim speaks of “{t.text}”", t) for t in named]
    out += [Gap("failed", text, f"not borne out: “{short(text)}” ({reason})") for text, reason in failed[:WEAK]]
    out += _sections(canvas, pool)
    rated = [s for s in canvas.claims() if s.text and s.confidence and not s.pinned]
    for slot in sorted(rated, key=lambda s: (s.certainty, s.id))[:WEAK]:
        out.append(Gap("uncertain", slot.text, f"a claim is uncertain: “{short(slot.text)}”"))
    return out + _kinds(brief, canvas)


def uncovered(brief: Brief, canvas: Canvas, pool: Pool, embedder: Embedder) -> list[str]:
    """Sub-questions that no claim's evidence is close to (cosine under COVERED). In 57 reports
    that were read, the closest was at 0.54 or more, but for one at 0.38, which was on something else."""
    cited = [e for e in canvas.cited() if e in pool.evidence]
    if not cited:
        return list(brief.parts)
    rows = pool.vectors[[pool.row(e) for e in cited]]
    near = (embedder(list(brief.parts)) @ rows.T).max(axis=1)
    return [part for part, close in zip(brief.parts, np.round(near, 6), strict=True) if close < COVERED]


def slighted(asked: Sequence[str], cited: Sequence[str], pool: Pool, embedder: Embedder) -> list[str]:
    """Of some sub-questions, those that what is at hand answers better than what is
    cited: the nearest cited evidence has under CLOSE of the nearest one's cosine."""
    rows = [pool.row(e) for e in cited if e in pool.evidence]
    if not asked or not rows:
        return []
    near = np.round(embedder(list(asked)) @ pool.vectors.T, 6)
    return [text for text, row in zip(asked, near, strict=True) if row[rows].max() < CLOSE * row.max()]


def offered(made: Decision, canvas: Canvas, pool: Pool, slighted: Sequence[str]) -> Decision:
    """The decision with evidence on slighted sub-questions before the other new
    evidence, and room in the sections nearest to it. What belief.py finds worth
    adding is near to the question as a whole; the other half of a question is not.
    A reconstruction sees everything anyway."""
    from dlm_core.leading import TWIN  # late: it brings torch
    from dlm_core.wanted import allowed

    cited = [e for e in canvas.cited() if e in pool.evidence]
    if made.kind == "reconstruct" or not cited:
        return made
    held = pool.vectors[[pool.row(e) for e in cited]]
    worth = [
        e
        for e in allowed([e for e in slighted if e in pool.evidence], pool, canvas.wanted)
        if e not in {*cited, *made.disputes} and float((held @ pool.vectors[pool.row(e)]).max()) < TWIN
    ][:OFFERED]
    if not worth:
        return made
    kin = pool.affinity()
    rows = {h.id: [pool.row(p) for s in b for p in s.pointers if p in pool.evidence] for h, b in canvas.sections()}
    near = {i: kin[[pool.row(e) for e in worth]][:, r].mean(axis=1) for i, r in rows.items() if r}
    gaining = [max(near, key=lambda i: float(near[i][n])) for n in range(len(worth))]
    new = tuple(dict.fromkeys((*worth, *made.new)))[: len(worth) + OFFERED // 2]
    cause = made.cause
    if made.kind == "keep":
        cause = replace(cause, reason="a part of the question is answered better by what is at hand")
    cause = replace(cause, evidence=tuple(dict.fromkeys((*cause.evidence, *worth))))
    slots = tuple(dict.fromkeys((*made.slots, *gaining)))
    return replace(made, kind="local", cause=cause, slots=slots, new=new)


def unspoken(brief: Brief, canvas: Canvas, pool: Pool) -> list[Thing]:
    """Things the question names that no claim speaks of, those first that would be
    searched for by themselves. A claim speaks with the heading and the title it comes from."""
    texts = _said(canvas, pool)
    if not texts:
        return []
    named = [*apart(brief), *things(brief)]
    return [t for t in dict.fromkeys(named) if is_thing(t) and not speaks_of(t, texts)]


def silent(brief: Brief, canvas: Canvas, pool: Pool) -> list[Thing]:
    """Of what is unspoken, what a reader would miss: no thing of several words whose first stands somewhere (the
    "logging module" under "Logging"), and no name alone where the rest is spoken of (the docs of Python name no
    Python), unless it is one of those that are searched for by themselves."""
    texts, sharp = _said(canvas, pool), apart(brief)
    found = unspoken(brief, canvas, pool)
    rest = any(t not in found for t in things(brief) if is_thing(t))

    def missed(thing: Thing) -> bool:
        first = thing.words[0]
        if len(thing.words) > 1:
            return not speaks_of(replace(thing, words=(first,)), texts)
        return not (rest and first[0].isupper())

    return [t for t in found if t in sharp or missed(t)]


def _said(canvas: Canvas, pool: Pool) -> list[str]:
    """The claims, and what they cite with its heading and its source's title."""
    cited = [e for e in canvas.cited() if e in pool.evidence]
    texts = [s.text for s in canvas.claims() if s.text]
    return texts + [f"{pool.evidence[e].heading} {pool.evidence[e].said} {pool.title(e)}" for e in cited]


def carriers(canvas: Canvas, pool: Pool) -> list[tuple[Slot, set[str]]]:
    """Each section's heading slot with the sources its claims rest on."""
    return [
        (head, {pool.evidence[p].source for s in body for p in s.pointers if p in pool.evidence})
        for head, body in canvas.sections()
    ]


def _sections(canvas: Canvas, pool: Pool) -> list[Gap]:
    alone = [h.text for h, sources in carriers(canvas, pool) if h.text and len(sources) == 1]
    thin = [h.text for h, body in canvas.sections() if h.text and len(body) <= THIN]
    out = [Gap("thin", text, f"little is said under “{short(text)}”") for text in thin]
    return out + [Gap("one source", t, f"“{short(t)}” rests on one source") for t in alone if t not in thin]


def _kinds(brief: Brief, canvas: Canvas) -> list[Gap]:
    """Kinds of statement that the question calls for and no claim makes."""
    texts = [s.text for s in canvas.claims() if s.text]
    out = []
    if _AMOUNTS.search(brief.question) and not any(re.search(r"\d", t) for t in texts):
        out.append(Gap("numbers", brief.question, "no claim gives a number"))
    if not any(_LIMITS.search(t) for t in texts):
        out.append(Gap("limits", brief.question, "no claim names a limit or an exception"))
    if _DOUBTS.search(brief.question):
        out.append(Gap("evidence", brief.question, "what speaks for it and against it"))
    return out


def short(text: str) -> str:
    return text if len(text) <= TERSE else text[: TERSE - 3].rsplit(" ", 1)[0] + " …"
