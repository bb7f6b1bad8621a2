"""What a sampled plan is worth, seen from outside: whether its sections hold together, what it repeats, which of
several is kept; and its claims put where they belong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlm_core.canvas import Kind
from dlm_core.coverage import FEWEST
from dlm_core.order import Row
from dlm_core.pool import Pool
from dlm_core.stems import WORD

if TYPE_CHECKING:
    from dlm_core.layout import Budget

MISPLACED = 0.02  # affinity by which another section must be closer for a claim to move there
REPEATS = 6.0  # what a plan loses for wording of its claims that was there before: half its worth for a sixth of it
OFF = 1.0  # spreads of worth that a claim more or fewer than is wished for costs a plan
AGAIN = 2  # four-word runs of claims before it from which a claim says again what was said

Run = tuple[str, str, str, str]


def leads(rows: Sequence[Row]) -> list[str]:
    """The evidence that each claim leads with."""
    return [ids[0] for kind, ids, _ in rows if kind == Kind.CLAIM and ids]


def _sections(rows: Sequence[Row]) -> list[list[int]]:
    """Indices of each section's claims, in order; what stands before the first section is left out."""
    out: list[list[int]] = []
    for i, (kind, ids, _) in enumerate(rows):
        if kind == Kind.SECTION:
            out.append([])
        elif kind == Kind.CLAIM and ids and out:
            out[-1].append(i)
    return [s for s in out if s]


def _belonging(rows: Sequence[Row], pool: Pool, kin: np.ndarray) -> dict[int, float]:
    """By index of each claim: how much more it has to do with its own section
    than with the nearest other one; a claim alone in its section has nothing to do with it."""
    sections = _sections(rows)
    at = [[pool.row(rows[i][1][0]) for i in s] for s in sections]
    out = {}
    for n, (section, members) in enumerate(zip(sections, at, strict=True)):
        for i, row in zip(section, members, strict=True):
            own = [float(kin[row, r]) for r in members if r != row]
            others = [float(np.mean(kin[row, m])) for k, m in enumerate(at) if k != n]
            out[i] = (float(np.mean(own)) if own else 0.0) - max(others, default=0.0)
    return out


def _nearest(i: int, rows: Sequence[Row], sections: Sequence[list[int]], pool: Pool, kin: np.ndarray) -> int:
    """The last claim of the section that the claim at `i` has most to do with, itself aside."""
    row = pool.row(rows[i][1][0])
    mean = {s[-1]: float(np.mean([kin[row, pool.row(rows[j][1][0])] for j in s if j != i])) for s in sections}
    return max(mean, key=lambda last: (mean[last], -last))


def regroup(rows: Sequence[Row], pool: Pool, kin: np.ndarray) -> list[Row]:
    """A compact plan whose misplaced claims stand in the section they have most
    to do with, the worst first. A section keeps `FEWEST` claims."""
    out = list(rows)
    for _ in range(len(out)):
        found = _belonging(out, pool, kin)
        sections = _sections(out)
        home = {i: s for s in sections for i in s}
        wrong = [i for i, v in found.items() if v < -MISPLACED and len(home[i]) > FEWEST]
        if not wrong:
            break
        i = min(wrong, key=lambda i: (found[i], i))
        last = _nearest(i, out, sections, pool, kin)
        moved = out.pop(i)
        out.insert(last if i < last else last + 1, moved)
    return out


def without_rumps(rows: Sequence[Row], pool: Pool, kin: np.ndarray) -> list[Row]:
    """A compact plan without sections of `FEWEST` claims that have all more to do with other sections: they go to the
    end of those, where two or more are left."""
    out = list(rows)
    while len(sections := _sections(out)) > 2:
        found = _belonging(out, pool, kin)
        rumps = [s for s in sections if len(s) <= FEWEST and all(found[i] < -MISPLACED for i in s)]
        if not rumps:
            break
        rump = min(rumps, key=lambda s: (sum(found[i] for i in s), s))
        others = [s for s in sections if s != rump]
        comes: dict[int, list[Row]] = {}  # by the last claim of the section they go to
        for i in rump:
            comes.setdefault(_nearest(i, out, others, pool, kin), []).append(out[i])
        gone = {rump[0] - 1, *rump}  # with its head
        out = [row for i, r in enumerate(out) for row in ([] if i in gone else [r, *comes.get(i, [])])]
    return out


