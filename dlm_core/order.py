"""Order: a definition of what is asked about first, and a definition before what uses it, as sources tell it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from dlm_core.canvas import Kind
from dlm_core.english import IRREGULAR, KNOWN_VERBS
from dlm_core.phrases import base_forms
from dlm_core.pool import Pool
from dlm_core.stems import STOP, WORD, stems

HEAD = 6  # words of a sentence that say what it speaks of
MIXED = 0.1  # share by which sections must hold together better than the sources' own order lets them, to stay mixed
AHEAD = 0.5  # of two cosines with the question, what a source that introduces is ahead by
Row = tuple[Kind, tuple[str, ...], float]  # of a plan: kind, evidence ids, plan confidence
Place = Callable[[Row], tuple[int, int]]  # of a claim: the rank of its source, its offset there
# Titles of pages that books put before others: of 284 pairs of pages of a chapter, one of which had such a title,
# it came first in 248 (training books).
_INTRODUCES = re.compile(r"\b(?:introduc\w+|overview|what (?:is|are)|defin(?:e[ds]?|ing|itions?)|origins?)\b", re.I)
# "Unemployment, as measured by the unemployment rate, is the percentage of ...": what its subject is.
_IS = re.compile(
    r"(?:(?:An?|The) )?((?:[\w-]+ ){0,2}[\w-]+)(?: \([^)]*\))?(?:, [^,]{3,60},)?"
    r" (?:is|are|refers? to|means?|(?:is|are) defined as) (?:the|an?|any|one|when|how|what|those|all)\b"
)
# "Psychology refers to the study of the mind", rather than "Psychology is a young science".
_MEANS = re.compile(
    r"(?:[\w-]+ ){1,4}(?:\([^)]*\) )?"
    r"(?:refers? to|means?|(?:is|are) (?:defined as|the(?! (?:most|first|only|\w+est)\b)))\b"
)

# Where something is asked of: at the end of a question, what stands behind "in" or "on" is not its subject.
_WHERE = re.compile(r" (?:at|in|inside|on|under|using|with|within) (?:(?:an?|the) )?(?:[\w-]+ ){0,2}[\w-]+\W*$")

# What a question asks for, which is not who has it.
_WHICH = re.compile(
    r"(?:what|which) ((?:[\w-]+ ){1,4}?)(?:can|could|did|does|do|has|have|had|should|will|would)\b", re.I
)

# "What kinds of tea are there?" is not answered by what tea is.
_KINDS = re.compile(
    r"(?:what|which) (?:(?:are|is|were) (?:the )?)?((?:[\w-]+ ){0,2}?"
    r"(?:categories|classes|examples|forms|kinds|levels|parts|sorts|stages|steps|types|ways)) of\b",
    re.I,
)


def opens_on(question: str, text: str) -> bool:
    """Whether a sentence's first words name something of the question: what it speaks of, not what it mentions."""
    named, asked = ({word[:6] for word in stems(part)} for part in (" ".join(text.split()[:HEAD]), question))
    return bool(named & asked)


def sources_in_order(rows: Sequence[Row], pool: Pool, near: np.ndarray) -> dict[str, int]:
    """The rank of each source that claims of `rows` lead with; near (M,), see `in_order`. First comes the source that
    is closest to the question by its closest claim and by all that is at hand of it, on average, so that a page on the
    matter comes before one that touches on it; one that introduces by its title is AHEAD of others (docs/model.md)."""
    best: dict[str, float] = {}
    held: dict[str, list[float]] = {}
    ahead: dict[str, float] = {}
    for e, close in zip(pool.evidence.values(), near.tolist(), strict=True):
        held.setdefault(e.source, []).append(close)
    for kind, ids, _ in rows:
        if kind == Kind.CLAIM and ids:
            source, close = pool.evidence[ids[0]].source, float(near[pool.row(ids[0])])
            best[source] = max(close, best.get(source, close))
            ahead[source] = AHEAD if _INTRODUCES.search(pool.title(ids[0])) else 0.0
    worth = {source: round(close + sum(held[source]) / len(held[source]), 6) for source, close in best.items()}
    return {source: n for n, source in enumerate(sorted(best, key=lambda source: -worth[source] - ahead[source]))}


