"""The state of the research graph: small and plain, so that a checkpoint is a few KB.

Only numbers, strings and lists of them. Pages are in the library, canvases in
files; here are their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from dlm_core.belief import Decision


class State(TypedDict, total=False):
    """What a node is given and what it gives back (the keys it changed)."""

    title: str
    parts: list[str]
    round: int  # the round that is going on, from 1; 0 before the first
    queries: list[list[str]]  # of this round: [text, why, kind]
    asked: list[str]  # all queries so far
    searches: list[list[str]]  # all queries so far: [round, text, why, kind]
    hits: list[list[str]]  # to read in this round: [url, title, place of its provider]
    opened: list[str]  # URLs taken up so far
    pages: list[str]  # source ids read so far, in order
    fresh: list[str]  # source ids read in this round
    skipped: list[list[str]]  # [url, reason]
    trouble: list[str]  # searches that failed, one line each
    remarks: list[str]  # what the reader should know of how sources were read, in sentences
    cut: list[str]  # source ids off the topic
    pool: list[str]  # evidence ids at hand
    new: list[str]  # those that were not at hand before this round, and `slighted`
    slighted: list[str]  # evidence on sub-questions that the draft answers worse than what is at hand
    decision: dict[str, Any]
    disputes: list[list[str]]  # [evidence, evidence preferred to it]
    outline: str  # the same of a plan that waits for approval, or was approved; "" without --approve
    barred: list[str]  # evidence that the user took out of the outline
    canvas: str  # file in the run's canvas folder
    weak: int  # claims of this round that failed verification
    failed: list[list[str]]  # [text, reason] of those of them that could not be saved
    lost: list[list[str]]  # [text, reason] of all that could not be saved
    dropped: int  # claims that no rewriting could save, in all
    seconds: float  # worked so far
    tokens: int  # read and denoised by the model so far
    stop: str  # why the run ends; "" while it goes on


START: State = {
    "title": "",
    "parts": [],
    "round": 0,
    "queries": [],
    "asked": [],
    "searches": [],
    "hits": [],
    "opened": [],
    "pages": [],
    "fresh": [],
    "skipped": [],
    "trouble": [],
    "remarks": [],
    "cut": [],
    "pool": [],
    "new": [],
    "slighted": [],
    "decision": {},
    "disputes": [],
    "outline": "",
    "barred": [],
    "canvas": "",
    "weak": 0,
    "failed": [],
    "lost": [],
    "dropped": 0,
    "seconds": 0.0,
    "tokens": 0,
    "stop": "",
}


def pack(decision: Decision) -> dict[str, Any]:
    """A decision as plain values; `unpack` gives it back."""
    cause = decision.cause
    return {
        "kind": decision.kind,
        "reason": cause.reason,
        "evidence": list(cause.evidence),
        "tokens": list(cause.tokens),
        "shift": cause.shift,
        "threshold": cause.threshold,
        "slots": list(decision.slots),
        "new": list(decision.new),
        "disputes": dict(decision.disputes),
        "rests": dict(decision.rests),
        "shifts": dict(decision.shifts),
    }


def unpack(raw: dict[str, Any]) -> Decision:
    from dlm_core.belief import Decision  # late: it brings torch, which searching and reading do without
    from dlm_core.canvas import Cause

    cause = Cause(
        str(raw["reason"]), tuple(raw["evidence"]), tuple(raw["tokens"]), float(raw["shift"]), float(raw["threshold"])
    )
    return Decision(
        str(raw["kind"]),
        cause,
        tuple(raw["slots"]),
        tuple(raw["new"]),
        dict(raw["disputes"]),
        dict(raw.get("shifts", {})),
        dict(raw.get("rests", {})),
    )
