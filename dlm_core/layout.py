"""From a plan to slots and back: which claim stands where and what it cites.

The planner speaks of rows of a pool; the canvas of slot ids and evidence ids.
This module translates, folds claims that would say the same thing twice, and
finds which slots of a new plan are slots the canvas already has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlm_core import leading
from dlm_core.asked import WORTH, likelihood
from dlm_core.canvas import MAX_POINTERS, Canvas, Kind, Slot
from dlm_core.conflict import conflict
from dlm_core.coverage import FEWEST, answered, answering, answers, naming, passed_over, places, to_the_point
from dlm_core.facts import unsupported
from dlm_core.models import Models
from dlm_core.order import Row, in_order, opened_by
from dlm_core.parts import by_subject, shares
from dlm_core.plan_features import features
from dlm_core.planning import Plan, compact, plans
from dlm_core.pool import Pool
from dlm_core.worth import best_of, fresh, holds_together, leads, regroup, says_again, without_rumps

# Whole plans sampled, of which the best is kept; one takes half a second. On 120 pools of four books that no planner
# learned from, the best of 4 had F1 0.651 and 0.64 of neighbours from one section, of 8 0.655 and 0.65, of 16 0.661 and
# 0.67.
DRAFTS = 8
# Nats a cosine of one with the question is worth, of a sentence and its place on average; measured on two books that
# no planner learned from: more of the claims come from the right pages than by the sentence alone (docs/model.md).
GUIDANCE = 3.0
OPENED = 6  # slots opened for what a plan passes over


@dataclass(frozen=True)
class Budget:
    """Size of a report: `claims` and `sections` are wished, `most` is a bound."""

    slots: int = 32
    claims: int = 20
    most: int = 28
    sections: int = 4


def sample(
    asked: Sequence[str],
    pool: Pool,
    models: Models,
    *,
    generator: torch.Generator,
    budget: Budget,
    held: Sequence[Row] | None = None,
    remask: Sequence[int] | None = None,
    usable: Sequence[str] | None = None,
    guidance: float = GUIDANCE,
    drafts: int = DRAFTS,
    required: Sequence[str] = (),
) -> list[Row]:
    """Denoise the plan for `asked`, the question and then its sub-questions.
    `held` rows stay as they are, those in `remask` aside; `usable` names the
    evidence that may be seen and pointed at (default all). More slots than the
    planner has are planned in parts (dlm_core/parts.py). `required` evidence stands
    on the plan before the rest of it is denoised.
    Rows come back in the same places; without `held`, compact, the best of `drafts` samples."""
    questions = torch.from_numpy(models.embedder(list(asked)))
    brief = questions[0]
    vectors = torch.from_numpy(pool.vectors).float()
    near = (vectors @ questions.T).max(-1).values
    kin = torch.from_numpy(pool.affinity())
    # Asked for more claims than there is evidence on the question, a plan fills up with what is not.
    where = places([(pool.title(i), e.heading) for i, e in pool.evidence.items()], models.embedder)
    relevant = int(to_the_point(questions.numpy(), pool, where).sum())
    wished = max(FEWEST, min(budget.claims, relevant))
    there = _there(vectors, torch.from_numpy(where), questions)
    slots = min(budget.slots, models.planner.config.slots)
    in_parts = held is None and budget.slots > slots  # more than one plan holds: each part is guided by itself
    if guidance and not in_parts:
        told = [(pool.title(i), e.said) for i, e in pool.evidence.items()]
        there = there + WORTH * torch.from_numpy(likelihood(asked, told, models).max(axis=1, initial=-np.inf))
    seen = None if usable is None else _mask(pool, usable)
    ids = pool.ids

    known = features(pool, asked[0], brief)

    def denoise(
        keep: Sequence[Row] | None,
        remask: Sequence[int] | None,
        slots: int,
        mask: Tensor | None = seen,
        count: int = 1,
    ) -> list[list[Row]]:
        made = plans(
            models.planner,
            count,
            brief=brief,
            evidence=vectors,
            features=known,
            slots=slots,
            generator=generator,
            guidance=guidance,
            relevance=there,
            keep=None if keep is None else _plan(keep, pool),
            remask=remask,
            usable=mask,
            claims=wished,
            sections=min(budget.sections, max(1, relevant // 3)),
        )
        return [_rows(m if held is not None else compact(m), ids) for m in made]

    if held is not None:
        return denoise(held, remask, len(held))[0]
    parts = answers(asked[1:], pool, where, models)
    if in_parts:
        sizes = shares(budget, slots)
        rows = [pool.row(e) for e in usable] if usable is not None else list(range(len(pool)))
        parted = by_subject(kin.numpy(), near.numpy(), rows, len(sizes))
        several = [
            sample(
                asked,
                pool.only([ids[r] for r in part]),
                models,
                generator=generator,
                budget=size,
                guidance=guidance,
                drafts=drafts,
                required=[e for e in required if pool.row(e) in part],
            )
            for part, size in zip(parted, sizes, strict=False)
        ]
        together = in_order([row for one in several for row in one if row[0] != Kind.EMPTY], pool, parts, near.numpy())
        return opened_by(together, pool, asked[0])

    fixed: list[Row] | None = None
    if required:
        fixed = [(Kind.SECTION, (), 1.0), *((Kind.CLAIM, (e,), 1.0) for e in required[: slots - 1])]
    drawn = denoise(fixed, None, slots, count=drafts)

    def worth(rows: list[Row]) -> float:
        told = answered([pool.row(e) for e in leads(rows)], parts)
        return told * holds_together(rows, pool, kin.numpy(), near.numpy(), budget) if told else float("-inf")

    best = drawn[best_of(drawn, [worth(rows) for rows in drawn], wished)]
    used = [pool.row(e) for e in leads(best)]
    share = max(FEWEST, len(used) // (2 * max(1, parts.shape[1])))  # a sub-question has half of its even share
    for rows in [*passed_over(used, answering(parts), share), *passed_over(used, naming(asked[0], pool))]:
        # A sub-question, or what the question is about: open slots at the end, and only what speaks of it to fill them.
        body = [row for row in best if row[0] != Kind.EMPTY]
        room = min(OPENED, len(rows), slots - len(body) - 1)
        if room >= FEWEST:
            opened: list[Row] = [*body, (Kind.SECTION, (), 1.0), *[(Kind.EMPTY, (), 1.0)] * room]
            mask = _mask(pool, [*(e for _, ids_, _ in body for e in ids_), *(ids[r] for r in rows)])
            (best,) = denoise(opened, range(len(body) + 1, len(opened)), len(opened), mask)
    if again := says_again(best, pool, required):
        mask = _mask(pool, fresh(best, again, pool, ids if usable is None else usable))
        (best,) = denoise(best, again, len(best), mask)
    best = leading.led(best, pool, leading.worth(pool, models, brief=brief, features=known), required)
    best = regroup(best, pool, kin.numpy())
    if parts.shape[1] < 2 and (named := {r for rows in naming(asked[0], pool) for r in rows}):
        # One question: the section that names what it is about answers it, and comes first.
        parts = np.array([[r in named, r not in named] for r in range(len(pool))], dtype=np.float32)
    best = without_rumps(in_order(best, pool, parts, near.numpy()), pool, kin.numpy())
    return opened_by(best, pool, asked[0])


def _there(vectors: Tensor, where: Tensor, questions: Tensor) -> Tensor:
    """(M,) how close evidence (M, 384), on average with its place (M, 384), is to the question or sub-question (Q, 384)
    that it is closest to, each measured by what is closest to it: one of which everything speaks would leave the
    others nothing."""
    if not len(vectors):
        return vectors.new_zeros(0)
    close = (vectors + where) @ questions.T / 2
    best = close.max(0).values.clamp(min=1e-6)
    return (close * best.max() / best).max(-1).values


def _mask(pool: Pool, ids: Iterable[str]) -> Tensor:
    """(M,) bool, true at the rows of `ids`."""
    mask = torch.zeros(len(pool), dtype=torch.bool)
    mask[[pool.row(e) for e in ids]] = True
    return mask


def _rows(made: Plan, ids: Sequence[str]) -> list[Row]:
    return [
        (kind, tuple(ids[p] for p in pointers), sure)
        for kind, pointers, sure in zip(made.kinds, made.pointers, made.confidence, strict=True)
    ]


def _plan(rows: Sequence[Row], pool: Pool) -> Plan:
    return Plan(
        [kind for kind, _, _ in rows],
        [tuple(pool.row(e) for e in ids) for _, ids, _ in rows],
        [sure for _, _, sure in rows],
    )


def settle(rows: Sequence[Row], pool: Pool, budget: Budget, pinned: Collection[str] = ()) -> list[Row]:
    """Rows as a report may have them: no claim twice (a twin becomes a further
    pointer), no pointer that does not support its claim, no section under
    `FEWEST` claims, not more than `budget.most` claims. Claims led by `pinned`
    evidence stay as they are."""
    kept: list[Row] = []
    place_of: dict[str, int] = {}  # primary evidence -> index in kept
    for kind, ids, sure in rows:
        if kind == Kind.SECTION:
            kept.append((kind, (), sure))
        elif kind == Kind.CLAIM and ids and ids[0] in pinned:
            place_of[ids[0]] = len(kept)
            kept.append((kind, ids, sure))
        elif kind == Kind.CLAIM and ids and len(place_of) < budget.most:
            lead = pool.vectors[pool.row(ids[0])]
            twin = next((e for e in place_of if float(pool.vectors[pool.row(e)] @ lead) >= leading.TWIN), None)
            if twin is not None and not conflict(pool.evidence[twin].said, pool.evidence[ids[0]].said):
                if twin in pinned:
                    continue
                at = place_of[twin]
                # A further citation has to bear out the sentence it stands behind, with every number and name.
                if not unsupported(pool.evidence[twin].said, [pool.evidence[ids[0]].said]):
                    joined = tuple(dict.fromkeys((*kept[at][1], ids[0])))[:MAX_POINTERS]
                    kept[at] = (Kind.CLAIM, joined, kept[at][2])
                continue
            text = pool.evidence[ids[0]].said
            support = [
                e
                for e in ids[1:]
                if float(pool.vectors[pool.row(e)] @ lead) >= leading.AGREES
                and not unsupported(text, [pool.evidence[e].said])
            ]
            place_of[ids[0]] = len(kept)
            kept.append((Kind.CLAIM, (ids[0], *support), sure))
    return _merge_small(kept, pool)


def _merge_small(rows: list[Row], pool: Pool) -> list[Row]:
    """Claims of a section with too few of them join the section they have most to do with."""
    parts: list[list[Row]] = []
    for row in rows:
        if row[0] == Kind.SECTION:
            parts.append([row])
        elif parts:
            parts[-1].append(row)
        else:
            parts.append([(Kind.SECTION, (), row[2]), row])
    whole = [part for part in parts if len(part) - 1 >= FEWEST]
    loose = [row for part in parts if len(part) - 1 < FEWEST for row in part[1:]]
    if not whole:
        return [(Kind.SECTION, (), loose[0][2]), *loose] if loose else []
    kin = pool.affinity()
    led = [[pool.row(r[1][0]) for r in part[1:]] for part in whole]
    for row in loose:
        near = [float(np.mean(kin[pool.row(row[1][0]), rows])) for rows in led]
        whole[near.index(max(near))].append(row)
    return [row for part in whole for row in part]


def dissolve(canvas: Canvas, pool: Pool) -> Canvas:
    """The canvas without sections that no claim is left in; the claim of a new
    section (no heading yet) that is alone in it joins the section it has most to do with."""
    parts = [(head, body) for head, body in canvas.sections()]
    whole = [(head, list(body)) for head, body in parts if len(body) >= FEWEST or (body and head.text)]
    if len(whole) == len(parts) or not any(body for _, body in parts):
        return canvas
    loose = [s for head, body in parts if len(body) < FEWEST and not head.text for s in body]
    if not whole:
        whole, loose = [(parts[0][0], loose)], []
    kin = pool.affinity()
    at = [[pool.row(s.pointers[0]) for s in body if s.pointers] for _, body in whole]
    for slot in loose:
        row = pool.row(slot.pointers[0]) if slot.pointers else -1
        near = [float(np.mean(kin[row, rows])) if rows and row >= 0 else -1.0 for rows in at]
        whole[near.index(max(near))][1].append(slot)
    return replace(canvas, slots=tuple(s for head, body in whole for s in (head, *body)))


def rows_of(canvas: Canvas) -> list[Row]:
    """The canvas's slots as plan rows, in reading order."""
    return [(s.kind, s.pointers if s.kind == Kind.CLAIM else (), s.plan_confidence) for s in canvas.slots]


