"""What new evidence does to the model's belief, and what follows from it.

Two questions, one answered in words and one in nats:
- the words: which values of a claim does new evidence contradict (conflict.py)?
  These are its key tokens;
- the text: how much less does the base expect the key tokens once it has read
  the new evidence too? That fall is the shift.

A value that new evidence changes in one claim is a fact, and its claim alone is
rewritten. One that it changes in several claims is a premise: every claim that
names it rests on it, and when the shifts of all of them pass the threshold the
whole sequence is reconstructed. Evidence that only adds stays local.
docs/belief.md says how the threshold was set, what is measured, and what was
taken out because it decided nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dlm_core.canvas import Canvas, Cause, Slot
from dlm_core.compose import claim_task
from dlm_core.conflict import Change, changes, says, share
from dlm_core.layout import Budget
from dlm_core.leading import TWIN
from dlm_core.models import Models
from dlm_core.pool import Pool
from dlm_core.prompt import CLAIM, prompt
from dlm_core.wanted import allowed, sized

PAIRS = 64  # pairs of a claim and a new piece that are looked at
NEAR = 0.35  # cosine from which a claim and new evidence may speak of one thing
THRESHOLD = 0.5  # nats, summed over the claims that rest on a premise, from which the whole is reconstructed
PREMISE = 2  # claims whose value new evidence must change before others rest on it
ADDED = 6  # new pieces offered to a local round
AMONG = 3  # cited sentences that say how close new evidence is to the draft
LOOSE = 0.2  # quantile of how close cited sentences are to each other that new evidence must reach: a draft has strays
NEIGHBOUR = 0.4  # cosine that new evidence must have with something cited to be added
KNOWN = 0.6  # share of its words and facts from which a cited sentence says it already


@dataclass(frozen=True)
class Parts:
    """Which parts of the decision are in use; a bench switches them off one by one."""

    reading: bool = True
    contradiction: bool = True
    reconstruction: bool = True


@dataclass(frozen=True)
class Decision:
    """kind: "keep", "local" or "reconstruct". slots: claims whose fact moved and
    sections that gain. new: evidence worth adding. disputes: contradicted
    evidence -> the evidence preferred to it. rests: evidence that names a fallen
    premise and is contradicted nowhere -> the evidence that changed the premise.
    shifts: nats by claim id."""

    kind: str
    cause: Cause
    slots: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    disputes: dict[str, str] = field(default_factory=dict)
    shifts: dict[str, float] = field(default_factory=dict)
    rests: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Moved:
    """A claim whose value new evidence changes: which evidence of it, by which, and the shift."""

    slot: Slot
    held: str
    by: str
    change: Change
    shift: float


def reflect(
    canvas: Canvas,
    pool: Pool,
    models: Models,
    new: Sequence[str],
    *,
    budget: Budget | None = None,
    parts: Parts | None = None,
) -> Decision:
    """Compare belief with and without the `new` evidence (ids, part of `pool`)."""
    size, use = sized(budget or Budget(), canvas.wanted), parts or Parts()
    fresh = [e for e in new if e in pool.evidence]
    claims = [s for s in canvas.claims() if s.pointers and s.text and all(p in pool.evidence for p in s.pointers)]
    if not fresh or not claims:
        return Decision("keep", Cause("no new evidence on the question", threshold=THRESHOLD))
    moved = _moved(_pairs(claims, fresh, pool), pool, models, use)
    fallen, resting = _resting(moved, claims, pool, models, use)
    shifts: dict[str, float] = {}
    for m in (*moved, *resting):
        shifts[m.slot.id] = max(shifts.get(m.slot.id, 0.0), m.shift)
    disputes = {}
    for m in moved:
        winner = preferred(m.held, m.by, pool)
        disputes[m.by if winner == m.held else m.held] = winner
    tokens = tuple(dict.fromkeys(m.change.new for m in moved))
    total = round(sum(shifts.values()), 4)
    sources = tuple(dict.fromkeys(e for pair in disputes.items() for e in pair if e in set(fresh)))
    if fallen and use.reconstruction and total >= THRESHOLD and len(shifts) > 1:
        reason = f"new evidence changes a fact that {len(shifts)} claims rest on"
        cause = Cause(reason, sources, tokens, total, THRESHOLD)
        rests = {m.held: m.by for m in resting if m.held not in disputes}
        for old, by in disagreements(pool, fresh).items():
            disputes.setdefault(old, by)
        rests |= {e: by for e, by in _named(fallen, pool, fresh).items() if e not in disputes}
        return Decision("reconstruct", cause, tuple(shifts), tuple(fresh), disputes, shifts, rests)
    direct = tuple(dict.fromkeys(m.slot.id for m in moved))
    shifts = {i: s for i, s in shifts.items() if i in direct}
    total = round(sum(shifts.values()), 4)
    worth, gaining = _additions(canvas, fresh, disputes, pool, size)
    if not worth and not direct:
        cause = Cause("new evidence says nothing the draft lacks", threshold=THRESHOLD)
        return Decision("keep", cause, shifts=shifts)
    names = "”, “".join(canvas.slot(g).text for g in gaining)
    many = "a claim" if len(direct) == 1 else f"{len(direct)} claims"
    reason = f"new evidence changes a fact of {many}" if direct else f"new evidence adds to “{names}”"
    cause = Cause(reason, tuple(dict.fromkeys((*sources, *worth))), tokens, total, THRESHOLD)
    return Decision("local", cause, (*direct, *gaining), worth, disputes, shifts)


# --- contradiction ------------------------------------------------------------------


def disagreements(pool: Pool, fresh: Sequence[str] | None = None) -> dict[str, str]:
    """Evidence of different sources that gives different values for one thing:
    contradicted -> preferred. With `fresh`, what those ids contradict of all the
    rest; without, every two sources of the pool, where a pair must say the same
    but for the value."""
    ids, out = pool.ids, {}
    late = set(fresh) if fresh is not None else None
    near = pool.vectors @ pool.vectors.T
    for i, e in enumerate(ids):
        for j, f in enumerate(ids):
            apart = pool.evidence[e].source != pool.evidence[f].source
            ordered = i < j if late is None else f in late and e not in late
            if not apart or not ordered or e in out or near[i, j] < (0.8 if late is None else NEAR):
                continue
            if changes(pool.evidence[e].said, pool.evidence[f].said, strict=late is None):
                winner = preferred(e, f, pool)
                out[f if winner == e else e] = winner
    return {old: by for old, by in out.items() if by not in out}


def _latest_year(text: str) -> int:
    return max((int(y) for y in re.findall(r"\b(1[5-9]\d\d|20\d\d)\b", text)), default=0)


def preferred(old: str, new: str, pool: Pool) -> str:
    """Of two contradicting pieces of evidence, the one whose source has the later
    date, else the one that names the later year, else the one read last."""
    dates = [pool.dates.get(pool.evidence[e].source, "") for e in (old, new)]
    if all(dates) and dates[0] != dates[1]:
        return old if dates[0] > dates[1] else new
    return old if _latest_year(pool.evidence[old].said) > _latest_year(pool.evidence[new].said) else new


# --- which claims move ----------------------------------------------------------------


def _pairs(claims: Sequence[Slot], fresh: Sequence[str], pool: Pool) -> list[tuple[Slot, str]]:
    """At most PAIRS pairs of a claim and a new piece that may speak of one thing, the nearest ones."""
    new = np.stack([pool.vectors[pool.row(e)] for e in fresh])
    near = np.stack([(pool.vectors[[pool.row(p) for p in s.pointers]] @ new.T).max(axis=0) for s in claims]).round(5)
    order = np.argsort(-near, axis=None, kind="stable")[:PAIRS]
    found = [divmod(flat, len(fresh)) for flat in order.tolist()]
    return [(claims[i], fresh[j]) for i, j in found if near[i, j] >= NEAR and fresh[j] not in claims[i].pointers]


def _moved(pairs: Sequence[tuple[Slot, str]], pool: Pool, models: Models, use: Parts) -> list[_Moved]:
    """The claims whose key tokens the new evidence contradicts, with the fall of what the base expects of them."""
    found: list[tuple[Slot, str, str, Change]] = []
    if use.contradiction:
        for slot, e in pairs:
            for held in slot.pointers:
                if pool.evidence[held].source == pool.evidence[e].source:
                    continue  # what one source says of two things is no contradiction
                for change in changes(pool.evidence[held].said, pool.evidence[e].said):
                    if _places(slot, change.old, models):
                        found.append((slot, held, e, change))
    else:
        # Without it, the facts of a claim are its key tokens, whatever the new evidence says of them.
        for slot, e in pairs[: PAIRS // 8]:
            if float(pool.vectors[pool.row(slot.pointers[0])] @ pool.vectors[pool.row(e)]) >= TWIN:
                found.append((slot, slot.pointers[0], e, Change("any", slot.text, pool.evidence[e].said)))
    falls = _falls([(s, e, c.old) for s, _, e, c in found], pool, models) if use.reading else [THRESHOLD] * len(found)
    made = [_Moved(s, h, e, c, fall) for (s, h, e, c), fall in zip(found, falls, strict=True)]
    # One piece of evidence changes a claim: the one that says nearest to what the claim's evidence says.
    best: dict[str, _Moved] = {}
    near = {id(m): float(pool.vectors[pool.row(m.held)] @ pool.vectors[pool.row(m.by)]) for m in made}
    for m in sorted(made, key=lambda m: (-round(near[id(m)], 6), -m.shift)):
        best.setdefault(m.slot.id, m)
    return list(best.values())


def _resting(
    moved: Sequence[_Moved], claims: Sequence[Slot], pool: Pool, models: Models, use: Parts
) -> tuple[list[Change], list[_Moved]]:
    """Premises that fell, and the claims that name one and are contradicted nowhere:
    a value that new evidence changed in PREMISE claims is more than a fact of one."""
    by: dict[tuple[str, str, str], list[_Moved]] = {}
    for m in moved:
        by.setdefault((m.change.kind, m.change.old.lower(), m.change.unit.lower()), []).append(m)
    fallen = [group for group in by.values() if len({m.slot.id for m in group}) >= PREMISE]
    direct = {m.slot.id for m in moved}
    asked: list[tuple[Slot, str, Change]] = []
    for group in fallen:
        for slot in claims:
            if slot.id not in direct and group[0].change.named_in(slot.text):
                here = pool.vectors[pool.row(slot.pointers[0])]
                nearest = max(group, key=lambda m: float(pool.vectors[pool.row(m.by)] @ here))
                asked.append((slot, nearest.by, nearest.change))
    falls = _falls([(s, e, c.old) for s, e, c in asked], pool, models) if use.reading else [THRESHOLD] * len(asked)
    held = [_Moved(s, s.pointers[0], e, c, fall) for (s, e, c), fall in zip(asked, falls, strict=True)]
    return [group[0].change for group in fallen], held


def _named(fallen: Sequence[Change], pool: Pool, fresh: Sequence[str]) -> dict[str, str]:
    """Old evidence that names a fallen premise -> the nearest new evidence that names what took its place."""
    out = {}
    for change in fallen:
        say = [e for e in fresh if says(pool.evidence[e].said, change.new)]
        for e in pool.ids:
            if say and e not in set(fresh) and change.named_in(pool.evidence[e].said):
                here = pool.vectors[pool.row(e)]
                out[e] = max(say, key=lambda f: float(pool.vectors[pool.row(f)] @ here))
    return out


def _places(slot: Slot, value: str, models: Models) -> list[int]:
    """The tokens of a claim in which a value is written."""
    tokens = _tokens(slot, models)
    text = models.writer.tokenizer.decode(tokens)
    at = [m.span() for m in re.finditer(re.escape(value), text, re.IGNORECASE)]
    spans = models.writer.tokenizer.spans(tokens)
    return [k for k, (a, b) in enumerate(spans) if any(x < b and a < y for x, y in at)]


def _tokens(slot: Slot, models: Models) -> list[int]:
    """A claim's tokens; one that no writer looked at has a text alone."""
    return list(slot.tokens) or models.writer.tokenizer.encode(" " + slot.text)


