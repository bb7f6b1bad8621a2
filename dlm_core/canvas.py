"""The canvas: the one representation of a report draft.

A canvas is a list of slots in reading order. A SECTION slot opens a section and
holds its heading; the CLAIM and LINK slots that follow hold one sentence each.
Summary sentences are slots too, kept apart in `Canvas.summary`; their pointers
name the claims they condense instead of evidence. Report, JSON and tensors are
views of this object.

Slot ids are never reused: a claim keeps its id when its text changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import Any

MAX_POINTERS = 3  # evidence a claim may rest on


class CanvasError(ValueError):
    """A canvas or its JSON breaks a rule; the message names the rule."""


class Kind(IntEnum):
    """What a slot is. The numbers are symbols of the plan vocabulary."""

    EMPTY = 0
    SECTION = 1
    CLAIM = 2
    LINK = 3


class Role(IntEnum):
    """What a token does. Noise, masks and thresholds are by role."""

    STRUCTURE = 0
    CITATION = 1
    FACT = 2  # number, date, name
    CONTENT = 3
    FILLER = 4


@dataclass(frozen=True)
class Slot:
    """One unit of the coarse scale and the fine tokens it holds.

    `tokens` are ids without end tokens and `confidence` is the model's
    probability of each at the time it was committed, so both have one length.
    `text` is the surface, exactly as a reader sees it.
    """

    id: str
    kind: Kind
    pointers: tuple[str, ...] = ()
    text: str = ""
    tokens: tuple[int, ...] = ()
    confidence: tuple[float, ...] = ()
    origin: str = "model"  # "evidence": a verbatim span of its evidence; "given": somebody else's sentence
    pinned: bool = False
    disputed: bool = False
    age: int = 0  # number of the revision that last wrote the text
    plan_confidence: float = 0.0  # probability of kind and pointers when committed
    remasks: int = 0  # times its text was remasked since its evidence last changed

    @property
    def certainty(self) -> float:
        """Mean commit confidence of the tokens, 0..1; 0 for an unwritten slot. A text
        without tokens has the confidence that was given with it."""
        if not self.confidence:
            return self.plan_confidence if self.text else 0.0
        return sum(self.confidence) / len(self.confidence)


@dataclass(frozen=True)
class Cause:
    """Why a revision happened. `shift` and `threshold` are in nats."""

    reason: str
    evidence: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    shift: float = 0.0
    threshold: float = 0.0


@dataclass(frozen=True)
class Revision:
    """One remask-and-denoise round: `slots` maps slot id to (text before, after)."""

    number: int
    kind: str  # "draft" | "local" | "reconstruct"
    cause: Cause
    slots: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Wanted:
    """What the user wants of the words: terms that must stand in the report, terms
    that may not, and its length in words, 0 for any (dlm_core/wanted.py)."""

    require: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    words: int = 0


def holds(text: str, term: str) -> bool:
    """Whether a text has a term as whole words, in small or large letters."""
    words = r"\s+".join(re.escape(w) for w in term.split())
    return bool(re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE))


@dataclass(frozen=True)
class Canvas:
    """A whole draft. Immutable: a revision makes a new canvas."""

    question: str
    slots: tuple[Slot, ...] = ()
    summary: tuple[Slot, ...] = ()
    revisions: tuple[Revision, ...] = ()
    next_id: int = 1
    pins: tuple[str, ...] = ()  # pinned sentences that must appear byte for byte
    notes: tuple[str, ...] = field(default=())  # what is missing, for the report
    parts: tuple[str, ...] = ()  # sub-questions in the order asked; () for a question of one part
    # Once a report was given out: numbers of its sources, and claims that begin a paragraph (None: by rule).
    numbers: dict[str, int] = field(default_factory=dict)
    breaks: tuple[str, ...] | None = None
    wanted: Wanted = Wanted()

    @property
    def asked(self) -> list[str]:
        """The question and its sub-questions."""
        return list(dict.fromkeys((self.question, *self.parts)))

    def slot(self, slot_id: str) -> Slot:
        """The slot or summary slot with this id; CanvasError where there is none."""
        for slot in (*self.slots, *self.summary):
            if slot.id == slot_id:
                return slot
        raise CanvasError(f"no slot {slot_id!r} on this canvas")

    def sections(self) -> Iterator[tuple[Slot, list[Slot]]]:
        """(section slot, its claim and link slots) in reading order."""
        head: Slot | None = None
        body: list[Slot] = []
        for slot in self.slots:
            if slot.kind == Kind.SECTION:
                if head is not None:
                    yield head, body
                head, body = slot, []
            elif slot.kind != Kind.EMPTY and head is not None:
                body.append(slot)
        if head is not None:
            yield head, body

    def claims(self) -> list[Slot]:
        """Claim slots in reading order."""
        return [s for s in self.slots if s.kind == Kind.CLAIM]

    def cited(self) -> list[str]:
        """Evidence ids in order of first citation."""
        return list(dict.fromkeys(p for s in self.claims() for p in s.pointers))

    def fresh_ids(self, count: int) -> tuple[Canvas, list[str]]:
        """`count` slot ids never used before, and the canvas that remembers them."""
        ids = [f"s{self.next_id + i}" for i in range(count)]
        return replace(self, next_id=self.next_id + count), ids

    def with_slots(self, changed: dict[str, Slot]) -> Canvas:
        """The canvas with some slots replaced, each in its place."""
        return replace(
            self,
            slots=tuple(changed.get(s.id, s) for s in self.slots),
            summary=tuple(changed.get(s.id, s) for s in self.summary),
        )

    def check(self, evidence: set[str] | None = None) -> None:
        """Raise CanvasError unless ids are unique, lengths agree and every
        pointer names evidence at hand (when `evidence` is given)."""
        slots = [*self.slots, *self.summary]
        if len({s.id for s in slots}) != len(slots):
            raise CanvasError("two slots share an id")
        for s in slots:
            if len(s.tokens) != len(s.confidence):
                raise CanvasError(f"slot {s.id}: {len(s.tokens)} tokens, {len(s.confidence)} confidences")
            if len(s.pointers) > MAX_POINTERS:
                raise CanvasError(f"slot {s.id} rests on more than {MAX_POINTERS} evidence")
        for s in self.claims():
            if s.text and not s.pointers and not s.pinned and s.origin != "given":
                raise CanvasError(f"claim {s.id} cites nothing")
            for p in s.pointers:
                if evidence is not None and p not in evidence:
                    raise CanvasError(f"claim {s.id} cites {p}, which is not evidence at hand")

    def to_json(self) -> str:
        """One JSON text that `from_json` gives back as an equal canvas."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Canvas:
        """Canvas from `to_json`'s text; CanvasError for anything else."""
        try:
            raw = json.loads(text)
            canvas = Canvas(
                question=str(raw["question"]),
                parts=tuple(map(str, raw.get("parts", ()))),
                slots=tuple(_slot(s) for s in raw["slots"]),
                summary=tuple(_slot(s) for s in raw["summary"]),
                revisions=tuple(_revision(r) for r in raw["revisions"]),
                next_id=int(raw["next_id"]),
                pins=tuple(map(str, raw["pins"])),
                notes=tuple(map(str, raw["notes"])),
                wanted=_wanted(raw.get("wanted", {})),
                numbers={str(k): int(v) for k, v in raw.get("numbers", {}).items()},
                breaks=None if raw.get("breaks") is None else tuple(map(str, raw["breaks"])),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CanvasError(f"not a canvas: {error}") from None
        canvas.check()
        return canvas


def _wanted(raw: dict[str, Any]) -> Wanted:
    require, forbid = (tuple(map(str, raw.get(key, ()))) for key in ("require", "forbid"))
    return Wanted(require, forbid, int(raw.get("words", 0)))


def _slot(raw: dict[str, Any]) -> Slot:
    return Slot(
        id=str(raw["id"]),
        kind=Kind(raw["kind"]),
        pointers=tuple(map(str, raw["pointers"])),
        text=str(raw["text"]),
        tokens=tuple(map(int, raw["tokens"])),
        confidence=tuple(map(float, raw["confidence"])),
        origin=str(raw["origin"]),
        pinned=bool(raw["pinned"]),
        disputed=bool(raw["disputed"]),
        age=int(raw["age"]),
        plan_confidence=float(raw["plan_confidence"]),
        remasks=int(raw.get("remasks", 0)),
    )


def _revision(raw: dict[str, Any]) -> Revision:
    c = raw["cause"]
    return Revision(
        number=int(raw["number"]),
        kind=str(raw["kind"]),
        cause=Cause(
            str(c["reason"]),
            tuple(map(str, c["evidence"])),
            tuple(map(str, c["tokens"])),
            float(c["shift"]),
            float(c["threshold"]),
        ),
        slots={str(k): (str(v[0]), str(v[1])) for k, v in raw["slots"].items()},
    )
