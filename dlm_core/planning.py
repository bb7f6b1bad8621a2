"""Sampling at the plan scale: masked diffusion over the planner's symbols.

`plans` calls the step that the text scale uses, `dlm_core.denoise.step`: kinds
first, from the left, then pointers by confidence, each piece of evidence once.
`distribution` asks what the planner believes of single slots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlm_core.canvas import MAX_POINTERS, Kind
from dlm_core.denoise import step
from dlm_core.plan_rules import flatten, leftmost, rules, undo, untaken
from dlm_core.planner import (
    FIRST,
    KINDS,
    MASK,
    MAX_CLAIMS,
    MAX_SECTIONS,
    NONE,
    WIDTH,
    Planner,
    PlannerError,
)

GUIDANCE = 1.0  # nats per unit of relevance (cosine between question and evidence, if nothing better is given)
SHORTLIST = 1.2  # pieces of evidence a claim, by what the planner says of each by itself, that claims may lead with
# The planner's own probabilities add up to more than reports rest on: measured on 2,900 pools of 114 files.
BELONGS = 0.93
STRUCTURE = 0.7  # temperature of kinds: the likeliest plan is one long section


@dataclass(frozen=True)
class Plan:
    """One symbol set per slot. `pointers` are rows of the pool; `confidence` is
    the probability of kind and first pointer when they were committed, 0..1."""

    kinds: list[Kind]
    pointers: list[tuple[int, ...]]
    confidence: list[float]

    def __post_init__(self) -> None:
        if not len(self.kinds) == len(self.pointers) == len(self.confidence):
            raise PlannerError("a plan needs one kind, one pointer tuple and one confidence for each slot")

    def claims(self) -> list[int]:
        """Evidence rows the plan rests on, in reading order."""
        return [p for pointers in self.pointers for p in pointers]

    def sections(self) -> list[list[int]]:
        """Evidence rows by section, in reading order; what stands before the first section is left out."""
        found: list[list[int]] = []
        for kind, pointers in zip(self.kinds, self.pointers, strict=True):
            if kind == Kind.SECTION:
                found.append([])
            elif found:
                found[-1] += pointers
        return found


# --- symbols -----------------------------------------------------------------------------------------------------


def symbols(plan: Plan, slots: int, remask: Sequence[int] = ()) -> Tensor:
    """(slots * 4,) int64: the plan's symbols; slots in `remask` and beyond the plan are masked."""
    if len(plan.kinds) > slots:
        raise PlannerError(f"the plan has {len(plan.kinds)} slots, more than the {slots} asked for")
    tokens = torch.full((slots, WIDTH), MASK, dtype=torch.long)
    for i, (kind, pointers) in enumerate(zip(plan.kinds, plan.pointers, strict=True)):
        if i not in remask:
            tokens[i, 0] = int(kind)
            tokens[i, 1:] = NONE
            for p, row in enumerate(pointers[:MAX_POINTERS]):
                tokens[i, 1 + p] = FIRST + row
    return tokens.flatten()


def _size(claims: int | None, sections: int | None) -> Tensor:
    return torch.tensor([[min(claims or 0, MAX_CLAIMS), min(sections or 0, MAX_SECTIONS)]])


# --- sampling ----------------------------------------------------------------------------------------------------


@torch.inference_mode()
def plan(planner: Planner, **given: Any) -> Plan:
    """One plan; arguments and errors as for `plans`."""
    return plans(planner, 1, **given)[0]


@torch.inference_mode()
def salience(
    planner: Planner, *, brief: Tensor, evidence: Tensor, features: Tensor, usable: Tensor | None = None
) -> Tensor:
    """(M,) the planner's log-odds that each piece of evidence belongs in a report, before anything is planned; of what
    is not `usable` they say nothing. Shapes as for `plans`."""
    _check(planner, brief, evidence, features)
    seen = torch.ones(evidence.shape[0], dtype=torch.bool) if usable is None else usable
    known = planner.know(brief[None], evidence[None], features[None], seen[None], _size(None, None))
    blank = torch.full((1, planner.config.slots * WIDTH), MASK, dtype=torch.long)
    return planner.look(known, blank).salience[0]


