"""What is measured of a report, whoever wrote it.

All measures see the body only: the sentences under the headings. Our summary
repeats claims by design, and the peers have none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.checker import unsupported
from bench.rouge import tokens

NEAR = 0.65  # cosine from which a sentence of the report covers one of a summary; fixed before the first run
TWINS = 0.9  # cosine from which two sentences of a report say the same
SLACK = 0.05  # of the words, by which reports of equal length may differ

Vectors = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Sentence:
    """text, URLs it cites, the text a reader finds there (passage, heading and title),
    and whether each citation leads somewhere."""

    text: str
    urls: tuple[str, ...]
    cited: str
    valid: bool = True
    section: str = ""

    @property
    def words(self) -> int:
        return len(self.text.split())


@dataclass(frozen=True)
class Draft:
    """A report's body: ours in reading order, a peer's the best first, to be cut to a length.
    seconds: of processor, since a wall clock shows what else the machine does."""

    sentences: tuple[Sentence, ...]
    seconds: float | None
    extra: dict[str, float] = field(default_factory=dict)


def rouge1_recall(summary: str, report: str) -> float:
    """Share of the summary's words that stand in the report, counted with their number
    (Lin 2004, ROUGE-1 recall without stemming)."""
    wanted, held = Counter(tokens(summary)), Counter(tokens(report))
    return sum((wanted & held).values()) / max(1, sum(wanted.values()))


def covered(summary: Sequence[str], report: Sequence[str], vectors: Vectors) -> float:
    """Share of the summary's sentences that some sentence of the report is near to."""
    if not summary or not report:
        return 0.0
    near = vectors(list(summary)) @ vectors(list(report)).T
    return float((near.max(axis=1) >= NEAR).mean())


def repeated(report: Sequence[str]) -> float:
    """Share of the report's four-word runs that were there before."""
    runs = [tuple(t[i : i + 4]) for t in map(tokens, report) for i in range(len(t) - 3)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def twins(report: Sequence[str], vectors: Vectors) -> int:
    """Pairs of sentences that say the same."""
    if len(report) < 2:
        return 0
    made = vectors(list(report))
    return int((np.triu(made @ made.T, 1) >= TWINS).sum())


def cut(ranked: Sequence[Sentence], words: int) -> tuple[Sentence, ...]:
    """The best sentences that fit `words` (within SLACK): in order, those that would
    overshoot left out, until the length is reached."""
    out: list[Sentence] = []
    total = 0
    for s in ranked:
        if total >= (1 - SLACK) * words:
            break
        if total + s.words <= (1 + SLACK) * words:
            out.append(s)
            total += s.words
    return tuple(out)


def measure(
    draft: Draft, is_gold: Callable[[str], bool], summary: Sequence[str], vectors: Vectors
) -> dict[str, float | None]:
    """All figures of one report; coverage is None where the gold pages have no summary."""
    claims = [s for s in draft.sentences if s.urls]
    texts = [s.text for s in draft.sentences]
    share = [sum(map(is_gold, s.urls)) / len(s.urls) for s in claims]
    sections: dict[str, set[str]] = {}
    for s in claims:
        sections.setdefault(s.section, set()).update(s.urls)
    return {
        "gold_share": float(np.mean(share)) if share else 0.0,
        "coverage_rouge1": rouge1_recall(" ".join(summary), " ".join(texts)) if summary else None,
        "coverage_sentences": covered(summary, texts, vectors) if summary else None,
        "invalid_citations": sum(not s.valid for s in draft.sentences),
        "unsupported": sum(bool(unsupported(s.text, s.cited)) for s in claims),
        "claims": len(claims),
        "repeated_4grams": repeated(texts),
        "near_duplicates": twins(texts, vectors),
        "sources_per_section": float(np.mean([len(u) for u in sections.values()])) if sections else 0.0,
        "words": sum(s.words for s in draft.sentences),
        "seconds": draft.seconds,
        **draft.extra,
    }
