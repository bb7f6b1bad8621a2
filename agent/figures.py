"""Which figure of the sources belongs beside which claim.

A figure is shown beside a claim that cites its caption, or one that says nearly the same: by the cosine of MiniLM's
vectors, from SAME on where the claim rests on the figure's source, from OTHER on where it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dlm_core.canvas import Canvas, Kind
from dlm_core.embed import Embedder
from dlm_core.segment import Evidence
from tools.injection import addresses_reader
from tools.library import Library
from tools.source import Figure, Source

MOST = 5  # figures of a report
SAME, OTHER = 0.55, 0.65  # captions of other subjects reach 0.3, of the same one 0.5 to 0.7
WORDS = 4  # of a caption that says something


@dataclass(frozen=True)
class Match:
    """A figure and the claim it may stand beside. section: the claim's, by its number; evidence: an id of what the
    caption says, "" where it says nothing that can be cited; score: 2 and more where the claim cites the caption,
    else the cosine."""

    section: int
    claim: str
    source: Source
    figure: Figure
    evidence: str
    score: float


def matches(canvas: Canvas, library: Library, embedder: Embedder, sources: Sequence[str]) -> list[Match]:
    """Every figure of these sources with every claim that is near enough, the best first. Ties fall to the order of
    sections, claims, sources and figures, so the same draft and library give the same list."""
    pages = [library.source(name) for name in dict.fromkeys(sources)]
    known = _rights(pages)
    found = [(page, _credited(figure, known)) for page in pages for figure in page.figures if _says_something(figure)]
    claims = [
        (number, slot)
        for number, (_, body) in enumerate(canvas.sections())
        for slot in body
        if slot.kind == Kind.CLAIM and slot.text
    ]
    if not found or not claims:
        return []
    captions = embedder([figure.caption for _, figure in found])
    near = np.round(embedder([slot.text for _, slot in claims]) @ captions.T, 6)
    out = []
    for row, (number, slot) in enumerate(claims):
        cited = library.evidence(slot.pointers)
        own = {e.source for e in cited}
        for column, (page, figure) in enumerate(found):
            score = float(near[row, column])
            inside = [e for e in cited if e.source == page.id and _holds(figure, e)]
            if inside:
                score += 2.0
            elif score < (SAME if page.id in own else OTHER):
                continue
            out.append(Match(number, slot.id, page, figure, _evidence(inside, page, figure, library), score))
    return sorted(out, key=lambda match: -match.score)


def _rights(pages: Sequence[Source]) -> dict[str, Figure]:
    """The first figure with a credit or a licence, by the address of its picture: another page may show it without."""
    out: dict[str, Figure] = {}
    for figure in (f for page in pages for f in page.figures):
        if figure.credit or figure.licence:
            out.setdefault(figure.url, figure)
    return out


def _credited(figure: Figure, known: Mapping[str, Figure]) -> Figure:
    other = known.get(figure.url)
    if figure.credit or figure.licence or other is None:
        return figure
    return replace(figure, credit=other.credit, licence=other.licence, licence_url=other.licence_url)


def _says_something(figure: Figure) -> bool:
    """Whether a caption has words of its own, and none that give orders to its reader."""
    return len(figure.caption.split()) >= WORDS and not addresses_reader(f"{figure.caption}\n{figure.alt}")


def _holds(figure: Figure, e: Evidence) -> bool:
    return figure.start <= e.start and e.end <= figure.end


def _evidence(cited: Sequence[Evidence], page: Source, figure: Figure, library: Library) -> str:
    """What the caption says, as evidence: what the claim cites of it, else its first sentence that stands alone."""
    held = cited or [e for e in library.captioned(page.id) if _holds(figure, e)]
    return next((e.id for e in held if e.standalone), held[0].id if held else "")