def expected_claims(
    planner: Planner, *, brief: Tensor, evidence: Tensor, features: Tensor, usable: Tensor | None = None
) -> float:
    """How many claims the usable evidence is worth, by what the planner says of each piece alone; as for `plans`."""
    likes = salience(planner, brief=brief, evidence=evidence, features=features, usable=usable)
    return BELONGS * float(torch.sigmoid(likes if usable is None else likes[usable]).sum())


@torch.inference_mode()
def plans(
    planner: Planner,
    count: int,
    *,
    brief: Tensor,
    evidence: Tensor,
    features: Tensor,
    slots: int,
    generator: torch.Generator,
    guidance: float = GUIDANCE,
    shortlist: float = SHORTLIST,
    relevance: Tensor | None = None,
    keep: Plan | None = None,
    remask: Sequence[int] | None = None,
    usable: Tensor | None = None,
    claims: int | None = None,
    sections: int | None = None,
    threshold: float = 0.9,
    structure: float = STRUCTURE,
    temperature: float = 0.0,
    on_step: Callable[[Tensor], None] | None = None,
) -> list[Plan]:
    """Sample `count` plans of at most `slots` slots by masked diffusion.

    brief: (384,) unit vector of the question. evidence: (M, 384) unit vectors.
    features: (M, FEATURES) from `features`. Row numbers of the result's
    pointers are rows of `evidence`; each is used once at most.
    guidance: weight of `relevance` (M,), by default cos(question, evidence),
    added to pointer logits, in nats, so that a plan does not drift from its
    question (SPREAD). shortlist: claims lead with the evidence of most
    salience (the planner's own log-odds that it belongs in the report, and
    guidance), so many pieces a claim; 0 for any. guidance 0 switches both off:
    the plan is then the weights' own.
    keep: a plan to start from. Its slots stay visible, those in `remask` aside;
    slot numbers are kept, EMPTY ones included. Without it everything is masked
    and the result is compact (EMPTY only at the end, no section without claims).
    usable: (M,) bool, evidence that may be pointed at and seen; default all.
    claims, sections: wished counts. A new plan has so many claims, where slots and evidence allow, or one or two more
    that were certain from the first; everything else is a preference. Without a wish it has as many as the evidence is
    worth (`expected_claims`), guidance 0 aside.
    threshold: symbols at least this likely are committed together.
    structure: temperature of kinds, which are drawn first and from the left;
    at 0 the likeliest kind of a slot is nearly always CLAIM, and sections run
    into each other. temperature: of pointers, which follow in any order, the
    most certain first; 0 takes the likeliest.
    on_step: called with the (slots * 4,) symbols after every step, for frames.
    Kinds are drawn for one plan after the other, pointers for all of them in
    one pass a step, which reads the weights once.
    Raises PlannerError for shapes that do not fit or evidence that is short.
    """
    many = evidence.shape[0]
    _check(planner, brief, evidence, features)
    allowed = torch.ones(many, dtype=torch.bool) if usable is None else usable.clone()
    base = keep if keep is not None else Plan([], [], [])
    if any(p >= many for p in base.claims()):
        raise PlannerError("the kept plan points at evidence that is not in the pool")
    first = symbols(base, slots, remask or ())
    if not bool(allowed.any()):
        first = first.view(-1, WIDTH)
        first[first[:, 0] == MASK] = torch.tensor([int(Kind.EMPTY), NONE, NONE, NONE])
        first = first.flatten()
    exclusive = torch.arange(FIRST + many) >= FIRST
    if claims is None and keep is None and guidance and many:
        there = expected_claims(planner, brief=brief, evidence=evidence, features=features, usable=usable)
        claims = max(1, round(there))
    size = claims if keep is None else None
    pull = guidance * (evidence @ brief if relevance is None else relevance)
    known = planner.know(brief[None], evidence[None], features[None], allowed[None], _size(claims, sections))
    tokens = [first.clone() for _ in range(count)]
    confidence = [torch.zeros(slots * WIDTH) for _ in range(count)]

    def advance(some: Sequence[int]) -> None:
        """One step of some of the plans."""
        logits = planner.look(known, torch.stack([tokens[i] for i in some]))
        # First pointers only: whether a claim has a second witness is not a matter of relevance.
        logits.pointers[:, :, 0, 1:] += pull
        for row, i in enumerate(some):
            seen = tokens[i].view(-1, WIDTH)
            drafting = bool((seen[:, 0] == MASK).any())
            if shortlist and guidance and not drafting:
                fit = _fit(logits.salience[row] + pull, seen, allowed, shortlist)
                logits.pointers[row, :, 0, 1:].masked_fill_(~fit, float("-inf"))
            flat = rules(flatten(logits, row, FIRST + many), tokens[i], untaken(seen, allowed), size)
            done = step(
                logits=flat,
                tokens=tokens[i],
                masked=tokens[i] == MASK,
                generator=generator,
                threshold=threshold,
                temperature=structure if drafting else temperature,
                window=_next_kinds(flat, seen, threshold, size) if drafting else _ready(seen),
                exclusive=exclusive,
            )
            tokens[i] = undo(done.tokens, done.committed, allowed)
            confidence[i] = torch.where(done.committed, done.confidence, confidence[i])
            if on_step is not None:
                on_step(tokens[i])

    for i in range(count):
        while bool((tokens[i].view(-1, WIDTH)[:, 0] == MASK).any()):
            advance([i])
    while some := [i for i in range(count) if bool((tokens[i] == MASK).any())]:
        advance(some)
    made = [_read(t, c, base, set(remask or ())) for t, c in zip(tokens, confidence, strict=True)]
    return made if keep is not None else [compact(m) for m in made]


