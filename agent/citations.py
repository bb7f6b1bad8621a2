"""Citation recall and precision of a report, after ALCE (Gao et al. 2023, "Enabling Large Language Models to Generate
Text with Citations"), with code in place of the entailment model.

recall: share of sentences that their citations, taken together, bear out.
precision: share of citations that are needed or say it themselves. As in ALCE, a
citation counts against it if it does not bear out its sentence alone and the
sentence stands without it, and so does every citation of a sentence that nothing
it cites bears out. "Bears out" is `dlm_core.clauses.unborne` finding nothing:
docs/search.md says what that sees and what it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlm_core.clauses import unborne as problems


@dataclass(frozen=True)
class Scores:
    """recall, precision: 0..1, 0 where nothing is said or cited. sentences, citations: how many were looked at."""

    recall: float
    precision: float
    sentences: int
    citations: int


def scores(cited: Sequence[tuple[str, Sequence[str]]]) -> Scores:
    """Of sentences, each with the texts it cites."""
    borne_out = needed = citations = 0
    for text, texts in cited:
        citations += len(texts)
        if not texts or problems(text, texts):
            continue
        borne_out += 1
        for n, own in enumerate(texts):
            rest = [*texts[:n], *texts[n + 1 :]]
            needed += not problems(text, [own]) or not rest or bool(problems(text, rest))
    return Scores(
        round(borne_out / len(cited), 4) if cited else 0.0,
        round(needed / citations, 4) if citations else 0.0,
        len(cited),
        citations,
    )