def home(places: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Where a section stands whose claims stand at `places` (rank of the source, offset): the source of most of them,
    and their mean offset in it."""
    sources = [source for source, _ in places]
    most = max(dict.fromkeys(sources), key=sources.count)
    starts = [at for source, at in places if source == most]
    return most, sum(starts) // len(starts)


def defines(question: str, text: str) -> int:
    """Where in a question the word stands that a sentence defines (0 for the first content word); -1 for a sentence
    that says of nothing in the question what it is. "Developmental psychology" is not what "develop" asks about, nor
    Debian what "How is a firewall set up on Debian?" does, nor Postgres what "Which types does Postgres have?" does."""
    found = _IS.match(text)
    subject = _names(found[1]) if found else []
    kind = _KINDS.match(question) or _WHICH.match(question)
    about = _names(kind[1] if kind else _WHERE.sub("", question))
    # "What happened in World War I?" is about the war.
    asked = about if any(not base_forms(w) & (IRREGULAR | KNOWN_VERBS) for w in about) else _names(question)
    return min(map(asked.index, subject)) if subject and set(subject) <= set(asked) else -1


def means(text: str) -> bool:
    """Whether a sentence says what the word means that it opens on, and not something else that it is."""
    return bool(_MEANS.match(text))


def _names(text: str) -> list[str]:
    """The content words, without a plural's ending, in order."""
    return [w.lower().removesuffix("s") for w in WORD.findall(text) if w.lower() not in STOP]


def in_order(rows: Sequence[Row], pool: Pool, parts: np.ndarray, near: np.ndarray) -> list[Row]:
    """A compact plan with its sections in the order of the sub-questions they
    answer best (`parts`, (M, sub-questions), see `answers`); where these leave it open, and in each section,
    the source that introduces, or comes closest to the question (`near`, (M,) cosines) and to its sub-question, first
    (`sources_in_order`), and what comes from one source in that source's order: a definition before what uses it
    (`_laid`)."""
    sections: list[list[Row]] = []
    rest: list[Row] = []
    for row in rows:
        if row[0] == Kind.SECTION:
            sections.append([row])
        elif row[0] == Kind.CLAIM and row[1] and sections:
            sections[-1].append(row)
        else:
            rest.append(row)
    answered: dict[int, list[list[Row]]] = {}
    for section in sections:
        lead = [pool.row(ids[0]) for _, ids, _ in section[1:]]
        part = int(parts[lead].mean(axis=0).argmax()) if parts.shape[1] > 1 and lead else 0
        answered.setdefault(part, []).append(section)
    laid: list[list[Row]] = []
    for part in sorted(answered):
        close = near + parts[:, part] if parts.shape[1] > 1 else near
        rank = sources_in_order([row for section in answered[part] for row in section], pool, close)

        def place(row: Row, rank: dict[str, int] = rank) -> tuple[int, int]:
            e = pool.evidence[row[1][0]]
            return rank[e.source], e.start

        def where(section: list[Row], rank: dict[str, int] = rank, place: Place = place) -> tuple[int, int]:
            # A section without claims stands last.
            return home([place(row) for row in section[1:]]) if section[1:] else (len(rank), 0)

        ordered = [[head, *sorted(body, key=place)] for head, *body in answered[part]]
        laid += _laid(sorted(ordered, key=where), pool, place)
    return [row for section in laid for row in section] + rest


def _laid(sections: list[list[Row]], pool: Pool, place: Place) -> list[list[Row]]:
    """Sections of one sub-question, their claims source by source and cut anew into as many sections, so that what
    one source says stands in its order from the first section to the last; as they are where they hold together
    better by MIXED."""
    claims = [row for _, *body in sections for row in body]
    sizes = [len(body) for _, *body in sections]
    if len(sections) < 2 or min(sizes) < 1:
        return sections
    cited = pool.only([ids[0] for _, ids, _ in claims])
    kin = cited.affinity()

    def between(order: list[Row]) -> np.ndarray:
        """How much the claims of an order have to do with each other, (n, n)."""
        at = [cited.row(ids[0]) for _, ids, _ in order]
        return np.asarray(kin[np.ix_(at, at)])

    apart = sorted(claims, key=place)
    as_were, anew = [0, *np.cumsum(sizes).tolist()], cuts(between(apart), len(sections))
    if together(between(claims), as_were) > (1 + MIXED) * together(between(apart), anew):
        return sections
    return [[head, *apart[a:b]] for (head, *_), a, b in zip(sections, anew, anew[1:], strict=False)]


def _within(kin: np.ndarray) -> float:
    """Sum over claims of how much each has to do with the others, on average; kin (n, n)."""
    return float(kin.sum() - np.trace(kin)) / (len(kin) - 1) if len(kin) > 1 else 0.0


def together(kin: np.ndarray, at: Sequence[int]) -> float:
    """How much claims in a row (`kin`, (n, n)) have to do with their own section, over all of them, with sections
    that begin and end at `at`; rounded, so that the last bits decide nothing."""
    return round(sum(_within(kin[a:b, a:b]) for a, b in zip(at, at[1:], strict=False)), 4)


def cuts(kin: np.ndarray, count: int) -> list[int]:
    """Where to cut n claims in a row (`kin`, (n, n)) into `count` sections of at least two, so that `together` is
    most: by dynamic programming over the end of each section. Fewer sections where there are not enough claims."""
    n = len(kin)
    count = max(1, min(count, n // 2))
    within = [[round(_within(kin[a:end, a:end]), 6) for a in range(max(0, end - 1))] for end in range(n + 1)]
    best = np.full((count + 1, n + 1), -np.inf)
    begin = np.zeros((count + 1, n + 1), dtype=int)
    best[0, 0] = 0.0
    for k in range(1, count + 1):
        for end in range(2 * k, n + 1):
            worth = best[k - 1, : end - 1] + within[end]
            begin[k, end] = int(np.argmax(worth))
            best[k, end] = worth[begin[k, end]]
    at = [n]
    for k in range(count, 0, -1):
        at.append(int(begin[k, at[-1]]))
    return at[::-1]


def opened_by(rows: Sequence[Row], pool: Pool, question: str) -> list[Row]:
    """A compact plan that says first what the thing is that the question is about, where a claim of it does: that
    claim comes first in its section, and the section before the others."""
    at = {i: defines(question, pool.evidence[ids[0]].said) for i, (kind, ids, _) in enumerate(rows) if ids}
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