def _fit(worth: Tensor, seen: Tensor, allowed: Tensor, share: float) -> Tensor:
    """(M,) bool: the `share` times as many pieces as there are claims without one, of most worth (M,), that are
    allowed and not taken."""
    taken = seen[:, 1:][seen[:, 1:] >= FIRST] - FIRST
    free = allowed.clone()
    free[taken] = False
    open_claims = int(((seen[:, 0] == Kind.CLAIM) & (seen[:, 1] == MASK)).sum())
    count = min(int(free.sum()), math.ceil(share * open_claims))
    fit = torch.zeros_like(allowed)
    fit[worth.masked_fill(~free, float("-inf")).topk(count).indices] = True
    return fit


def _next_kinds(flat: Tensor, seen: Tensor, threshold: float, claims: int | None = None) -> Tensor:
    """(N * 4,) bool: the leftmost masked kind and those that are certain. A draw at a place that was chosen for how
    likely its draw is would not be a draw. No end is certain while some of so many `claims` are to come."""
    masked = seen[:, 0] == MASK
    likely = torch.softmax(flat.view(len(seen), WIDTH, -1)[:, 0], -1).max(-1)
    sure = likely.values >= threshold
    if claims is not None and int((seen[:, 0] == Kind.CLAIM).sum()) < claims:
        sure &= likely.indices != Kind.EMPTY
    window = torch.zeros(seen.shape, dtype=torch.bool)
    window[:, 0] = masked & sure
    window[leftmost(seen[:, 0]), 0] = True
    return window.flatten()


def _ready(seen: Tensor) -> Tensor:
    """(N * 4,) bool: pointers whose left neighbour is visible, so that a second pointer waits for the first."""
    return torch.cat([torch.ones(len(seen), 1, dtype=torch.bool), seen[:, :-1] != MASK], dim=1).flatten()


