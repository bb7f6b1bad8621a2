"""A canvas at the text scale while it is denoised, and how carefully that is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from dlm_core.tokenizer import END


@dataclass(frozen=True)
class Effort:
    """How carefully text is denoised. `threshold` and `window` set how many
    tokens a step commits, `edits` how often what stands is looked at and what
    must be `sure` before it is emptied or written anew, `rounds` how often a
    sentence is read and remasked."""

    threshold: float = 0.9
    window: int = 16
    entropy_bound: float = 2.0  # nats a step and row
    temperature: float = 0.0
    edits: int = 3
    sure: float = 0.5
    rounds: int = 2
    doubt: float = -4.5  # reading in nats below which a written token is remasked


SPARE = 3  # masks opened beyond a run that is written anew: its new words may be more than the old


@dataclass
class Job:
    """One canvas to denoise. All lists have the canvas length. `fixed` positions
    stay what they are; `written` ones were masked once, the others stand as the
    canvas began."""

    context: tuple[int, ...]
    tokens: list[int]
    masked: list[bool]
    confidence: list[float]
    fixed: list[bool]
    written: list[bool]
    reading: list[float] = field(default_factory=list)
    generator: torch.Generator = field(default_factory=torch.Generator)

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
        """The same canvas, without its reading."""
        tokens, masked, confidence, fixed, written = map(list, self._columns())
        return Job(self.context, tokens, masked, confidence, fixed, written, generator=self.generator)

    def mask(self, places: Sequence[int]) -> None:
        """Put noise on `places`."""
        for p in places:
            self.masked[p], self.written[p], self.confidence[p] = True, True, 0.0

    def open(self, place: int, room: int) -> None:
        """Open `room` masks before `place`."""
        for column, value in zip(self._columns(), (END, True, 0.0, False, True), strict=True):
            column[place:place] = [value] * room

    def drop(self, places: set[int]) -> None:
        """Take `places` away."""
        for column in self._columns():
            column[:] = [v for p, v in enumerate(column) if p not in places]

    def _columns(self) -> tuple[list[Any], ...]:
        return self.tokens, self.masked, self.confidence, self.fixed, self.written

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