def holds_together(rows: Sequence[Row], pool: Pool, kin: np.ndarray, near: np.ndarray, budget: Budget) -> float:
    """How good a sampled plan looks from outside: how much more its claims have
    to do (`kin`, (M, M)) with their own section than with the nearest other one,
    and how close they are to the question (`near`, (M,) cosines), less for what they
    repeat of each other's wording; short plans lose in proportion."""
    belonging = _belonging(rows, pool, kin)
    count = len(belonging)
    if not count:
        return float("-inf")
    about = float(np.mean([near[pool.row(rows[i][1][0])] for i in belonging]))
    apart = sum(belonging.values())
    again = REPEATS * repeated([pool.evidence[rows[i][1][0]].said for i in belonging])
    return (apart / count + 0.5 * about) / (1 + again) * min(1.0, count / max(1, min(budget.claims, len(pool))))


def agreement(drawn: Sequence[Sequence[Row]]) -> list[float]:
    """How much each of several sampled plans rests on what the others rest on: the mean F1 of its evidence with theirs,
    0..1. The plan that agrees most is the one of least expected loss (minimum Bayes risk: Kumar and Byrne 2004)."""
    held = [set(leads(rows)) for rows in drawn]
    return [
        float(np.mean([2 * len(a & b) / max(1, len(a) + len(b)) for j, b in enumerate(held) if j != i] or [1.0]))
        for i, a in enumerate(held)
    ]


def best_of(drawn: Sequence[Sequence[Row]], worth: Sequence[float], size: float) -> int:
    """Index of the plan with the most `worth` and agreement, each measured by its spread over the plans, and with
    about as many claims as `size`: OFF for each that it has more or fewer."""
    known = np.isfinite(np.array(worth))
    if not known.any():
        return 0
    scores = np.array([np.where(known, worth, np.min(np.array(worth)[known])), agreement(drawn)])
    spread = (scores - scores.mean(axis=1, keepdims=True)) / np.maximum(scores.std(axis=1, keepdims=True), 1e-6)
    off = np.array([abs(len(leads(rows)) - size) for rows in drawn])
    return int(np.where(known, np.round(spread.sum(axis=0) - OFF * off, 6), -np.inf).argmax())


def runs_of(text: str) -> list[Run]:
    """The four-word runs of a text, in order."""
    words = WORD.findall(text.lower())
    return list(zip(words, words[1:], words[2:], words[3:], strict=False))


def repeated(texts: Sequence[str]) -> float:
    """Share of the four-word runs of some texts that were there before, 0..1."""
    runs = [run for text in texts for run in runs_of(text)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def says_again(rows: Sequence[Row], pool: Pool, required: Collection[str] = ()) -> list[int]:
    """Places of the claims of a plan that say AGAIN or more four-word runs of claims before them, those that are
    `required` aside."""
    said: set[Run] = set()
    out = []
    for i, (kind, ids, _) in enumerate(rows):
        if kind == Kind.CLAIM and ids:
            runs = set(runs_of(pool.evidence[ids[0]].said))
            if len(runs & said) >= AGAIN and ids[0] not in required:
                out.append(i)
            else:
                said |= runs
    return out


def fresh(rows: Sequence[Row], again: Sequence[int], pool: Pool, usable: Sequence[str]) -> list[str]:
    """What claims in the places `again` may rest on instead: of the evidence `usable`, what the plan cites elsewhere
    (there it stays), and what says no four-word run of its other claims again."""
    others = [ids for i, (_, ids, _) in enumerate(rows) if ids and i not in again]
    cited = {e for ids in others for e in ids}
    said = {run for ids in others for run in runs_of(pool.evidence[ids[0]].said)}
    return [e for e in usable if e in cited or said.isdisjoint(runs_of(pool.evidence[e].said))]
