"""The evidence at hand: what the planner may point at and claims may cite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dlm_core.segment import Evidence

SAME_SOURCE, SAME_HEADING = 0.05, 0.1  # cosine that a shared source, and a shared heading, are worth


@dataclass(frozen=True)
class Pool:
    """Evidence in a fixed order with its vectors.

    evidence: id -> evidence; its order is the pool order, and every piece can
    stand alone, or can without its clutter (dlm_core/clutter.py). vectors: (n, 384) float32 unit vectors in that order.
    titles, dates: by source id; a date is ISO text, "" or absent if unknown.
    """

    evidence: dict[str, Evidence]
    vectors: np.ndarray
    titles: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.vectors.shape[0] != len(self.evidence):
            raise ValueError(f"{len(self.evidence)} evidence but {self.vectors.shape[0]} vectors")

    def __len__(self) -> int:
        return len(self.evidence)

    @property
    def ids(self) -> list[str]:
        return list(self.evidence)

    def row(self, evidence_id: str) -> int:
        """Row of an evidence id in `vectors`; KeyError where it is not here."""
        return self._rows()[evidence_id]

    def _rows(self) -> dict[str, int]:
        rows = self.__dict__.get("_row_of")
        if rows is None:
            rows = {e: i for i, e in enumerate(self.evidence)}
            object.__setattr__(self, "_row_of", rows)
        return rows

    def affinity(self) -> np.ndarray:
        """(n, n) float32: how much two pieces of evidence belong together: their
        cosine, and more where one source, and one heading of it, says both."""
        rows = list(self.evidence.values())
        source = np.array([e.source for e in rows])
        place = np.array([f"{e.source} {e.heading}" for e in rows])
        together = SAME_SOURCE * (source[:, None] == source[None]) + SAME_HEADING * (place[:, None] == place[None])
        return np.asarray(self.vectors @ self.vectors.T + together, dtype=np.float32)

    def texts(self, ids: Sequence[str]) -> list[str]:
        return [self.evidence[i].said for i in ids]

    def title(self, evidence_id: str) -> str:
        return self.titles.get(self.evidence[evidence_id].source, "")

    def only(self, ids: Sequence[str]) -> Pool:
        """The pool cut down to some ids, in their pool order."""
        wanted = set(ids)
        kept = {i: e for i, e in self.evidence.items() if i in wanted}
        return Pool(kept, self.vectors[[self.row(i) for i in kept]], self.titles, self.dates)
