"""What `revise` does to a canvas: one wish after the other, each a revision with its cause in the log.

The engine (dlm_core/edits.py, belief.py, revise.py) does the work; here is which
slots a wish may touch, and that nothing else changes: every slot outside is the
same object before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agent import verify
from agent.brief import Brief
from dlm_core import belief, edits
from dlm_core import revise as engine
from dlm_core.canvas import Canvas, Cause, Kind, Revision, Slot
from dlm_core.clauses import unborne
from dlm_core.edits import Unmet
from dlm_core.embed import Embedder
from dlm_core.layout import Budget
from dlm_core.leading import TWIN
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.segment import Evidence
from dlm_core.standalone import standalone
from tools.library import Library
from tools.source import Source
from workflows.kept import moved_breaks, without
from workflows.terminal import safe

LONGER = 3  # one new claim for so many of a span that is to be longer
MOST = 6  # new claims a wish brings at most
ABOUT = 3  # new claims on something that was asked for
TAKEN = 2  # claims taken from a source that was added, where the trigger would take none
NEAR = 0.35  # cosine with the question from which they may be
IN_VIEW = 28  # slots of the sections that a round looks at, so that the planner has room for more
Say = Callable[[str], None]


@dataclass
class Work:
    """A report while it is revised. evidence: all at hand, by id. sources: by id. span: ids of the claims that may
    change, None for all. heads: sections that may gain, None for all. whole: whether a reconstruction may touch all."""

    canvas: Canvas
    evidence: dict[str, Evidence]
    sources: dict[str, Source]
    embedder: Embedder
    models: Callable[[], Models]
    library: Library | None
    say: Say
    seed: int = 0
    span: list[str] | None = None
    heads: list[str] | None = None
    whole: bool = True
    order: list[str] | None = None  # sections that may change places; None for all
    disputes: list[tuple[str, str]] = field(default_factory=list)
    drafts: dict[int, Canvas] = field(default_factory=dict)
    banned: list[str] = field(default_factory=list)  # what left the report, so that a later wish does not bring it back
    vectors: dict[str, np.ndarray] = field(default_factory=dict)

    # --- what a wish may touch ----------------------------------------------------

    def claims(self) -> list[Slot]:
        """The claims of the span, in reading order."""
        return [s for s in self.canvas.claims() if s.text and (self.span is None or s.id in self.span)]

    def ids(self) -> list[str]:
        return [s.id for s in self.claims()]

    def homes(self) -> list[str]:
        """The sections of the span: those named, or those its claims stand in."""
        if self.heads is not None:
            return self.heads
        wanted = set(self.ids())
        return [h.id for h, body in self.canvas.sections() if any(s.id in wanted for s in body)]

    def pool(self, more: Sequence[str] = ()) -> Pool:
        """What the canvas cites, then `more`."""
        ids = [e for e in dict.fromkeys((*self.canvas.cited(), *more)) if e in self.evidence]
        items = {e: self.evidence[e] for e in ids}
        held = dict.fromkeys(e.source for e in items.values())
        missing = [e for e in items if e not in self.vectors]
        made = self.embedder([items[e].text for e in missing])
        self.vectors |= dict(zip(missing, made, strict=True))
        return Pool(
            items,
            np.stack([self.vectors[e] for e in items]) if items else made,
            {s: self.sources[s].title for s in held if s in self.sources},
            {s: self.sources[s].date for s in held if s in self.sources and self.sources[s].date},
        )

    def bound(self) -> Canvas:
        """The canvas the engine sees: claims that rest on nothing at hand are left out,
        tokens are there, and of a long report the sections of the span come first."""
        encode = self.models().writer.tokenizer.encode
        slots = []
        for s in self.canvas.slots:
            if s.kind != Kind.CLAIM:
                slots.append(s)
            elif s.pointers and all(p in self.evidence for p in s.pointers):
                row = s.tokens or tuple(encode(" " + s.text))
                slots.append(replace(s, tokens=row, confidence=s.confidence or (s.plan_confidence,) * len(row)))
        made = replace(self.canvas, slots=tuple(slots))
        parts = [(h, body) for h, body in made.sections() if any(s.kind == Kind.CLAIM for s in body)]
        return replace(made, slots=tuple(s for h, body in parts for s in (h, *body)))

    # --- a revision ---------------------------------------------------------------

    def record(self, after: Canvas, cause: Cause, kind: str = "local") -> None:
        """`after` becomes the canvas, with what it changed in the log. The summary keeps
        every sentence that its claims still bear out."""
        before = self.canvas
        if kind == "local":
            after = _summed(before, after)
        number = len(before.revisions) + 1
        revision = Revision(number, kind, cause, _differences(before, after))
        self.canvas = replace(after, revisions=(*before.revisions, revision))
        self.drafts[number] = self.canvas

    def back(self, seen: Canvas, made: Canvas) -> Canvas:
        """What the engine made of the canvas it saw, put into the whole one."""
        new = {s.id: s for s in made.slots}
        old = {s.id: s for s in seen.slots}
        out: list[Slot] = []
        bodies = {h.id: body for h, body in made.sections()}
        for head, body in self.canvas.sections():
            if head.id in old and head.id not in new:
                body = [s for s in body if s.id not in old]
                if not body:
                    continue
            out.append(fresher(head, old, new))
            for s in body:
                if s.id not in old:
                    out.append(s)
                elif s.id in new:
                    out.append(fresher(s, old, new))
            out += [s for s in bodies.get(head.id, []) if s.id not in old]
        return replace(self.canvas, slots=tuple(out), next_id=made.next_id)

    @property
    def number(self) -> int:
        return len(self.canvas.revisions) + 1


def _summed(before: Canvas, after: Canvas) -> Canvas:
    """`after` with the summary that its claims bear out; a sentence whose claims stand as they stood stays."""
    claims = {s.id: s.text for s in after.claims() if s.text}
    stood = {s.id: s.text for s in before.claims()}
    kept = []
    for s in after.summary:
        on = tuple(p for p in s.pointers if p in claims)
        if on:
            kept.append(s if on == s.pointers else replace(s, pointers=on))
    settled = {s.id: s for s in verify.settle_summary(replace(after, summary=tuple(kept))).summary}
    same = {s.id for s in kept if s in before.summary and all(stood.get(p) == claims[p] for p in s.pointers)}
    same |= {s.id for s in kept if not unborne(s.text, [claims[p] for p in s.pointers])}
    return replace(after, summary=tuple(s if s.id in same else settled[s.id] for s in kept if s.id in settled))


def fresher(slot: Slot, old: Mapping[str, Slot], new: Mapping[str, Slot]) -> Slot:
    """The slot as the engine left it; as it was where the engine left it as it saw it."""
    seen, made = old.get(slot.id), new.get(slot.id)
    return slot if seen is None or made is None or made == seen else made


def _differences(before: Canvas, after: Canvas) -> dict[str, tuple[str, str]]:
    old = {s.id: s.text for s in (*before.slots, *before.summary)}
    new = {s.id: s.text for s in (*after.slots, *after.summary)}
    return {i: (old.get(i, ""), new.get(i, "")) for i in {**old, **new} if old.get(i, "") != new.get(i, "")}


# --- drop, pin ------------------------------------------------------------------------


def drop(work: Work, ids: Sequence[str], reason: str) -> None:
    """Claims leave, with sections that nothing is left in."""
    gone = set(ids)
    pinned = [s for s in work.canvas.claims() if s.id in gone and s.pinned]
    if pinned:
        raise Unmet(f"“{_short(pinned[0].text)}” is pinned: --unpin frees it")
    kept = [s for s in work.canvas.claims() if s.text and s.id not in gone]
    if not kept:
        raise Unmet("it would leave no claim in the report")
    after = without(work.canvas, gone)
    if after.breaks is not None:
        after = replace(after, breaks=moved_breaks(work.canvas, after, after.breaks))
    work.record(after, Cause(reason))


def pin(work: Work, ids: Sequence[str], pinned: bool) -> None:
    work.canvas = work.canvas.with_slots({i: replace(work.canvas.slot(i), pinned=pinned) for i in ids})


# --- sources that are added ---------------------------------------------------------------


def add(work: Work, new: Sequence[str], named: str) -> None:
    """New evidence through the trigger: kept out, into a section, or into everything."""
    fresh = [e for e in new if e not in work.canvas.cited()]
    if not fresh:
        raise Unmet(f"{named} says nothing on the question that the report could cite")
    models = work.models()
    pool = work.pool(fresh)
    seen = view(work.bound(), work.homes(), pool, fresh)
    if work.span is not None:
        # Only the sections of the span are looked at, and in them what is not of it stays as it is.
        may, homes = set(work.ids()), work.homes()
        seen = replace(seen, slots=tuple(s for h, b in seen.sections() if h.id in homes for s in (h, *b)))
        seen = seen.with_slots({s.id: replace(s, pinned=True) for s in seen.claims() if s.id not in may})
        fresh = unsaid(work.canvas, fresh, pool)
        if not fresh or not seen.claims():
            raise Unmet(f"{named} says nothing that the report does not say already")
    size = Budget(most=len(seen.claims()) + MOST)
    decision = belief.reflect(seen, pool, models, fresh, budget=size)
    work.say(f"{decision.kind}: {decision.cause.reason}")
    if decision.kind == "keep":
        _all_the_same(work, seen, fresh, pool, named)
        return
    whole = work.whole and work.span is None and len(seen.slots) == len(work.canvas.slots)
    if decision.kind == "reconstruct" and not whole:
        decision = replace(decision, kind="local", new=())
    if work.heads is not None or work.span is not None:
        free = set(work.homes()) | set(work.ids())
        decision = replace(decision, slots=tuple(s for s in decision.slots if s in free))
        if not any(h in decision.slots for h in work.homes()):
            decision = replace(decision, new=())
    made = engine.revise(seen, pool, models, decision, seed=work.seed + work.number, budget=size)
    made = replace(made, slots=tuple(replace(s, pinned=_pinned(work, s)) for s in made.slots))
    taken = [s for s in made.claims() if s.id not in {c.id for c in seen.claims()}]
    changed = [s for s in seen.claims() if made_text(made, s.id) != s.text]
    if decision.kind == "local" and not taken and not changed:
        pairs = [p for p in edits.fitting(seen, decision.new or fresh, pool, models) if p[1] in work.homes()]
        if not pairs:
            raise Unmet(f"nothing of {named} fits a section that may change")
        made, _ = edits.extend(seen, pairs[:2], pool, models, seed=work.seed, age=work.number)
    work.disputes += [d for d in decision.disputes.items() if d not in work.disputes]
    if decision.kind == "local":
        made = verified(work, seen, made, pool)
        work.record(work.back(seen, made), decision.cause)
        return
    made = replace(verified(work, seen, made, pool), breaks=None, numbers=work.canvas.numbers)
    work.record(replace(made, revisions=work.canvas.revisions), decision.cause, "reconstruct")


def _all_the_same(work: Work, seen: Canvas, fresh: Sequence[str], pool: Pool, named: str) -> None:
    """What the trigger would keep out by itself was asked for: the best of it that is on
    the question and that no claim says already goes into the sections nearest to it."""
    question = work.embedder([work.canvas.question])[0]
    near = [e for e in fresh if float(pool.vectors[pool.row(e)] @ question) >= NEAR and work.evidence[e].standalone]
    pairs = [p for p in edits.fitting(seen, near, pool, work.models()) if p[1] in work.homes()] if near else []
    made, names = edits.extend(
        seen, pairs[: 2 * TAKEN], pool, work.models(), seed=work.seed + work.number, age=work.number
    )
    made = verified(work, seen, made, pool)
    stand = [n for n in names if made_text(made, n) and "( " not in made_text(made, n)]
    if not stand:
        raise Unmet(f"nothing of {named} is taken up: new evidence says nothing the draft lacks")
    lost = set(names) - set(stand[:TAKEN])
    made = replace(made, slots=tuple(s for s in made.slots if s.id not in lost))
    made = replace(made, slots=tuple(replace(s, pinned=_pinned(work, s)) for s in made.slots))
    cited = tuple(made.slot(n).pointers[0] for n in stand[:TAKEN])
    work.record(work.back(seen, made), Cause(f"asked for: add {safe(named)}", cited))


def unsaid(canvas: Canvas, ids: Sequence[str], pool: Pool) -> list[str]:
    """Those of some evidence that no claim of the whole canvas says already."""
    held = [pool.row(e) for e in canvas.cited() if e in pool.evidence]
    near = pool.vectors @ pool.vectors[held].T
    return [e for e in ids if not held or float(near[pool.row(e)].max()) < TWIN]


def made_text(canvas: Canvas, name: str) -> str:
    return next((s.text for s in canvas.slots if s.id == name), "")


def _pinned(work: Work, slot: Slot) -> bool:
    held = next((s for s in work.canvas.slots if s.id == slot.id), None)
    return slot.pinned and held is not None and held.pinned


def view(canvas: Canvas, homes: Sequence[str], pool: Pool, new: Sequence[str]) -> Canvas:
    """Of a long report the sections that a round looks at: those it may touch that are
    nearest to the new evidence, as many as the planner has room beside."""
    parts = list(canvas.sections())
    if len(canvas.slots) <= IN_VIEW:
        return canvas
    kin = pool.affinity()
    rows = [pool.row(e) for e in new if e in pool.evidence]

    def near(part: tuple[Slot, list[Slot]]) -> float:
        own = [pool.row(p) for s in part[1] for p in s.pointers[:1]]
        return float(kin[own][:, rows].max()) if own and rows else -1.0

    ranked = sorted(range(len(parts)), key=lambda n: (parts[n][0].id not in homes, -round(near(parts[n]), 6), n))
    chosen: set[int] = set()
    size = 0
    for n in ranked:
        if size and size + 1 + len(parts[n][1]) > IN_VIEW:
            continue
        chosen.add(n)
        size += 1 + len(parts[n][1])
    return replace(canvas, slots=tuple(s for n, (h, b) in enumerate(parts) if n in chosen for s in (h, *b)))


def verified(work: Work, seen: Canvas, made: Canvas, pool: Pool) -> Canvas:
    """Without claims, written in this round, that their evidence does not bear out."""
    stood = {s.id: s.text for s in seen.claims()}
    failing = {i for i in verify.failing(made, pool) if made.slot(i).text != stood.get(i)}
    lost = {i for i in failing if i not in stood}
    made = made.with_slots({i: seen.slot(i) for i in failing - lost})
    return replace(made, slots=tuple(s for s in made.slots if s.id not in lost))


def _short(text: str) -> str:
    text = safe(text)
    return text if len(text) <= 60 else text[:57].rsplit(" ", 1)[0] + " …"


def brief_for(query: str) -> Brief:
    return Brief(query, query, (query,))


def usable(e: Evidence) -> bool:
    return e.standalone or not standalone(e.said)
