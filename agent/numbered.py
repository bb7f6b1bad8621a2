"""Names that several things have, told apart by a number: "World War I", "Henry VIII", "Apollo 11".

Vectors and words hardly tell World War I from World War II, and a page on one of them says "the war" and means its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from dlm_core.facts import MONTHS
from tools.source import Source

_NUMBERED = re.compile(r"\b((?:[A-Z][a-z]+ )+)([IVX]{1,5}|\d{1,2})\b(?![.,]?\d)")


def numbered(text: str) -> dict[str, Counter[str]]:
    """How often each numbered name of a text stands there with each number: "World War " with "I". "During World War "
    is the "World War " that is named elsewhere."""
    held: dict[str, Counter[str]] = {}
    for name, number in _NUMBERED.findall(text):
        if name.split()[-1].lower() not in MONTHS:  # "May 5" is a day
            held.setdefault(name, Counter())[number] += 1
    out: dict[str, Counter[str]] = {}
    for name in sorted(held, key=len):
        own = next((shorter for shorter in out if name.endswith(f" {shorter}")), name)
        out.setdefault(own, Counter()).update(held[name])
    return out


def _told(asked: Mapping[str, Counter[str]], text: str) -> list[tuple[int, int]]:
    """For each name asked about that a text has: how often with a number that was asked about, and with others."""
    held = numbered(text) if asked else {}
    out = []
    for name, numbers in asked.items():
        # "During World War " names what "World War " does
        here = [n for other, n in held.items() if other.endswith(name) or name.endswith(other)]
        many = sum(here, Counter[str]())
        own = sum(many[number] for number in numbers)
        if here:
            out.append((own, many.total() - own))
    return out


def about_another(asked: Mapping[str, Counter[str]], source: Source) -> bool:
    """Whether a source names another one of a name than a question asks about (`numbered`), and that more often."""
    return any(other > own for own, other in _told(asked, f"{source.title}\n{source.text}"))


def may_speak(asked: Mapping[str, Counter[str]], text: str, aside: bool) -> bool:
    """Whether a sentence may speak of what a question asks about: it does not name another one of a name alone. aside:
    it stands in a source on another one; there it must name the one that was asked about, and no other."""
    told = _told(asked, text)
    if aside:
        return any(own and not other for own, other in told)
    return all(own for own, _ in told)
