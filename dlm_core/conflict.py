"""Do two sentences give different values for the same thing? Decided by their words."""

from __future__ import annotations

import re

from dlm_core.facts import facts
from dlm_core.tokenizer import FUNCTION_WORDS

OVERLAP = 0.7  # share of the shorter sentence's content words the other must have


def _content(text: str) -> set[str]:
    found = re.findall(r"[a-z][a-z-]+", text.lower())
    return {re.sub(r"(?:es|s|ed|ing)$", "", w) for w in found if w not in FUNCTION_WORDS}


def _values(text: str) -> dict[str, dict[str, str]]:
    """kind -> {value: the word after it}, for numbers and dates."""
    out: dict[str, dict[str, str]] = {"number": {}, "date": {}}
    for a, b, kind in facts(text):
        if kind in out:
            unit = re.match(r"\W*([A-Za-z%-]*)", text[b:])
            out[kind][text[a:b].strip().lower()] = unit.group(1).lower().rstrip("s") if unit else ""
    return out


def conflict(old: str, new: str) -> list[tuple[str, str]]:
    """(old value, new value) pairs where two sentences give different numbers or
    dates for what reads as the same thing; [] where they do not."""
    a, b = _content(old), _content(new)
    small = min(len(a), len(b))
    if small < 2 or len(a & b) < OVERLAP * small:
        return []
    out = []
    mine, theirs = _values(old), _values(new)
    for kind in mine:
        gone = {v: u for v, u in mine[kind].items() if v not in theirs[kind]}
        come = {v: u for v, u in theirs[kind].items() if v not in mine[kind]}
        out += [(v, w) for v, u in gone.items() for w, x in come.items() if kind == "date" or u == x]
    return out
