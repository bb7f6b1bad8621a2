"""Clauses and asides of a sentence, by its words: where it can be parted in two, and what it can do without."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dlm_core.english import AUX, FUNCTION
from dlm_core.facts import facts, unsupported
from dlm_core.phrases import CLAUSE, CONDITIONS, CONNECTIVES, OPENERS, TAILS, WORD, capital, words
from dlm_core.standalone import standalone
from dlm_core.support import problems
from dlm_core.trim import OUT

_SEAM = re.compile(r"; (?:(?:and|but|while|whereas) )?|, (?:and|but|while|whereas) ")
# What binds both halves: taken apart, neither says what the whole does.
_BOUND = re.compile(r"\b(?:not only|both|either|neither|not just|the more|the less|so .{1,40} that)\b", re.I)
_GOVERNS = CONDITIONS | {
    "although",
    "though",
    "while",
    "because",
    "since",
    "as",
    "for",
    "in",
    "both",
    "after",
    "before",
}
_ARTICLES = frozenset("a an the".split())  # after a comma they begin a list's next item more often than an aside
_ASIDES = CLAUSE | frozenset("such especially particularly namely usually often like whose whom".split())
SHORTEST = 4  # words of a clause that becomes a sentence


def clauses(sentence: str) -> tuple[str, str] | None:
    """Two sentences that say what a sentence of two clauses says; None where it
    is not sure that both stand alone. Words and their order are the sentence's own."""
    first = re.match(r"\W*(\w+)", sentence)
    if first is None or first[1].lower() in _GOVERNS:
        return None  # what the condition governs may reach over the seam
    return next(_partings(sentence), None)


def halves(sentence: str, evidence: Sequence[str]) -> tuple[str, str] | None:
    """The two sentences that were joined into one, where the first piece of evidence bears out the first and the second
    the second; None where the evidence bears out the whole otherwise."""
    if len(evidence) < 2 or not problems(sentence, evidence[:1]):
        return None
    found = _partings(sentence)
    return next(((a, b) for a, b in found if not problems(a, evidence[:1]) and not problems(b, evidence[1:2])), None)


def _partings(sentence: str) -> Iterator[tuple[str, str]]:
    """The ways to part a sentence at a seam of clauses into two that stand alone."""
    if _BOUND.search(sentence) or not sentence.endswith("."):
        return
    for seam in _SEAM.finditer(sentence):
        left, right = sentence[: seam.start()] + ".", sentence[seam.end() :]
        lead = re.match(r"\W*(\w+)", right)
        if lead is None or lead[1].lower() in AUX | _GOVERNS or min(len(left.split()), len(right.split())) < SHORTEST:
            continue
        if "(" in left and left.count("(") != left.count(")"):
            continue
        right = capital(right)
        if any(standalone(part) or unsupported(part, [sentence]) for part in (left, right)):
            continue
        yield left, right


def unborne(text: str, evidence: Sequence[str]) -> list[str]:
    """What `support.problems` finds, where a clause of the evidence that stands alone is
    evidence too: half of a sentence of two clauses is a cut it would not allow."""
    found = problems(text, evidence)
    parts = [part for e in evidence for part in clauses(e) or ()] if found else []
    return problems(text, [*evidence, *parts]) if parts else found


def joined(first: str, second: str, known: str) -> list[str]:
    """Ways to say two sentences as one, in words of theirs and "and"; [] where it
    is not sure whether the second begins with a name. known: text that tells."""
    if not first.endswith(".") or not second.endswith(".") or re.search(r"[;:] ", f"{first} {second}"):
        return []
    lead = re.match(r"[\w’'-]+", second)
    if lead is None:
        return []
    word = lead[0]
    named = any(a == 0 and kind == "name" for a, _, kind in facts(second)) or not word[1:].islower()
    if len(word) == 1 and word in "AI":
        named = word == "I"
    elif not named and word.lower() not in FUNCTION:
        small = re.search(rf"\b{re.escape(word.lower())}\b", known)
        named = bool(re.search(rf"[a-z,] {re.escape(word)}\b", known))
        if bool(small) == named:
            return []
    low = second if named else second[:1].lower() + second[1:]
    return [f"{first[:-1]}, and {low}", f"{first[:-1]}; {low}"]


def asides(text: str) -> list[float]:
    """For each word or mark of `text` (support.words), 1.0 where it belongs to an
    aside, a parenthesis, a trailing clause or a connective, else OUT: what
    `trim.choose` takes as odds."""
    found = words(text)
    low = [w.lower() for w in found]
    out = [OUT] * len(found)
    last = len(found) - 1

    def mark(begin: int, end: int) -> None:
        out[begin:end] = [1.0] * (end - begin)

    opened = {"(": ")", "[": "]"}
    for i, w in enumerate(found):
        if w in opened and opened[w] in found[i:]:
            mark(i, found.index(opened[w], i) + 1)
    dashes = [i for i, w in enumerate(found) if w in ("—", "–")]
    for a, b in zip(dashes[::2], dashes[1::2], strict=False):
        mark(a, b + 1)
    if len(dashes) % 2:
        mark(dashes[-1], last)
    stops = [i for i, w in enumerate(found) if w in (",", ";")]
    for n, i in enumerate(stops):
        if i + 1 >= last:
            continue
        lead = low[i + 1]
        ends = n + 1 == len(stops)
        if not (lead in _ASIDES or lead.endswith("ing") or (ends and lead in TAILS - _ARTICLES)):
            continue
        end = last if ends else stops[n + 1]
        mark(i, end + (not ends))
    if stops and (CONNECTIVES.match(" ".join(low[: stops[0]])) or (stops[0] == 1 and low[0] in OPENERS)):
        mark(0, stops[0] + 1)
    return out


def length(texts: Iterable[str]) -> int:
    """Words of some texts together."""
    return sum(len([w for w in WORD.findall(t) if w[0].isalnum()]) for t in texts)
