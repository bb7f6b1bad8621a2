"""Passages that are copies of one another, or nearly: mirrors, syndicated texts, versions of one page.

Two passages are near-duplicates from NEAR up of the Jaccard similarity of their
runs of SHINGLE words (Broder 1997, "On the resemblance and containment of
documents"). It is computed exactly: a search brings some hundred passages, and
MinHash estimates the same number where there are too many for that. A copy that
differs in a number, a date, a name or a negation is kept: what it changes may be
the news.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from dlm_core.facts import unsupported
from dlm_core.segment import Passage

SHINGLE = 5  # words
NEAR = 0.8


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Of some passages, best first, those that no earlier one says nearly word for word."""
    kept: list[Passage] = []
    sizes: list[int] = []
    holders: dict[str, list[int]] = {}  # shingle -> places in `kept`
    for passage in passages:
        own = _shingles(passage.text)
        common = Counter(place for s in own for place in holders.get(s, ()))
        if any(
            n >= NEAR * (len(own) + sizes[place] - n) and _same(passage.text, kept[place].text)
            for place, n in common.items()
        ):
            continue
        for s in own:
            holders.setdefault(s, []).append(len(kept))
        kept.append(passage)
        sizes.append(len(own))
    return kept


def _shingles(text: str) -> set[str]:
    words = re.findall(r"\w+", text.casefold())
    return {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}


def _same(a: str, b: str) -> bool:
    return not unsupported(a, [b]) and not unsupported(b, [a])
