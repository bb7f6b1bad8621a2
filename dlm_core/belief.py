"""What new evidence does to the model's belief, and what follows from it.

For at most `PAIRS` pairs of a claim and a new piece of evidence, the base reads
the claim's words with and without the new evidence. Key tokens are numbers,
dates and names; where the new evidence says another value of the same thing,
the fall of their log-probability is the shift, in nats. Summed over the claims
that rest on the fact, a shift over `THRESHOLD` means a premise fell: the whole
sequence is reconstructed. One changed fact in one claim stays local, and so
does evidence that only adds. What the planner thinks of the new evidence says
which of it is worth adding and where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from dlm_core.canvas import Canvas, Cause, Kind, Slot
from dlm_core.compose import claim_task
from dlm_core.conflict import conflict
from dlm_core.layout import TWIN, Budget, rows_of
from dlm_core.models import Models
from dlm_core.planner import features
from dlm_core.planning import Plan, distribution
from dlm_core.pool import Pool
from dlm_core.prompt import CLAIM, prompt

PAIRS = 64
NEAR = 0.45  # cosine from which a claim and new evidence may speak of one thing
LEAST = 0.25  # nats a key token must fall to count
THRESHOLD = 1.5  # nats, summed over the claims that rest on the fact
ADDED = 6  # new pieces offered to a local round


@dataclass(frozen=True)
class Decision:
    """kind: "keep", "local" or "reconstruct". slots: claims whose fact moved and
    sections that gain. new: evidence worth adding. disputes: contradicted
    evidence -> the evidence preferred to it. shifts: nats by claim id."""

    kind: str
    cause: Cause
    slots: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    disputes: dict[str, str] = field(default_factory=dict)
    shifts: dict[str, float] = field(default_factory=dict)


def reflect(
    canvas: Canvas, pool: Pool, models: Models, new: Sequence[str], *, budget: Budget | None = None
) -> Decision:
    """Compare belief with and without the `new` evidence (ids, part of `pool`)."""
    size = budget or Budget()
    fresh = [e for e in new if e in pool.evidence]
    claims = [s for s in canvas.claims() if s.pointers and s.text]
    if not fresh or not claims:
        return Decision("keep", Cause("no new evidence on the question", threshold=THRESHOLD))
    shifts, disputes, tokens = _shifts(claims, fresh, pool, models)
    total = round(sum(shifts.values()), 4)
    sources = tuple(dict.fromkeys(e for pair in disputes.items() for e in pair if e in set(fresh)))
    if total >= THRESHOLD and len(shifts) > 1:
        reason = f"new evidence changes a fact that {len(shifts)} claims rest on"
        cause = Cause(reason, sources, tuple(tokens), total, THRESHOLD)
        disputes = contradicted(pool, fresh) | disputes
        return Decision("reconstruct", cause, tuple(shifts), tuple(fresh), disputes, shifts)
    worth, gaining = _additions(canvas, fresh, disputes, pool, models, size)
    moved = tuple(shifts)
    if not worth and not moved:
        return Decision("keep", Cause("new evidence says nothing the draft lacks", threshold=THRESHOLD), shifts=shifts)
    names = "”, “".join(canvas.slot(g).text for g in gaining)
    reason = f"new evidence changes a fact of {len(moved)} claim" if moved else f"new evidence adds to “{names}”"
    cause = Cause(reason, tuple(dict.fromkeys((*sources, *worth))), tuple(tokens), total, THRESHOLD)
    return Decision("local", cause, (*moved, *gaining), worth, disputes, shifts)


# --- contradiction ------------------------------------------------------------------


def contradicted(pool: Pool, fresh: Sequence[str]) -> dict[str, str]:
    """Of all the evidence at hand, what `fresh` evidence gives another value for:
    contradicted -> preferred. A new plan may lead with any of it, also with what
    no claim rested on before."""
    out: dict[str, str] = {}
    old = [e for e in pool.ids if e not in set(fresh)]
    for e in old:
        near = [f for f in fresh if float(pool.vectors[pool.row(e)] @ pool.vectors[pool.row(f)]) >= NEAR]
        for f in near:
            if conflict(pool.evidence[e].text, pool.evidence[f].text):
                winner = preferred(e, f, pool)
                out[f if winner == e else e] = winner
                break
    return out


def _latest_year(text: str) -> int:
    return max((int(y) for y in re.findall(r"\b(1[5-9]\d\d|20\d\d)\b", text)), default=0)


def preferred(old: str, new: str, pool: Pool) -> str:
    """Of two contradicting pieces of evidence, the one whose source has the later
    date, else the one that names the later year, else the one read last."""
    dates = [pool.dates.get(pool.evidence[e].source, "") for e in (old, new)]
    if all(dates) and dates[0] != dates[1]:
        return old if dates[0] > dates[1] else new
    return old if _latest_year(pool.evidence[old].text) > _latest_year(pool.evidence[new].text) else new


def _shifts(
    claims: Sequence[Slot], fresh: Sequence[str], pool: Pool, models: Models
) -> tuple[dict[str, float], dict[str, str], list[str]]:
    """Shift in nats by claim id, disputes, and the key tokens of the new evidence."""
    lead = np.stack([pool.vectors[pool.row(s.pointers[0])] for s in claims])
    other = np.stack([pool.vectors[pool.row(e)] for e in fresh])
    near = lead @ other.T
    order = np.argsort(-near, axis=None, kind="stable")[:PAIRS]
    pairs = []
    for flat in order.tolist():
        i, j = divmod(flat, len(fresh))
        if near[i, j] < NEAR:
            break
        for e in claims[i].pointers:
            values = conflict(pool.evidence[e].text, pool.evidence[fresh[j]].text)
            if values and fresh[j] not in claims[i].pointers:
                pairs.append((claims[i], e, fresh[j], values))
    if not pairs:
        return {}, {}, []
    encode = models.writer.tokenizer.encode
    asked = []
    for slot, _, e, _ in pairs:
        first = pool.evidence[slot.pointers[0]]
        texts = [*pool.texts(slot.pointers), pool.evidence[e].text]
        asked.append((claim_task(slot, pool, models).context, slot.tokens))
        asked.append((tuple(encode(prompt(pool.title(first.id), first.heading, texts, CLAIM))), slot.tokens))
    read = models.writer.read(asked)
    shifts: dict[str, float] = {}
    disputes: dict[str, str] = {}
    tokens: list[str] = []
    for n, (slot, old, e, values) in enumerate(pairs):
        text = models.writer.tokenizer.decode(slot.tokens)
        spans = models.writer.tokenizer.spans(slot.tokens)
        gone = [v for v, _ in values]
        keys = [
            k
            for k, (a, b) in enumerate(spans)
            if any(m.start() < b and a < m.end() for v in gone for m in re.finditer(re.escape(v), text.lower()))
        ]
        fall = sum(max(0.0, read[2 * n][k] - read[2 * n + 1][k]) for k in keys)
        if fall < LEAST:
            continue
        shifts[slot.id] = round(max(shifts.get(slot.id, 0.0), fall), 4)
        winner = preferred(old, e, pool)
        disputes[e if winner == old else old] = winner
        tokens += [w for _, w in values if w not in tokens]
    return shifts, disputes, tokens


# --- what is worth adding -----------------------------------------------------------


@torch.no_grad()
def _additions(
    canvas: Canvas, fresh: Sequence[str], disputes: dict[str, str], pool: Pool, models: Models, budget: Budget
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """New evidence the planner would point at, and the sections nearest to it."""
    room = budget.most - len(canvas.claims())
    cited = [e for e in canvas.cited() if e in pool.evidence]
    if room <= 0 or not cited:
        return (), ()
    question = models.embedder([canvas.question])[0]
    held = np.stack([pool.vectors[pool.row(e)] for e in cited])
    on_topic = float(np.quantile(held @ question, 0.25))
    open_to = [
        e
        for e in fresh
        if e not in disputes
        and float(pool.vectors[pool.row(e)] @ question) >= on_topic
        and float((held @ pool.vectors[pool.row(e)]).max()) < TWIN
    ]
    if not open_to:
        return (), ()
    mass = planner_mass(canvas, pool, models, open_to)
    ranked = sorted(open_to, key=lambda e: (-mass[e], pool.row(e)))[: min(ADDED, room)]
    gaining = []
    for e in ranked:
        best, close = "", -1.0
        for head, body in canvas.sections():
            vectors = [pool.vectors[pool.row(p)] for s in body for p in s.pointers[:1] if p in pool.evidence]
            if vectors and (c := float((np.stack(vectors) @ pool.vectors[pool.row(e)]).mean())) > close:
                best, close = head.id, c
        if best and best not in gaining:
            gaining.append(best)
    return tuple(ranked), tuple(gaining)


def planner_mass(canvas: Canvas, pool: Pool, models: Models, new: Sequence[str]) -> dict[str, float]:
    """How much of the planner's first-pointer probability each new piece draws,
    summed over the claim slots, each masked in turn while the others stand."""
    rows = rows_of(canvas)
    at = [i for i, (kind, _, _) in enumerate(rows) if kind == Kind.CLAIM]
    held = Plan(
        [k for k, _, _ in rows], [tuple(pool.row(e) for e in ids) for _, ids, _ in rows], [c for _, _, c in rows]
    )
    brief = torch.from_numpy(models.embedder([canvas.question])[0])
    usable = torch.zeros(len(pool), dtype=torch.bool)
    usable[[pool.row(e) for e in (*canvas.cited(), *new) if e in pool.evidence]] = True
    belief = distribution(
        models.planner,
        held,
        brief=brief,
        evidence=torch.from_numpy(pool.vectors).float(),
        features=features(pool, brief),
        slots=at,
        usable=usable,
        kinds_visible=True,
    )
    total = belief.pointers[:, 0, 1:].exp().sum(0)
    return {e: float(total[pool.row(e)]) for e in new}
