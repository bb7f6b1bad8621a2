"""Terms that must stand in the report: what to search for them, and the evidence that holds them."""

from __future__ import annotations

from collections.abc import Sequence

from agent.brief import Brief
from agent.queries import Query
from dlm_core.canvas import holds
from dlm_core.embed import Embedder
from tools.injection import addresses_reader
from tools.library import Library
from tools.query import keywords

PASSAGES = 40  # passages looked at for one term
EACH = 2  # pieces of evidence kept for one term


def queries(brief: Brief, terms: Sequence[str]) -> list[Query]:
    """A query for each required term that the question does not name."""
    topic = " ".join(keywords(brief.question, 4))
    return [
        Query(f"{topic} {term}", f"“{term}” must stand in the report")
        for term in terms
        if not holds(brief.question, term)
    ]


def holding(
    brief: Brief, terms: Sequence[str], library: Library, embedder: Embedder, sources: Sequence[str]
) -> list[str]:
    """Evidence that stands alone and holds a required term, the nearest to the
    question first, EACH for a term; from `sources` and nowhere else."""
    out: dict[str, None] = {}
    if not terms or not sources:
        return []
    question = embedder([brief.question])[0]
    for term in terms:
        found: list[str] = []
        for passage, _ in library.search(f"{term} {brief.question}", PASSAGES, set(sources)):
            if holds(passage.text, term) and not addresses_reader(f"{passage.heading}\n{passage.text}"):
                found += [e.id for e in library.evidence_of(passage.id) if e.standalone and holds(e.said, term)]
        near = library.vectors(found) @ question if found else []
        best = sorted(range(len(found)), key=lambda i: (-round(float(near[i]), 6), found[i]))
        out |= dict.fromkeys(found[i] for i in best[:EACH])
    return list(out)
