"""The order in which sources tell what is taken from them: a definition stands before what uses it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlm_core.plan_features import WORD, stems

# "Unemployment, as measured by the unemployment rate, is the percentage of ...": what its subject is.
_IS = re.compile(
    r"(?:(?:An?|The) )?((?:[\w-]+ ){0,2}[\w-]+)(?: \([^)]*\))?(?:, [^,]{3,60},)?"
    r" (?:is|are|refers? to|means?|(?:is|are) defined as) (?:the|an?|any|one|when|how|what|those|all)\b"
)


def as_told(places: Sequence[tuple[str, int]]) -> list[int]:
    """The order of things that stand at (source, offset): at the places that one source has, what is first in it
    comes first; which source has which places stays."""
    held: dict[str, list[int]] = {}
    for i, (source, _) in enumerate(places):
        held.setdefault(source, []).append(i)
    out = list(range(len(places)))
    for where in held.values():
        for i, told in zip(where, sorted(where, key=lambda i: places[i][1]), strict=True):
            out[i] = told
    return out


def home(places: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """Where a section stands whose claims stand at `places`: the source of most of them, and their mean offset in it;
    ("", 0) for no claims."""
    if not places:
        return "", 0
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
