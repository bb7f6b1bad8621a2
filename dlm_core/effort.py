"""How carefully text and plan are denoised: the one dial between quality and speed. Imports nothing slow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

LEVELS = {"fast": 0.0, "default": 0.5, "thorough": 1.0}


@dataclass(frozen=True)
class Effort:
    """`threshold`, `window` and `entropy_bound` set how many tokens a step
    commits; `edits` how often what stands is looked at and what must be `sure`
    before it is emptied or written anew; `rounds` how often a sentence is read
    and remasked, `tries` how often one that fails its check is drawn anew;
    `plans` how many whole plans are sampled, of which the best is kept. `soft`
    mixes what a mask is likeliest to become into its embedding, 0..1."""

    threshold: float = 0.6
    window: int = 4  # from the leftmost mask
    entropy_bound: float = 4.0  # nats a step and row
    temperature: float = 0.0
    edits: int = 3
    sure: float = 0.5
    rounds: int = 1
    doubt: float = -4.5  # reading in nats below which a written token is remasked
    tries: int = 1
    plans: int = 8
    soft: float = 0.0

    @staticmethod
    def at(level: float) -> Effort:
        """The effort at `level`: 0 is fast, 0.5 the default, 1 thorough; between
        these, every number moves in proportion and counts to the nearest whole.
        Raises ValueError outside 0..1."""
        if not 0 <= level <= 1:
            raise ValueError(f"an effort lies between 0 and 1, not at {level}")
        low, high, share = (FAST, Effort(), 2 * level) if level < 0.5 else (Effort(), THOROUGH, 2 * level - 1)
        mixed: dict[str, Any] = {}
        for field in fields(Effort):
            a, b = getattr(low, field.name), getattr(high, field.name)
            value = a + share * (b - a)
            mixed[field.name] = round(value) if isinstance(a, int) else round(value, 6)
        return Effort(**mixed)


# What each number buys is measured in docs/engine.md.
FAST = Effort(threshold=0.4, entropy_bound=8.0, edits=1, rounds=0, tries=1, plans=1)
THOROUGH = Effort(threshold=0.9, entropy_bound=2.0, edits=5, rounds=4, tries=3, plans=16)


def level(text: str) -> float:
    """The level that a user means: a name of LEVELS or a number from 0 to 1. Raises ValueError."""
    name = text.strip().lower()
    if name in LEVELS:
        return LEVELS[name]
    try:
        value = float(name)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not an effort: fast, default, thorough, or a number from 0 to 1")
    return value
