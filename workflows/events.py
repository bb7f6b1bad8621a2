"""What happens in a run, as plain values: made once, shown by every view.

The keys are those of the `--json` stream (docs/terminal.md); SCHEMA goes up when
one of them is taken away or changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.queries import Query
    from dlm_core.belief import Decision
    from dlm_core.canvas import Canvas
    from dlm_core.pool import Pool
    from workflows.runs import Run

SCHEMA = 1
Event = dict[str, Any]


def begun(run: Run) -> Event:
    """A run begins, or is gone on with."""
    return {
        "id": run.id,
        "question": run.question,
        "sources": list(run.sources),
        "seed": run.seed,
        "rounds": run.rounds,
        "pages": run.pages,
        "seconds": run.seconds,
        "effort": run.effort,
    }


def step(node: str, state: Mapping[str, Any]) -> Event:
    """A node of the graph begins: its name, the round, and what is at hand."""
    return {
        "node": node,
        "round": int(state.get("round", 0)) + (node == "search"),
        "pages": len(state.get("pages", ())),
        "evidence": len(state.get("pool", ())),
    }


def searched(number: int, asked: Sequence[Query]) -> Event:
    """What a round searches for, and why. kind: "question", "part", "thing", "feedback"
    or a kind of gap (docs/search.md)."""
    return {"round": number, "queries": [{"text": q.text, "why": q.why, "kind": q.kind} for q in asked]}


def drawn(canvas: Canvas) -> Event:
    """The draft: its slots in reading order, the summary's last, confidence 0..1."""
    slots = [(s, s.kind.name.lower()) for s in canvas.slots] + [(s, "summary") for s in canvas.summary]
    return {
        "revision": len(canvas.revisions),
        "slots": [
            {
                "id": s.id,
                "kind": kind,
                "text": s.text,
                "confidence": round(s.certainty, 4),
                "pinned": s.pinned,
                "disputed": s.disputed,
                "evidence": list(s.pointers) if kind == "claim" else [],
            }
            for s, kind in slots
        ],
    }


def decided(made: Decision, pool: Pool, pages: Sequence[str], claims: Sequence[str]) -> Event:
    """A decision with its cause. pages: source ids in the order read, which gives
    sources their numbers; claims: ids of the claims of the draft."""
    named = dict.fromkeys(pool.evidence[e].source for e in made.cause.evidence if e in pool.evidence)
    return {
        "kind": made.kind,
        "reason": made.cause.reason,
        "tokens": list(made.cause.tokens),
        "shift": round(made.cause.shift, 4),
        "threshold": made.cause.threshold,
        "evidence": list(made.cause.evidence),
        "sources": [
            {"number": pages.index(s) + 1 if s in pages else 0, "id": s, "title": pool.titles.get(s, "")} for s in named
        ],
        "claims": [s for s in made.slots if s in set(claims)],
        "shifts": dict(made.shifts),
    }


def trigger(event: Event) -> str:
    """One line for the reader: "3 key tokens (45, 60, May) from [7] moved 11 claims"."""
    tokens, claims = event["tokens"], event["claims"]
    sources = "".join(f"[{s['number']}]" for s in event["sources"] if s["number"])
    by = f" from {sources}" if sources else ""
    if event["kind"] == "reconstruct":
        named = f" ({', '.join(tokens[:4])}{', …' if len(tokens) > 4 else ''})" if tokens else ""
        return f"{count(len(tokens), 'key token')}{named}{by} moved {count(len(claims), 'claim')}: all is written anew"
    if event["kind"] == "local":
        return f"{event['reason']}{by}"
    return str(event["reason"])


def count(number: int, what: str) -> str:
    """ "1 claim", "2 claims"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def reported(out: str, report: Event) -> Event:
    """The report is on disk: its folder, and report.json's object."""
    return {"out": out, "report": report}


def paused(message: str, outline: str) -> Event:
    """The outline, a file, waits for the user: how to go on."""
    return {"message": message, "outline": outline}


def failed(message: str) -> Event:
    """The run gave no report: why."""
    return {"message": message}
