"""When to stop: the draft is stable, nothing is left to find, or a budget is spent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """rounds: searches at most. pages: read in one round at most. seconds: of
    work, in all. tokens: what the model reads and denoises, in all. 0 is no limit."""

    rounds: int = 2
    pages: int = 8
    seconds: float = 0.0
    tokens: int = 0


def out_of_time(limits: Limits, seconds: float) -> bool:
    return 0 < limits.seconds <= seconds


def reason_to_stop(
    limits: Limits,
    *,
    round: int,
    seconds: float,
    tokens: int = 0,
    hurried: bool = False,
    interrupted: bool,
    new_pages: int,
    new_evidence: int,
    decision: str,
    open_parts: int,
    weak: int,
) -> str:
    """Why the run ends after this round, for the reader; "" where it goes on.

    round: rounds finished. hurried: time or tokens ran out in this round. new_pages,
    new_evidence: what this round brought.
    decision: "draft", "keep", "local" or "reconstruct". open_parts: sub-questions
    without a claim. weak: claims that failed verification in this round.
    """
    if interrupted:
        return "stopped by the user"
    if 0 < limits.tokens <= tokens:
        return f"the budget of {limits.tokens} tokens is spent"
    if limits.seconds and hurried or out_of_time(limits, seconds):
        return f"the time of {limits.seconds:g} seconds is spent"
    if round >= limits.rounds:
        return "the only round is done" if limits.rounds == 1 else f"all {limits.rounds} rounds are done"
    if round > 1 and not new_pages and not new_evidence:
        return "nothing new was found"
    if decision == "keep" and not open_parts and not weak:
        return "the draft is stable and nothing is open"
    return ""
