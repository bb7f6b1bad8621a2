"""A run's events without its model, played to whatever reporter the terminal asks for: python -m tests.replay SECONDS.

The events are those of a run with two rounds: a draft, then evidence whose key
tokens move two claims, so that all but the pinned one is written anew.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from workflows import terminal

QUESTION = "How does the Heron client handle timeouts?"
EVIL = "[bold]Heron[/bold] \x1b]0;owned\x07\x1b[2J\u202e notes"
MASK = "░"


def slot(name: str, kind: str, text: str, sure: float = 0.95, pinned: bool = False) -> dict[str, Any]:
    return {"id": name, "kind": kind, "text": text, "confidence": sure, "pinned": pinned, "disputed": False}


OLD = [
    slot("s1", "section", "Timeouts of Heron"),
    slot("s2", "claim", "The default timeout of a Heron request is 30 seconds.", 0.93),
    slot("s3", "claim", "The Heron client cancels every request that takes longer than 30 seconds.", 0.7),
    slot("s4", "claim", "A request that was cancelled raises HeronTimeout.", 0.5, pinned=True),
]
NEW = [
    OLD[0],
    slot("s2", "claim", "The default timeout of a Heron request is 45 seconds.", 0.93),
    slot("s3", "claim", "Heron cancels what takes longer than 45 seconds.", 0.7),
    OLD[3],
]
KINDS = {s["id"]: s["kind"] for s in OLD}
DECISION = {
    "kind": "reconstruct",
    "reason": "new evidence changes a fact that 2 claims rest on",
    "tokens": ["45", "sixty", "May"],
    "shift": 3.2,
    "threshold": 1.5,
    "evidence": ["e7"],
    "sources": [{"number": 7, "id": "src_7", "title": EVIL}],
    "claims": ["s2", "s3"],
}


def writing(name: str, *pieces: tuple[str, float | None], done: int = 0) -> dict[str, Any]:
    text = "".join(t for t, _ in pieces)
    return {"stage": "write", "done": done, "total": 2, "texts": {name: text}, "shades": {name: pieces}}


EVENTS: list[tuple[str, Any]] = [
    ("begin", {"question": QUESTION, "rounds": 2, "pages": 8, "seconds": 300.0}),
    ("step", {"node": "search", "round": 1, "pages": 0, "evidence": 0}),
    ("stage", ("search", f"round 1: {QUESTION} (the question), notes")),
    ("stage", ("read", f"1 of 2: {EVIL}")),
    ("note", f"skipped {EVIL}: no text"),
    ("stage", ("read", "2 of 2: The Heron client")),
    ("step", {"node": "revise", "round": 1, "pages": 2, "evidence": 9}),
    ("stage", ("draft", "round 1")),
    ("canvas", {"slots": []}),
    ("progress", {"stage": "plan", "done": 1, "total": 1, "texts": {}, "kinds": KINDS}),
    ("progress", writing("s2", ("The default timeout", 0.9), (MASK, None), (MASK, None), (" 30", 0.5))),
    ("canvas", {"slots": OLD}),
    ("step", {"node": "reflect", "round": 2, "pages": 7, "evidence": 14}),
    ("stage", ("reflect", "reconstruct: new evidence changes a fact that 2 claims rest on")),
    ("decision", DECISION),
    ("stage", ("revise", "round 2")),
    ("canvas", {"slots": OLD}),
    ("progress", {"stage": "plan", "done": 1, "total": 1, "texts": {}, "kinds": KINDS}),
    ("progress", writing("s2", ("The default timeout of a Heron request is ", 0.95), (MASK, None), (" seconds.", 0.6))),
    ("progress", writing("s3", ("Heron cancels what takes longer than ", 0.9), ("45 seconds.", 0.4), done=1)),
    ("canvas", {"slots": NEW}),
    ("stage", ("verify", "3 claims stand; all 2 rounds are done")),
]


def play(view: terminal.Reporter, seconds: float) -> None:
    for name, value in EVENTS:
        getattr(view, name)(*(value if isinstance(value, tuple) else (value,)))
        time.sleep(seconds)


if __name__ == "__main__":
    with terminal.open_reporter(quiet=False) as reporter:
        play(reporter, float(sys.argv[1]))
    print("the end")