def _falls(asked: Sequence[tuple[Slot, str, str]], pool: Pool, models: Models) -> list[float]:
    """By how many nats the base expects a value of a claim less once it has read a
    new piece of evidence beside the claim's own: (claim, new piece, value)."""
    encode = models.writer.tokenizer.encode
    rows = []
    for slot, e, _ in asked:
        first = pool.evidence[slot.pointers[0]]
        texts = [*pool.texts(slot.pointers), pool.evidence[e].said]
        tokens = _tokens(slot, models)
        rows.append((claim_task(slot, pool, models).context, tokens))
        rows.append((tuple(encode(prompt(pool.title(first.id), first.heading, texts, CLAIM))), tokens))
    read = models.writer.read(rows)
    out = []
    for n, (slot, _, value) in enumerate(asked):
        before, after = read[2 * n], read[2 * n + 1]
        out.append(round(sum(max(0.0, before[k] - after[k]) for k in _places(slot, value, models)), 4))
    return out


# --- what is worth adding -----------------------------------------------------------


def _additions(
    canvas: Canvas, fresh: Sequence[str], disputes: dict[str, str], pool: Pool, budget: Budget
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """New evidence worth adding, the closest first, and the sections nearest to it: what is as close to the cited
    sentences around it as the loosest of them, strays aside, is to the others, and what none of them says already."""
    room = budget.most - len(canvas.claims())
    cited = [e for e in canvas.cited() if e in pool.evidence]
    if room <= 0 or not cited:
        return (), ()
    held = np.stack([pool.vectors[pool.row(e)] for e in cited])
    among = held @ held.T
    np.fill_diagonal(among, -1.0)
    few = min(AMONG, len(cited) - 1)
    loosest = float(np.quantile(np.sort(among)[:, len(cited) - few :].mean(1), LOOSE)) if few else NEIGHBOUR
    close: dict[str, float] = {}
    for e in allowed(fresh, pool, canvas.wanted):
        near = np.sort(held @ pool.vectors[pool.row(e)])
        fits = near[-1] >= NEIGHBOUR and near[-AMONG:].mean() >= loosest
        if fits and near[-1] < TWIN and e not in disputes and e not in disputes.values():
            text = pool.evidence[e].said
            if max(share(text, said) for said in pool.texts(cited)) < KNOWN:
                close[e] = float(near[-AMONG:].mean())
    if not close:
        return (), ()
    ranked = sorted(close, key=lambda e: (-round(close[e], 5), pool.row(e)))[: min(ADDED, room)]
    gaining: list[str] = []
    for e in ranked:
        best, most = "", -1.0
        for head, body in canvas.sections():
            vectors = [pool.vectors[pool.row(p)] for s in body for p in s.pointers[:1] if p in pool.evidence]
            if vectors and (c := float((np.stack(vectors) @ pool.vectors[pool.row(e)]).mean())) > most:
                best, most = head.id, c
        if best and best not in gaining:
            gaining.append(best)
    return tuple(ranked), tuple(gaining)
