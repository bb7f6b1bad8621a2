"""A canvas at the text scale while it is denoised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from dlm_core.effort import Effort
from dlm_core.tokenizer import END

__all__ = ["REMASKS", "SPARE", "Effort", "Job"]

REMASKS = 3  # noise goes on a position at most this often per piece of new evidence

SPARE = 3  # masks opened beyond a run that is written anew: its new words may be more than the old


@dataclass
class Job:
    """One canvas to denoise. All lists have the canvas length. `fixed` positions
    stay what they are; `written` ones were masked once, the others stand as the
    canvas began. `noised` counts how often noise was put back on a position for
    the evidence at hand, REMASKS times at most; `remasks` is the highest of them
    so far. `hints` hold, by masked place, what is added to the mask's
    embedding (D,): what the place is likeliest to become."""

    context: tuple[int, ...]
    tokens: list[int]
    masked: list[bool]
    confidence: list[float]
    fixed: list[bool]
    written: list[bool]
    reading: list[float] = field(default_factory=list)
    generator: torch.Generator = field(default_factory=torch.Generator)
    hints: dict[int, torch.Tensor] = field(default_factory=dict)
    noised: list[int] = field(default_factory=list)
    remasks: int = 0

    def __post_init__(self) -> None:
        self.noised = self.noised or [self.remasks] * len(self.tokens)

    @staticmethod
    def blank(context: Sequence[int], room: int) -> Job:
        """A canvas of `room` masks: 100% noise."""
        return Job(tuple(context), [END] * room, [True] * room, [0.0] * room, [False] * room, [True] * room)

    @staticmethod
    def text(context: Sequence[int], tokens: Sequence[int], fixed: Sequence[bool] = ()) -> Job:
        """A canvas on which `tokens` stand, to be edited."""
        n = len(tokens)
        return Job(tuple(context), list(tokens), [False] * n, [1.0] * n, list(fixed) or [False] * n, [False] * n)

    def copy(self) -> Job:
        """The same canvas, without its reading and hints."""
        tokens, masked, confidence, fixed, written, noised = map(list, self._columns())
        held = Job(self.context, tokens, masked, confidence, fixed, written, generator=self.generator)
        held.noised, held.remasks = noised, self.remasks
        return held

    def spent(self, times: int) -> None:
        """Noise was put on every position so often before."""
        self.noised, self.remasks = [times] * len(self.tokens), times

    def mask(self, places: Sequence[int]) -> None:
        """Put noise on those of `places` that had it less than REMASKS times."""
        for p in places:
            if self.noised[p] < REMASKS:
                self.masked[p], self.written[p], self.confidence[p] = True, True, 0.0
                self.noised[p] += 1
                self.remasks = max(self.remasks, self.noised[p])

    def open(self, place: int, room: int) -> None:
        """Open `room` masks before `place`."""
        self.hints.clear()
        for column, value in zip(self._columns(), (END, True, 0.0, False, True, 0), strict=True):
            column[place:place] = [value] * room

    def drop(self, places: set[int]) -> None:
        """Take `places` away."""
        self.hints.clear()
        for column in self._columns():
            column[:] = [v for p, v in enumerate(column) if p not in places]

    def _columns(self) -> tuple[list[Any], ...]:
        return self.tokens, self.masked, self.confidence, self.fixed, self.written, self.noised

    def text_tokens(self) -> list[int]:
        """Tokens before the first end token, masks left out."""
        out = []
        for token, hidden in zip(self.tokens, self.masked, strict=True):
            if token == END and not hidden:
                break
            if not hidden:
                out.append(token)
        return out

    def score(self) -> float:
        """Mean reading of the tokens, nats a token; -inf before a reading."""
        return sum(self.reading) / len(self.reading) if self.reading else float("-inf")
