"""Texts ranked by their best blocks (BM25), so that a long one is not judged by what else it says.

Okapi BM25 by bm25s (Lù 2024, arXiv 2407.03618). Words are kept as numbers, four bytes a word of text and eight a
distinct word of a block, so a folder of millions of words fits.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from typing import Any

import numpy as np

from tools.query import keywords, stem

BLOCK = 120  # words of a block that is ranked
BEST = np.array((1.0, 0.5, 0.25))  # weights of a text's best blocks
TITLE = 3  # the title is a block of its own, its words so many times
NEAR = 60  # words of a passage that shows what a text says of a query
OFTEN, SMOOTH = 3, 40  # times a word counts there, and words added to a block's length, so that no short line wins
_WORD = re.compile(r"\w+")


class _Numbers(dict[str, int]):
    """The number of a word's stem; a word that is new gets one."""

    def __init__(self) -> None:
        super().__init__()
        self.stems: dict[str, int] = {}

    def __missing__(self, word: str) -> int:
        number = self.stems.setdefault(stem(word), len(self.stems))
        self[word] = number
        return number


class Blocks:
    """Texts, to be added one after the other and then ranked."""

    def __init__(self) -> None:
        self._numbers = _Numbers()
        self._words: list[array[int]] = []  # of each block
        self._owner = array("i")  # the text each block belongs to
        self._index: Any = None
        self.texts = 0

    def add(self, title: str, text: str) -> None:
        """The next text, in the stored format."""
        head = self._of(title)
        for words in (head * TITLE, *(head + self._of(block) for block in _blocks(text))):
            self._words.append(words)
            self._owner.append(self.texts)
        self.texts += 1

    def _of(self, text: str) -> array[int]:
        return array("i", [self._numbers[word] for word in _WORD.findall(text)])

    def rated(self, query: str) -> np.ndarray:
        """(texts,) float64: the weighted sum of the BM25 scores of each text's best blocks; 0 where no word is shared.

        Words count by their stems, so that "timeouts" finds "timeout". No text may be added afterwards.
        """
        numbers = self._numbers.stems
        words = [numbers[w] for w in map(stem, _WORD.findall(" ".join(keywords(query, 64)))) if w in numbers]
        if not words:
            return np.zeros(self.texts)
        if self._index is None:
            import bm25s

            self._index = bm25s.BM25()
            self._index.index((self._words, numbers), create_empty_token=False, show_progress=False)
            self._words = []
        scores = np.asarray(self._index.get_scores_from_ids(words), dtype=np.float64)
        owner = np.frombuffer(self._owner, dtype=np.int32)
        order = np.lexsort((-scores, owner))
        place = np.arange(len(owner)) - np.searchsorted(owner, owner)  # of a block among its text's, best first
        first = place < len(BEST)
        rated = np.bincount(owner[order[first]], scores[order[first]] * BEST[place[first]], minlength=self.texts)
        return np.round(rated, 6)


def passage_on(query: str, text: str) -> str:
    """The NEAR words of a stored text in which most words of the query stand, in its block that has most of them for
    its length; "" where it has none."""
    asked = {stem(w) for w in _WORD.findall(" ".join(keywords(query, 64)))}
    best, found, held = 0.0, [], np.zeros(0)
    for block in _blocks(text):
        words = block.split()
        named = [[stem(w) for w in _WORD.findall(word)] for word in words]
        hits = np.array([any(s in asked for s in stems) for stems in named], dtype=np.float64)
        times = Counter(s for stems in named for s in stems if s in asked)
        worth = sum(min(n, OFTEN) for n in times.values()) / (len(words) + SMOOTH)
        if worth > best:
            best, found, held = worth, words, hits
    if len(found) <= NEAR:
        return " ".join(found)
    at = int(np.argmax(np.convolve(held, np.ones(NEAR), "valid")))
    return " ".join(found[at : at + NEAR])


def _blocks(text: str) -> list[str]:
    """The stored text in pieces of about BLOCK words, cut between its blocks."""
    out: list[str] = []
    held: list[str] = []
    size = 0
    for block in text.split("\n\n"):
        held.append(block)
        size += len(block.split())
        if size >= BLOCK:
            out.append("\n".join(held))
            held, size = [], 0
    return [*out, "\n".join(held)] if held else out
