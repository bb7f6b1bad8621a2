"""Overlap of a sentence with a reference: ROUGE and SARI, 0..1, on lower-case words."""

from __future__ import annotations

import re
from collections import Counter


def tokens(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _grams(text: str, n: int) -> Counter[tuple[str, ...]]:
    words = tokens(text)
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _f(hit: float, said: float, wanted: float) -> float:
    return 2 * hit / (said + wanted) if said + wanted else 0.0


def rouge_n(reference: str, text: str, n: int) -> float:
    """F1 of n-grams (Lin 2004)."""
    a, b = _grams(reference, n), _grams(text, n)
    return _f(sum((a & b).values()), sum(b.values()), sum(a.values()))


def rouge_l(reference: str, text: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004)."""
    a, b = tokens(reference), tokens(text)
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if x == y else max(row[j], row[j - 1])
    return _f(row[-1], len(b), len(a))


def sari(source: str, text: str, reference: str) -> float:
    """SARI (Xu et al. 2016) with one reference: the mean of what was added (F1), kept (F1) and deleted (precision),
    over one- to four-grams."""
    total = 0.0
    for n in range(1, 5):
        s, t, r = set(_grams(source, n)), set(_grams(text, n)), set(_grams(reference, n))
        add, want_add = t - s, r - s
        keep, want_keep = t & s, r & s
        gone, want_gone = s - t, s - r
        total += _f(len(add & want_add), len(add), len(want_add)) if add or want_add else 1.0
        total += _f(len(keep & want_keep), len(keep), len(want_keep)) if keep or want_keep else 1.0
        total += len(gone & want_gone) / len(gone) if gone else float(not want_gone)
    return total / 12
