"""Order: a definition of what is asked about first, and a definition before what uses it, as sources tell it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from dlm_core.canvas import Kind
from dlm_core.plan_features import WORD, stems
from dlm_core.pool import Pool

Row = tuple[Kind, tuple[str, ...], float]  # of a plan: kind, evidence ids, plan confidence
# "Unemployment, as measured by the unemployment rate, is the percentage of ...": what its subject is.
_IS = re.compile(
    r"(?:(?:An?|The) )?((?:[\w-]+ ){0,2}[\w-]+)(?: \([^)]*\))?(?:, [^,]{3,60},)?"
    r" (?:is|are|refers? to|means?|(?:is|are) defined as) (?:the|an?|any|one|when|how|what|those|all)\b"
)


def closest_first(rows: Sequence[Row], pool: Pool, near: np.ndarray) -> dict[str, int]:
    """The rank of each source that claims of `rows` lead with, that of the claim closest to the question first; near
    (M,), see `in_order`."""
    best: dict[str, float] = {}
    for kind, ids, _ in rows:
        if kind == Kind.CLAIM and ids:
            source, close = pool.evidence[ids[0]].source, round(float(near[pool.row(ids[0])]), 6)
            best[source] = max(close, best.get(source, close))
    return {source: n for n, source in enumerate(sorted(best, key=lambda source: -best[source]))}


def home(places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Where a section stands whose claims stand at `places` (rank of the source, offset): the source of most of them,
    and their mean offset in it."""
    sources = [source for source, _ in places]
    most = max(dict.fromkeys(sources), key=sources.count)
    starts = [at for source, at in places if source == most]
    return most, sum(starts) // len(starts)


def defines(question: str, text: str) -> int:
    """Where in a question the word stands that a sentence defines (0 for the first content word); -1 for a sentence
    that says of nothing in the question what it is."""
    found = _IS.match(text)
    subject = stems(found[1]) if found else set()
    asked = [s for w in WORD.findall(question) for s in stems(w)]
    return min(map(asked.index, subject)) if subject and subject <= set(asked) else -1


def in_order(rows: Sequence[Row], pool: Pool, parts: np.ndarray, near: np.ndarray) -> list[Row]:
    """A compact plan with its sections in the order of the sub-questions they
    answer best (`parts`, (M, sub-questions), see `answers`); where these leave it open, and in each section,
    the source that comes closest to the question first (`near`, (M,) cosines), and what comes from one source
    in that source's order: a definition before what uses it."""
    sections: list[list[Row]] = []
    rest: list[Row] = []
    for row in rows:
        if row[0] == Kind.SECTION:
            sections.append([row])
        elif row[0] == Kind.CLAIM and row[1] and sections:
            sections[-1].append(row)
        else:
            rest.append(row)
    rank = closest_first(rows, pool, near)

    def place(row: Row) -> tuple[int, int]:
        e = pool.evidence[row[1][0]]
        return rank[e.source], e.start

    sections = [[head, *sorted(body, key=place)] for head, *body in sections]
    # A section without claims stands last.
    sections.sort(key=lambda section: home([place(row) for row in section[1:]]) if section[1:] else (len(rank), 0))
    if parts.shape[1] > 1:
        mean = [parts[[pool.row(ids[0]) for _, ids, _ in s[1:]]].mean(axis=0) for s in sections]
        order = sorted(range(len(sections)), key=lambda i: int(mean[i].argmax()))
        sections = [sections[i] for i in order]
    return [row for section in sections for row in section] + rest


def opened_by(rows: Sequence[Row], pool: Pool, question: str) -> list[Row]:
    """A compact plan that says first what the thing is that the question is about, where a claim of it does: that
    claim comes first in its section, and the section before the others."""
    at = {i: defines(question, pool.evidence[ids[0]].text) for i, (kind, ids, _) in enumerate(rows) if ids}
    found = [i for i, where in at.items() if where >= 0 and rows[i][0] == Kind.CLAIM]
    if not found:
        return list(rows)
    first = min(found, key=lambda i: (at[i], i))
    heads = [i for i, row in enumerate(rows) if row[0] == Kind.SECTION]
    begin = max((h for h in heads if h < first), default=None)
    if begin is None:
        return list(rows)
    end = min((h for h in heads if h > first), default=len(rows))
    own = [rows[begin], rows[first], *(rows[i] for i in range(begin + 1, end) if i != first)]
    return [*own, *rows[:begin], *rows[end:]]