def _check(planner: Planner, brief: Tensor, evidence: Tensor, features: Tensor) -> None:
    c = planner.config
    fits = brief.shape == (c.vector,) and evidence.ndim == 2 and evidence.shape[1] == c.vector
    if not fits or features.shape != (evidence.shape[0], c.features):
        raise PlannerError(
            f"a plan takes a brief ({c.vector},), evidence (M, {c.vector}) and features (M, {c.features}); "
            f"got {tuple(brief.shape)}, {tuple(evidence.shape)}, {tuple(features.shape)}"
        )


def _read(tokens: Tensor, confidence: Tensor, base: Plan, remasked: set[int]) -> Plan:
    kinds, pointers, sure = [], [], []
    parts = confidence.view(-1, WIDTH)
    for i, row in enumerate(tokens.view(-1, WIDTH).tolist()):
        kinds.append(Kind(row[0]))
        pointers.append(tuple(symbol - FIRST for symbol in row[1:] if symbol >= FIRST))
        kept = i < len(base.kinds) and i not in remasked
        sure.append(base.confidence[i] if kept else float(parts[i, 0] * parts[i, 1]))
    return Plan(kinds, pointers, sure)


def compact(made: Plan) -> Plan:
    """The plan without gaps, claims before the first section, and empty sections; as many slots, EMPTY last."""
    rows = list(zip(made.kinds, made.pointers, made.confidence, strict=True))
    runs: list[list[tuple[Kind, tuple[int, ...], float]]] = []
    for row in rows:
        if row[0] == Kind.SECTION:
            runs.append([row])
        elif row[0] != Kind.EMPTY and runs:
            runs[-1].append(row)
    kept = [row for run in runs if any(kind == Kind.CLAIM for kind, _, _ in run) for row in run]
    void = [row for row in rows if row[0] == Kind.EMPTY]
    spare = max((c for _, _, c in void), default=0.0)
    kept += [(Kind.EMPTY, (), spare)] * (len(rows) - len(kept))
    return Plan([k for k, _, _ in kept], [p for _, p, _ in kept], [c for _, _, c in kept])


@dataclass(frozen=True)
class Belief:
    """What the planner expects at some slots, in nats: kinds (S, 4), pointers (S, 3, 1 + M), NONE first."""

    slots: list[int]
    kinds: Tensor
    pointers: Tensor


@torch.inference_mode()
def distribution(
    planner: Planner,
    held: Plan,
    *,
    brief: Tensor,
    evidence: Tensor,
    features: Tensor,
    slots: Sequence[int],
    usable: Tensor | None = None,
    guidance: float = GUIDANCE,
    kinds_visible: bool = False,
) -> Belief:
    """Log-probabilities at each of `slots` with that slot masked and all others of `held` visible.

    usable: (M,) bool, the evidence that is at hand. Hidden
    evidence gets -inf, also where another slot of `held` points at it.
    kinds_visible: mask the pointers of a slot only. Shapes as for `plan`.
    """
    _check(planner, brief, evidence, features)
    many, total = evidence.shape[0], len(held.kinds)
    allowed = torch.ones(many, dtype=torch.bool) if usable is None else usable
    if not slots:
        return Belief([], torch.zeros(0, KINDS), torch.zeros(0, MAX_POINTERS, 1 + many))
    tokens = torch.stack([symbols(held, total, [i]) for i in slots])
    if kinds_visible:
        for row, i in zip(tokens, slots, strict=True):
            row[i * WIDTH] = int(held.kinds[i])
    known = planner.know(brief[None], evidence[None], features[None], allowed[None], _size(None, None))
    logits = planner.look(known, tokens)
    at = torch.arange(len(slots)), torch.tensor(list(slots))
    pointers = logits.pointers[at]
    pointers[..., 1:] += guidance * (evidence @ brief)
    return Belief(list(slots), torch.log_softmax(logits.kinds[at], -1), torch.log_softmax(pointers, -1))