def place(canvas: Canvas, rows: Sequence[Row], same: dict[str, str] | None = None) -> Canvas:
    """The canvas laid out as `rows`: a claim whose leading evidence the canvas
    already leads with keeps its slot (id, text, pin), others get fresh ids and
    no text. `same` maps evidence that replaces other evidence to what it
    replaces, so that the claim keeps its id. A section keeps its slot where it
    shares a claim with the old one."""
    lead = {s.pointers[0]: s for s in canvas.claims() if s.pointers}
    home = {s.id: head for head, body in canvas.sections() for s in body}
    slots: list[Slot] = []
    used: set[str] = set()
    fresh = 0
    for kind, ids, sure in rows:
        old: Slot | None = None
        if kind == Kind.CLAIM:
            old = lead.get(ids[0]) or lead.get((same or {}).get(ids[0], ""))
            if old is not None and old.id in used:
                old = None
        if old is not None:
            used.add(old.id)
            if old.pinned:
                ids = old.pointers  # what is pinned keeps its citations too
            moved = old.pointers != ids
            slots.append(
                replace(
                    old,
                    pointers=ids,
                    plan_confidence=sure,
                    text="" if moved else old.text,
                    remasks=0 if moved else old.remasks,
                )
            )
        else:
            fresh += 1
            slots.append(Slot(id=f"new{fresh}", kind=kind, pointers=ids, plan_confidence=sure))
    # Sections last: they are known by the claims they ended up with.
    for i, slot in enumerate(slots):
        if slot.kind != Kind.SECTION:
            continue
        body = []
        for s in slots[i + 1 :]:
            if s.kind == Kind.SECTION:
                break
            body.append(s)
        votes = [home[s.id].id for s in body if s.id in home]
        best = max(dict.fromkeys(votes), key=votes.count, default=None)
        if best is not None and best not in used and 2 * votes.count(best) >= len(body):
            used.add(best)
            slots[i] = replace(canvas.slot(best), plan_confidence=slot.plan_confidence)
    canvas, ids_new = canvas.fresh_ids(sum(s.id.startswith("new") for s in slots))
    names = iter(ids_new)
    return replace(canvas, slots=tuple(replace(s, id=next(names)) if s.id.startswith("new") else s for s in slots))
