"""Content words of a text, so that "stored" is near "stores"."""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
STOP = frozenset(
    """the a an of and or to in on at by for with from as is are was were be been being it its this that these
    those which who whom whose what when where how why can could may might will would shall should must do does
    did has have had not no nor but if then than so such also more most other some any each many much all both
    into over under between through their they them he she his her we our you your one two about after before
    during while there here only very often""".split()  # noqa: SIM905
)


def stems(text: str) -> set[str]:
    """Content words, crudely stemmed, for word-overlap alignment."""
    return {w.lower()[:7].removesuffix("s") for w in WORD.findall(text) if w.lower() not in STOP}


_SNOWBALL = snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def root(word: str) -> str:
    """The Snowball root of a word: "revis" of "revises" and of "revision" (Porter 2, snowballstem.org)."""
    return str(_SNOWBALL.stemWord(word.lower()))


def roots(text: str) -> set[str]:
    """Content words by their roots."""
    return {root(w) for w in WORD.findall(text) if w.lower() not in STOP}
